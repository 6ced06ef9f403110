"""A whole client of HTTP/2 on Python's h2, which watches that the server keeps the protocol: its
frames, its states, its windows.

    with Client(server.port) as client:
        streams = [client.start("POST", "/echo", body) for body in bodies]
        for stream, body in zip(streams, bodies):
            assert client.answer(stream).body == body

One thread: bodies go out and answers come in while it waits for something. A stream that is held is
given no credit.
"""

from __future__ import annotations

import json
import select
import socket
import ssl
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Callable

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    DataReceived,
    Event,
    InformationalResponseReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.settings import SettingCodes

from harness.h2_frames import GOAWAY, parse_head

Field = tuple[str, str]
WINDOW = 1 << 20


@dataclass
class Answer:
    headers: list[Field] = field(default_factory=list)
    interim: list[list[Field]] = field(default_factory=list)
    trailers: list[Field] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    ended: bool = False
    reset: int | None = None
    ended_after: int = 0  # how many streams of the connection had ended before

    @property
    def status(self) -> int | None:
        return int(self.get(":status") or 0) or None

    def get(self, name: str) -> str | None:
        return dict(self.headers).get(name)

    @property
    def over(self) -> bool:
        return self.ended or self.reset is not None

    @property
    def whole(self) -> bool:
        return self.ended and self.reset is None

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Body:
    data: memoryview
    trailers: list[Field] | None
    at: int = 0
    open: bool = False  # more is to come


