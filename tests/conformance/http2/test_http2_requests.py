"""Malformed requests of HTTP/2, rules H1 to H12: stream errors or an answer of 4xx, never an
environ, and the connection goes on. What is allowed beside them reaches the app as rules say."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from harness import Server
from harness import h2_frames as h2
from harness.h2_frames import Field
from harness.h2_peer import Peer
from wire import app_not_called


@dataclass(frozen=True)
class Refused:
    name: str
    fields: list[Field]
    body: bytes | None = None  # None: END_STREAM is on the HEADERS
    trailers: list[Field] | None = None
    statuses: tuple[int, ...] = (400,)  # instead of RST_STREAM


def name_of(row: Refused) -> str:
    return row.name


def get(*fields: Field, **pseudo: str | None) -> list[Field]:
    """Latin-1 text is sent as its bytes. `path=None` leaves `:path` out."""
    given = {"method": "GET", "scheme": "http", "authority": "x", "path": "/", **pseudo}
    return [*((f":{name}", value) for name, value in given.items() if value is not None), *fields]


def post(*fields: Field) -> list[Field]:
    return get(*fields, method="POST")


def connect(*fields: Field, **pseudo: str | None) -> list[Field]:
    """RFC 8441."""
    return get(*fields, **{"method": "CONNECT", "protocol": "websocket", **pseudo})


NAMES = [
    "a b",
    "a\0",
    "a\n",
    "a\r",
    "a\t",
    "a:",
    "a:b",
    "a\x7f",
    "a\x80",
    "\xe9",
    "a(b)",
    'a"',
    "a/b",
    "a[0]",
    "",
    " a",
]
VALUES = ["a\0b", "a\nb", "a\rb", "a\r\nx: y", "\n", " a", "a ", "\ta", "a\t", " "]
CONTROLS = ["a\x01b", "a\x1bb", "a\x7fb"]
AUTHORITIES = [
    "", "a b", "a/b", "a?b", "a#b", "user@a", "u:p@a", "a:b", "a:80:80", "a:-1", "a:99999", "[::1",
    "::1", "[zz]", "a\\b", "<a>", "a\x01", "\xc3\xa9", ":80", "a%zz", "http://a",
]  # fmt: skip
PATHS = [
    "", "a", "*", "http://x/", "//x y", "/a b", "/a\tb", "/a\0", "/a\x01", "/a\x7f", "/a\x80",
    "/a#b", "/a\r\nx: y", "?a", "x/", " /", "/ ",
]  # fmt: skip
LENGTHS = ["", "+3", "-3", "3 ", "0x3", "3,3", "3;", "3.0", "1e0", "٣".encode().decode("latin-1"),
           "9" * 20, "99999999999999999999999"]  # fmt: skip

ROWS = [
    Refused("H1 upper case", get(("Accept", "x"))),
    Refused("H1 one upper letter", get(("accepT", "x"))),
    Refused("H1 upper case in a pseudo header", [(":Method", "GET"), *get()[1:]]),
    *(Refused(f"H2 name {name!r}", get((name, "x"))) for name in NAMES),
    *(Refused(f"H3 value {value!r}", get(("x-a", value))) for value in VALUES),
    *(Refused(f"H12 10 value {value!r}", get(("x-a", value))) for value in CONTROLS),
    *(
        Refused(f"H4 {name}: {value}", get((name, value)))
        for name, value in (
            ("connection", "close"),
            ("connection", "keep-alive"),
            ("proxy-connection", "keep-alive"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("transfer-encoding", "identity"),
            ("upgrade", "h2c"),
            ("upgrade", "websocket"),
            ("te", "gzip"),
            ("te", "trailers, gzip"),
            ("te", ""),
        )
    ),
    Refused("H4 chunked body", post(("transfer-encoding", "chunked")), b"0\r\n\r\n"),
    Refused("H5 after a regular one", [*get(path=None), ("a", "b"), (":path", "/")]),
    Refused("H5 unknown", [*get(), (":version", "HTTP/1.1")]),
    Refused("H5 of a response", [*get(), (":status", "200")]),
    Refused("H5 bare colon", [*get(), (":", "x")]),
    *(Refused(f"H5 repeated {name}", [*get(), (name, value)]) for name, value in get()),
    Refused("H5 :protocol without CONNECT", [*get(), (":protocol", "websocket")]),
    Refused("H5 in trailers", post(), b"abc", [(":path", "/evil")]),
    Refused("H5 response one in trailers", post(), b"abc", [(":status", "200")]),
    Refused("H6 no :method", get(method=None)),
    Refused("H6 no :scheme", get(scheme=None)),
    Refused("H6 no :path", get(path=None)),
    Refused("H6 nothing", []),
    Refused("H6 only a regular field", [("a", "b")]),
    Refused("H6 empty :method", get(method="")),
    Refused("H6 empty :scheme", get(scheme="")),
    *(Refused(f"H6 path {path!r}", get(path=path)) for path in PATHS),
    Refused("H6 star with POST", get(path="*", method="POST"), b""),
    Refused("H7 CONNECT", get(method="CONNECT", scheme=None, path=None), None, None, (405, 501)),
    Refused("H7 CONNECT, whole", get(method="CONNECT"), None, None, (400, 405, 501)),
    Refused("H7 with a path", get(method="CONNECT", scheme=None), None, None, (400, 405, 501)),
    Refused(
        "H7 CONNECT with a port",
        get(method="CONNECT", scheme=None, path=None, authority="x:443"),
        b"abc",
        None,
        (405, 501),
    ),
    Refused("H7 another :protocol", connect(protocol="connect-udp"), None, None, (501,)),
    Refused("H7 an empty :protocol", connect(protocol=""), None, None, (400, 501)),
    *(
        Refused(f"H7 a WebSocket without :{name}", connect(**{name: None}))
        for name in ("authority", "path")
    ),
    Refused("H7 a WebSocket without :scheme", connect(scheme=None)),
    Refused("H7 a WebSocket of another scheme", connect(scheme="wss")),
    Refused("H7 a WebSocket with a length", connect(("content-length", "3")), b"abc"),
    Refused("H7 a WebSocket with an upgrade", connect(("upgrade", "websocket"))),
    *(Refused(f"H8 authority {text!r}", get(authority=text)) for text in AUTHORITIES),
    *(Refused(f"H8 Host {text!r}", get(("host", text), authority=None)) for text in AUTHORITIES),
    Refused("H8 Host differs", get(("host", "y"))),
    Refused("H8 Host differs in the port", get(("host", "x:81"))),
    Refused("H8 neither", get(authority=None)),
    Refused("H8 two Hosts", get(("host", "x"), ("host", "y"))),
    Refused("H8 two equal Hosts alone", get(("host", "x"), ("host", "x"), authority=None)),
    *(Refused(f"H9 length {text!r}", post(("content-length", text)), b"abc") for text in LENGTHS),
    Refused("H9 lengths differ", post(("content-length", "3"), ("content-length", "4")), b"abc"),
    Refused("H9 list of lengths", post(("content-length", "3, 4")), b"abc"),
    Refused("H9 more than promised", post(("content-length", "3")), b"abcd"),
    Refused("H9 less than promised", post(("content-length", "3")), b"ab"),
    Refused("H9 none of 3", post(("content-length", "3")), b""),
    Refused("H9 none of 3, ended by HEADERS", post(("content-length", "3"))),
    Refused("H9 more than 0", post(("content-length", "0")), b"a"),
    Refused("H9 less, then trailers", post(("content-length", "3")), b"ab", [("x-t", "1")]),
    Refused("H10 upper case in trailers", post(), b"abc", [("X-T", "1")]),
    Refused("H10 connection in trailers", post(), b"abc", [("connection", "close")]),
    Refused("H10 value in trailers", post(), b"abc", [("x-t", "a\nb")]),
    Refused("H10 framing in trailers", post(), b"abc", [("content-length", "3")]),
    Refused("H10 routing in trailers", post(), b"abc", [("host", "x")]),
    Refused("H10 authentication in trailers", post(), b"abc", [("authorization", "Basic eDp5")]),
    Refused("H12 4 method", get(method="G T")),
    Refused("H12 4 method with CR LF", get(method="GET / HTTP/1.1\r\nx: y\r\n\r\nGET")),
    Refused("H12 4 long method", get(method="A" * 33), statuses=(400, 501)),
    Refused("H12 4 no tchar", get(method="G(T")),
    Refused("H12 11 two types", post(("content-type", "a/b"), ("content-type", "c/d")), b"abc"),
    Refused("H12 15 head", get(("x-a", "y" * 20000), ("x-b", "y" * 20000)), statuses=(431,)),
    Refused("H12 15 fields", get(*((f"x-{n}", "y") for n in range(400))), statuses=(431,)),
    Refused("H12 15 cookies", get(*(("cookie", f"c{n}=1") for n in range(400))), statuses=(431,)),
    Refused("H12 6 long path", get(path="/" + "a" * 40000), statuses=(414, 431)),
]  # fmt: skip


def send(peer: Peer, row: Refused) -> int:
    stream = peer.open(row.fields, end=row.body is None)
    if row.body is not None and not peer.streams[stream].over:
        peer.data(stream, row.body, end=row.trailers is None)
        if row.trailers is not None:
            peer.headers(stream, row.trailers)
    return stream


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_refused(counting: Server, row: Refused) -> None:
    with app_not_called(counting), Peer(counting.port) as peer:
        answer = peer.answer(send(peer, row))
        if answer.status is None:
            assert answer.reset == h2.PROTOCOL_ERROR, answer
        else:
            assert answer.status in row.statuses, answer
        # The connection and its table of header fields are as good as before.
        assert peer.get("/calls").status == 200
        assert not peer.goaways


def test_refused_between_others(counting: Server) -> None:
    """Each fault in its turn among good requests: none of them is harmed. Faults of a peer are
    counted, so they come on a few connections."""
    for first in range(0, len(ROWS), 20):
        with Peer(counting.port) as peer:
            for number, row in enumerate(ROWS[first : first + 20]):
                good = peer.start("GET", f"/good/{number}")
                bad = send(peer, row)
                answer = peer.answer(good)
                assert answer.json["environ"]["PATH_INFO"] == f"/good/{number}", row.name
                assert peer.answer(bad).status != 200, row.name


def test_trailers_without_the_end(counting: Server) -> None:
    """H10: a second HEADERS without END_STREAM."""
    with app_not_called(counting), Peer(counting.port) as peer:
        stream = peer.start("POST", "/", end=False)
        peer.data(stream, b"abc")
        peer.headers(stream, [("x-t", "1")], end=False)
        answer = peer.answer(stream)
        assert answer.reset == h2.PROTOCOL_ERROR or answer.status == 400, answer
        assert peer.get("/calls").status == 200


# What is accepted


def shown(server: Server, fields: list[Field], body: bytes | None = None) -> dict[str, str]:
    with Peer(server.port) as peer:
        stream = peer.open(fields, end=body is None)
        if body is not None:
            peer.data(stream, body, end=True)
        answer = peer.answer(stream)
        assert answer.status == 200, answer
        assert answer.json["body"] == (body or b"").decode()
        return dict(answer.json["environ"])


def test_the_usual_variables(counting: Server) -> None:
    environ = shown(
        counting, get(("accept", "a/b"), authority="cats.example:81", path="/a%20b?c=d")
    )
    assert environ["REQUEST_METHOD"] == "GET"
    assert environ["PATH_INFO"] == "/a b"
    assert environ["QUERY_STRING"] == "c=d"
    assert environ["HTTP_HOST"] == "cats.example:81"
    assert environ["HTTP_ACCEPT"] == "a/b"
    assert environ["SERVER_PROTOCOL"] in ("HTTP/2", "HTTP/2.0")
    assert environ["wsgi.url_scheme"] == "http"
    assert not [name for name in environ if ":" in name]


def test_host_instead_of_authority(counting: Server) -> None:
    assert shown(counting, get(("host", "y"), authority=None))["HTTP_HOST"] == "y"
    assert shown(counting, get(("host", "x")))["HTTP_HOST"] == "x"


def test_cookies_are_joined(counting: Server) -> None:
    """H11."""
    cookies = [("cookie", "a=1"), ("x-other", "o"), ("cookie", "b=2"), ("cookie", "c=3")]
    assert shown(counting, get(*cookies))["HTTP_COOKIE"] == "a=1; b=2; c=3"


def test_equal_names_are_joined(counting: Server) -> None:
    assert shown(counting, get(("x-a", "1"), ("x-a", "2")))["HTTP_X_A"].replace(" ", "") == "1,2"


def test_te_trailers(counting: Server) -> None:
    shown(counting, get(("te", "trailers")))


def test_options_star(counting: Server) -> None:
    assert shown(counting, get(method="OPTIONS", path="*"))["REQUEST_METHOD"] == "OPTIONS"


def test_empty_and_high_values(counting: Server) -> None:
    environ = shown(counting, get(("x-a", ""), ("x-b", "\xe9\x80"), ("x-c", "a\tb c")))
    assert (environ["HTTP_X_A"], environ["HTTP_X_B"]) == ("", "\xe9\x80")
    assert environ["HTTP_X_C"] == "a\tb c"


def test_names_that_are_no_variables(counting: Server) -> None:
    """H12, rules 12 and 13."""
    names = ["x_a", "content_length", "x.a", "x~a", "proxy", "uwsgi_file", "remote_addr"]
    environ = shown(counting, get(*((name, "evil") for name in names)))
    evil = {name for name, value in environ.items() if value == "evil"}
    assert not evil, evil


def test_forwarded_is_not_believed(counting: Server) -> None:
    """H12, rule 14."""
    fields = [("x-forwarded-proto", "https"), ("x-forwarded-for", "1.2.3.4")]
    environ = shown(counting, get(*fields))
    assert environ["wsgi.url_scheme"] == "http"
    assert environ["REMOTE_ADDR"] == "127.0.0.1"


def test_length_that_is_true(counting: Server) -> None:
    assert shown(counting, post(("content-length", "3")), b"abc")["CONTENT_LENGTH"] == "3"
    assert shown(counting, post(("content-length", "0")), b"").get("CONTENT_LENGTH", "") in (
        "",
        "0",
    )


def test_trailers_are_not_merged(counting: Server) -> None:
    """H10 and rule 20."""
    with Peer(counting.port) as peer:
        stream = peer.start("POST", "/", end=False)
        peer.data(stream, b"abc")
        peer.headers(stream, [("x-t", "evil"), ("x-checksum", "evil")])
        answer = peer.answer(stream)
        assert answer.status == 200 and answer.json["body"] == "abc"
        assert "evil" not in answer.json["environ"].values()


def test_body_without_a_length(counting: Server) -> None:
    with Peer(counting.port) as peer:
        stream = peer.start("POST", "/", end=False)
        for piece in (b"a", b"", b"bc"):
            peer.data(stream, piece)
        peer.data(stream, b"", end=True)
        assert peer.answer(stream).json["body"] == "abc"


def test_padding_is_no_body(counting: Server) -> None:
    with Peer(counting.port) as peer:
        stream = peer.start("POST", "/", end=False)
        padded = b"\x05" + b"abc" + b"\0" * 5
        peer.send(h2.frame(h2.DATA, h2.END_STREAM | h2.PADDED, stream, padded))
        assert peer.answer(stream).json["body"] == "abc"
