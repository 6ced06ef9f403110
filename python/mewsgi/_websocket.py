"""uWSGI's WebSocket calls for WSGI apps: websocket_handshake, websocket_recv and the others.

Called in workers. The bridge begins and ends each request that asks for a WebSocket
(src/python/wsgi_upgrade); the handshake takes the client's connection out of the server, and it
ends with the request. Frames are the native codec's; the socket is Python's, and every wait is one
of select's, so that other threads run meanwhile, and greenlets where gevent patched it.
"""

from __future__ import annotations

import select
import socket
from contextvars import ContextVar
from threading import Lock
from time import monotonic

from mewsgi import _mewsgi
from mewsgi._uwsgi import in_force

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, NoReturn, Union

    Detach = Callable[[], tuple[int, bytes]]
    Text = Union[str, bytes]

FAILURE, TEXT, BINARY, CLOSE, PONG = 0, 1, 2, 8, 10  # kinds of events, as the codec has them
NORMAL, INTERNAL_ERROR = 1000, 1011  # close codes, RFC 6455 7.4.1
PIECE = 65536
CLOSING_TIME = 1.0  # seconds for the client to end the connection, once we have nothing to say

# The options, the same for all requests of a worker; times in seconds.
MAX_BYTES: int = in_force["websocket-max-size"] * 1024
PING_EVERY: float = in_force["websocket-ping-freq"]  # 0: never
PONG_WITHIN: float = in_force["websocket-pong-tolerance"]
SEND_WITHIN: float = in_force["http-send-timeout"]  # for the client to take another byte
DEFLATE: bool = in_force["websocket-deflate"]


class Closed(ConnectionError):  # noqa: N818 -- what it says
    """The WebSocket is over: an IOError, as uWSGI's. One that nobody catches is no failure."""


