from django.urls import path

from async_site import views

urlpatterns = [
    path("", views.home),
    path("data/<name>", views.data),
    path("upload", views.upload),
    path("raw", views.raw),
    path("stream", views.stream),
    path("events", views.events),
    path("gated", views.gated),
    path("open", views.open_gate),
    path("file", views.this_file),
    path("visits", views.visits),
    path("note", views.note),
    path("in-a-thread", views.in_a_thread),
    path("fails", views.fails),
]
