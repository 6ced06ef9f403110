"""The site of test_asgi_frameworks.py, by FastAPI."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import BackgroundTasks, Depends, FastAPI, File, Form, Request, UploadFile, WebSocket
from fastapi.responses import FileResponse, PlainTextResponse, StreamingResponse
from pydantic import BaseModel
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.websockets import WebSocketDisconnect

noted: dict[str, Any] = {}
gates: dict[str, asyncio.Event] = {}
rooms: dict[str, set[WebSocket]] = {}


class Data(BaseModel):
    name: str
    q: str


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, str]]:
    yield {"pool": "a pool"}
    print("the site's lifespan is over", flush=True)


app = FastAPI(lifespan=lifespan)
app.add_middleware(SessionMiddleware, secret_key="only for tests")


async def pass_on(request: Request, call_next: Any) -> Any:
    answer = await call_next(request)
    answer.headers["x-passed"] = "on"
    return answer


app.add_middleware(BaseHTTPMiddleware, dispatch=pass_on)


@app.get("/", response_class=PlainTextResponse)
async def home() -> str:
    return "hello from FastAPI"


@app.get("/data/{name}")
async def data(found: Annotated[Data, Depends()]) -> Data:
    return found


@app.post("/upload")
async def upload(file: Annotated[UploadFile, File()], note: Annotated[str, Form()]) -> Any:
    content = await file.read()
    checksum = hashlib.sha256(content).hexdigest()
    return {"name": file.filename, "size": len(content), "sha256": checksum, "note": note}


@app.post("/raw")
async def raw(request: Request) -> Any:
    checksum, size = hashlib.sha256(), 0
    async for piece in request.stream():
        checksum.update(piece)
        size += len(piece)
    return {"size": size, "sha256": checksum.hexdigest()}


@app.get("/stream")
async def stream() -> StreamingResponse:
    """A generator that is not async: each part comes from a thread."""
    return StreamingResponse(f"part {number}\n" for number in range(1000))


@app.get("/events")
async def events() -> StreamingResponse:
    async def ticks() -> AsyncIterator[str]:
        number = 0
        try:
            while True:
                yield f"id: {number}\r\nevent: tick\r\ndata: tick {number}\r\n\r\n"
                number += 1
                await asyncio.sleep(0.01)
        finally:
            noted["events"] = "over"

    return StreamingResponse(ticks(), media_type="text/event-stream")


@app.get("/gated", response_class=PlainTextResponse)
async def gated(name: str) -> str:
    await gates.setdefault(name, asyncio.Event()).wait()
    return "let in"


@app.get("/open", response_class=PlainTextResponse)
async def open_gate(name: str) -> str:
    gates.setdefault(name, asyncio.Event()).set()
    return "open"


@app.get("/file")
async def this_file() -> FileResponse:
    return FileResponse(__file__)


@app.get("/visits", response_class=PlainTextResponse)
async def visits(request: Request) -> str:
    request.session["visits"] = request.session.get("visits", 0) + 1
    return str(request.session["visits"])


def note_later() -> None:
    noted["later"] = "done"


@app.get("/later", response_class=PlainTextResponse)
async def later(tasks: BackgroundTasks) -> str:
    tasks.add_task(note_later)
    return "at once"


@app.get("/note")
async def note(name: str) -> Any:
    return noted.get(name)


@app.get("/in-a-thread", response_class=PlainTextResponse)
def in_a_thread() -> str:
    is_main = threading.current_thread() is threading.main_thread()
    return "the main thread" if is_main else "another thread"


@app.get("/fails")
async def fails() -> None:
    raise RuntimeError("a view that fails")


@app.get("/state", response_class=PlainTextResponse)
async def state(request: Request) -> str:
    return str(request.state.pool)


@app.websocket("/chat/{room}")
async def chat(ws: WebSocket, room: str) -> None:
    members = rooms.setdefault(room, set())
    await ws.accept()
    members.add(ws)
    try:
        while True:
            said = await ws.receive_json()
            for member in list(members):
                await member.send_json({"room": room, "said": said})
    except WebSocketDisconnect as left:
        noted["chat"] = left.code
    finally:
        members.discard(ws)
