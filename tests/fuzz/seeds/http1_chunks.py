"""Chunked bodies: the features of the coding, and what is refused of each."""

from __future__ import annotations

BODIES: dict[str, bytes] = {
    "empty": b"0\r\n\r\n",
    "one": b"5\r\nhello\r\n0\r\n\r\n",
    "two": b"5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n",
    "leading_zeros": b"0000000000000005\r\nhello\r\n000\r\n\r\n",
    "extensions": b'1;a;b=c;d="e\\"f"\r\nx\r\n0;g\r\n\r\n',
    "trailers": b"1\r\nx\r\n0\r\nX-Sum: abc\r\nY:\r\n\r\nGET ",
    "forbidden_trailer": b"0\r\nContent-Length: 5\r\n\r\n",
    "folded_trailer": b"0\r\nX: y\r\n z\r\n\r\n",
    "largest": b"7fffffffffffffff\r\nx",
    "overflow": b"8000000000000000\r\n",
    "sum_overflow": b"1\r\nx\r\n7fffffffffffffff\r\n",
    "blank": b"5 \r\nhello\r\n",
    "bare_lf": b"5\nhello\n0\n\n",
    "bare_lf_after_data": b"5\r\nhello\n0\r\n\r\n",
    "long_data": b"5\r\nhello!\r\n0\r\n\r\n",
    "hidden_crlf": b"4\r\n\r\n\r\n\r\n0\r\n\r\n",
    "no_size": b"\r\n\r\n",
    "bad_extension": b"1;a b\r\nx\r\n",
    "open_quote": b'1;a="b\r\nx\r\n',
    "long_extension": b"1;" + b"e" * 40 + b"\r\nx\r\n0\r\n\r\n",
    "many_trailers": b"0\r\n" + b"A:\r\n" * 6 + b"\r\n",
    "cut": b"5\r\nhel",
}
SEEDS: dict[str, bytes] = {}
for number, (name, body) in enumerate(BODIES.items()):
    SEEDS[name] = bytes([0, 2, number % 5 + 1, 3]) + body
    SEEDS[f"{name}_tight"] = bytes([15, 3, 1, 0, 9]) + body