class Client:
    def __init__(
        self,
        port: int,
        *,
        timeout: float = 20.0,
        tls: ssl.SSLContext | None = None,
        host: str = "localhost",
        source: str = "",
    ) -> None:
        raw = socket.socket()
        if source:
            raw.bind((source, 0))
        raw.settimeout(timeout)
        raw.connect(("127.0.0.1", port))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = tls.wrap_socket(raw, server_hostname=host) if tls else raw
        self.scheme, self.host = ("https" if tls else "http"), host
        self.timeout = timeout
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding="latin-1"))
        self.answers: dict[int, Answer] = {}
        self.bodies: dict[int, Body] = {}
        self.held: dict[int, int] = {}  # bytes of each held stream that no credit was given for
        self.goaways: list[tuple[int, int]] = []  # last stream, code
        self.ended_streams = 0
        self.closed = False
        self._partial = b""
        self.h2.initiate_connection()
        self.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: WINDOW})
        self.h2.increment_flow_control_window(16 * WINDOW)
        self._flush()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    # asking

    def start(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        fields: Iterable[Field] = (),
        trailers: list[Field] | None = None,
        end: bool = True,
    ) -> int:
        """`end=False`: more is to come, by what the test does with `h2` itself."""
        stream = self.h2.get_next_available_stream_id()
        head = [(":method", method), (":scheme", self.scheme), (":authority", self.host)]
        whole = body is None and trailers is None and end
        self.h2.send_headers(stream, [*head, (":path", target), *fields], end_stream=whole)
        self.answers[stream] = Answer()
        if not whole and end:
            self.bodies[stream] = Body(memoryview(body or b""), trailers)
            self._send_body(stream)
        self._flush()
        return stream

    def connect(self, protocol: str, target: str, fields: Iterable[Field] = ()) -> int:
        """Extended CONNECT (RFC 8441): a stream that say() and finish() go on with."""
        head = [(":protocol", protocol), *fields]
        return self.start("CONNECT", target, None, head, end=False)

    def say(self, stream: int, data: bytes) -> None:
        """Behind what was said before, as far as the server lets it."""
        body = self.bodies.setdefault(stream, Body(memoryview(b""), None, open=True))
        body.data = memoryview(body.data[body.at :].tobytes() + data)
        body.at = 0
        self._send_body(stream)
        self._flush()

    def finish(self, stream: int) -> None:
        body = self.bodies.setdefault(stream, Body(memoryview(b""), None))
        body.open = False
        self._send_body(stream)
        self._flush()

    def request(
        self, method: str, target: str, body: bytes | None = None, fields: Iterable[Field] = ()
    ) -> Answer:
        return self.answer(self.start(method, target, body, fields))

    def get(self, target: str, fields: Iterable[Field] = ()) -> Answer:
        return self.request("GET", target, None, fields)

    def cancel(self, stream: int) -> None:
        self.bodies.pop(stream, None)
        self.h2.reset_stream(stream, 8)
        self._flush()

    def hold(self, stream: int) -> None:
        self.held[stream] = 0

    def release(self, stream: int) -> None:
        kept = self.held.pop(stream)
        if kept:
            self.h2.acknowledge_received_data(kept, stream)
        self._flush()

    # waiting

    def wait(self, until: Callable[[], Any], what: str, timeout: float | None = None) -> None:
        deadline = time.monotonic() + (timeout or self.timeout)
        while not until():
            left = deadline - time.monotonic()
            assert left > 0, f"waited {timeout or self.timeout:g} s in vain for {what}"
            assert not self.closed, f"the connection ended while waiting for {what}"
            self.step(left)

    def answer(self, stream: int, timeout: float | None = None) -> Answer:
        answer = self.answers[stream]
        self.wait(lambda: answer.over, f"the end of stream {stream}", timeout)
        return answer

    def wait_head(self, stream: int) -> Answer:
        answer = self.answers[stream]
        self.wait(lambda: answer.headers or answer.over, f"the head of stream {stream}")
        return answer

    def wait_end(self, timeout: float | None = None) -> None:
        deadline = time.monotonic() + (timeout or self.timeout)
        while not self.closed:
            assert time.monotonic() < deadline, "the connection did not end"
            self.step(0.2)

    def step(self, longest: float) -> None:
        """What came, and what may go."""
        pending = isinstance(self.socket, ssl.SSLSocket) and self.socket.pending()
        if not pending and not select.select([self.socket], [], [], max(0.0, longest))[0]:
            return
        try:
            data = self.socket.recv(1 << 18)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
            data = b""
        if not data:
            self.closed = True
            return
        for event in self.h2.receive_data(self._without_goaway(data)):
            self._heed(event)
        for stream in list(self.bodies):
            self._send_body(stream)
        self._flush()

    def _without_goaway(self, data: bytes) -> bytes:
        """Whole frames. After a GOAWAY h2 takes no more, though answers are still to come (RFC 9113
        6.8), so it does not hear of it."""
        self._partial += data
        kept = b""
        while len(self._partial) >= 9:
            length, kind, _, _ = parse_head(self._partial[:9])
            if len(self._partial) < 9 + length:
                break
            got, self._partial = self._partial[: 9 + length], self._partial[9 + length :]
            if kind == GOAWAY:
                last, code = struct.unpack(">II", got[9:17])
                self.goaways.append((last, code))
            else:
                kept += got
        return kept

    def _heed(self, event: Event) -> None:
        stream = getattr(event, "stream_id", None)
        answer = self.answers.get(stream) if stream else None
        if answer is None or stream is None:
            return
        if isinstance(event, InformationalResponseReceived):
            answer.interim.append(list(event.headers))
        elif isinstance(event, ResponseReceived):
            answer.headers = list(event.headers)
        elif isinstance(event, TrailersReceived):
            answer.trailers = list(event.headers)
        elif isinstance(event, DataReceived):
            self._heed_data(stream, answer, event)
        elif isinstance(event, StreamEnded):
            answer.ended, answer.ended_after = True, self.ended_streams
            self.ended_streams += 1
        elif isinstance(event, StreamReset):
            answer.reset = int(event.error_code)
            self.bodies.pop(stream, None)

    def _heed_data(self, stream: int, answer: Answer, event: DataReceived) -> None:
        answer.body += event.data
        count = event.flow_controlled_length
        if stream in self.held:
            self.held[stream] += count
        elif count:
            self.h2.acknowledge_received_data(count, stream)

    def _send_body(self, stream: int) -> None:
        body = self.bodies[stream]
        last = False
        while body.at < len(body.data):
            window = self.h2.local_flow_control_window(stream)
            room = min(window, self.h2.max_outbound_frame_size, len(body.data) - body.at)
            if room <= 0:
                return
            part = body.data[body.at : body.at + room].tobytes()
            body.at += room
            last = body.at == len(body.data) and body.trailers is None and not body.open
            self.h2.send_data(stream, part, end_stream=last)
        if body.open:
            return
        if body.trailers is not None:
            self.h2.send_headers(stream, body.trailers, end_stream=True)
        elif not last:
            self.h2.end_stream(stream)
        del self.bodies[stream]

    def _flush(self) -> None:
        data = self.h2.data_to_send()
        if not data:
            return
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            self.closed = True
