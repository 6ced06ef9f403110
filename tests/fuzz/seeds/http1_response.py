"""Answers of apps: each way to frame a body, and heads that try to break out."""

from __future__ import annotations

HEAD, OLD, OLD_KEPT, IMPLIED, CLOSE = 1, 2, 3, 4, 8


def answer(
    *headers: tuple[bytes, bytes],
    status: int = 200,
    reason: bytes = b"",
    flags: int = 0,
    body: tuple[bytes, ...] = (),
) -> bytes:
    texts = [reason, *(text for header in headers for text in header)]
    packed = b"".join(bytes([len(text)]) + text for text in texts)
    pieces = b"".join(bytes([len(piece)]) + piece for piece in body)
    return bytes([flags, status >> 8, status & 255]) + packed + (b"\0" + pieces if body else b"")


LENGTH = (b"Content-Length", b"5")
TYPE = (b"Content-Type", b"text/plain")
HELLO = (b"hel", b"", b"lo")
SEEDS: dict[str, bytes] = {
    "length": answer(TYPE, LENGTH, body=HELLO),
    "chunked": answer(TYPE, body=HELLO),
    "implied": answer(TYPE, body=HELLO, flags=IMPLIED),
    "head": answer(TYPE, LENGTH, body=HELLO, flags=HEAD),
    "http10": answer(TYPE, body=HELLO, flags=OLD),
    "http10_kept": answer(TYPE, LENGTH, body=HELLO, flags=OLD_KEPT),
    "http10_kept_implied": answer(TYPE, body=HELLO, flags=OLD_KEPT | IMPLIED),
    "close": answer((b"Connection", b"close"), body=HELLO, flags=CLOSE),
    "204": answer(LENGTH, status=204, body=HELLO, flags=IMPLIED),
    "304": answer(LENGTH, status=304, flags=IMPLIED),
    "404_reason": answer(TYPE, status=404, reason=b"No Such Cat"),
    "unknown_status": answer(status=299),
    "hop_by_hop": answer((b"Transfer-Encoding", b"chunked"), (b"Keep-Alive", b"x"), (b"TE", b"y")),
    "date_server": answer((b"Date", b"a"), (b"date", b"b"), (b"Server", b""), (b"SERVER", b"x")),
    "two_lengths": answer(LENGTH, (b"content-length", b"05"), body=HELLO),
    "value_crlf": answer((b"X", b"a\r\nSet-Cookie: b")),
    "value_lf": answer((b"X", b"a\n")),
    "value_nul": answer((b"X", b"a\0b")),
    "value_tab_latin": answer((b"X", b"a\tb\xe9\xff")),
    "name_colon": answer((b"X: y\r\nZ", b"a")),
    "reason_crlf": answer(status=200, reason=b"OK\r\nX: y"),
    "status_100": answer(status=100),
    "status_1000": answer(status=1000),
}
