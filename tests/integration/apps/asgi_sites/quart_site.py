"""The site of test_asgi_frameworks.py, by Quart."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

from quart import Quart, Response, jsonify, make_response, request, send_file, session, websocket
from quart.utils import run_sync

noted: dict[str, Any] = {}
gates: dict[str, asyncio.Event] = {}
rooms: dict[str, set[Any]] = {}

app = Quart(__name__)
app.secret_key = "only for tests"
app.config["MAX_CONTENT_LENGTH"] = 64 << 20


@app.before_serving
async def start() -> None:
    app.config["POOL"] = "a pool"


@app.after_serving
async def end() -> None:
    print("the site's lifespan is over", flush=True)


@app.get("/")
async def home() -> str:
    return "hello from Quart"


@app.get("/data/<name>")
async def data(name: str) -> Any:
    return jsonify(name=name, q=request.args["q"])


@app.post("/upload")
async def upload() -> Any:
    file = (await request.files)["file"]
    content = file.read()
    checksum = hashlib.sha256(content).hexdigest()
    note = (await request.form)["note"]
    return jsonify(name=file.filename, size=len(content), sha256=checksum, note=note)


@app.post("/raw")
async def raw() -> Any:
    checksum, size = hashlib.sha256(), 0
    async for piece in request.body:
        checksum.update(piece)
        size += len(piece)
    return jsonify(size=size, sha256=checksum.hexdigest())


@app.get("/stream")
async def stream() -> Response:
    async def parts() -> AsyncIterator[str]:
        for number in range(1000):
            yield f"part {number}\n"

    return Response(parts(), mimetype="text/plain")


@app.get("/events")
async def events() -> Any:
    async def ticks() -> AsyncIterator[bytes]:
        number = 0
        try:
            while True:
                yield f"id: {number}\r\nevent: tick\r\ndata: tick {number}\r\n\r\n".encode()
                number += 1
                await asyncio.sleep(0.01)
        finally:
            noted["events"] = "over"

    answer = await make_response(ticks(), {"Content-Type": "text/event-stream"})
    answer.timeout = None  # type: ignore[union-attr]
    return answer


@app.get("/gated")
async def gated() -> str:
    await gates.setdefault(request.args["name"], asyncio.Event()).wait()
    return "let in"


@app.get("/open")
async def open_gate() -> str:
    gates.setdefault(request.args["name"], asyncio.Event()).set()
    return "open"


@app.get("/file")
async def this_file() -> Response:
    return await send_file(__file__)


@app.get("/visits")
async def visits() -> str:
    session["visits"] = session.get("visits", 0) + 1
    return str(session["visits"])


@app.get("/later")
async def later() -> str:
    async def note_later() -> None:
        noted["later"] = "done"

    app.add_background_task(note_later)
    return "at once"


@app.get("/note")
async def note() -> Any:
    return jsonify(noted.get(request.args["name"]))


@app.get("/in-a-thread")
async def in_a_thread() -> str:
    thread = await run_sync(threading.current_thread)()
    return "the main thread" if thread is threading.main_thread() else "another thread"


@app.get("/fails")
async def fails() -> str:
    raise RuntimeError("a view that fails")


@app.get("/state")
async def state() -> str:
    return str(app.config["POOL"])


@app.websocket("/chat/<room>")
async def chat(room: str) -> None:
    members = rooms.setdefault(room, set())
    member = websocket._get_current_object()
    await member.accept()
    members.add(member)
    try:
        while True:
            said = json.loads(await member.receive())
            for other in list(members):
                await other.send(json.dumps({"room": room, "said": said}))
    except asyncio.CancelledError:
        noted["chat"] = 1000  # Quart does not tell
        raise
    finally:
        members.discard(member)
