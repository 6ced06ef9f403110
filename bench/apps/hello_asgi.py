"""The one ASGI app of the benchmark: 13 bytes, their type and their length, in two messages."""

from collections.abc import Awaitable, Callable
from typing import Any

START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain"), (b"content-length", b"13")],
}
BODY = {"type": "http.response.body", "body": b"Hello, World!"}
Message = dict[str, Any]


async def application(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    if scope["type"] == "lifespan":
        raise NotImplementedError  # an app without one
    await send(START)
    await send(BODY)
