"""One small connection per feature of the FastCGI codec; what nginx sends lies beside them."""

from __future__ import annotations

GET = {"REQUEST_METHOD": "GET", "REQUEST_URI": "/a?b", "PATH_INFO": "/a", "HTTP_HOST": "h"}
POST = {**GET, "REQUEST_METHOD": "POST", "CONTENT_LENGTH": "5"}
BEGIN, ABORT, PARAMS, INPUT, DATA, VALUES = 1, 2, 4, 5, 8, 9


def record(kind: int, request: int, content: bytes = b"", padding: int = 0) -> bytes:
    head = bytes([1, kind]) + request.to_bytes(2, "big") + len(content).to_bytes(2, "big")
    return head + bytes([padding, 0]) + content + b"p" * padding


def begin(request: int = 1, keep: int = 0, role: int = 1) -> bytes:
    return record(BEGIN, request, bytes([0, role, keep, 0, 0, 0, 0, 0]))


def length(size: int) -> bytes:
    return bytes([size]) if size < 128 else (size | 1 << 31).to_bytes(4, "big")


def pairs(variables: dict[str, str]) -> bytes:
    return b"".join(
        length(len(name)) + length(len(value)) + f"{name}{value}".encode("latin-1")
        for name, value in variables.items()
    )


def params(variables: dict[str, str], request: int = 1) -> bytes:
    return record(PARAMS, request, pairs(variables), 3) + record(PARAMS, request)


def body(content: bytes = b"", request: int = 1) -> bytes:
    return (record(INPUT, request, content, 5) if content else b"") + record(INPUT, request)


GET_KEPT = begin(keep=1) + params(GET) + body()
ASKED = record(VALUES, 0, pairs({"FCGI_MAX_CONNS": "", "FCGI_MPXS_CONNS": "", "X": ""}))
SEEDS: dict[str, bytes] = {
    "get": begin() + params(GET) + body(),
    "kept": GET_KEPT * 3,
    "post": begin() + params(POST) + body(b"hello"),
    "post_unknown_length": begin() + params(GET) + record(INPUT, 1, b"one") + body(b"two"),
    "post_short": begin() + params(POST) + body(b"hell"),
    "post_long": begin() + params(POST) + body(b"hello!"),
    "post_cut": begin() + params(POST) + record(INPUT, 1, b"hello"),
    "long_value": begin() + params({**GET, "HTTP_X": "x" * 200}) + body(),
    "crumbs": begin()
    + b"".join(record(PARAMS, 1, pairs(GET)[at : at + 1]) for at in range(len(pairs(GET))))
    + record(PARAMS, 1)
    + body(),
    "padded": begin() + record(PARAMS, 1, pairs(GET), 255) + record(PARAMS, 1, b"", 9) + body(),
    "second_inside": begin() + begin(2) + params(POST) + begin(3) + body(b"hello"),
    "second_behind": GET_KEPT + begin(2) + params(GET, 2) + body(b"", 2),
    "other_role": begin(role=2, keep=1) + GET_KEPT,
    "abort_early": begin(keep=1) + record(ABORT, 1) + GET_KEPT,
    "abort_in_body": begin() + params(POST) + record(INPUT, 1, b"he") + record(ABORT, 1),
    "asked": ASKED + begin() + ASKED + params(POST) + ASKED + body(b"hello"),
    "unknown_type": record(77, 0, b"??") + GET_KEPT,
    "stale": GET_KEPT + record(INPUT, 1, b"late") + record(ABORT, 1) + GET_KEPT,
    "early_answer": begin(keep=1) + params(POST) + record(INPUT, 1, b"he") + GET_KEPT,
    "http": b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01",
    "version_2": b"\x02" + begin()[1:],
    "short_begin": record(BEGIN, 1, b"\0\1"),
    "begin_of_0": record(BEGIN, 0, bytes(8)),
    "data": begin() + record(DATA, 1, b"x"),
    "input_first": begin() + body(b"x"),
    "params_again": begin() + params(POST) + record(PARAMS, 1, b"x"),
    "length_behind_the_end": begin() + record(PARAMS, 1, b"\x09\x00abc") + record(PARAMS, 1),
    "length_of_4_bytes": begin() + record(PARAMS, 1, b"\xff" * 8) + record(PARAMS, 1),
    "half_a_header": b"\1\1\0",
    "cut": GET_KEPT[:-4],
}
