"""An ASGI application that does whatever a test asks it for, right by the checker's rules.

One process serves it, so that requests may meet: a gate that one waits at is opened by another, and
what happened to one is told by another (/record). What breaks rules is in asgi_rogue.py; the
WebSockets are in asgi_probe_websocket.py.
"""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import json
import os
import sys
import threading
from typing import Any
from urllib.parse import parse_qsl

import asgi_probe_websocket
from asgi_parts import Scope, Send, answer, as_json, begin, part, query, read, whole

records: dict[str, Any] = {}
gates: dict[str, asyncio.Event] = {}
mine: contextvars.ContextVar[str] = contextvars.ContextVar("mine", default="nobody's")


def gate(name: str) -> asyncio.Event:
    return gates.setdefault(name, asyncio.Event())


async def hello(scope: Scope, receive: Any, send: Send) -> None:
    await answer(send, b"hello")


async def show_scope(scope: Scope, receive: Any, send: Send) -> None:
    await answer(send, as_json(scope), b"application/json")


async def echo(scope: Scope, receive: Any, send: Send) -> None:
    await answer(send, await whole(receive), b"application/octet-stream")


async def echo_parts(scope: Scope, receive: Any, send: Send) -> None:
    """Each piece goes back as it comes: both ways at once."""
    begun = False
    async for piece in read(receive):
        if not begun:
            await begin(send)
            begun = True
        await part(send, piece)
    await part(send, b"", more=False)


async def digest(scope: Scope, receive: Any, send: Send) -> None:
    total, largest, pieces, checksum = 0, 0, 0, hashlib.sha256()
    async for piece in read(receive):
        total += len(piece)
        largest = max(largest, len(piece))
        pieces += 1
        checksum.update(piece)
    told = {"size": total, "sha256": checksum.hexdigest(), "pieces": pieces, "largest": largest}
    await answer(send, json.dumps(told).encode(), b"application/json")


async def ignore_body(scope: Scope, receive: Any, send: Send) -> None:
    await answer(send, b"did not look")


async def slow_reader(scope: Scope, receive: Any, send: Send) -> None:
    """Takes one piece and no more until the gate opens."""
    name = query(scope)["name"]
    pieces = read(receive)
    records[name] = len(await pieces.__anext__())
    await gate(name).wait()
    async for piece in pieces:
        records[name] += len(piece)
    await answer(send, str(records[name]).encode())


async def stream(scope: Scope, receive: Any, send: Send) -> None:
    asked = query(scope)
    await begin(send)
    block = b"x" * int(asked.get("size", "1"))
    for _ in range(int(asked.get("n", "3"))):
        await part(send, block)
    await part(send, b"", more=False)


async def empty_parts(scope: Scope, receive: Any, send: Send) -> None:
    await begin(send)
    for piece in (b"", b"one,", b"", b"", b"two"):
        await part(send, piece)
    await part(send, b"", more=False)


async def gated(scope: Scope, receive: Any, send: Send) -> None:
    """Says that it began, and waits at a gate."""
    await begin(send)
    await part(send, b"began\n")
    await gate(query(scope)["name"]).wait()
    await part(send, b"finished\n", more=False)


async def open_gate(scope: Scope, receive: Any, send: Send) -> None:
    gate(query(scope)["name"]).set()
    await answer(send, b"open")


async def flood(scope: Scope, receive: Any, send: Send) -> None:
    """As much as the client takes; /record tells how far it came. Ends when the client leaves."""
    name = query(scope)["name"]
    records[name] = {"sent": 0, "end": None}
    await begin(send)
    try:
        while True:
            await part(send, b"f" * 65536)
            records[name]["sent"] += 65536
            await asyncio.sleep(0)
            if records[name]["sent"] >= 1 << 30:
                records[name]["end"] = "never stopped"
                return
    except OSError:
        records[name]["end"] = "OSError"
    except asyncio.CancelledError:
        records[name]["end"] = "cancelled"
        raise


async def wait_for_the_end(scope: Scope, receive: Any, send: Send) -> None:
    """Listens until the client has left; what it heard is a record."""
    name = query(scope)["name"]
    heard = records[name] = []
    if query(scope).get("begin"):
        await begin(send)
        await part(send, b"began\n")
    try:
        while True:
            message = await receive()
            heard.append(message["type"])
            if message["type"] == "http.disconnect":
                break
        again = await receive()
        heard.append("again " + again["type"])
    except asyncio.CancelledError:
        heard.append("cancelled")
        raise


async def sleep_for_ever(scope: Scope, receive: Any, send: Send) -> None:
    """Never looks for its client."""
    name = query(scope)["name"]
    records[name] = "waits"
    await begin(send)
    await part(send, b"began\n")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        records[name] = "cancelled"
        raise
    finally:
        records[name + "-cleaned"] = True


async def receive_behind(scope: Scope, receive: Any, send: Send) -> None:
    """What receive says when the answer is complete, and what runs behind it."""
    name = query(scope)["name"]
    await whole(receive)
    await answer(send, b"answered")
    message = await receive()
    records[name] = message["type"]


async def record(scope: Scope, receive: Any, send: Send) -> None:
    told = {"record": records.get(query(scope)["name"])}
    await answer(send, json.dumps(told).encode(), b"application/json")


