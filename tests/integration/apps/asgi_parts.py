"""What the ASGI apps of the tests are made of."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, Callable
from urllib.parse import parse_qsl

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Any]
PLAIN = b"text/plain"


def query(scope: Scope) -> dict[str, str]:
    return dict(parse_qsl(scope["query_string"].decode()))


def as_json(scope: Scope) -> bytes:
    """Bytes as latin-1; objects of the app by their names."""

    def simple(value: Any) -> Any:
        if isinstance(value, bytes):
            return value.decode("latin-1")
        return repr(value)

    return json.dumps(scope, default=simple).encode()


class Left(Exception):  # noqa: N818 (it is the client who did)
    """The client did, before its body was complete."""


async def read(receive: Any) -> AsyncIterator[bytes]:
    """The pieces of the request's body."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Left
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return


async def whole(receive: Any) -> bytes:
    return b"".join([piece async for piece in read(receive)])


async def begin(send: Send, *headers: tuple[bytes, bytes], trailers: bool = False) -> None:
    start = {"type": "http.response.start", "status": 200}
    start["headers"] = [(b"content-type", PLAIN), *headers]
    if trailers:
        start["trailers"] = True
    await send(start)


async def part(send: Send, body: bytes, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def answer(send: Send, body: bytes, kind: bytes = PLAIN, status: int = 200) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
