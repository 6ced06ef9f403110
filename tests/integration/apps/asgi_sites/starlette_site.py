"""The site of test_asgi_frameworks.py, by Starlette and sse-starlette."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
from collections.abc import AsyncIterator
from typing import Any

from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

noted: dict[str, Any] = {}
gates: dict[str, asyncio.Event] = {}
rooms: dict[str, set[WebSocket]] = {}


async def home(request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello from Starlette")


async def data(request: Request) -> JSONResponse:
    return JSONResponse({"name": request.path_params["name"], "q": request.query_params["q"]})


async def upload(request: Request) -> JSONResponse:
    async with request.form() as form:
        file: Any = form["file"]
        content = await file.read()
        checksum = hashlib.sha256(content).hexdigest()
        told = {"name": file.filename, "size": len(content), "sha256": checksum}
        return JSONResponse({**told, "note": form["note"]})


async def raw(request: Request) -> JSONResponse:
    checksum, size = hashlib.sha256(), 0
    async for piece in request.stream():
        checksum.update(piece)
        size += len(piece)
    return JSONResponse({"size": size, "sha256": checksum.hexdigest()})


async def stream(request: Request) -> StreamingResponse:
    async def parts() -> AsyncIterator[str]:
        for number in range(1000):
            yield f"part {number}\n"

    return StreamingResponse(parts(), media_type="text/plain")


async def events(request: Request) -> EventSourceResponse:
    async def ticks() -> AsyncIterator[dict[str, Any]]:
        number = 0
        try:
            while True:
                yield {"id": str(number), "event": "tick", "data": f"tick {number}"}
                number += 1
                await asyncio.sleep(0.01)
        finally:
            noted["events"] = "over"

    return EventSourceResponse(ticks())


async def gated(request: Request) -> PlainTextResponse:
    await gates.setdefault(request.query_params["name"], asyncio.Event()).wait()
    return PlainTextResponse("let in")


async def open_gate(request: Request) -> PlainTextResponse:
    gates.setdefault(request.query_params["name"], asyncio.Event()).set()
    return PlainTextResponse("open")


async def this_file(request: Request) -> FileResponse:
    return FileResponse(__file__)


async def visits(request: Request) -> PlainTextResponse:
    request.session["visits"] = request.session.get("visits", 0) + 1
    return PlainTextResponse(str(request.session["visits"]))


async def later(request: Request) -> PlainTextResponse:
    async def note() -> None:
        noted["later"] = "done"

    return PlainTextResponse("at once", background=BackgroundTask(note))


async def note(request: Request) -> JSONResponse:
    return JSONResponse(noted.get(request.query_params["name"]))


def in_a_thread(request: Request) -> PlainTextResponse:
    """Not async: Starlette runs it on a thread."""
    is_main = threading.current_thread() is threading.main_thread()
    return PlainTextResponse("the main thread" if is_main else "another thread")


async def fails(request: Request) -> PlainTextResponse:
    raise RuntimeError("a view that fails")


async def state(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.state.pool)


async def chat(ws: WebSocket) -> None:
    room = rooms.setdefault(ws.path_params["room"], set())
    await ws.accept()
    room.add(ws)
    try:
        while True:
            said = await ws.receive_json()
            for member in list(room):
                await member.send_json({"room": ws.path_params["room"], "said": said})
    except WebSocketDisconnect as left:
        noted["chat"] = left.code
    finally:
        room.discard(ws)


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, str]]:
    yield {"pool": "a pool"}
    print("the site's lifespan is over", flush=True)


app = Starlette(
    routes=[
        Route("/", home),
        Route("/data/{name}", data),
        Route("/upload", upload, methods=["POST"]),
        Route("/raw", raw, methods=["POST"]),
        Route("/stream", stream),
        Route("/events", events),
        Route("/gated", gated),
        Route("/open", open_gate),
        Route("/file", this_file),
        Route("/visits", visits),
        Route("/later", later),
        Route("/note", note),
        Route("/in-a-thread", in_a_thread),
        Route("/fails", fails),
        Route("/state", state),
        WebSocketRoute("/chat/{room}", chat),
    ],
    middleware=[
        Middleware(SessionMiddleware, secret_key="only for tests"),
        Middleware(GZipMiddleware),
    ],
    lifespan=lifespan,
)
