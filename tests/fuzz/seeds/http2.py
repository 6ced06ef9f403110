"""Small HTTP/2 connections, one per feature of the codec: flags, sizes of pieces, frames."""

from __future__ import annotations

import struct


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return (
        struct.pack(">I", len(payload))[1:]
        + bytes([kind, flags])
        + struct.pack(">I", stream)
        + payload
    )


DATA, HEADERS, PRIORITY, RST, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION = (
    0,
    1,
    2,
    3,
    4,
    6,
    7,
    8,
    9,
)
END_STREAM, END_HEADERS = 1, 4
HELLO = frame(SETTINGS, 0, 0)
GET = b"\x82\x86\x84\x41\x01x"  # GET http x /
POST = b"\x83\x86\x84\x41\x01x"
HEAD = b"\x42\x04HEAD\x86\x84\x41\x01x"


CONNECT = b"\x42\x07CONNECT\x86\x84\x41\x01x"


def field(name: bytes, value: bytes) -> bytes:
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def connect(protocol: bytes) -> bytes:
    return frame(HEADERS, END_HEADERS, 1, CONNECT + field(b":protocol", protocol))


def get(stream: int = 1, more: bytes = b"") -> bytes:
    return frame(HEADERS, END_HEADERS | END_STREAM, stream, GET + more)


def post(body: bytes, stream: int = 1) -> bytes:
    return frame(HEADERS, END_HEADERS, stream, POST) + frame(DATA, END_STREAM, stream, body)


def seed(*frames: bytes, flags: int = 0, sizes: bytes = b"") -> bytes:
    return bytes([flags, len(sizes)]) + sizes + HELLO + b"".join(frames)


SEEDS: dict[str, bytes] = {
    "get": seed(get()),
    "get_by_bytes": seed(get(), sizes=b"\x01"),
    "websocket": seed(
        connect(b"websocket"),
        frame(DATA, 0, 1, b"\x81\x80abcd"),
        frame(DATA, END_STREAM, 1, b""),
        flags=8,
    ),
    "websocket_other": seed(connect(b"x")),
    "two": seed(get(), get(3)),
    "post": seed(post(b"hello")),
    "post_held": seed(post(b"x" * 300), flags=4),
    "answered_early": seed(frame(HEADERS, END_HEADERS, 1, POST), frame(DATA, 0, 1, b"a"), flags=8),
    "large_answer": seed(get(), frame(WINDOW, 0, 1, b"\x00\x01\x00\x00"), flags=16),
    "aborted": seed(get(), flags=32),
    "head": seed(frame(HEADERS, END_HEADERS | END_STREAM, 1, HEAD)),
    "trailers": seed(
        frame(HEADERS, END_HEADERS, 1, POST),
        frame(DATA, 0, 1, b"abc"),
        frame(HEADERS, END_HEADERS | END_STREAM, 1, field(b"x-t", b"v")),
    ),
    "bad_trailer": seed(
        frame(HEADERS, END_HEADERS, 1, POST),
        frame(HEADERS, END_HEADERS | END_STREAM, 1, field(b"host", b"v")),
    ),
    "continuation": seed(
        frame(HEADERS, END_STREAM, 1, GET), frame(CONTINUATION, END_HEADERS, 1, field(b"a", b"b"))
    ),
    "cookies": seed(get(more=field(b"cookie", b"a=1") + field(b"cookie", b"b=2"))),
    "other_host": seed(get(more=field(b"host", b"y"))),
    "connection": seed(get(more=field(b"connection", b"close"))),
    "length": seed(get(more=field(b"content-length", b"5"))),
    "many_fields": seed(get(more=b"\x40\x01n\x01v" + b"\xbe" * 60)),
    "reset": seed(get(), frame(RST, 0, 1, b"\0\0\0\x08")),
    "late_data": seed(get(), frame(DATA, 0, 1, b"x")),
    "priority": seed(frame(PRIORITY, 0, 1, b"\0\0\0\x03\x10"), get()),
    "on_itself": seed(frame(PRIORITY, 0, 1, b"\0\0\0\x01\x10")),
    "ping": seed(frame(PING, 0, 0, b"12345678")),
    "window_zero": seed(get(), frame(WINDOW, 0, 1, b"\0\0\0\0")),
    "window_over": seed(get(), frame(WINDOW, 0, 1, b"\x7f\xff\xff\xff")),
    "no_window": seed(frame(SETTINGS, 0, 0, b"\0\x04\0\0\0\0"), get()),
    "goaway": seed(get(), frame(GOAWAY, 0, 0, b"\0\0\0\0\0\0\0\0")),
    "connect": seed(frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x42\x07CONNECT\x41\x01x")),
    "http1": b"\x01\x00GET / HTTP/1.1\r\nHost: x\r\n\r\n",
}
