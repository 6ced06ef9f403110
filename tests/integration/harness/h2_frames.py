"""HTTP/2 frames as bytes, also those that no client should send (RFC 9113, sections 4 and 6)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from hpack import Encoder

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE = range(6)
PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(6, 10)
PRIORITY_UPDATE = 0x10  # RFC 9218

END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITY_FLAG = 0x20

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = range(4)
SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL = range(4, 9)
COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM = range(9, 12)

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = range(1, 5)
MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = 5, 6
ENABLE_CONNECT_PROTOCOL = 8  # RFC 8441

Field = tuple[str, str]
RawField = tuple[bytes, bytes]


@dataclass(frozen=True)
class Frame:
    kind: int
    flags: int
    stream: int
    payload: bytes


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    head = struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream)
    return head + payload


def parse_head(head: bytes) -> tuple[int, int, int, int]:
    """Length, kind, flags, stream of the nine bytes that every frame begins with."""
    high, low, kind, flags, stream = struct.unpack(">BHBBI", head)
    return (high << 16) + low, kind, flags, stream & 0x7FFFFFFF


def settings(values: dict[int, int] | Iterable[tuple[int, int]] = ()) -> bytes:
    pairs = values.items() if isinstance(values, dict) else values
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", *pair) for pair in pairs))


def rst_stream(stream: int, code: int = CANCEL) -> bytes:
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def window_update(stream: int, increment: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def ping(payload: bytes = b"harness?") -> bytes:
    return frame(PING, 0, 0, payload)


def priority(stream: int, depends_on: int, weight: int = 15) -> bytes:
    return frame(PRIORITY, 0, stream, struct.pack(">IB", depends_on, weight))


def literal(fields: Iterable[tuple[str | bytes, str | bytes]]) -> bytes:
    """A header block that changes no table and encodes anything (RFC 7541, 6.2.2)."""
    block = b""
    for name, value in fields:
        block += b"\x00" + _string(name) + _string(value)
    return block


def _string(text: str | bytes) -> bytes:
    raw = text.encode("latin-1") if isinstance(text, str) else text
    return integer(len(raw), 7, 0) + raw


def integer(value: int, bits: int, first: int) -> bytes:
    """RFC 7541, 5.1: `first` holds what stands above the prefix of `bits` bits."""
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([first | value])
    out = bytearray([first | limit])
    value -= limit
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    out.append(value)
    return bytes(out)


def request_fields(
    target: str = "/", method: str = "GET", fields: Iterable[Field] = (), scheme: str = "http"
) -> list[Field]:
    pseudo = [(":method", method), (":scheme", scheme), (":authority", "localhost")]
    return [*pseudo, (":path", target), *fields]


def small_get(target: str = "/") -> bytes:
    """A header block of a few bytes, for floods: it leaves the table as it was."""
    encoder = Encoder()
    encoder.header_table_size = 0
    return bytes(encoder.encode(request_fields(target)))