class Refused(ConnectionError):  # noqa: N818 -- what it says
    """The request is no opening handshake: the client gets `status`, unless the app answers."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"unable to complete websocket handshake: {reason}")
        self.status = status


class WebSocket:
    """That of one request. Any thread of the app may use it: one receives at a time, one sends."""

    def __init__(self, environ: dict[str, Any], detach: Detach) -> None:
        self._environ, self._detach = environ, detach
        self._receiving, self._sending = Lock(), Lock()
        self._socket: socket.socket | None = None
        self._over = ""  # why nothing more comes or goes
        self._next_ping = self._pong_due = float("inf")

    # ---- the handshake

    def handshake(self, key: str | None, protocol: str | None) -> None:
        field = self._environ.get
        status, answer, window_bits = _mewsgi.websocket_accept(
            key or field("HTTP_SEC_WEBSOCKET_KEY"),
            field("HTTP_SEC_WEBSOCKET_VERSION"),
            field("HTTP_SEC_WEBSOCKET_PROTOCOL"),
            field("HTTP_SEC_WEBSOCKET_EXTENSIONS"),
            protocol,
            DEFLATE,
        )
        if status != 101:
            raise Refused(status, answer.decode())
        descriptor, received = self._detach()
        self._codec = _mewsgi.WebSocket(MAX_BYTES, window_bits)
        self._codec.feed(received)
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(False)
        with self._sending:
            self._send_all(answer)
        if PING_EVERY:
            self._next_ping = monotonic() + PING_EVERY

    def fileno(self) -> int:
        return self._open_socket().fileno()

    # ---- receiving

    def receive(self, wait: bool) -> tuple[bool, bytes] | None:
        """Is it text, and the message; None where none is there and `wait` is not asked."""
        retiring, _ = _mewsgi.retirement()
        with self._receiving:
            while True:
                self._open_socket()
                kind, code, payload = self._codec.next() or (None, 0, b"")
                self._answer()
                if kind in (TEXT, BINARY):
                    return kind == TEXT, payload
                if kind == PONG:
                    self._pong_due = float("inf")
                elif kind == CLOSE:
                    self._end(f"the client closed it ({code})")
                elif kind == FAILURE:
                    self._end(f"{payload.decode()} ({code})")
                elif not self._read():
                    self._keep_alive()
                    if not wait:
                        return None
                    wait_for(self._open_socket(), select.POLLIN, self._patience(), retiring)

    def _answer(self) -> None:
        """What the codec has to say to what came: pongs, a close frame."""
        if out := self._codec.take_out():
            with self._sending:
                self._send_all(out)

    def _read(self) -> bool:
        try:
            piece = self._open_socket().recv(PIECE)
        except BlockingIOError:
            return False
        except OSError as error:
            self._end(f"the client left ({error.strerror})")
        if not piece:
            self._end("the client left")
        self._codec.feed(piece)
        return True

    def _keep_alive(self) -> None:
        now = monotonic()
        _, code = _mewsgi.retirement()
        if code:
            self._say_goodbye(code)
            self._end(f"the server leaves ({code})")
        if now >= self._pong_due:
            self._end(f"no pong within {PONG_WITHIN:g} s")
        if now >= self._next_ping:
            self._next_ping = now + PING_EVERY
            self._pong_due = min(self._pong_due, now + PONG_WITHIN)
            with self._sending:
                self._send_all(self._codec.ping())

    def _patience(self) -> float:
        """Seconds until a ping or the end of the wait for a pong is due."""
        return min(self._next_ping, self._pong_due) - monotonic()

    # ---- sending

    def send(self, text: bool, message: Any) -> None:
        with self._sending:
            self._open_socket()
            frame = self._codec.encode(text, message)
            if not frame:
                self._end("it is closed")
            self._send_all(frame)

    def _send_all(self, frames: bytes) -> None:
        rest = memoryview(frames)
        while rest:
            try:
                rest = rest[self._open_socket().send(rest) :]
            except BlockingIOError:
                if not wait_for(self._open_socket(), select.POLLOUT, SEND_WITHIN):
                    self._end(f"the client took nothing for {SEND_WITHIN:g} s")
            except OSError as error:
                self._end(f"the client left ({error.strerror})")

    # ---- the end

    def _open_socket(self) -> socket.socket:
        if self._over:
            raise Closed(f"unable to use the websocket: {self._over}")
        if self._socket is None:
            raise OSError("websocket_handshake() has not been called, or failed")
        return self._socket

    def _end(self, reason: str) -> NoReturn:
        self._over = self._over or reason
        raise Closed(f"unable to use the websocket: {self._over}")

    def end(self, failed: bool) -> None:
        """The request is over, or the app `failed`: so is its WebSocket, whoever still has it."""
        _current.set(None)
        taken, self._environ = self._socket, {}
        if taken is None:
            self._over = self._over or "the request is over"
            return
        if not self._over:
            self._say_goodbye(INTERNAL_ERROR if failed else NORMAL)
        self._over = self._over or "the request is over"
        if self._receiving.acquire(False):
            linger(taken)
            self._receiving.release()
        try:
            taken.shutdown(socket.SHUT_RDWR)  # wakes another thread that waits on it
        except OSError:
            pass  # the client was faster
        taken.close()

    def _say_goodbye(self, code: int) -> None:
        """Not where another thread of the app is sending: this one would wait."""
        if self._sending.acquire(False):
            try:
                self._send_all(self._codec.close(code))
            except OSError:
                pass  # nobody hears it
            finally:
                self._sending.release()


def linger(taken: socket.socket) -> None:
    """Lets the client end the connection: ended by us while bytes of its own are on the way, it
    would be reset, and what we sent last lost."""
    until = monotonic() + CLOSING_TIME
    try:
        taken.shutdown(socket.SHUT_WR)
        while (left := until - monotonic()) > 0:
            try:
                if not taken.recv(PIECE):
                    return
            except BlockingIOError:
                wait_for(taken, select.POLLIN, left)
    except OSError:
        pass  # it is over


def wait_for(taken: socket.socket, what: int, seconds: float, other: int = -1) -> bool:
    """False: it was not ready in time. `other`: a descriptor that ends the wait too."""
    # Looked up now: gevent may have put its own in the place of select's.
    poller = select.poll()
    poller.register(taken, what)
    if other >= 0:
        poller.register(other, select.POLLIN)
    limit = None if seconds == float("inf") else max(0.0, seconds) * 1000 + 1
    return bool(poller.poll(limit))


_current: ContextVar[WebSocket | None] = ContextVar("mewsgi's websocket", default=None)


# ---- the bridge calls these


def begin(environ: dict[str, Any], detach: Detach) -> WebSocket:
    one = WebSocket(environ, detach)
    _current.set(one)
    return one


def answer(error: BaseException, start_response: Callable[..., Any]) -> bool:
    """To a handshake that was refused; False: the error is another one."""
    if not isinstance(error, Refused):
        return False
    phrase = "Upgrade Required" if error.status == 426 else "Bad Request"
    headers = [("Content-Length", "0"), ("Sec-WebSocket-Version", "13")]
    start_response(f"{error.status} {phrase}", headers)
    return True


# ---- the module `uwsgi` has these


def websocket_handshake(
    key: Text | None = None,
    origin: Text | None = None,
    proto: Text | None = None,
    request_context: WebSocket | None = None,
) -> None:
    """Answer 101. What is not given is the request's; the origin is the app's to judge."""
    one = request_context or _current.get()
    if one is None:
        raise Refused(400, "the request asks for no WebSocket, or its way to the server has none")
    one.handshake(_to_text(key), _to_text(proto))


def websocket_recv(request_context: WebSocket | None = None) -> bytes:
    received = _find(request_context).receive(wait=True)
    return received[1] if received else b""


def websocket_recv_nb(request_context: WebSocket | None = None) -> bytes:
    received = _find(request_context).receive(wait=False)
    return received[1] if received else b""


def websocket_send(message: Any, request_context: WebSocket | None = None) -> None:
    _find(request_context).send(True, message)


def websocket_send_binary(message: Any, request_context: WebSocket | None = None) -> None:
    _find(request_context).send(False, message)


def connection_fd(request_context: WebSocket | None = None) -> int:
    """The client's connection: only that of a WebSocket is the app's to look at."""
    return _find(request_context).fileno()


def request_context() -> WebSocket | None:
    """For calls from other threads than the one that runs the app."""
    return _current.get()


def _find(given: WebSocket | None) -> WebSocket:
    one = given or _current.get()
    if one is None:
        raise OSError(
            "no request with a WebSocket runs in this thread; others need "
            "request_context=uwsgi.request_context()"
        )
    return one


def _to_text(value: Text | None) -> str | None:
    return value.decode("latin-1") if isinstance(value, bytes) else value or None
