"""One small connection per feature of the SCGI codec; what nginx sends lies beside them."""

from __future__ import annotations

GET = {"CONTENT_LENGTH": "0", "SCGI": "1", "REQUEST_METHOD": "GET", "REQUEST_URI": "/a?b"}


def netstring(content: bytes) -> bytes:
    return str(len(content)).encode() + b":" + content + b","


def packet(**changes: str) -> bytes:
    pairs = {**GET, **changes}
    return netstring(b"".join(f"{k}\0{v}\0".encode("latin-1") for k, v in pairs.items()))


SEEDS: dict[str, bytes] = {
    "get": packet(),
    "head": packet(REQUEST_METHOD="HEAD"),
    "post": packet(CONTENT_LENGTH="5") + b"hello",
    "post_cut": packet(CONTENT_LENGTH="5") + b"hel",
    "two": packet() + packet(),
    "http": b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00",
    "no_size": b":,",
    "zero_size": b"0:,",
    "zeros_first": b"007:",
    "huge_size": b"999999999:",
    "ten_digits": b"1234567890:",
    "no_comma": packet()[:-1] + b";",
    "cut": packet()[:-2],
    "no_nul": netstring(b"CONTENT_LENGTH"),
    "length_later": netstring(b"SCGI\0001\0CONTENT_LENGTH\0000\0"),
    "scgi_2": packet(SCGI="2"),
    "nameless": netstring(b"CONTENT_LENGTH\0000\0\0x\0"),
    "no_method": netstring(b"CONTENT_LENGTH\0000\0SCGI\0001\0"),
    "names": packet(HTTP_PROXY="x", HTTP_HOST="h", DOCUMENT_URI="/a", SCRIPT_NAME="/a", X="1"),
    "whole_path": packet(DOCUMENT_URI="/m/x", SCRIPT_NAME="/m"),
    "body_too_large": packet(CONTENT_LENGTH="99999999") + b"x",
}
