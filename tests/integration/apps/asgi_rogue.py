"""An ASGI application that breaks rules, for what the server makes of it; not for the checker."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

from asgi_parts import Scope, Send, answer, begin, part, query

START: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": []}
BODY: dict[str, Any] = {"type": "http.response.body", "body": b"seen"}

# Each is refused where it is sent, with these words in the error.
WRONG: dict[str, list[Any]] = {
    "no dict": [None],
    "no type": [{"status": 200}],
    "unknown type": [{"type": "http.response.begin", "status": 200}],
    "of another protocol": [{"type": "websocket.send", "text": "x"}],
    "no status": [{"type": "http.response.start", "headers": []}],
    "status of text": [{**START, "status": "200"}],
    "status too low": [{**START, "status": 99}],
    "status too high": [{**START, "status": 1000}],
    "interim status": [{**START, "status": 101}],
    "headers of text": [{**START, "headers": [("a", "b")]}],
    "headers of three": [{**START, "headers": [(b"a", b"b", b"c")]}],
    "headers no list": [{**START, "headers": 5}],
    "name with a blank": [{**START, "headers": [(b"a b", b"c")]}],
    "empty name": [{**START, "headers": [(b"", b"c")]}],
    "pseudo header": [{**START, "headers": [(b":status", b"200")]}],
    "value with CRLF": [{**START, "headers": [(b"a", b"b\r\nset-cookie: stolen=1")]}],
    "value with LF": [{**START, "headers": [(b"a", b"b\nc: d")]}],
    "value with NUL": [{**START, "headers": [(b"a", b"b\0c")]}],
    "body first": [BODY],
    "start twice": [START, START],
    "body of text": [START, {**BODY, "body": "text"}],
    "body of None": [START, {**BODY, "body": None}],
}


async def wrong(scope: Scope, receive: Any, send: Send) -> None:
    for message in WRONG[query(scope)["kind"]]:
        await send(message)


async def wrong_and_caught(scope: Scope, receive: Any, send: Send) -> None:
    """An app may mend it, as long as nothing has left."""
    *right, last = WRONG[query(scope)["kind"]]
    assert not right
    try:
        await send(last)
    except Exception as error:  # noqa: BLE001 (which one it is, is the question)
        await answer(send, f"{type(error).__name__}: {error}".encode())


async def fail_before(scope: Scope, receive: Any, send: Send) -> None:
    raise LookupError("before the answer")


async def fail_behind_head(scope: Scope, receive: Any, send: Send) -> None:
    await send(START)
    raise LookupError("behind the head")


async def fail_in_body(scope: Scope, receive: Any, send: Send) -> None:
    await begin(send)
    await part(send, b"a part")
    raise LookupError("in the body")


async def fail_behind_answer(scope: Scope, receive: Any, send: Send) -> None:
    await answer(send, b"whole")
    raise LookupError("behind the answer")


async def no_answer(scope: Scope, receive: Any, send: Send) -> None:
    pass


async def no_body(scope: Scope, receive: Any, send: Send) -> None:
    await send(START)


async def no_end(scope: Scope, receive: Any, send: Send) -> None:
    await begin(send)
    await part(send, b"a part")


async def too_long(scope: Scope, receive: Any, send: Send) -> None:
    await send({**START, "headers": [(b"content-length", b"5")]})
    await part(send, b"12345")
    await part(send, b"and more", more=False)


async def too_short(scope: Scope, receive: Any, send: Send) -> None:
    await send({**START, "headers": [(b"content-length", b"50")]})
    await part(send, b"only this", more=False)


async def behind_the_end(scope: Scope, receive: Any, send: Send) -> None:
    await answer(send, b"whole")
    await part(send, b"and more")


async def exits(scope: Scope, receive: Any, send: Send) -> None:
    sys.exit(3)


async def interrupts(scope: Scope, receive: Any, send: Send) -> None:
    raise KeyboardInterrupt


async def cancels(scope: Scope, receive: Any, send: Send) -> None:
    raise asyncio.CancelledError


async def cancels_itself(scope: Scope, receive: Any, send: Send) -> None:
    task = asyncio.current_task()
    assert task
    task.cancel()
    await asyncio.sleep(0)


async def returns_something(scope: Scope, receive: Any, send: Send) -> Any:
    await answer(send, b"whole")
    return ["a body, as in WSGI"]


async def blocks(scope: Scope, receive: Any, send: Send) -> None:
    time.sleep(0.2)
    await answer(send, b"blocked")


async def stops_the_loop(scope: Scope, receive: Any, send: Send) -> None:
    await answer(send, b"stopped")
    asyncio.get_running_loop().stop()


async def leaves_tasks(scope: Scope, receive: Any, send: Send) -> None:
    """That nobody awaits, one of which fails."""

    async def fail() -> None:
        raise LookupError("in a task that nobody awaits")

    kept.append(asyncio.ensure_future(asyncio.Event().wait()))
    asyncio.ensure_future(fail())  # noqa: RUF006 (that is the point)
    await answer(send, b"left")


async def swallows(scope: Scope, receive: Any, send: Send) -> None:
    """Will not be cancelled."""
    await begin(send)
    await part(send, b"began\n")
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue


async def hello(scope: Scope, receive: Any, send: Send) -> None:
    await answer(send, b"hello")


kept: list[Any] = []
ROUTES = {
    "/": hello,
    "/wrong": wrong,
    "/wrong-and-caught": wrong_and_caught,
    "/fail-before": fail_before,
    "/fail-behind-head": fail_behind_head,
    "/fail-in-body": fail_in_body,
    "/fail-behind-answer": fail_behind_answer,
    "/no-answer": no_answer,
    "/no-body": no_body,
    "/no-end": no_end,
    "/too-long": too_long,
    "/too-short": too_short,
    "/behind-the-end": behind_the_end,
    "/exits": exits,
    "/interrupts": interrupts,
    "/cancels": cancels,
    "/cancels-itself": cancels_itself,
    "/returns-something": returns_something,
    "/blocks": blocks,
    "/stops-the-loop": stops_the_loop,
    "/leaves-tasks": leaves_tasks,
    "/swallows": swallows,
}


async def websocket(scope: Scope, receive: Any, send: Send) -> None:
    """What its last path segment says is sent: before or behind the handshake."""
    await receive()
    asked = query(scope)
    message = {
        "send first": {"type": "websocket.send", "text": "x"},
        "both": {"type": "websocket.send", "text": "x", "bytes": b"x"},
        "neither": {"type": "websocket.send"},
        "text of bytes": {"type": "websocket.send", "text": b"x"},
        "accept twice": {"type": "websocket.accept"},
        "bad code": {"type": "websocket.close", "code": 1005},
        "code of text": {"type": "websocket.close", "code": "1000"},
        "long reason": {"type": "websocket.close", "reason": "r" * 124},
        "unknown": {"type": "websocket.shout"},
        "http": {**START},
    }[asked["kind"]]
    if asked["kind"] != "send first":
        await send({"type": "websocket.accept"})
    try:
        await send(message)
    except Exception as error:
        if asked["kind"] == "send first":
            raise
        await send({"type": "websocket.send", "text": f"{type(error).__name__}: {error}"})
        await send({"type": "websocket.close"})


async def app(scope: Scope, receive: Any, send: Send) -> None:
    if scope["type"] == "lifespan":
        raise RuntimeError("no lifespan here")
    if scope["type"] == "websocket":
        await websocket(scope, receive, send)
        return
    await ROUTES[scope["path"]](scope, receive, send)
