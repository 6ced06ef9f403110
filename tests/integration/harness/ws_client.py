"""A client of WebSockets on wsproto, which watches that the server keeps to RFC 6455 and 7692.

    with WebSocket(server.port, "/echo") as ws:
        ws.send("text")
        assert ws.receive() == "text"
    assert ws.code == 1000

A handshake that is refused leaves `accepted` False and the answer in `refusal`.
"""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Callable

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto.extensions import Extension, PerMessageDeflate
from wsproto.frame_protocol import CloseReason

from harness.client import Response

Headers = Sequence[tuple[str, str]]


class WebSocketEnded(Exception):  # noqa: N818 (an event of the wire, not always an error)
    """The server closed: by its close frame, or without one (code 1006)."""

    def __init__(self, code: int, reason: str | None) -> None:
        super().__init__(f"closed with {code} {reason or ''}")
        self.code, self.reason = code, reason


class WebSocket:
    def __init__(
        self,
        port: int,
        target: str = "/",
        *,
        tls: ssl.SSLContext | None = None,
        headers: Headers = (),
        subprotocols: Sequence[str] = (),
        deflate: bool = False,
        timeout: float = 10.0,
    ) -> None:
        raw = socket.create_connection(("127.0.0.1", port), timeout)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = tls.wrap_socket(raw, server_hostname="localhost") if tls else raw
        self.timeout = timeout
        self.protocol = WSConnection(ConnectionType.CLIENT)
        self.accepted = False
        self.refusal: Response | None = None
        self.subprotocol: str | None = None
        self.extensions: list[Extension] = []
        self.headers: dict[str, str] = {}
        self.code: int | None = None
        self.reason: str | None = None
        self.pongs: list[bytes] = []
        self.messages: list[str | bytes] = []
        self._parts: list[str | bytes] = []
        self.ended = False
        self._shake_hands(target, headers, subprotocols, deflate)

    def _shake_hands(
        self, target: str, headers: Headers, subprotocols: Sequence[str], deflate: bool
    ) -> None:
        extra = [(name.encode(), value.encode("latin-1")) for name, value in headers]
        offered: list[Extension] = [PerMessageDeflate()] if deflate else []
        asked = Request("localhost", target, offered, extra, list(subprotocols))
        try:
            self._send(asked)
            self._wait(
                lambda: self.accepted or (self.refusal is not None and self.refusal.complete)
            )
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self) -> WebSocket:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes properly, unless something is wrong already."""
        try:
            if kind is None and self.accepted and self.code is None and not self.ended:
                self.close()
        finally:
            self.socket.close()

    # what a test does

    def send(self, message: str | bytes) -> None:
        whole = TextMessage(message) if isinstance(message, str) else BytesMessage(message)
        self._send(whole)

    def send_part(self, message: str | bytes, last: bool) -> None:
        """A fragment."""
        kind = TextMessage if isinstance(message, str) else BytesMessage
        self._send(kind(message, message_finished=last))  # type: ignore[arg-type]

    def ping(self, payload: bytes = b"") -> None:
        before = len(self.pongs)
        self._send(Ping(payload))
        self._wait(lambda: len(self.pongs) > before)

    def receive(self) -> str | bytes:
        """The next message; WebSocketEnded if none comes any more."""
        self._wait(lambda: self.messages or self.code is not None or self.ended)
        if self.messages:
            return self.messages.pop(0)
        raise WebSocketEnded(self.code or 1006, self.reason)

    def wait_end(self) -> tuple[int, str]:
        """The server's close, and the end of the connection; messages before it stay to be read."""
        self._wait(lambda: self.ended)
        return self.code or 1006, self.reason or ""

    def close(self, code: int = 1000, reason: str | None = None) -> None:
        """And the server's answer, and the end of the connection, which is the server's to end."""
        self._send(CloseConnection(code, reason))
        self.wait_end()
        assert self.code is not None, "the connection ended without the server's close frame"

    def drop(self) -> None:
        """As a client that lost its network: a reset, no close frame."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
        self.ended = True

    # the wire

    def _send(self, event: Event) -> None:
        self.socket.sendall(self.protocol.send(event))

    def _wait(self, until: Callable[[], Any]) -> None:
        deadline = time.monotonic() + self.timeout
        while not until():
            left = deadline - time.monotonic()
            assert left > 0, f"waited {self.timeout:g} s in vain for the server's WebSocket"
            if self.ended:
                raise WebSocketEnded(self.code or 1006, self.reason)
            self.socket.settimeout(left)
            self._take()

    def _take(self) -> None:
        try:
            data = self.socket.recv(1 << 16)
        except (ConnectionResetError, ssl.SSLEOFError):
            data = b""
        if not data:
            self.ended = True
            return
        self.protocol.receive_data(data)
        for event in self.protocol.events():
            self._heed(event)

    def _heed(self, event: Event) -> None:
        if isinstance(event, (TextMessage, BytesMessage)):
            self._heed_message(event)
        elif isinstance(event, Ping):
            self._send(event.response())
        elif isinstance(event, Pong):
            self.pongs.append(bytes(event.payload))
        elif isinstance(event, CloseConnection):
            self._heed_close(event)
        elif isinstance(event, AcceptConnection):
            self.accepted, self.subprotocol = True, event.subprotocol
            self.extensions = list(event.extensions)
            self.headers = {name.decode(): text.decode() for name, text in event.extra_headers}
        elif isinstance(event, RejectConnection):
            rows = [(name.decode(), value.decode("latin-1")) for name, value in event.headers]
            self.refusal = Response("HTTP/1.1", event.status_code, "", rows)
            self.refusal.complete = not event.has_body
        elif isinstance(event, RejectData):
            assert self.refusal
            self.refusal.body += event.data
            self.refusal.complete = event.body_finished

    def _heed_message(self, event: TextMessage | BytesMessage) -> None:
        self._parts.append(event.data if isinstance(event, TextMessage) else bytes(event.data))
        if event.message_finished:
            empty = "" if isinstance(event, TextMessage) else b""
            self.messages.append(empty.join(self._parts))  # type: ignore[arg-type]
            self._parts = []

    def _heed_close(self, event: CloseConnection) -> None:
        code = int(event.code)
        if code == CloseReason.ABNORMAL_CLOSURE:
            return  # wsproto's own verdict on an end without a close frame
        self.code, self.reason = code, event.reason
        if self.protocol.state.name == "REMOTE_CLOSING":
            self._send(event.response())
