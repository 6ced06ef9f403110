import hashlib

from django.contrib import admin
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt


def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(f"part {number}\n" for number in range(1000))


def this_file(request: HttpRequest) -> FileResponse:
    return FileResponse(open(__file__, "rb"))


@csrf_exempt
def upload(request: HttpRequest) -> JsonResponse:
    handle = request.FILES["file"]
    content = hashlib.sha256()
    for chunk in handle.chunks():
        content.update(chunk)
    return JsonResponse({"name": handle.name, "size": handle.size, "sha256": content.hexdigest()})


def fails(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a view that fails")


urlpatterns = [
    path("admin/", admin.site.urls),
    path("stream", stream),
    path("file", this_file),
    path("upload", upload),
    path("fails", fails),
]