async def trailers(scope: Scope, receive: Any, send: Send) -> None:
    if "http.response.trailers" not in scope.get("extensions", {}):
        await answer(send, b"no trailers here")
        return
    await begin(send, (b"trailer", b"x-checksum"), trailers=True)
    checksum = hashlib.sha256()
    for piece in (b"one,", b"two"):
        checksum.update(piece)
        await part(send, piece)
    await part(send, b"", more=False)
    first = {"headers": [(b"x-checksum", checksum.hexdigest().encode())], "more_trailers": True}
    await send({"type": "http.response.trailers", **first})
    await send({"type": "http.response.trailers", "headers": [(b"x-cat", b"tabby")]})


async def hints(scope: Scope, receive: Any, send: Send) -> None:
    if "http.response.early_hint" not in scope.get("extensions", {}):
        await answer(send, b"none")
        return
    for links in (
        [b"</style.css>; rel=preload; as=style"],
        [b"</cat.js>; rel=preload; as=script", b"</mew.js>; rel=preload; as=script"],
    ):
        await send({"type": "http.response.early_hint", "links": links})
    await answer(send, b"hinted")


async def pathsend(scope: Scope, receive: Any, send: Send) -> None:
    if "http.response.pathsend" not in scope.get("extensions", {}):
        await answer(send, b"no files here")
        return
    asked = query(scope)
    headers = [(b"content-type", b"application/octet-stream")]
    if "length" in asked:
        headers.append((b"content-length", asked["length"].encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.pathsend", "path": asked["path"]})


async def status(scope: Scope, receive: Any, send: Send) -> None:
    asked = query(scope)
    headers = [(b"x-cat", b"tabby")]
    await send({"type": "http.response.start", "status": int(asked["code"]), "headers": headers})
    await send({"type": "http.response.body", "body": asked.get("body", "").encode()})


async def cookies(scope: Scope, receive: Any, send: Send) -> None:
    await begin(send, (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"))
    await part(send, b"", more=False)


async def hop_by_hop(scope: Scope, receive: Any, send: Send) -> None:
    await begin(
        send, (b"connection", b"x-secret"), (b"keep-alive", b"timeout=1"), (b"x-kept", b"y")
    )
    await part(send, b"clean", more=False)


async def contexts(scope: Scope, receive: Any, send: Send) -> None:
    """The context of another request is not this one's."""
    before = mine.get()
    mine.set(query(scope)["who"])
    await asyncio.sleep(0)
    await answer(send, json.dumps([before, mine.get()]).encode())


async def about(scope: Scope, receive: Any, send: Send) -> None:
    loop = asyncio.get_running_loop()
    current = asyncio.current_task()
    told = {
        "loop": type(loop).__module__,
        "pid": os.getpid(),
        "main thread": threading.current_thread() is threading.main_thread(),
        "task": current is not None and current in asyncio.all_tasks(),
        "tasks": len(asyncio.all_tasks()),
        "debug": loop.get_debug(),
        "state": {name: repr(value) for name, value in scope.get("state", {}).items()},
        "environment": dict(parse_qsl(os.environ.get("PROBE", ""))),
    }
    await answer(send, json.dumps(told).encode(), b"application/json")


async def child(scope: Scope, receive: Any, send: Send) -> None:
    """asyncio's own children need a loop that hears of their end."""
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", "echo from a child; exit 3", stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    await answer(send, said + str(process.returncode).encode())


async def in_a_thread(scope: Scope, receive: Any, send: Send) -> None:
    loop = asyncio.get_running_loop()
    name = await loop.run_in_executor(None, lambda: threading.current_thread().name)
    is_main = name == threading.main_thread().name
    await answer(send, b"the main thread" if is_main else b"another thread")


async def prints(scope: Scope, receive: Any, send: Send) -> None:
    print("printed by the app", query(scope).get("text", ""))
    sys.stderr.write("written to stderr\n")
    await answer(send, b"printed")


async def not_found(scope: Scope, receive: Any, send: Send) -> None:
    await answer(send, b"nothing here", status=404)


ROUTES = {
    "/": hello,
    "/scope": show_scope,
    "/echo": echo,
    "/echo-parts": echo_parts,
    "/digest": digest,
    "/ignore-body": ignore_body,
    "/slow-reader": slow_reader,
    "/stream": stream,
    "/empty-parts": empty_parts,
    "/gated": gated,
    "/open": open_gate,
    "/flood": flood,
    "/wait-for-the-end": wait_for_the_end,
    "/sleep-for-ever": sleep_for_ever,
    "/receive-behind": receive_behind,
    "/record": record,
    "/trailers": trailers,
    "/hints": hints,
    "/pathsend": pathsend,
    "/status": status,
    "/cookies": cookies,
    "/hop-by-hop": hop_by_hop,
    "/contexts": contexts,
    "/about": about,
    "/child": child,
    "/in-a-thread": in_a_thread,
    "/prints": prints,
}


async def http(scope: Scope, receive: Any, send: Send) -> None:
    path = scope["path"]
    run = show_scope if path.startswith("/scope") else ROUTES.get(path, not_found)
    await run(scope, receive, send)


async def lifespan(scope: Scope, receive: Any, send: Send) -> None:
    await receive()
    if "state" in scope:
        scope["state"]["pool"] = {"made in": os.getpid()}
    await send({"type": "lifespan.startup.complete"})
    await receive()
    print("the probe's lifespan is over", flush=True)
    await send({"type": "lifespan.shutdown.complete"})


async def app(scope: Scope, receive: Any, send: Send) -> None:
    if scope["type"] == "http":
        await http(scope, receive, send)
    elif scope["type"] == "websocket":
        await asgi_probe_websocket.websocket(scope, receive, send, records)
    else:
        await lifespan(scope, receive, send)
