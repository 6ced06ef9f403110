"""A WebSocket client by raw frames: what is sent is what the test wrote, right or wrong."""

from __future__ import annotations

import base64
import hashlib
import socket
import zlib
from dataclasses import dataclass
from types import TracebackType

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
RSV1 = 4  # of the three reserved bits
KEY = base64.b64encode(b"sixteen bytes...").decode()
ACCEPT = base64.b64encode(
    hashlib.sha1((KEY + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
).decode()
MASK = b"\x37\xfa\x21\x3d"


def mask(payload: bytes) -> bytes:
    """Xor of whole numbers: large messages are masked in no time."""
    size = len(payload)
    key = (MASK * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> bytes:
    size = len(payload)
    head = bytes([fin << 7 | rsv << 4 | opcode])
    if size < 126:
        head += bytes([128 | size])
    elif size < 65536:
        head += b"\xfe" + size.to_bytes(2, "big")
    else:
        head += b"\xff" + size.to_bytes(8, "big")
    return head + MASK + mask(payload)


def fragments(opcode: int, *payloads: bytes, rsv: int = 0) -> list[bytes]:
    """One message, a frame for each payload."""
    last = len(payloads) - 1
    return [
        frame(CONTINUATION if at else opcode, part, fin=at == last, rsv=0 if at else rsv)
        for at, part in enumerate(payloads)
    ]


def cut(payload: bytes, size: int) -> list[bytes]:
    return [payload[at : at + size] for at in range(0, len(payload), size)] or [b""]


def close(code: int | None = None, reason: bytes = b"") -> bytes:
    return frame(CLOSE, (b"" if code is None else code.to_bytes(2, "big")) + reason)


def deflated(payload: bytes, window_bits: int = 15) -> bytes:
    """RFC 7692 7.2.1, without a window from before."""
    deflate = zlib.compressobj(wbits=-window_bits)
    return (deflate.compress(payload) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]


def inflated(payload: bytes, window_bits: int = 15) -> bytes:
    return zlib.decompressobj(wbits=-window_bits).decompress(payload + b"\0\0\xff\xff")


@dataclass
class Frame:
    fin: bool
    rsv: int
    opcode: int
    payload: bytes


class Ended(Exception):  # noqa: N818 -- an event of the wire, not always an error
    """The server ended the connection."""


class Client:
    """Every wait of it ends at `timeout` seconds."""

    def __init__(self, port: int, *, extensions: str = "", timeout: float = 30.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        offered = f"Sec-WebSocket-Extensions: {extensions}\r\n" if extensions else ""
        self.send(
            f"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{offered}\r\n".encode()
        )
        head = self._take_head()
        assert head[0] == "HTTP/1.1 101 Switching Protocols", head
        fields = dict(line.split(": ", 1) for line in head[1:])
        assert fields["Sec-WebSocket-Accept"] == ACCEPT
        self.extension = fields.get("Sec-WebSocket-Extensions")

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read_frame(self) -> Frame:
        first, second = self._take(2)
        assert second < 128, "a server masks nothing"
        size = second
        if second >= 126:
            size = int.from_bytes(self._take(2 if second == 126 else 8), "big")
        return Frame(first >= 128, first >> 4 & 7, first & 15, self._take(size))

    def expect_end(self) -> None:
        try:
            more = self.socket.recv(1)
        except ConnectionResetError as error:
            raise AssertionError("the connection was reset") from error
        assert not self.buffer and not more, f"{bytes(self.buffer) + more!r} behind the close"

    def _take_head(self) -> list[str]:
        while b"\r\n\r\n" not in self.buffer:
            self._receive()
        head, _, rest = bytes(self.buffer).partition(b"\r\n\r\n")
        self.buffer = bytearray(rest)
        return head.decode().split("\r\n")

    def _take(self, size: int) -> bytes:
        while len(self.buffer) < size:
            self._receive()
        taken = bytes(self.buffer[:size])
        del self.buffer[:size]
        return taken

    def _receive(self) -> None:
        try:
            piece = self.socket.recv(1 << 20)
        except ConnectionResetError:
            piece = b""
        if not piece:
            raise Ended(f"after {bytes(self.buffer[:200])!r}")
        self.buffer += piece
