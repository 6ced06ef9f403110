"""The rules for lines, heads, Host, lengths and names, by number as in docs/http-rules.

Each row is what a client sends and what must come of it. A refusal means: exactly one answer with
that status and `Connection: close`, then the end of the connection, and no call of the app, not
even for the innocent request that follows in the same bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from harness import Connection, Server

NEXT = b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n"
H = b"Host: x\r\n"


@dataclass(frozen=True)
class Row:
    name: str
    sent: bytes
    status: tuple[int, ...] = (400,)
    follow: bool = True  # an innocent request in the same write


def get(*fields: bytes, line: bytes = b"GET / HTTP/1.1", host: bool = True) -> bytes:
    head = line + b"\r\n" + (H if host else b"")
    return head + b"".join(field + b"\r\n" for field in fields) + b"\r\n"


def post(*fields: bytes, body: bytes = b"") -> bytes:
    return get(*fields, line=b"POST / HTTP/1.1") + body


def chunked(body: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked", body=body)


REFUSED = [
    # 1. a line ends with CRLF
    Row("1 bare LF everywhere", b"GET / HTTP/1.1\nHost: x\n\n"),
    Row("1 bare LF after the request line", b"GET / HTTP/1.1\nHost: x\r\n\r\n"),
    Row("1 bare LF after a field", b"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n"),
    Row("1 bare LF as the empty line", b"GET / HTTP/1.1\r\nHost: x\r\n\n"),
    Row("1 bare CR in a value", get(b"A: b\rc")),
    Row("1 bare CR at the end of a field", b"GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n"),
    Row("1 CR CR LF", b"GET / HTTP/1.1\r\nHost: x\r\r\n\r\n"),
    Row("1 CR CR LF after the request line", b"GET / HTTP/1.1\r\r\nHost: x\r\n\r\n"),
    Row("1 bare CR in the request line", b"GET /\r HTTP/1.1\r\nHost: x\r\n\r\n"),
    # 2. before a request and before the first field
    Row("2 two empty lines", b"\r\n\r\n" + get()),
    Row("2 bare LF before a request", b"\n" + get()),
    Row("2 bare CR before a request", b"\r" + get()),
    Row("2 blank before a request", b" " + get()),
    Row("2 blank line of blanks", b"  \r\n" + get()),
    Row("2 blank before the first field", b"GET / HTTP/1.1\r\n Host: x\r\n\r\n"),
    Row("2 tab before the first field", b"GET / HTTP/1.1\r\n\tA: b\r\nHost: x\r\n\r\n"),
    # 3. the request line
    Row("3 two blanks", get(line=b"GET  / HTTP/1.1")),
    Row("3 two blanks before the version", get(line=b"GET /  HTTP/1.1")),
    Row("3 tab", get(line=b"GET\t/\tHTTP/1.1")),
    Row("3 trailing blank", get(line=b"GET / HTTP/1.1 ")),
    Row("3 leading tab", get(line=b"\tGET / HTTP/1.1")),
    Row("3 four parts", get(line=b"GET / x HTTP/1.1")),
    Row("3 HTTP/0.9", b"GET /\r\n", follow=False),
    Row("3 HTTP/0.9 with a field", b"GET /\r\nHost: x\r\n\r\n"),
    Row("3 no target", get(line=b"GET HTTP/1.1")),
    Row("3 no method", get(line=b"/ HTTP/1.1")),
    Row("3 lower case", get(line=b"GET / http/1.1")),
    Row("3 HTTP/1", get(line=b"GET / HTTP/1")),
    Row("3 HTTP/1.", get(line=b"GET / HTTP/1.")),
    Row("3 HTTP/1.10", get(line=b"GET / HTTP/1.10")),
    Row("3 HTTP/01.1", get(line=b"GET / HTTP/01.1")),
    Row("3 HTTP/+1.1", get(line=b"GET / HTTP/+1.1")),
    Row("3 HTTP/1,1", get(line=b"GET / HTTP/1,1")),
    Row("3 HTTP /1.1", get(line=b"GET / HTTP /1.1")),
    Row("3 HTTPS/1.1", get(line=b"GET / HTTPS/1.1")),
    Row("3 HTTP/1.2", get(line=b"GET / HTTP/1.2"), (505, 400)),
    Row("3 HTTP/2.0", get(line=b"GET / HTTP/2.0"), (505, 400)),
    Row("3 HTTP/9.9", get(line=b"GET / HTTP/9.9"), (505, 400)),
    Row("3 HTTP/0.9 written out", get(line=b"GET / HTTP/0.9"), (505, 400)),
    Row("3 HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (505, 400), follow=False),
    Row(
        "3 TLS hello",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00\r\n\r\n",
        follow=False,
    ),
    # 4. methods
    Row("4 empty method", get(line=b" / HTTP/1.1")),
    Row("4 no tchar", get(line=b"GE(T / HTTP/1.1")),
    Row("4 NUL", get(line=b"GE\0T / HTTP/1.1")),
    Row("4 high byte", get(line=b"GE\xc3\x89 / HTTP/1.1")),
    Row("4 colon", get(line=b"GET: / HTTP/1.1")),
    Row("4 33 characters", get(line=b"A" * 33 + b" / HTTP/1.1"), (400, 501)),
    Row("4 CONNECT", b"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n", (405, 501)),
    Row("4 CONNECT with a path", get(line=b"CONNECT / HTTP/1.1"), (405, 501, 400)),
    # 5. targets
    Row("5 control", get(line=b"GET /\x01 HTTP/1.1")),
    Row("5 NUL", get(line=b"GET /\0 HTTP/1.1")),
    Row("5 DEL", get(line=b"GET /\x7f HTTP/1.1")),
    Row("5 high byte", get(line=b"GET /\xc3\xa9 HTTP/1.1")),
    Row("5 fragment", get(line=b"GET /a#b HTTP/1.1")),
    Row("5 no slash", get(line=b"GET index HTTP/1.1")),
    Row("5 authority form", get(line=b"GET x:80 HTTP/1.1")),
    Row("5 star for GET", get(line=b"GET * HTTP/1.1")),
    Row("5 star and more", get(line=b"OPTIONS *a HTTP/1.1")),
    Row("5 userinfo", get(line=b"GET http://user@x/ HTTP/1.1")),
    Row("5 userinfo and password", get(line=b"GET http://u:p@x/ HTTP/1.1")),
    Row("5 empty host", get(line=b"GET http:/// HTTP/1.1")),
    Row("5 empty host with a port", get(line=b"GET http://:80/ HTTP/1.1")),
    Row("5 other scheme", get(line=b"GET ftp://x/ HTTP/1.1")),
    Row("5 bad port", get(line=b"GET http://x:abc/ HTTP/1.1")),
    Row("5 query alone", get(line=b"GET ?a HTTP/1.1")),
    # 7. Host
    Row("7 none", get(host=False)),
    Row("7 two", get(b"Host: y")),
    Row("7 two equal", get(b"Host: x")),
    Row("7 two with absolute form", get(b"Host: y", line=b"GET http://z/ HTTP/1.1")),
    Row("7 none with absolute form", get(line=b"GET http://z/ HTTP/1.1", host=False)),
    Row("7 two in 1.0", get(b"Host: y", line=b"GET / HTTP/1.0")),
    *(
        Row(f"7 value {value!r}", get(b"Host: " + value, host=False))
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
    Row("8 blank before the colon", get(b"A : b")),
    Row("8 tab before the colon", get(b"A\t: b")),
    Row("8 blank before the colon of Content-Length", post(b"Content-Length : 3", body=b"abc")),
    Row("8 no colon", get(b"Abc")),
    Row("8 empty name", get(b": b")),
    Row("8 no tchar in the name", get(b"A(b): c")),
    Row("8 blank in the name", get(b"A b: c")),
    Row("8 NUL in the name", get(b"A\0b: c")),
    Row("8 high byte in the name", get(b"A\xe9: c")),
    Row("8 quote in the name", get(b'"A": c')),
    Row("8 slash in the name", get(b"A/b: c")),
    Row("8 bracket in the name", get(b"Content-Length[0]: 3")),
    # 9. folding
    Row("9 folded", get(b"A: b", b" c")),
    Row("9 folded by tab", get(b"A: b", b"\tc")),
    Row("9 folded empty", get(b"A: b", b" ")),
    Row(
        "9 folded Transfer-Encoding",
        post(b"Transfer-Encoding:", b" chunked", body=b"0\r\n\r\n"),
        (400, 501),
    ),  # the empty coding may be seen before the fold
    # 10. values
    *(
        Row(f"10 control {byte:#04x}", get(b"A: b" + bytes([byte]) + b"c"))
        for byte in (*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F)
    ),
    # 11. at most once
    Row("11 two Content-Type", get(b"Content-Type: a/b", b"Content-Type: c/d")),
    Row(
        "11 two Transfer-Encoding",
        post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    ),
    Row("11 two Content-Length", post(b"Content-Length: 3", b"Content-Length: 4", body=b"abc")),
    # 16. Content-Length
    *(
        Row(f"16 length {value!r}", post(b"Content-Length: " + value, body=b"abc"), (400, 413))
        for value in (
            b"",
            b"+3",
            b"-3",
            b"-0",
            b"3 3",
            b"3,3",
            b"3, 4",
            b"0x3",
            b"3a",
            b"a",
            b"3.0",
            b"3e0",
            b"3;",
            b'"3"',
            b"\xd9\xa3",
            b"\xef\xbc\x93",
            b"0b11",
            b"0o3",
            b"3_0",
            b"1" * 20,
            b"9" * 19,
            b"18446744073709551616",
            b"18446744073709551619",
            b"9223372036854775808",
            b"99999999999999999999999999999999",
        )
    ),
    # 17. both framings, and a coding in 1.0
    Row("17 both", post(b"Content-Length: 3", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    Row(
        "17 both, other order",
        post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n"),
    ),
    Row(
        "17 length zero and chunked",
        post(b"Content-Length: 0", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    ),
    Row(
        "17 chunked in 1.0",
        get(b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.0") + b"0\r\n\r\n",
    ),
    # 18. codings
    *(
        Row(
            f"18 coding {value!r}",
            post(b"Transfer-Encoding: " + value, body=b"0\r\n\r\n"),
            (400, 501),
        )
        for value in (
            b"",
            b"identity",
            b"gzip",
            b"gzip, chunked",
            b"chunked, gzip",
            b"chunked, chunked",
            b"chunked,",
            b",chunked",
            b"chunked;a=b",
            b"xchunked",
            b"chunkedx",
            b"chunke",
            b'"chunked"',
            b"chunked identity",
            b"\x0bchunked",
            b"chunked\x00",
            b"identity, chunked",
            b"cow",
            b"chun ked",
        )
    ),
    Row(
        "18 unknown coding with a length",
        post(b"Transfer-Encoding: x", b"Content-Length: 3", body=b"abc"),
        (400, 501),
    ),
    # 19. chunks
    *(
        Row(f"19 size {size!r}", chunked(size + b"\r\nabc\r\n0\r\n\r\n"), (400, 413))
        for size in (
            b"",
            b"0x3",
            b"+3",
            b"-3",
            b" 3",
            b"3 ",
            b"\t3",
            b"3\t",
            b"g",
            b"3g",
            b"3_0",
            b"3 ;a",
            b"00000000000000003",
            b"fffffffffffffffff",
            b"ffffffffffffffff",
            b"8000000000000000",
            b"3\x00",
            b"\xef\xbc\x93",
            b"3,",
            b"3.0",
        )
    ),
    Row("19 bare LF after the size", chunked(b"3\nabc\r\n0\r\n\r\n")),
    Row("19 bare CR after the size", chunked(b"3\rabc\r\n0\r\n\r\n")),
    Row("19 no CRLF after the data", chunked(b"3\r\nabc0\r\n\r\n")),
    Row("19 bare LF after the data", chunked(b"3\r\nabc\n0\r\n\r\n")),
    Row("19 data longer than the size", chunked(b"3\r\nabcd\r\n0\r\n\r\n")),
    Row("19 bare LF at the end", chunked(b"3\r\nabc\r\n0\r\n\n")),
    Row("19 bare LF after the last size", chunked(b"3\r\nabc\r\n0\n\r\n")),
    Row("19 LF in an extension", chunked(b"3;a=b\nc\r\nabc\r\n0\r\n\r\n")),
    Row("19 CR in an extension", chunked(b"3;a=b\rc\r\nabc\r\n0\r\n\r\n")),
    Row("19 NUL in an extension", chunked(b"3;a=\0\r\nabc\r\n0\r\n\r\n")),
    Row("19 bad extension", chunked(b"3;a b\r\nabc\r\n0\r\n\r\n")),
    Row("19 extension without a name", chunked(b"3;=b\r\nabc\r\n0\r\n\r\n")),
    Row("19 open quote", chunked(b'3;a="b\r\nabc\r\n0\r\n\r\n')),
    Row(
        "19 endless extension",
        chunked(b"3;" + b"a" * 20_000 + b"\r\nabc\r\n0\r\n\r\n"),
        (400, 413, 431),
    ),
    Row(
        "19 many extensions",
        chunked((b"1;" + b"a" * 500 + b"\r\nx\r\n") * 60 + b"0\r\n\r\n"),
        (400, 413, 431),
    ),
]

ACCEPTED: list[tuple[str, bytes, dict[str, str], str]] = [
    ("2 one empty line before", b"\r\n" + get(), {}, ""),
    (
        "3 HTTP/1.0",
        b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        {"SERVER_PROTOCOL": "HTTP/1.0"},
        "",
    ),
    ("4 unknown method", get(line=b"BREW / HTTP/1.1"), {"REQUEST_METHOD": "BREW"}, ""),
    (
        "4 tchars",
        get(line=b"!#$%&'*+-.^_`|~aZ0 / HTTP/1.1"),
        {"REQUEST_METHOD": "!#$%&'*+-.^_`|~aZ0"},
        "",
    ),
    ("4 32 characters", get(line=b"A" * 32 + b" / HTTP/1.1"), {"REQUEST_METHOD": "A" * 32}, ""),
    ("4 case is kept", get(line=b"get / HTTP/1.1"), {"REQUEST_METHOD": "get"}, ""),
    (
        "5 absolute form",
        get(line=b"GET http://other:81/p?q HTTP/1.1"),
        {"HTTP_HOST": "other:81", "PATH_INFO": "/p", "QUERY_STRING": "q"},
        "",
    ),
    (
        "5 absolute form without a path",
        get(line=b"GET http://other HTTP/1.1"),
        {"HTTP_HOST": "other", "PATH_INFO": "/"},
        "",
    ),
    (
        "5 absolute form, upper-case scheme",
        get(line=b"GET HTTP://other/ HTTP/1.1"),
        {"HTTP_HOST": "other"},
        "",
    ),
    ("5 star", get(line=b"OPTIONS * HTTP/1.1"), {"REQUEST_METHOD": "OPTIONS"}, ""),
    ("5 double slash", get(line=b"GET //a//b HTTP/1.1"), {"PATH_INFO": "//a//b"}, ""),
    ("7 1.0 without Host", b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", {}, ""),
    *(
        (f"7 value {value}", get(b"Host: " + value.encode(), host=False), {"HTTP_HOST": value}, "")
        for value in ("a", "a.b.c", "a:80", "127.0.0.1:8000", "[::1]", "[::1]:80", "a_b", "a-b.c:1")
    ),
    ("8 no blank after the colon", get(b"A:b"), {"HTTP_A": "b"}, ""),
    ("8 blanks around", get(b"A: \t b c \t"), {"HTTP_A": "b c"}, ""),
    ("8 empty value", get(b"A:"), {"HTTP_A": ""}, ""),
    ("8 tchars", get(b"!#$%&'*+.^`|~: x", b"B: c"), {"HTTP_B": "c"}, ""),
    ("10 tab inside", get(b"A: b\tc"), {"HTTP_A": "b\tc"}, ""),
    ("10 high bytes", get(b"A: \x80\xff"), {"HTTP_A": "\x80\xff"}, ""),
    (
        "11 equal lengths",
        post(b"Content-Length: 3", b"Content-Length: 3", body=b"abc"),
        {"CONTENT_LENGTH": "3"},
        "abc",
    ),
    ("13 quoted", get(b"Content-Type: a/b"), {"CONTENT_TYPE": "a/b"}, ""),
    ("16 leading zeros", post(b"Content-Length: 0003", body=b"abc"), {}, "abc"),
    ("16 zero", post(b"Content-Length: 0"), {}, ""),
    ("18 any case", post(b"Transfer-Encoding: ChUnKeD", body=b"3\r\nabc\r\n0\r\n\r\n"), {}, "abc"),
    ("18 blanks around", post(b"Transfer-Encoding:  chunked\t", body=b"0\r\n\r\n"), {}, ""),
    ("19 16 digits", chunked(b"0000000000000003\r\nabc\r\n0\r\n\r\n"), {}, "abc"),
    ("19 upper case", chunked(b"A\r\n0123456789\r\n000\r\n\r\n"), {}, "0123456789"),
    ("19 extensions", chunked(b'3;a;b=c;d="e f"\r\nabc\r\n0;z\r\n\r\n'), {}, "abc"),
    ("20 trailers", chunked(b"3\r\nabc\r\n0\r\nX-T: v\r\n\r\n"), {}, "abc"),
]


def calls(server: Server) -> int:
    return int(server.get("/calls").json["calls"])


def refused(server: Server, row: Row, sender: Any) -> None:
    with server.connect() as connection:
        sender(connection)
        if not row.follow:
            connection.finish_sending()
        answer = connection.read_response()
        assert answer.status in row.status, f"{answer.status} instead of {row.status}"
        assert answer.closes, "a refusal closes"
        connection.expect_end()


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.name)
def test_refused(counting: Server, row: Row) -> None:
    before = calls(counting)
    data = row.sent + (NEXT if row.follow else b"")
    refused(counting, row, lambda connection: connection.send(data))
    assert calls(counting) == before, "the app was called"


SPLIT = [
    "1 bare LF after a field",
    "1 CR CR LF",
    "2 two empty lines",
    "3 HTTP/2.0",
    "7 two",
    "8 blank before the colon",
    "9 folded",
    "11 two Content-Length",
    "17 both",
    "18 coding b'chunked, gzip'",
    "19 size b'0x3'",
    "19 no CRLF after the data",
    "19 bare LF at the end",
]


@pytest.mark.parametrize(
    "row", [row for row in REFUSED if row.name in SPLIT], ids=lambda row: row.name
)
def test_refused_at_every_split(counting: Server, row: Row) -> None:
    """The same refusal wherever the network cut the bytes."""
    assert len([r for r in REFUSED if r.name in SPLIT]) == len(SPLIT)
    before = calls(counting)
    data = row.sent + (NEXT if row.follow else b"")

    def in_two(connection: Connection, point: int) -> None:
        connection.send(data[:point])
        try:
            connection.send(data[point:])
        except (ConnectionResetError, BrokenPipeError):
            return  # refused by the first part; the answer is there

    for point in range(1, len(row.sent)):
        refused(counting, row, lambda connection, point=point: in_two(connection, point))
    assert calls(counting) == before, "the app was called"


@pytest.mark.parametrize(
    ("sent", "environ", "body"), [row[1:] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED]
)
def test_accepted(counting: Server, sent: bytes, environ: dict[str, str], body: str) -> None:
    with counting.connect() as connection:
        connection.send(sent + NEXT)
        answer = connection.read_response()
        assert answer.status == 200, answer
        for name, value in environ.items():
            assert answer.json["environ"].get(name) == value
        assert answer.json["body"] == body
        assert connection.read_response().json["environ"]["PATH_INFO"] == "/next"


@pytest.mark.parametrize(
    "name", ["5 absolute form", "8 blanks around", "19 extensions", "20 trailers"]
)
def test_accepted_at_every_split(counting: Server, name: str) -> None:
    (sent, environ, body) = next(row[1:] for row in ACCEPTED if row[0] == name)
    for point in range(1, len(sent)):
        with counting.connect() as connection:
            connection.send_split(sent, [point])
            answer = connection.read_response()
            assert answer.json["body"] == body, point
            for key, value in environ.items():
                assert answer.json["environ"].get(key) == value, point


def test_8000_octets_of_request_line(counting: Server) -> None:
    """Rule 6."""
    with counting.connect() as connection:
        target = b"/" + b"a" * (8000 - len("GET / HTTP/1.1"))
        connection.send(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.read_response().json["environ"]["PATH_INFO"] == target.decode()
    before = calls(counting)
    refused(
        counting,
        Row("6", b"", (414,)),
        lambda connection: connection.send(
            b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n" + H + b"\r\n"
        ),
    )
    assert calls(counting) == before


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


def test_expectations(counting: Server) -> None:
    """Rule 23."""
    with counting.connect() as connection:
        connection.send(post(b"Expect: the-unexpected", b"Content-Length: 3", body=b"abc"))
        assert connection.read_response().status in (417, 200)
    with counting.connect() as connection:
        connection.send(post(b"Expect: 100-continue", b"Content-Length: 3"))
        assert connection.read_response(interim=True).status == 100
        connection.send(b"abc")
        assert connection.read_response(interim=True).json["body"] == "abc"


@pytest.mark.parametrize(
    "value", [b"close", b"CLOSE", b"a, close", b"keep-alive, close", b"close,a"]
)
def test_nothing_is_run_after_close(counting: Server, value: bytes) -> None:
    """Rule 24."""
    before = calls(counting)
    with counting.connect() as connection:
        connection.send(get(b"Connection: " + value) + NEXT)
        assert connection.read_response().closes
        connection.expect_end()
    assert calls(counting) == before + 1


def test_nothing_is_run_after_http_1_0(counting: Server) -> None:
    """Rule 24: 1.0 keeps nothing unless asked."""
    before = calls(counting)
    with counting.connect() as connection:
        connection.send(b"GET / HTTP/1.0\r\n\r\n" + NEXT)
        connection.read_response()
        connection.expect_end()
    assert calls(counting) == before + 1


def test_several_connection_fields(counting: Server) -> None:
    with counting.connect() as connection:
        connection.send(get(b"Connection: a", b"Connection: close") + NEXT)
        assert connection.read_response().closes
        connection.expect_end()


def test_a_bad_second_request_spoils_nothing(counting: Server) -> None:
    """Rule 25."""
    before = calls(counting)
    with counting.connect() as connection:
        connection.send(
            get(line=b"GET /first HTTP/1.1") + b"GET / HTTP/1.1\r\nHost : x\r\n\r\n" + NEXT
        )
        first = connection.read_response()
        assert first.status == 200 and first.json["environ"]["PATH_INFO"] == "/first"
        second = connection.read_response()
        assert second.status == 400 and second.closes
        connection.expect_end()
    assert calls(counting) == before + 1


def test_upgrade_is_ignored(counting: Server) -> None:
    """Rule 26."""
    with counting.connect() as connection:
        connection.send(
            get(
                b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"
            )
        )
        assert connection.read_response(interim=True).status == 200


def test_answers_carry_a_date(counting: Server) -> None:
    """Rule 32, refusals too."""
    with counting.connect() as connection:
        connection.send(b"nonsense\r\n\r\n")
        answer = connection.read_response()
        assert answer.get("Date") and answer.get("Server") in (None, "mewsgi")
