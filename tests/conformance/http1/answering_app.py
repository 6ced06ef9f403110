"""Answers as it is told: /NAME gives ANSWERS[NAME]. Its tests read the same table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Answer(NamedTuple):
    status: object = "200 OK"
    headers: object = ()
    parts: tuple[bytes | type[Exception], ...] = (b"body",)
    writes: tuple[bytes, ...] = ()  # by the write() of start_response


BAD_HEADS = {
    "value with CR LF": Answer(headers=[("X-A", "evil\r\nSet-Cookie: evil=1")]),
    "value with CR LF CR LF": Answer(headers=[("X-A", "evil\r\n\r\nevil")]),
    "value with LF": Answer(headers=[("X-A", "evil\nSet-Cookie: evil=1")]),
    "value with LF at the end": Answer(headers=[("X-A", "evil\n")]),
    "value with CR": Answer(headers=[("X-A", "evil\rSet-Cookie: evil=1")]),
    "value folded": Answer(headers=[("X-A", "evil\r\n evil")]),
    "value with NUL": Answer(headers=[("X-A", "evil\0")]),
    "value with a control": Answer(headers=[("X-A", "evil\x1b[2J")]),
    "value with DEL": Answer(headers=[("X-A", "evil\x7f")]),
    "value beyond Latin-1": Answer(headers=[("X-A", "evil\u0141")]),
    "value that becomes LF when cut": Answer(headers=[("X-A", "evil\u010a\u010d")]),
    "name with CR LF": Answer(headers=[("X-A: evil\r\nX-B", "evil")]),
    "name with a blank": Answer(headers=[("X-A evil", "evil")]),
    "name with a colon": Answer(headers=[("X-A:", "evil")]),
    "name with NUL": Answer(headers=[("X-A\0", "evil")]),
    "name empty": Answer(headers=[("", "evil")]),
    "name beyond ASCII": Answer(headers=[("X-\xe9", "evil")]),
    "second of two": Answer(headers=[("X-A", "fine"), ("X-B", "evil\nX-C: evil")]),
    "hop-by-hop with LF": Answer(headers=[("Connection", "close\nX-A: evil")]),
    "length is no number": Answer(headers=[("Content-Length", "evil")]),
    "length is negative": Answer(headers=[("Content-Length", "-1")]),
    "length is a list": Answer(headers=[("Content-Length", "4, 4")]),
    "two lengths": Answer(headers=[("Content-Length", "4"), ("Content-Length", "5")]),
    "status with CR LF": Answer("200 OK\r\nX-A: evil"),
    "status with LF": Answer("200 evil\n"),
    "status with NUL": Answer("200 evil\0"),
    "status without a number": Answer("evil"),
    "status of two digits": Answer("20 evil"),
    "status of four digits": Answer("2000 evil"),
    "status signed": Answer("+20 evil"),
    "status empty": Answer(""),
    "status interim": Answer("100 evil"),
    "status 101": Answer("101 evil"),
    "status is an int": Answer(200),
    "header is no pair": Answer(headers=[("X-A", "evil", "evil")]),
    "header value is no text": Answer(headers=[("X-A", 5)]),
}
HOP_BY_HOP = [
    ("Connection", "X-Secret"),
    ("Keep-Alive", "timeout=999"),
    ("Transfer-Encoding", "chunked"),
    ("Upgrade", "h2c"),
    ("TE", "trailers"),
    ("Trailer", "X-T"),
    ("Proxy-Connection", "keep-alive"),
    ("Proxy-Authenticate", "Basic"),
]
ANSWERS = {
    **BAD_HEADS,
    **{name: Answer(headers=[(name, value), ("X-Kept", "yes")]) for name, value in HOP_BY_HOP},
    "length": Answer(headers=[("Content-Length", "4")]),
    "no length": Answer(parts=(b"bo", b"dy")),
    "too long": Answer(headers=[("Content-Length", "4")], parts=(b"bo", b"dysurplus", b"more")),
    "too short": Answer(headers=[("Content-Length", "5")]),
    "nothing of 5": Answer(headers=[("Content-Length", "5")], parts=()),
    "written, no length": Answer(parts=(b"dy",), writes=(b"bo",)),
    "204": Answer("204 No Content"),
    "304": Answer("304 Not Modified"),
    "304 with its length": Answer("304 Not Modified", [("Content-Length", "4")]),
    "error first": Answer(parts=(ValueError,)),
    "error later": Answer(parts=(b"bo", ValueError)),
    "error within its length": Answer(headers=[("Content-Length", "4")], parts=(b"bo", ValueError)),
    "dated": Answer(headers=[("Date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("Server", "cat")]),
    "dated twice": Answer(headers=[("Date", "a"), ("date", "b"), ("Server", "c"), ("server", "d")]),
    "closes": Answer(headers=[("Connection", "close")]),
}


def app(environ, start_response):  # type: ignore[no-untyped-def]
    answer = ANSWERS[environ["PATH_INFO"][1:]]
    write = start_response(answer.status, list(answer.headers))  # type: ignore[call-overload]
    for part in answer.writes:
        write(part)
    return told(answer)


def told(answer: Answer) -> Iterator[bytes]:
    for part in answer.parts:
        if not isinstance(part, bytes):
            raise part("told to")
        yield part
