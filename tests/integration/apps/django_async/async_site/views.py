import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator
from typing import Any

from asgiref.sync import sync_to_async
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse

noted: dict[str, Any] = {}
gates: dict[str, asyncio.Event] = {}


async def home(request: HttpRequest) -> HttpResponse:
    return HttpResponse("hello from Django")


async def data(request: HttpRequest, name: str) -> JsonResponse:
    return JsonResponse({"name": name, "q": request.GET["q"]})


async def upload(request: HttpRequest) -> JsonResponse:
    file = request.FILES["file"]
    checksum = hashlib.sha256()
    for chunk in file.chunks():
        checksum.update(chunk)
    told = {"name": file.name, "size": file.size, "sha256": checksum.hexdigest()}
    return JsonResponse({**told, "note": request.POST["note"]})


async def raw(request: HttpRequest) -> JsonResponse:
    checksum, size = hashlib.sha256(), 0
    while piece := request.read(65536):
        checksum.update(piece)
        size += len(piece)
    return JsonResponse({"size": size, "sha256": checksum.hexdigest()})


async def stream(request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[str]:
        for number in range(1000):
            yield f"part {number}\n"

    return StreamingHttpResponse(parts(), content_type="text/plain")


async def events(request: HttpRequest) -> StreamingHttpResponse:
    async def ticks() -> AsyncIterator[str]:
        number = 0
        try:
            while True:
                yield f"id: {number}\r\nevent: tick\r\ndata: tick {number}\r\n\r\n"
                number += 1
                await asyncio.sleep(0.01)
        finally:
            noted["events"] = "over"

    return StreamingHttpResponse(ticks(), content_type="text/event-stream")


async def gated(request: HttpRequest) -> HttpResponse:
    await gates.setdefault(request.GET["name"], asyncio.Event()).wait()
    return HttpResponse("let in")


async def open_gate(request: HttpRequest) -> HttpResponse:
    gates.setdefault(request.GET["name"], asyncio.Event()).set()
    return HttpResponse("open")


def this_file(request: HttpRequest) -> FileResponse:
    return FileResponse(open(__file__, "rb"))


async def visits(request: HttpRequest) -> HttpResponse:
    seen = await request.session.aget("visits", 0) + 1
    await request.session.aset("visits", seen)
    return HttpResponse(str(seen))


async def note(request: HttpRequest) -> JsonResponse:
    return JsonResponse(noted.get(request.GET["name"]), safe=False)


async def in_a_thread(request: HttpRequest) -> HttpResponse:
    thread = await sync_to_async(threading.current_thread)()
    is_main = thread is threading.main_thread()
    return HttpResponse("the main thread" if is_main else "another thread")


async def fails(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a view that fails")
