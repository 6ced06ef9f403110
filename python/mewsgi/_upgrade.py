"""The client's connection, for libraries that speak WebSocket by themselves over WSGI.

Called in workers, for each request that asks for a WebSocket (src/python/wsgi_upgrade). What stands
in environ then costs nothing and changes nothing until the app uses it: only the first use takes
the connection out of the server. It ends with the request, as those libraries expect: an app
returns when it is done with it.

    werkzeug.socket, gunicorn.socket   the socket: simple-websocket, flask-sock, Flask-SocketIO
    wsgi.websocket                     gevent-websocket's object, where that package is installed
"""

from __future__ import annotations

import socket
from threading import Lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Detach = Callable[[], tuple[int, bytes]]

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3


def offer(environ: dict[str, Any], detach: Detach) -> None:
    client = ClientSocket(detach)
    environ["werkzeug.socket"] = environ["gunicorn.socket"] = client
    if accept_key(environ) and has_gevent_websocket():
        # A copy: environ must not hold itself, or its sockets would wait for the garbage collector.
        environ["wsgi.websocket"] = ClientWebSocket(environ.copy(), client)
        environ["wsgi.websocket_version"] = environ["HTTP_SEC_WEBSOCKET_VERSION"]


class TakenSocket(socket.socket):
    """A socket that first gives what the server had received already; a select() on it does not
    know of that."""

    unread = b""

    def recv(self, size: int, flags: int = 0) -> bytes:
        if self.unread:
            taken = self.unread[:size]
            if not flags & socket.MSG_PEEK:
                self.unread = self.unread[size:]
            return taken
        return super().recv(size, flags)

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        if self.unread:
            view = memoryview(buffer).cast("B")
            taken = self.recv(nbytes or len(view), flags)
            view[: len(taken)] = taken
            return len(taken)
        return super().recv_into(buffer, nbytes, flags)


class _Lazy:
    """Something of a library's that is made when one of its attributes is first asked for. Looking
    at it otherwise (repr, copies, comparisons) makes nothing."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._made: Any = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not self._has(name):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self._now(), name)

    def _now(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = self._make()
        return self._made

    def _has(self, name: str) -> bool:
        raise NotImplementedError

    def _make(self) -> Any:
        raise NotImplementedError


class ClientSocket(_Lazy):
    def __init__(self, detach: Detach) -> None:
        super().__init__()
        self._detach = detach

    def _has(self, name: str) -> bool:
        return hasattr(socket.socket, name)

    def __enter__(self) -> TakenSocket:
        taken: TakenSocket = self._now()
        return taken

    def __exit__(self, *raised: object) -> None:
        self._now().close()

    def _make(self) -> TakenSocket:
        descriptor, unread = self._detach()
        taken = TakenSocket(fileno=descriptor)
        taken.unread = unread
        return taken


class ClientWebSocket(_Lazy):
    """What geventwebsocket.handler puts into environ; as there, the handshake is the server's."""

    def __init__(self, environ: dict[str, Any], client: ClientSocket) -> None:
        super().__init__()
        self._environ, self._client = environ, client

    def _has(self, name: str) -> bool:
        from geventwebsocket.websocket import WebSocket

        return hasattr(WebSocket, name)

    def _make(self) -> Any:
        from logging import getLogger
        from types import SimpleNamespace

        from geventwebsocket.websocket import Stream, WebSocket

        self._client.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept_key(self._environ) + b"\r\n\r\n"
        )
        handler = SimpleNamespace(
            socket=self._client,
            rfile=self._client.makefile("rb"),
            logger=getLogger("geventwebsocket"),
            server=SimpleNamespace(application=None),
        )
        return WebSocket(self._environ, Stream(handler), handler)


def accept_key(environ: dict[str, Any]) -> bytes:
    """Sec-WebSocket-Accept; empty if the request is not one that may be accepted."""
    from binascii import Error, a2b_base64, b2a_base64
    from hashlib import sha1

    key = environ.get("HTTP_SEC_WEBSOCKET_KEY", "").encode("latin-1")
    try:
        valid = len(a2b_base64(key)) == 16
    except Error:
        valid = False
    if not valid or environ.get("HTTP_SEC_WEBSOCKET_VERSION") != "13":
        return b""
    digest = sha1(key + _GUID).digest()  # RFC 6455 4.2.2; no secret in it
    return b2a_base64(digest, newline=False)


def has_gevent_websocket() -> bool:
    from importlib.util import find_spec

    return find_spec("geventwebsocket") is not None
