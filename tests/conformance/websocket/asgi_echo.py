"""Echoes by ASGI."""

from __future__ import annotations

from typing import Any


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    assert scope["type"] == "websocket", "it has no lifespan"
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        text = event.get("text")
        kind = {"bytes": event["bytes"]} if text is None else {"text": text}
        await send({"type": "websocket.send", **kind})
