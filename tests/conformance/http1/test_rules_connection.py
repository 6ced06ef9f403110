"""Rules 21 to 27 on the wire: whole and cut bodies, what is run after what, expectations."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest
from harness import Server
from wire import (
    HERE,
    MORE,
    NEXT,
    Accepted,
    Refused,
    accepted,
    access_lines,
    app_not_called,
    calls,
    chunked,
    expect_orderly_end,
    expect_refusal,
    get,
    post,
    refused,
)

LENGTH = post(b"Content-Length: 5", body=b"hello")
CHUNKED = chunked(b"5\r\nhello\r\n0\r\nX-T: v\r\n\r\n")
UNREAD = b"POST /unread HTTP/1.1\r\nHost: x\r\n"
CAUGHT = b"POST /caught HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(scope="module")
def eager() -> Iterator[Server]:
    """Calls the app at the first byte of a body, and waits for the rest of it only shortly."""
    options = ["--post-buffering", "1", "--http-body-timeout", "300ms"]
    with Server([*options, "--chdir", str(HERE), "counting_app:app"]) as server:
        yield server


# 21: a body is complete when its framing says so


@pytest.mark.parametrize("request_", [LENGTH, CHUNKED], ids=["length", "chunked"])
def test_a_cut_body_never_reaches_the_app(counting: Server, request_: bytes) -> None:
    start = request_.index(b"\r\n\r\n") + 4
    with app_not_called(counting):
        for size in range(start, len(request_)):
            with counting.connect() as connection:
                connection.send(request_[:size])
                connection.finish_sending()
                expect_refusal(connection, 400)


def test_a_body_that_does_not_come_never_reaches_the_app(eager: Server) -> None:
    for field in (b"Content-Length: 5", b"Transfer-Encoding: chunked"):
        with app_not_called(eager), eager.connect() as connection:
            connection.send(post(field))
            expect_refusal(connection, 408)


BROKEN = [
    (b"Content-Length: 5\r\n\r\nhel", True, 400),
    (b"Content-Length: 5\r\n\r\nhel", False, 408),
    (b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", True, 400),
    (b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", False, 408),
    (b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", True, 400),
]
BROKEN_IDS = ["length cut", "length late", "chunk cut", "chunk late", "trailers cut"]


@pytest.mark.parametrize(("rest", "ends", "status"), BROKEN, ids=BROKEN_IDS)
def test_reading_a_broken_body_raises(eager: Server, rest: bytes, ends: bool, status: int) -> None:
    """The app runs already. Its read fails; what it makes of that is its answer."""
    with eager.connect() as connection:
        connection.send(CAUGHT + rest)
        if ends:
            connection.finish_sending()
        answer = connection.read_response()
        assert answer.json["raised"] and answer.json["body"] == ""
        assert answer.closes
        expect_orderly_end(connection)


@pytest.mark.parametrize(("rest", "ends", "status"), BROKEN, ids=BROKEN_IDS)
def test_a_broken_body_that_nobody_catches(
    eager: Server, rest: bytes, ends: bool, status: int
) -> None:
    with eager.connect() as connection:
        connection.send(b"POST / HTTP/1.1\r\nHost: x\r\n" + rest)
        if ends:
            connection.finish_sending()
        expect_refusal(connection, status)


@pytest.mark.parametrize("bad", [b"x\r\n", b"5\r\nhelloXY", b"0\r\nHost: y\r\n\r\n"])
def test_reading_a_malformed_body_raises(eager: Server, bad: bytes) -> None:
    with eager.connect() as connection:
        connection.send(CAUGHT + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        connection.send(bad + NEXT)
        answer = connection.read_response()
        assert answer.status == 400 or answer.json["raised"]
        assert answer.closes
        expect_orderly_end(connection)


# 22: a body that nobody read


HIDDEN = get(line=b"GET /hidden HTTP/1.1")


@pytest.mark.parametrize(
    ("start", "rest"),
    [
        (b"Content-Length: %d\r\n\r\nx" % (len(HIDDEN) + 1), HIDDEN),
        (
            b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
            b"%x\r\n%s\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN),
        ),
    ],
    ids=["length", "chunked"],
)
@pytest.mark.parametrize("late", [False, True], ids=["at once", "behind the answer"])
def test_a_request_in_an_unread_body_never_runs(
    eager: Server, start: bytes, rest: bytes, late: bool
) -> None:
    """Its bytes are read and dropped, or, where nobody knows how many come, the connection ends."""
    mark = eager.mark()
    with eager.connect() as connection:
        connection.send(UNREAD + start + (b"" if late else rest + NEXT))
        answer = connection.read_response()
        if late:
            connection.send(rest + NEXT)
        assert answer.status == 200
        if answer.closes:
            assert late and b"chunked" in start
            expect_orderly_end(connection)
        else:
            assert connection.read_response().json["environ"]["PATH_INFO"] == "/next"
    ran = access_lines(eager, mark)
    assert ran == ["POST /unread"] + ([] if answer.closes else ["GET /next"])


def test_an_unread_body_beyond_the_bound_closes(counting: Server) -> None:
    """More than a megabyte is not worth reading; its bytes are no request either."""
    before = calls(counting)
    with counting.connect() as connection:
        connection.send(UNREAD + b"Content-Length: 100000000\r\n\r\n" + HIDDEN * 2000)
        assert connection.read_response().closes
        expect_orderly_end(connection)
    assert calls(counting) == before + 1


def test_a_request_in_the_body_of_a_refused_one_never_runs(counting: Server) -> None:
    head = b"Content-Length: %d" % len(HIDDEN)
    refused(counting, Refused("417", post(head, b"Expect: tea", body=HIDDEN), 417))
    refused(counting, Refused("400", post(head, b"A : b", body=HIDDEN)))
    refused(counting, Refused("501", post(head, b"Transfer-Encoding: x", body=HIDDEN), 501))


# 23: Expect


def test_continue_when_the_app_reads(counting: Server) -> None:
    with counting.connect() as connection:
        connection.send(post(b"Expect: 100-continue", b"Content-Length: 3"))
        assert connection.read_response(interim=True).status == 100
        connection.send(b"abc")
        assert connection.read_response(interim=True).json["body"] == "abc"
        connection.send(NEXT)
        assert connection.read_response(interim=True).status == 200


def test_no_continue_to_an_app_that_does_not_read(counting: Server) -> None:
    with counting.connect() as connection:
        connection.send(UNREAD + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        answer = connection.read_response(interim=True)
        assert answer.status == 200
        assert answer.closes, "whether the three bytes come, nobody can know"
        expect_orderly_end(connection)


def test_no_continue_to_http_1_0(counting: Server) -> None:
    with counting.connect() as connection:
        head = get(
            b"Expect: 100-continue", b"Content-Length: 3", line=b"POST / HTTP/1.0", host=False
        )
        connection.send(head)
        connection.expect_silence()
        connection.send(b"abc")
        assert connection.read_response(interim=True).json["body"] == "abc"


@pytest.mark.parametrize("value", [b"tea", b"100-continue, tea", b"100", b"100-continues"])
def test_other_expectations_are_refused(counting: Server, value: bytes) -> None:
    row = Refused("23", post(b"Expect: " + value, b"Content-Length: 3", body=b"abc"), 417)
    refused(counting, row)


# 24: the end of a connection


@pytest.mark.parametrize(
    "fields",
    [
        [b"close"],
        [b"CLOSE"],
        [b"a, close"],
        [b"keep-alive, close"],
        [b"close,a"],
        [b"a", b"close"],
        [b"close", b"keep-alive"],
    ],
)
def test_nothing_is_run_after_close(counting: Server, fields: list[bytes]) -> None:
    before = calls(counting)
    with counting.connect() as connection:
        connection.send(get(*(b"Connection: " + field for field in fields)) + NEXT + MORE)
        assert connection.read_response().closes
        expect_orderly_end(connection)
    assert calls(counting) == before + 1


def test_nothing_is_run_after_http_1_0(counting: Server) -> None:
    """1.0 keeps nothing unless asked, and then until the answer has no length."""
    before = calls(counting)
    with counting.connect() as connection:
        connection.send(get(b"Connection: keep-alive", line=b"GET / HTTP/1.0"))
        assert connection.read_response().get("Connection") == "keep-alive"
        connection.send(b"GET / HTTP/1.0\r\n\r\n" + NEXT)
        assert connection.read_response().closes
        expect_orderly_end(connection)
    assert calls(counting) == before + 2


@pytest.mark.parametrize("late", [b"\r\n", NEXT], ids=["CR LF", "a request"])
@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_bytes_behind_close_take_nothing_from_the_answer(
    serve: Callable[..., Server], tmp_path: Path, version: str, late: bytes
) -> None:
    """Old clients send a CR LF behind a body. It comes when the request was read already; a socket
    that is closed over it is reset, and takes with it what the client had not read yet."""
    server = serve("--response-buffer", "8m", "--chdir", str(HERE), "large_app:app")
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    with server.connect() as connection:
        head = f"POST /?{gate} HTTP/{version}\r\nHost: x\r\nConnection: close\r\n"
        connection.send(head.encode() + b"Content-Length: 3\r\n\r\nabc")
        server.wait_log("at the gate")
        connection.send(late)
        with open(gate, "wb"):
            pass
        server.wait_log(r"=> generated 3000000 bytes")
        answer = connection.read_response()
        assert answer.complete and len(answer.body) == 3_000_000
        expect_orderly_end(connection)


# 25: pipelines


def test_pipelined_requests_are_answered_in_order(counting: Server) -> None:
    with counting.connect() as connection:
        connection.send(b"".join(get(line=b"GET /%d HTTP/1.1" % n) for n in range(20)) + CHUNKED)
        for number in range(20):
            assert connection.read_response().json["environ"]["PATH_INFO"] == f"/{number}"
        assert connection.read_response().json["body"] == "hello"


@pytest.mark.parametrize("first", [get(), LENGTH, CHUNKED], ids=["none", "length", "chunked"])
def test_a_bad_second_request_spoils_nothing(counting: Server, first: bytes) -> None:
    before = calls(counting)
    with counting.connect() as connection:
        connection.send(first + b"GET / HTTP/1.1\r\nHost : x\r\n\r\n" + NEXT)
        answer = connection.read_response()
        assert answer.status == 200 and not answer.closes
        expect_refusal(connection, 400)
    assert calls(counting) == before + 1


# 26 and 27: Upgrade, TRACE


@pytest.mark.parametrize(
    "fields",
    [
        [b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"],
        [
            b"Connection: Upgrade",
            b"Upgrade: websocket",
            b"Sec-WebSocket-Version: 13",
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ],
        [b"Upgrade: h2c"],
    ],
    ids=["h2c", "websocket", "without Connection"],
)
def test_upgrade_is_ignored(counting: Server, fields: list[bytes]) -> None:
    """What follows is the next request, not another protocol's bytes."""
    accepted(counting, Accepted("26", get(*fields), {"PATH_INFO": "/"}))


def test_trace_is_the_apps(counting: Server) -> None:
    accepted(counting, Accepted("27", get(line=b"TRACE / HTTP/1.1"), {"REQUEST_METHOD": "TRACE"}))
    with counting.connect() as connection:
        connection.send(get(b"Cookie: secret", line=b"TRACE / HTTP/1.1"))
        assert connection.read_response().get("Content-Type") == "application/json"
