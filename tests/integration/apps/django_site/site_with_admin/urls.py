import hashlib

from django.contrib import admin
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    JsonResponse,
    StreamingHttpResponse,
    UnreadablePostError,
)
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


@csrf_exempt
def take(request: HttpRequest) -> JsonResponse:
    """The size of what came, by each way to a body; or why it cannot be read."""
    ways = {
        "body": lambda: len(request.body),
        "form": lambda: sum(len(name) + len(value) for name, value in request.POST.items()),
        "file": lambda: request.FILES["file"].size,
        "read": lambda: len(request.read()),
        "lines": lambda: sum(len(line) for line in request),
    }
    try:
        return JsonResponse({"size": ways[request.GET["by"]]()})
    except UnreadablePostError as error:
        cause: BaseException = error
        while cause.__cause__:
            cause = cause.__cause__
        return JsonResponse({"unreadable": str(error), "cause": type(cause).__name__})


def fails(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a view that fails")


urlpatterns = [
    path("admin/", admin.site.urls),
    path("stream", stream),
    path("file", this_file),
    path("upload", upload),
    path("take", take),
    path("fails", fails),
]
