"""PROXY headers of both versions, and what is none; each in pieces (split_input.h)."""

from __future__ import annotations

import struct

IPV4 = bytes([192, 0, 2, 7, 10, 0, 0, 1]) + struct.pack("!HH", 4321, 443)
IPV6 = (b"\x20\x01\x0d\xb8" + bytes(11) + b"\x07") * 2 + struct.pack("!HH", 4321, 443)


def binary(command: int, family: int, rest: bytes = b"") -> bytes:
    signature = b"\r\n\r\n\0\r\nQUIT\n"
    return signature + struct.pack("!BBH", command, family, len(rest)) + rest


def extension(kind: int, value: bytes) -> bytes:
    return struct.pack("!BH", kind, len(value)) + value


HEADERS = {
    "text": b"PROXY TCP4 192.0.2.7 10.0.0.1 4321 443\r\n",
    "text_ipv6": b"PROXY TCP6 2001:db8::7 ::1 4321 443\r\n",
    "text_unknown": b"PROXY UNKNOWN ffff::1 anything 1\r\n",
    "text_longest": b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n",
    "text_too_long": b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n",
    "text_bare_lf": b"PROXY TCP4 192.0.2.7 10.0.0.1 4321 443\n",
    "text_family": b"PROXY TCP5 192.0.2.7 10.0.0.1 4321 443\r\n",
    "text_address": b"PROXY TCP4 192.0.2.256 10.0.0.1 4321 443\r\n",
    "text_port": b"PROXY TCP4 192.0.2.7 10.0.0.1 04321 65536\r\n",
    "text_blanks": b"PROXY TCP4 192.0.2.7  10.0.0.1 4321 443\r\n",
    "text_empty": b"PROXY \r\n",
    "binary": binary(0x21, 0x11, IPV4),
    "binary_ipv6": binary(0x21, 0x21, IPV6),
    "binary_local": binary(0x20, 0x00),
    "binary_unspecified": binary(0x21, 0x00),
    "binary_unix": binary(0x21, 0x31, bytes(216)),
    "binary_short": binary(0x21, 0x21, IPV4),
    "binary_version": binary(0x11, 0x11, IPV4),
    "binary_command": binary(0x22, 0x11, IPV4),
    "binary_family": binary(0x21, 0x43, IPV4),
    "binary_extensions": binary(0x21, 0x11, IPV4 + extension(2, b"h") + extension(4, b"")),
    "binary_checksum": binary(0x21, 0x11, IPV4 + extension(3, b"\x5c\xda\x1f\x38")),
    "binary_bad_checksum": binary(0x21, 0x11, IPV4 + extension(3, b"none")),
    "binary_cut_extension": binary(0x21, 0x11, IPV4 + b"\x05\xff\xffid"),
    "binary_too_long": binary(0x21, 0x11, IPV4 + extension(4, bytes(4096))),
    "none": b"",
    "cut": b"PROX",
    "cut_binary": b"\r\n\r\n\0\r\nQUI",
}
SEEDS: dict[str, bytes] = {}
for number, (name, header) in enumerate(HEADERS.items()):
    SEEDS[name] = bytes([0, 2, number % 5 + 1, 7]) + header + b"GET / HTTP/1.1\r\n"
    SEEDS[f"{name}_whole"] = bytes([0, 0]) + header
