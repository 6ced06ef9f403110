"""One connection of HTTP/2 by raw frames: what is sent is what the test wrote.

    with Peer(server.port) as peer:
        stream = peer.open(request_fields("/hello"))
        assert peer.answer(stream).status == 200

It acknowledges SETTINGS and answers PING, gives credit for what it reads unless told otherwise, and
keeps what came by stream. Every wait ends at a deadline.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Callable

from hpack import Decoder, Encoder

from harness import h2_frames as h2
from harness.h2_frames import Field, Frame


@dataclass
class Stream:
    heads: list[list[Field]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    ended: bool = False
    reset: int | None = None
    data_frames: int = 0

    @property
    def over(self) -> bool:
        return self.ended or self.reset is not None

    @property
    def head(self) -> dict[str, str]:
        """Of the final answer; an AssertionError where none came."""
        for fields in self.heads:
            if (found := dict(fields)).get(":status", "100") >= "200":
                return found
        raise AssertionError(f"no answer but {self}")

    @property
    def status(self) -> int | None:
        """None where no final answer came."""
        codes = [dict(fields).get(":status", "") for fields in self.heads]
        return next((int(code) for code in codes if code >= "200"), None)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class EndedError(AssertionError):
    """The server ended the connection while a test waited for something else."""


class Peer:
    def __init__(
        self,
        port: int,
        *,
        settings: dict[int, int] | None = None,
        start: bool = True,
        credit: bool = True,
        timeout: float = 15.0,
        receive_buffer: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`start=False`: not even the preface is sent. `credit=False`: no WINDOW_UPDATE is."""
        raw = socket.socket()
        if receive_buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        raw.settimeout(timeout)
        raw.connect(("127.0.0.1", port))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = tls.wrap_socket(raw, server_hostname="localhost") if tls else raw
        self.scheme = "https" if tls else "http"
        self.timeout, self.gives_credit = timeout, credit
        self.buffer = b""
        self.closed = False
        self.encoder, self.decoder = Encoder(), Decoder()
        self.decoder.max_header_list_size = 1 << 20
        self.streams: dict[int, Stream] = {}
        self.settings: dict[int, int] = {}
        self.settings_acks = 0
        self.goaways: list[tuple[int, int, bytes]] = []  # last stream, code, debug data
        self.pongs: list[bytes] = []
        self.frames: list[Frame] = []  # all that came, DATA apart
        self.window = 65535
        self.windows: dict[int, int] = {}
        self.next_stream = 1
        self._block: tuple[int, int, bytes] | None = None
        if start:
            self.send(h2.PREFACE + h2.settings(settings or {}))

    def __enter__(self) -> Peer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    # sending

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def try_send(self, data: bytes) -> bool:
        """False once the server does not take any more."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            return False
        return True

    def new_stream(self) -> int:
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        self.streams[stream] = Stream()
        return stream

    def open(self, fields: Iterable[tuple[str | bytes, str | bytes]], *, end: bool = True) -> int:
        """A stream of these fields, as they are."""
        stream = self.new_stream()
        self.headers(stream, fields, end=end)
        return stream

    def headers(
        self,
        stream: int,
        fields: Iterable[tuple[str | bytes, str | bytes]],
        *,
        end: bool = True,
    ) -> None:
        """In as many frames as it takes, all literals."""
        block = h2.literal(fields)
        parts = [block[at : at + 16384] for at in range(0, len(block), 16384)] or [b""]
        wire = b""
        for number, part in enumerate(parts):
            kind = h2.CONTINUATION if number else h2.HEADERS
            flags = h2.END_HEADERS if number == len(parts) - 1 else 0
            flags |= h2.END_STREAM if end and not number else 0
            wire += h2.frame(kind, flags, stream, part)
        self.send(wire)

    def data(self, stream: int, data: bytes, *, end: bool = False) -> None:
        """One frame, whatever the windows say."""
        self.window -= len(data)
        self.windows[stream] = self._window_of(stream) - len(data)
        self.send(h2.frame(h2.DATA, h2.END_STREAM if end else 0, stream, data))

    def send_body(self, stream: int, body: bytes, *, end: bool = True, piece: int = 16384) -> None:
        """As the server's windows allow."""
        at = 0
        while at < len(body):
            room = min(self.window, self._window_of(stream), piece)
            if room <= 0:
                self.read_frame()
                assert self.streams[stream].reset is None, f"reset by {self.streams[stream].reset}"
                continue
            part = body[at : at + room]
            at += len(part)
            self.data(stream, part, end=end and at == len(body))
        if end and not body:
            self.data(stream, b"", end=True)

    def _window_of(self, stream: int) -> int:
        first = self.settings.get(h2.INITIAL_WINDOW_SIZE, 65535)
        return self.windows.setdefault(stream, first)

    def request(
        self, method: str, target: str, body: bytes = b"", fields: Iterable[Field] = ()
    ) -> Stream:
        """A correct one, and its answer."""
        stream = self.start(method, target, fields, end=not body)
        if body:
            self.send_body(stream, body)
        return self.answer(stream)

    def start(
        self, method: str, target: str, fields: Iterable[Field] = (), *, end: bool = True
    ) -> int:
        return self.open(h2.request_fields(target, method, fields, self.scheme), end=end)

    def get(self, target: str, fields: Iterable[Field] = ()) -> Stream:
        return self.request("GET", target, b"", fields)

    # receiving

    def _fill(self, count: int) -> bool:
        while len(self.buffer) < count:
            try:
                data = self.socket.recv(262144)
            except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
                data = b""
            if not data:
                self.closed = True
                return False
            self.buffer += data
        return True

    def next_frame(self) -> Frame | None:
        """As it came, unheeded; None at the end of the connection."""
        if not self._fill(9):
            return None
        length, kind, flags, stream = h2.parse_head(self.buffer[:9])
        if not self._fill(9 + length):
            return None
        payload, self.buffer = self.buffer[9 : 9 + length], self.buffer[9 + length :]
        return Frame(kind, flags, stream, payload)

    def read_frame(self) -> Frame:
        got = self.next_frame()
        if got is None:
            raise EndedError(f"the server closed the connection; GOAWAY {self.goaways}")
        if got.kind != h2.DATA:
            self.frames.append(got)
        heed = _HEEDS.get(got.kind)
        if heed:
            heed(self, got)
        return got

    def wait(self, until: Callable[[], Any], what: str) -> None:
        """Reads frames until it is so."""
        deadline = time.monotonic() + self.timeout
        while not until():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {self.timeout:g} s in vain for {what}")
            try:
                self.read_frame()
            except socket.timeout as late:
                raise AssertionError(f"waited {self.timeout:g} s in vain for {what}") from late

    def answer(self, stream: int) -> Stream:
        """Once it is over: whole, or reset."""
        self.wait(lambda: self.streams[stream].over, f"the end of stream {stream}")
        return self.streams[stream]

    def wait_head(self, stream: int) -> Stream:
        self.wait(
            lambda: self.streams[stream].status or self.streams[stream].over,
            f"the head of stream {stream}",
        )
        return self.streams[stream]

    def sync(self) -> None:
        """Returns once the server has seen all that was sent, by PING."""
        seen = len(self.pongs)
        self.send(h2.ping(struct.pack(">Q", seen)))
        self.wait(lambda: len(self.pongs) > seen, "the answer to PING")

    def wait_end(self, timeout: float | None = None) -> tuple[int, str] | None:
        """Reads to the end of the connection; code and debug data of the last GOAWAY, if any."""
        deadline = time.monotonic() + (timeout or self.timeout)
        while not self.closed:
            assert time.monotonic() < deadline, "the connection did not end"
            self.socket.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                self.read_frame()
            except EndedError:
                break
            except socket.timeout:
                raise AssertionError("the connection did not end") from None
        if not self.goaways:
            return None
        return self.goaways[-1][1], self.goaways[-1][2].decode(errors="replace")

    # what frames mean

    def _of(self, stream: int) -> Stream:
        return self.streams.setdefault(stream, Stream())

    def _heed_data(self, got: Frame) -> None:
        stream = self._of(got.stream)
        assert not stream.ended, f"DATA after the end of stream {got.stream}"
        stream.body += got.payload
        stream.data_frames += 1
        stream.ended = bool(got.flags & h2.END_STREAM)
        if self.gives_credit and got.payload:
            more = h2.window_update(0, len(got.payload))
            if not stream.ended:
                more += h2.window_update(got.stream, len(got.payload))
            self.try_send(more)

    def _heed_headers(self, got: Frame) -> None:
        assert self._block is None, "HEADERS within a header block"
        assert not got.flags & (h2.PADDED | h2.PRIORITY_FLAG), "not what this client reads"
        self._block = (got.stream, got.flags, got.payload)
        self._end_block(got)

    def _heed_continuation(self, got: Frame) -> None:
        assert self._block is not None and self._block[0] == got.stream
        self._block = (got.stream, self._block[1], self._block[2] + got.payload)
        self._end_block(got)

    def _end_block(self, got: Frame) -> None:
        if not got.flags & h2.END_HEADERS or self._block is None:
            return
        number, flags, block = self._block
        self._block = None
        stream = self._of(number)
        assert not stream.ended, f"HEADERS after the end of stream {number}"
        fields = self.decoder.decode(block, raw=True)
        stream.heads.append([(n.decode("latin-1"), v.decode("latin-1")) for n, v in fields])
        stream.ended = bool(flags & h2.END_STREAM)

    def _heed_reset(self, got: Frame) -> None:
        self._of(got.stream).reset = struct.unpack(">I", got.payload)[0]

    def _heed_settings(self, got: Frame) -> None:
        if got.flags & h2.ACK:
            self.settings_acks += 1
            return
        before = self.settings.get(h2.INITIAL_WINDOW_SIZE, 65535)
        for at in range(0, len(got.payload), 6):
            name, value = struct.unpack(">HI", got.payload[at : at + 6])
            self.settings[name] = value
        grown = self.settings.get(h2.INITIAL_WINDOW_SIZE, 65535) - before
        self.windows = {stream: window + grown for stream, window in self.windows.items()}
        self.try_send(h2.frame(h2.SETTINGS, h2.ACK))

    def _heed_ping(self, got: Frame) -> None:
        if got.flags & h2.ACK:
            self.pongs.append(got.payload)
        else:
            self.try_send(h2.frame(h2.PING, h2.ACK, 0, got.payload))

    def _heed_goaway(self, got: Frame) -> None:
        last, code = struct.unpack(">II", got.payload[:8])
        self.goaways.append((last & 0x7FFFFFFF, code, got.payload[8:]))

    def _heed_window(self, got: Frame) -> None:
        increment = struct.unpack(">I", got.payload)[0]
        if got.stream:
            self.windows[got.stream] = self._window_of(got.stream) + increment
        else:
            self.window += increment


_HEEDS: dict[int, Callable[[Peer, Frame], None]] = {
    h2.DATA: Peer._heed_data,
    h2.HEADERS: Peer._heed_headers,
    h2.CONTINUATION: Peer._heed_continuation,
    h2.RST_STREAM: Peer._heed_reset,
    h2.SETTINGS: Peer._heed_settings,
    h2.PING: Peer._heed_ping,
    h2.GOAWAY: Peer._heed_goaway,
    h2.WINDOW_UPDATE: Peer._heed_window,
}
