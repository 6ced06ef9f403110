"""Rules 7 to 14 on the wire: Host, header fields, and what never becomes a variable.

Rows are refused or accepted as wire.py says; see docs/conformance.md for what covers which rule.
"""

from __future__ import annotations

import json

import pytest
from harness import Server
from wire import (
    Accepted,
    Refused,
    accepted,
    accepted_at_every_split,
    get,
    name_of,
    post,
    refused,
    refused_at_every_split,
)

REFUSED = [
    # 7. Host
    Refused("7 none", get(host=False)),
    Refused("7 two", get(b"Host: y"), split=True),
    Refused("7 two equal", get(b"Host: x")),
    Refused("7 two with absolute form", get(b"Host: y", line=b"GET http://z/ HTTP/1.1")),
    Refused("7 none with absolute form", get(line=b"GET http://z/ HTTP/1.1", host=False)),
    Refused("7 two in 1.0", get(b"Host: y", line=b"GET / HTTP/1.0")),
    *(
        Refused(f"7 value {value!r}", get(b"Host: " + value, host=False))
        for value in (
            b"",
            b"a b",
            b"a/b",
            b"a?b",
            b"a#b",
            b"user@a",
            b"a:b",
            b"a:80:80",
            b"a:-1",
            b"a:+80",
            b"a:99999",
            b"a:080x",
            b"[::1",
            b"::1",
            b"[::1]x",
            b"[zz]",
            b"a\\b",
            b"<a>",
            b"a\x01",
            b"\xc3\xa9",
            b":80",
            b'"a"',
            b"a%zz",
            b"http://a",
        )
    ),
    # 8. fields
    Refused("8 blank before the colon", get(b"A : b"), split=True),
    Refused("8 tab before the colon", get(b"A\t: b")),
    Refused("8 blank before the colon of Content-Length", post(b"Content-Length : 3", body=b"abc")),
    Refused("8 no colon", get(b"Abc")),
    Refused("8 empty name", get(b": b")),
    Refused("8 no tchar in the name", get(b"A(b): c")),
    Refused("8 blank in the name", get(b"A b: c")),
    Refused("8 NUL in the name", get(b"A\0b: c")),
    Refused("8 high byte in the name", get(b"A\xe9: c")),
    Refused("8 quote in the name", get(b'"A": c')),
    Refused("8 slash in the name", get(b"A/b: c")),
    Refused("8 bracket in the name", get(b"Content-Length[0]: 3")),
    # 9. folding
    Refused("9 folded", get(b"A: b", b" c"), split=True),
    Refused("9 folded by tab", get(b"A: b", b"\tc")),
    Refused("9 folded empty", get(b"A: b", b" ")),
    Refused(
        "9 folded Transfer-Encoding",
        post(b"Transfer-Encoding:", b" chunked", body=b"0\r\n\r\n"),
        501,  # the empty coding is seen before the fold
    ),
    # 10. values
    *(
        Refused(f"10 control {byte:#04x}", get(b"A: b" + bytes([byte]) + b"c"))
        for byte in (*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F)
    ),
    # 11. at most once
    Refused("11 two Host", get(b"HOST: x")),
    Refused("11 two Content-Type", get(b"Content-Type: a/b", b"Content-Type: c/d")),
    Refused(
        "11 two Transfer-Encoding",
        post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    ),
    Refused("11 two Content-Length", post(b"Content-Length: 3", b"Content-Length: 4", body=b"abc")),
]

ACCEPTED = [
    Accepted("7 1.0 without Host", b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
    *(
        Accepted(
            f"7 value {value}", get(b"Host: " + value.encode(), host=False), {"HTTP_HOST": value}
        )
        for value in ("a", "a.b.c", "a:80", "127.0.0.1:8000", "[::1]", "[::1]:80", "a_b", "a-b.c:1")
    ),
    Accepted("8 no blank after the colon", get(b"A:b"), {"HTTP_A": "b"}),
    Accepted("8 blanks around", get(b"A: \t b c \t"), {"HTTP_A": "b c"}, split=True),
    Accepted("8 empty value", get(b"A:"), {"HTTP_A": ""}),
    Accepted("8 tchars", get(b"!#$%&'*+.^`|~: x", b"B: c"), {"HTTP_B": "c"}),
    Accepted("10 tab inside", get(b"A: b\tc"), {"HTTP_A": "b\tc"}),
    Accepted("10 high bytes", get(b"A: \x80\xff"), {"HTTP_A": "\x80\xff"}),
    Accepted(
        "11 equal lengths",
        post(b"Content-Length: 3", b"Content-Length: 3", body=b"abc"),
        {"CONTENT_LENGTH": "3"},
        "abc",
    ),
    Accepted("11 two of others", get(b"A: b", b"a: c"), {"HTTP_A": "b, c"}),
    Accepted("13 Content-Type", get(b"Content-Type: a/b"), {"CONTENT_TYPE": "a/b"}),
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


def test_names_that_never_become_variables(counting: Server) -> None:
    """Rules 12 and 13."""
    fields = [
        b"X_Forwarded_For: evil",
        b"Content_Length: 99",
        b"Content_Type: evil/evil",
        b"Proxy: http://evil",
        b"PROXY: http://evil",
        b"X.Dot: evil",
        b"X-Good: fine",
        b"X_Good: evil",
        b"UWSGI_SCRIPT: evil",
        b"UWSGI-SCRIPT: shown",
        b"REMOTE-USER: nobody",
        b"Remote_User: evil",
        b"SCRIPT_NAME: evil",
        b"PATH_INFO: /evil",
        b"wsgi.url_scheme: evil",
        b"Https: on",
        b"X|Bar: evil",
    ]
    with counting.connect() as connection:
        connection.send(get(*fields))
        environ = connection.read_response().json["environ"]
    text = json.dumps(environ)
    assert "evil" not in text, text
    assert environ["HTTP_X_GOOD"] == "fine"
    assert environ["HTTP_REMOTE_USER"] == "nobody" and "REMOTE_USER" not in environ
    assert "HTTPS" not in environ and environ["wsgi.url_scheme"] == "http"
    assert environ["PATH_INFO"] == "/"
    assert not [name for name in environ if name.startswith("UWSGI_")]
    assert "HTTP_PROXY" not in environ


def test_forwarded_scheme_is_not_believed(counting: Server) -> None:
    """Rule 14: nobody is a trusted proxy unless configured, loopback included."""
    with counting.connect() as connection:
        connection.send(
            get(
                b"X-Forwarded-Proto: https",
                b"X-Forwarded-For: 9.9.9.9",
                b"Forwarded: for=9.9.9.9;proto=https",
            )
        )
        environ = connection.read_response().json["environ"]
    assert environ["wsgi.url_scheme"] == "http" and environ["REMOTE_ADDR"] == "127.0.0.1"
