"""The WebSockets of asgi_probe.py."""

from __future__ import annotations

import asyncio
from typing import Any

from asgi_parts import Scope, Send, as_json, query

Records = dict[str, Any]


async def accept(receive: Any, send: Send, **how: Any) -> None:
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept", **how})


async def echo(scope: Scope, receive: Any, send: Send, records: Records) -> None:
    await accept(receive, send)
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            note(scope, records, message)
            return
        if message.get("bytes") is not None:
            await send({"type": "websocket.send", "bytes": message["bytes"]})
        else:
            await send({"type": "websocket.send", "text": message["text"]})


def note(scope: Scope, records: Records, message: dict[str, Any]) -> None:
    name = query(scope).get("name")
    if name:
        records[name] = [message["code"], message.get("reason") or ""]


async def show_scope(scope: Scope, receive: Any, send: Send, records: Records) -> None:
    await accept(receive, send)
    await send({"type": "websocket.send", "text": as_json(scope).decode()})
    await receive()


async def refuse(scope: Scope, receive: Any, send: Send, records: Records) -> None:
    await receive()
    await send({"type": "websocket.close"})


async def deny(scope: Scope, receive: Any, send: Send, records: Records) -> None:
    await receive()
    headers = [(b"content-type", b"text/plain"), (b"x-why", b"no ticket")]
    start = {"status": int(query(scope)["status"]), "headers": headers}
    await send({"type": "websocket.http.response.start", **start})
    for piece, more in ((b"no ", True), (b"entry", False)):
        body = {"body": piece, "more_body": more}
        await send({"type": "websocket.http.response.body", **body})


async def close(scope: Scope, receive: Any, send: Send, records: Records) -> None:
    """At once, as the query says."""
    asked = query(scope)
    how: dict[str, Any] = {}
    if "code" in asked:
        how["code"] = int(asked["code"])
    if "reason" in asked:
        how["reason"] = asked["reason"]
    await accept(receive, send)
    await send({"type": "websocket.close", **how})


async def close_and_listen(scope: Scope, receive: Any, send: Send, records: Records) -> None:
    await accept(receive, send)
    await send({"type": "websocket.close", "code": 3001, "reason": "enough"})
    note(scope, records, await receive())


async def choose(scope: Scope, receive: Any, send: Send, records: Records) -> None:
    """The last of the subprotocols that the client offers, and headers of our own."""
    headers = [(b"x-cat", b"tabby"), (b"set-cookie", b"a=1")]
    await accept(receive, send, subprotocol=scope["subprotocols"][-1], headers=headers)
    await receive()


async def leave(scope: Scope, receive: Any, send: Send, records: Records) -> None:
    """Returns from an open one."""
    await accept(receive, send)
    await send({"type": "websocket.send", "text": "bye"})


async def fail_before(scope: Scope, receive: Any, send: Send, records: Records) -> None:
    raise LookupError("before the handshake")


async def fail_behind(scope: Scope, receive: Any, send: Send, records: Records) -> None:
    await accept(receive, send)
    raise LookupError("behind the handshake")


async def send_on(scope: Scope, receive: Any, send: Send, records: Records) -> None:
    """Sends without looking whether the client is still there; the record is how it ended."""
    name = query(scope)["name"]
    records[name] = {"sent": 0, "end": None}
    await accept(receive, send)
    try:
        while records[name]["sent"] < 1 << 30:
            await send({"type": "websocket.send", "bytes": b"s" * 65536})
            records[name]["sent"] += 65536
            await asyncio.sleep(0)
        records[name]["end"] = "never stopped"
    except OSError:
        records[name]["end"] = "OSError"
    except asyncio.CancelledError:
        records[name]["end"] = "cancelled"
        raise


async def two_tasks(scope: Scope, receive: Any, send: Send, records: Records) -> None:
    """One sends while the other waits for what comes, as chats do."""
    await accept(receive, send)

    async def tick() -> None:
        for number in range(3):
            await send({"type": "websocket.send", "text": f"tick {number}"})
            await asyncio.sleep(0)

    ticking = asyncio.ensure_future(tick())
    message = await receive()
    await ticking
    if message["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": "heard " + message["text"]})
        await send({"type": "websocket.close"})


async def broadcast(scope: Scope, receive: Any, send: Send, records: Records) -> None:
    """All that are here hear what one says."""
    members = records.setdefault("members", [])
    await accept(receive, send)
    members.append(send)
    try:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            for other in list(members):
                await other({"type": "websocket.send", "text": message["text"]})
    finally:
        members.remove(send)


ROUTES = {
    "/ws/echo": echo,
    "/ws/scope": show_scope,
    "/ws/refuse": refuse,
    "/ws/deny": deny,
    "/ws/close": close,
    "/ws/close-and-listen": close_and_listen,
    "/ws/choose": choose,
    "/ws/leave": leave,
    "/ws/fail-before": fail_before,
    "/ws/fail-behind": fail_behind,
    "/ws/send-on": send_on,
    "/ws/two-tasks": two_tasks,
    "/ws/broadcast": broadcast,
}


async def websocket(scope: Scope, receive: Any, send: Send, records: Records) -> None:
    await ROUTES.get(scope["path"], refuse)(scope, receive, send, records)
