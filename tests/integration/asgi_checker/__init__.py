"""A strict checker of ASGI 3, as wsgiref.validate is one of WSGI: it stands between server and app.

    application = checked(app)

It looks at both: each scope and each received message is the server's, each sent one and their
order are the app's. What breaks a rule raises Fault, which is an AssertionError, and is a line
"ASGI checker: ..." on stderr, so that a fault which somebody catches is found all the same.

values.py    types and values of single keys
scopes.py    the three scopes, key by key
messages.py  every message: which keys, which values
order.py     who may say what, and when: http, websocket, lifespan
state.py     the lifespan's state, and its copies

The rules are those of the ASGI specification (asgi.readthedocs.io), HTTP & WebSocket 2.5, lifespan
2.0, with the extensions for trailers, early hints, pathsend, WebSocket denial, TLS and push.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, MutableMapping
from typing import Any, Callable

from asgi_checker.messages import check_message
from asgi_checker.order import LifespanOrder, Order, order_of
from asgi_checker.report import Fault, report
from asgi_checker.scopes import check_scope
from asgi_checker.state import Lifetime

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

__all__ = ["Fault", "checked"]


class Call:
    """One call of the app."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, forgiven: Collection[str]):
        self.kind = scope["type"]
        self.extensions = frozenset(scope.get("extensions") or ())
        self.order: Order = order_of(scope)
        self._receive, self._send, self.forgiven = receive, send, forgiven

    async def receive(self) -> Message:
        message = await self._receive()
        with report(f"received on {self.kind}"):
            check_message(self.kind, "receive", message, self.extensions, self.forgiven)
            self.order.received(message)
        return message

    async def send(self, message: Message) -> None:
        with report(f"sent on {self.kind}"):
            check_message(self.kind, "send", message, self.extensions, self.forgiven)
            self.order.sent(message)
        try:
            result = await self._send(message)
        except ConnectionError:
            self.order.left()
            raise
        except (OSError, asyncio.CancelledError):
            raise  # a file is not there, or nobody waits: what a server may say
        except Exception as error:
            with report(f"send of {message['type']}"):
                raise Fault(f"the server refused what is right: {error!r}") from error
        with report(f"send of {message['type']}"):
            if result is not None:
                raise Fault(f"send returned {result!r}")


def checked(app: App, forgiven: Collection[str] = ()) -> App:
    """`app` behind the checker. `forgiven`: faults of frameworks that nobody mends, by name:
    "header case" (Django does not lower-case the names of its headers)."""
    lifetime = Lifetime()

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        with report("scope"):
            check_scope(scope)
            lifetime.check(scope)
        call = Call(scope, receive, send, forgiven)
        await app(scope, call.receive, call.send)
        with report(f"end of {call.kind} {scope.get('path', '')}"):
            call.order.returned()
        if isinstance(call.order, LifespanOrder):
            lifetime.ended = "lifespan.shutdown" in call.order.asked

    return application
