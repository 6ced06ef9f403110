"""An ASGI app whose connections last, for probes/open-reload: WebSockets that answer with the
process they are in, and streams of /stream?n=N pieces, one each 50 ms."""

import asyncio
import os
from typing import Any

import hello_asgi

PACE = 0.05
START = {"type": "http.response.start", "status": 200, "headers": []}


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await talk(receive, send)
    elif scope["type"] == "http" and scope["path"] == "/stream":
        await stream(int(scope["query_string"].partition(b"=")[2]), send)
    else:
        await hello_asgi.application(scope, receive, send)


async def talk(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": str(os.getpid())})


async def stream(pieces: int, send: Any) -> None:
    await send(START)
    for number in range(pieces):
        body = {"body": b"%d\n" % number, "more_body": number + 1 < pieces}
        await send({"type": "http.response.body", **body})
        await asyncio.sleep(PACE)
