"""An ASGI app that sends each WebSocket message back, and greets over HTTP as apps/hello_asgi.py
does; for probes/websockets and probes/idle-websockets."""

from collections.abc import Awaitable, Callable
from typing import Any

import hello_asgi

Message = dict[str, Any]


async def application(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    if scope["type"] != "websocket":
        await hello_asgi.application(scope, receive, send)
        return
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        if message.get("text") is not None:
            await send({"type": "websocket.send", "text": message["text"]})
        else:
            await send({"type": "websocket.send", "bytes": message["bytes"]})
