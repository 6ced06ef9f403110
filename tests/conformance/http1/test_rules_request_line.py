"""Rules 1 to 5 on the wire: lines, what stands before them, the request line.

Rows are refused or accepted as wire.py says; see docs/conformance.md for what covers which rule.
"""

from __future__ import annotations

import pytest
from harness import Server
from wire import (
    Accepted,
    Refused,
    accepted,
    accepted_at_every_split,
    get,
    name_of,
    refused,
    refused_at_every_split,
)

REFUSED = [
    # 1. a line ends with CRLF
    Refused("1 bare LF everywhere", b"GET / HTTP/1.1\nHost: x\n\n"),
    Refused("1 bare LF after the request line", b"GET / HTTP/1.1\nHost: x\r\n\r\n"),
    Refused("1 bare LF after a field", b"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", split=True),
    Refused("1 bare LF as the empty line", b"GET / HTTP/1.1\r\nHost: x\r\n\n"),
    Refused("1 bare CR in a value", get(b"A: b\rc")),
    Refused("1 bare CR at the end of a field", b"GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n"),
    Refused("1 CR CR LF", b"GET / HTTP/1.1\r\nHost: x\r\r\n\r\n", split=True),
    Refused("1 CR CR LF after the request line", b"GET / HTTP/1.1\r\r\nHost: x\r\n\r\n"),
    Refused("1 bare CR in the request line", b"GET /\r HTTP/1.1\r\nHost: x\r\n\r\n"),
    # 2. before a request and before the first field
    Refused("2 two empty lines", b"\r\n\r\n" + get(), split=True),
    Refused("2 bare LF before a request", b"\n" + get()),
    Refused("2 bare CR before a request", b"\r" + get()),
    Refused("2 blank before a request", b" " + get()),
    Refused("2 blank line of blanks", b"  \r\n" + get()),
    Refused("2 blank before the first field", b"GET / HTTP/1.1\r\n Host: x\r\n\r\n"),
    Refused("2 tab before the first field", b"GET / HTTP/1.1\r\n\tA: b\r\nHost: x\r\n\r\n"),
    # 3. the request line
    Refused("3 two blanks", get(line=b"GET  / HTTP/1.1")),
    Refused("3 two blanks before the version", get(line=b"GET /  HTTP/1.1")),
    Refused("3 tab", get(line=b"GET\t/\tHTTP/1.1")),
    Refused("3 trailing blank", get(line=b"GET / HTTP/1.1 ")),
    Refused("3 leading tab", get(line=b"\tGET / HTTP/1.1")),
    Refused("3 four parts", get(line=b"GET / x HTTP/1.1")),
    Refused("3 HTTP/0.9", b"GET /\r\n", follow=False),
    Refused("3 HTTP/0.9 with a field", b"GET /\r\nHost: x\r\n\r\n"),
    Refused("3 no target", get(line=b"GET HTTP/1.1")),
    Refused("3 no method", get(line=b"/ HTTP/1.1")),
    Refused("3 lower case", get(line=b"GET / http/1.1")),
    Refused("3 HTTP/1", get(line=b"GET / HTTP/1")),
    Refused("3 HTTP/1.", get(line=b"GET / HTTP/1.")),
    Refused("3 HTTP/1.10", get(line=b"GET / HTTP/1.10")),
    Refused("3 HTTP/01.1", get(line=b"GET / HTTP/01.1")),
    Refused("3 HTTP/+1.1", get(line=b"GET / HTTP/+1.1")),
    Refused("3 HTTP/1,1", get(line=b"GET / HTTP/1,1")),
    Refused("3 HTTP /1.1", get(line=b"GET / HTTP /1.1")),
    Refused("3 HTTPS/1.1", get(line=b"GET / HTTPS/1.1")),
    Refused("3 HTTP/1.2", get(line=b"GET / HTTP/1.2"), 505),
    Refused("3 HTTP/2.0", get(line=b"GET / HTTP/2.0"), 505, split=True),
    Refused("3 HTTP/9.9", get(line=b"GET / HTTP/9.9"), 505),
    Refused("3 HTTP/0.9 written out", get(line=b"GET / HTTP/0.9"), 505),
    Refused("3 HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, follow=False),
    Refused(
        "3 TLS hello",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00\r\n\r\n",
        follow=False,
    ),
    # 4. methods
    Refused("4 empty method", get(line=b" / HTTP/1.1")),
    Refused("4 no tchar", get(line=b"GE(T / HTTP/1.1")),
    Refused("4 NUL", get(line=b"GE\0T / HTTP/1.1")),
    Refused("4 high byte", get(line=b"GE\xc3\x89 / HTTP/1.1")),
    Refused("4 colon", get(line=b"GET: / HTTP/1.1")),
    Refused("4 33 characters", get(line=b"A" * 33 + b" / HTTP/1.1")),
    Refused("4 CONNECT", b"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n", 501),
    Refused("4 CONNECT with a path", get(line=b"CONNECT / HTTP/1.1"), 501),
    # 5. targets
    Refused("5 control", get(line=b"GET /\x01 HTTP/1.1")),
    Refused("5 NUL", get(line=b"GET /\0 HTTP/1.1")),
    Refused("5 DEL", get(line=b"GET /\x7f HTTP/1.1")),
    Refused("5 high byte", get(line=b"GET /\xc3\xa9 HTTP/1.1")),
    Refused("5 fragment", get(line=b"GET /a#b HTTP/1.1")),
    Refused("5 no slash", get(line=b"GET index HTTP/1.1")),
    Refused("5 authority form", get(line=b"GET x:80 HTTP/1.1")),
    Refused("5 star for GET", get(line=b"GET * HTTP/1.1")),
    Refused("5 star and more", get(line=b"OPTIONS *a HTTP/1.1")),
    Refused("5 userinfo", get(line=b"GET http://user@x/ HTTP/1.1")),
    Refused("5 userinfo and password", get(line=b"GET http://u:p@x/ HTTP/1.1")),
    Refused("5 empty host", get(line=b"GET http:/// HTTP/1.1")),
    Refused("5 empty host with a port", get(line=b"GET http://:80/ HTTP/1.1")),
    Refused("5 other scheme", get(line=b"GET ftp://x/ HTTP/1.1")),
    Refused("5 bad port", get(line=b"GET http://x:abc/ HTTP/1.1")),
    Refused("5 query alone", get(line=b"GET ?a HTTP/1.1")),
]

ACCEPTED = [
    Accepted("2 one empty line before", b"\r\n" + get()),
    Accepted(
        "3 HTTP/1.0",
        b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        {"SERVER_PROTOCOL": "HTTP/1.0"},
    ),
    Accepted("4 unknown method", get(line=b"BREW / HTTP/1.1"), {"REQUEST_METHOD": "BREW"}),
    Accepted(
        "4 tchars",
        get(line=b"!#$%&'*+-.^_`|~aZ0 / HTTP/1.1"),
        {"REQUEST_METHOD": "!#$%&'*+-.^_`|~aZ0"},
    ),
    Accepted("4 32 characters", get(line=b"A" * 32 + b" / HTTP/1.1"), {"REQUEST_METHOD": "A" * 32}),
    Accepted("4 case is kept", get(line=b"get / HTTP/1.1"), {"REQUEST_METHOD": "get"}),
    Accepted(
        "5 absolute form",
        get(line=b"GET http://other:81/p?q HTTP/1.1"),
        {"HTTP_HOST": "other:81", "PATH_INFO": "/p", "QUERY_STRING": "q"},
        split=True,
    ),
    Accepted(
        "5 absolute form without a path",
        get(line=b"GET http://other HTTP/1.1"),
        {"HTTP_HOST": "other", "PATH_INFO": "/"},
    ),
    Accepted(
        "5 absolute form, upper-case scheme",
        get(line=b"GET HTTP://other/ HTTP/1.1"),
        {"HTTP_HOST": "other"},
    ),
    *(
        Accepted(
            f"5 {target} for OPTIONS",
            get(line=f"OPTIONS {target} HTTP/1.1".encode()),
            {"REQUEST_METHOD": "OPTIONS", "PATH_INFO": path, "REQUEST_URI": target},
        )
        for target, path in (
            ("*", ""),
            ("/*", "/*"),
            ("http://other", ""),
            ("http://other/", "/"),
            ("http://other?", "/"),
        )
    ),
    Accepted("5 double slash", get(line=b"GET //a//b HTTP/1.1"), {"PATH_INFO": "//a//b"}),
]


@pytest.mark.parametrize("row", REFUSED, ids=name_of)
def test_refused(counting: Server, row: Refused) -> None:
    refused(counting, row)


@pytest.mark.parametrize("row", [row for row in REFUSED if row.split], ids=name_of)
def test_refused_at_every_split(counting: Server, row: Refused) -> None:
    refused_at_every_split(counting, row)


@pytest.mark.parametrize("row", ACCEPTED, ids=name_of)
def test_accepted(counting: Server, row: Accepted) -> None:
    accepted(counting, row)


@pytest.mark.parametrize("row", [row for row in ACCEPTED if row.split], ids=name_of)
def test_accepted_at_every_split(counting: Server, row: Accepted) -> None:
    accepted_at_every_split(counting, row)
