"""Frames right and wrong, in pieces that the input chooses (split_input.h); roles, compression and
limits by its flags."""

from __future__ import annotations

import zlib

MASK = b"\x37\xfa\x21\x3d"
CLIENT, DEFLATE, TIGHT = 1, 2, 4  # flags of the target; CLIENT: the frames are a server's


def frame(first: int, payload: bytes = b"", masked: bool = True) -> bytes:
    size = len(payload)
    bit = 128 if masked else 0
    if size < 126:
        head = bytes([first, bit | size])
    elif size < 65536:
        head = bytes([first, bit | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([first, bit | 127]) + size.to_bytes(8, "big")
    if not masked:
        return head + payload
    return head + MASK + bytes(byte ^ MASK[at % 4] for at, byte in enumerate(payload))


def deflated(payload: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=-15)
    return (deflate.compress(payload) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]


TEXT, BINARY, CLOSE, PING, PONG, MORE = 0x81, 0x82, 0x88, 0x89, 0x8A, 0x80
RSV1 = 0x40
GREEK = "κόσμε".encode()
CASES = {
    "text": frame(TEXT, b"hello") + frame(TEXT, GREEK),
    "binary": frame(BINARY, b"\x00\xff\xfe") + frame(BINARY),
    "fragments": frame(0x01, b"he") + frame(PING, b"p") + frame(0x00) + frame(MORE, b"llo"),
    "cut_character": frame(0x01, b"\xe2\x82") + frame(MORE, b"\xac") + frame(TEXT, b"\xe2\x82"),
    "surrogate": frame(TEXT, b"\xed\xa0\x80"),
    "pings": frame(PING) + frame(PING, b"a" * 125) + frame(PONG, b"b"),
    "close": frame(CLOSE, b"\x03\xe8bye") + frame(TEXT, b"late"),
    "close_bare": frame(CLOSE),
    "close_short": frame(CLOSE, b"\x03"),
    "close_code": frame(CLOSE, b"\x03\xed"),
    "close_reason": frame(CLOSE, b"\x03\xe8\xff"),
    "unmasked": frame(TEXT, b"hello", masked=False),
    "reserved": frame(0x91, b"a"),
    "opcode": frame(0x83, b"a"),
    "long_control": frame(PING, b"a" * 126),
    "fragmented_control": frame(0x09, b"a"),
    "stray": frame(MORE, b"a"),
    "inside": frame(0x01, b"a") + frame(TEXT, b"b"),
    "length_not_minimal": bytes([TEXT, 0xFE, 0, 5]) + MASK + b"hello",
    "length_negative": bytes([TEXT, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1]) + MASK,
    "length_16": frame(BINARY, b"x" * 126),
    "length_64": frame(BINARY, b"x" * 5000)[:400],
    "too_large": frame(BINARY, b"x" * 101),
    "too_large_in_parts": frame(0x02, b"x" * 60) + frame(MORE, b"x" * 60),
    "rsv1": frame(TEXT | RSV1, b"a"),
}
COMPRESSED = {
    "deflated": frame(TEXT | RSV1, deflated(b"hello" * 20)),
    "deflated_parts": frame(0x41, deflated(b"hello")[:3]) + frame(MORE, deflated(b"hello")[3:]),
    "deflated_plain": frame(TEXT, b"plain") + frame(TEXT | RSV1, deflated(GREEK)),
    "deflated_last_block": frame(TEXT | RSV1, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"),
    "deflated_broken": frame(TEXT | RSV1, b"\xff\xff\xff"),
    "deflated_cut": frame(TEXT | RSV1, deflated(b"abcdefgh" * 9)[:5]),
    "deflated_bomb": frame(BINARY | RSV1, deflated(bytes(200_000))),
    "deflated_ping": frame(PING | RSV1, b"a"),
    "deflated_continuation": frame(0x01, b"a") + frame(MORE | RSV1, b"b"),
    "deflated_nothing": frame(TEXT | RSV1),
}
ANSWERS = {
    "server_text": frame(TEXT, b"hello", masked=False) + frame(PING, b"p", masked=False),
    "server_masked": frame(TEXT, b"hello"),
    "server_close": frame(CLOSE, b"\x03\xf4", masked=False),
}


def pieces(*sizes: int) -> bytes:
    return bytes([len(sizes), *sizes])


SEEDS: dict[str, bytes] = {}
for flags, cases in ((0, CASES), (DEFLATE, COMPRESSED), (CLIENT, ANSWERS)):
    for number, (name, wire) in enumerate(cases.items()):
        SEEDS[name] = bytes([flags]) + pieces(number % 7 + 1) + wire
        if number % 3 == 0 or "large" in name or "bomb" in name:
            SEEDS[f"{name}_tight"] = bytes([flags | TIGHT]) + pieces(1, 0, 30) + wire
