"""What an ASGI app costs by itself: a stub that drives so many WebSockets of it, without sockets or
a protocol, as a server would, and says what its process grew by. Run by probes/idle-websockets.

Usage: asgi_stub.py COUNT MODULE; it prints {"rss": BYTES, "pss": BYTES}, of all together.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import sys
from typing import Any

import uvloop

Message = dict[str, Any]
WARM_UP = 200


def memory() -> dict[str, int]:
    found = {}
    with open("/proc/self/smaps_rollup") as rollup:
        for line in rollup:
            words = line.split()
            if words[0] in ("Rss:", "Pss:"):
                found[words[0][:-1].lower()] = int(words[1]) * 1024
    return found


def scope(number: int) -> Message:
    """As a server makes it of the handshake that the probe's clients send."""
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"127.0.0.1:%d" % number),
            (b"upgrade", b"websocket"),
            (b"connection", b"Upgrade"),
            (b"sec-websocket-version", b"13"),
            (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ%d" % number),
        ],
        "client": (f"127.0.0.{number % 250}", number),
        "server": ("127.0.0.1", 8000),
        "subprotocols": [],
        "state": {},
        "extensions": {"websocket.http.response": {}},
    }


class Stub:
    """One WebSocket: its messages are handed over as they are, and the app waits for the next."""

    __slots__ = ("ready", "sent", "waiting")

    def __init__(self) -> None:
        self.ready: list[Message] = [{"type": "websocket.connect"}]
        self.sent = 0
        self.waiting: asyncio.Future[Message] | None = None

    async def receive(self) -> Message:
        if self.ready:
            return self.ready.pop()
        self.waiting = asyncio.get_running_loop().create_future()
        return await self.waiting

    async def send(self, message: Message) -> None:
        self.sent += 1

    def deliver(self, message: Message) -> None:
        if self.waiting and not self.waiting.done():
            self.waiting.set_result(message)


async def open_all(app: Any, count: int) -> list[tuple[Stub, asyncio.Task[None]]]:
    """Each has accepted and has sent one message back."""
    opened = []
    loop = asyncio.get_running_loop()
    for number in range(count):
        stub = Stub()
        opened.append((stub, loop.create_task(app(scope(number), stub.receive, stub.send))))
    await settle()
    for stub, _ in opened:
        stub.deliver({"type": "websocket.receive", "text": "mew"})
    await settle()
    assert all(stub.sent == 2 for stub, _ in opened)
    return opened


async def settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def run(count: int, app: Any) -> None:
    for stub, task in await open_all(app, WARM_UP):
        stub.deliver({"type": "websocket.disconnect", "code": 1000})
        await task
    gc.collect()
    before = memory()
    opened = await open_all(app, count)
    after = memory()
    print(json.dumps({name: after[name] - before[name] for name in after}))
    for _, task in opened:
        task.cancel()


if __name__ == "__main__":
    uvloop.run(run(int(sys.argv[1]), importlib.import_module(sys.argv[2]).application))
