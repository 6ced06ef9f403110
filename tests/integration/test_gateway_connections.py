"""Connections of uwsgi, FastCGI and SCGI: kept, ended, refused, moved. What apps see of them is in
test_gateways.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest
from harness import Connection, Server
from harness.client import Closed
from harness.gateways import (
    ABORT,
    END,
    GET_VALUES,
    INPUT,
    KINDS,
    PROBE,
    SOCKETS,
    UNKNOWN_TYPE,
    VALUES_RESULT,
    Gateway,
    calls,
    fastcgi_begin,
    fastcgi_body,
    fastcgi_head,
    fastcgi_pairs,
    gateway_of,
    read_fastcgi,
    read_record,
    record,
    uwsgi_header,
    variables,
)

Serve = Callable[..., Server]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server([*SOCKETS, *PROBE]) as running:
        yield running


@pytest.fixture(params=KINDS)
def gateway(request: pytest.FixtureRequest, server: Server) -> Gateway:
    return gateway_of(server, request.param)


# --- connections


@pytest.mark.parametrize("kind", ["uwsgi", "scgi", "fastcgi"])
def test_connection_ends_with_its_answer(server: Server, kind: str) -> None:
    gateway = gateway_of(server, kind)
    wire = gateway.head("GET", "/hello") + gateway.body(None)
    with gateway.connect() as connection:
        connection.send(wire + wire)
        answers = connection.read_to_end()
    assert answers.count(b"hello") == 1


def test_puwsgi_keeps_its_connections(server: Server) -> None:
    gateway = gateway_of(server, "puwsgi")
    with gateway.connect() as connection:
        for number in range(20):
            body = b"x" * number
            connection.send(gateway.head("POST", "/echo", body) + body)
            assert connection.read_response("POST").body == body
        connection.expect_silence()
        connection.send(uwsgi_header(200, 0))
        connection.expect_end()


def test_puwsgi_closes_behind_an_answer_without_a_length(server: Server) -> None:
    gateway = gateway_of(server, "puwsgi")
    with gateway.connect() as connection:
        connection.send(gateway.head("GET", "/stream?n=3") + gateway.head("GET", "/hello"))
        assert connection.read_to_end().endswith(b"\r\n\r\nxxx")


def test_fastcgi_keeps_its_connections(server: Server) -> None:
    gateway = gateway_of(server, "fastcgi")
    with gateway.connect() as connection:
        for number in range(1, 20):
            body = b"x" * number
            pairs = variables("POST", "/echo", body, {})
            connection.send(fastcgi_head(pairs, number, True) + fastcgi_body(body, number))
            assert read_fastcgi(connection, number).body == body
        pairs = variables("GET", "/stream?n=2", None, {})
        connection.send(fastcgi_head(pairs, 1, True) + fastcgi_body(b""))
        assert read_fastcgi(connection).body == b"xx"
        connection.expect_silence()
        connection.send(fastcgi_head(pairs, 1, False) + fastcgi_body(b""))
        assert read_fastcgi(connection).body == b"xx"
        connection.expect_end()


def test_kept_fastcgi_connection_ends_with_a_broken_answer(server: Server) -> None:
    gateway = gateway_of(server, "fastcgi")
    pairs = variables("GET", "/boom-in-body", None, {})
    with gateway.connect() as connection:
        connection.send(fastcgi_head(pairs, 1, True) + fastcgi_body(b""))
        with pytest.raises(Closed):
            read_fastcgi(connection)


def test_fastcgi_questions_and_requests_that_are_declined(server: Server) -> None:
    gateway = gateway_of(server, "fastcgi")
    with gateway.connect() as connection:
        connection.send(record(GET_VALUES, 0, fastcgi_pairs({"FCGI_MPXS_CONNS": ""})))
        told = read_record(connection)
        assert (told.kind, told.content) == (VALUES_RESULT, fastcgi_pairs({"FCGI_MPXS_CONNS": "0"}))
        connection.send(record(99, 0))
        assert read_record(connection).kind == UNKNOWN_TYPE
        connection.send(fastcgi_begin(5, keep=True, role=3))
        assert read_record(connection).content[4] == 3, "unknown role"
        first = fastcgi_head(variables("POST", "/echo", b"hello", {}), 1, True)
        connection.send(first + record(INPUT, 1, b"he") + fastcgi_begin(2, True))
        declined = read_record(connection)
        assert (declined.kind, declined.request, declined.content[4]) == (END, 2, 1)
        connection.send(record(GET_VALUES, 0) + fastcgi_body(b"llo"))
        assert read_record(connection).kind == VALUES_RESULT
        assert read_fastcgi(connection).body == b"hello"
        connection.expect_silence()


def test_fastcgi_question_while_the_app_reads(server: Server) -> None:
    gateway = gateway_of(server, "fastcgi")
    body = b"y" * 200_000
    with gateway.connect() as connection:
        head = fastcgi_head(variables("POST", "/echo", body, {}))
        connection.send(head + record(INPUT, 1, body[:65000]) + record(INPUT, 1, body[65000:70000]))
        connection.send(record(GET_VALUES, 0))
        assert read_record(connection).kind == VALUES_RESULT
        connection.send(fastcgi_body(body[70000:]))
        assert read_fastcgi(connection).body == body


def test_ping(server: Server) -> None:
    pong = b"\x64\0\0\1"
    with gateway_of(server, "uwsgi").connect() as connection:
        connection.send(uwsgi_header(100, 0))
        assert connection.read_exactly(4) == pong
        connection.expect_end()
    gateway = gateway_of(server, "puwsgi")
    with gateway.connect() as connection:
        for _ in range(3):
            connection.send(uwsgi_header(100, 0))
            assert connection.read_exactly(4) == pong
        connection.send(uwsgi_header(100, 0) + gateway.head("GET", "/hello"))
        assert connection.read_exactly(4) == pong
        assert connection.read_response().body == b"hello"


# --- refusals


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"REQUEST_METHOD": "GE T"}, 400),
        ({"REQUEST_METHOD": ""}, 400),
        ({"REQUEST_METHOD": "CONNECT"}, 501),
        ({"REQUEST_URI": "/a b"}, 400),
        ({"HTTP_HOST": "a b"}, 400),
        ({"HTTP_X": "a\nb"}, 400),
        ({"CONTENT_LENGTH": "-1"}, 400),
        ({"CONTENT_LENGTH": "5, 5"}, 400),
        ({"SERVER_PROTOCOL": "HTTP/0.9"}, 505),
        ({"HTTP_X": "x" * 40000}, 431),
    ],
    ids=lambda value: str(value)[:40],
)
def test_refused_requests_never_reach_the_app(
    gateway: Gateway, server: Server, more: dict[str, str], status: int
) -> None:
    before = calls(server)
    assert gateway.refused(gateway.head("GET", "/hello", **more) + gateway.body(None)) == status
    assert calls(server) == before + 1


def test_http_spoken_to_a_gateway(serve: Serve) -> None:
    server = serve(*SOCKETS, *PROBE)  # of its own: only so many refusals a second are logged
    for kind in KINDS:
        gateway, mark = gateway_of(server, kind), server.mark()
        assert gateway.refused(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") == 400
        server.wait_log("HTTP was spoken to .* use http-socket", since=mark)


def test_packets_that_are_no_requests(server: Server) -> None:
    uwsgi, before = gateway_of(server, "uwsgi"), calls(server)
    assert uwsgi.refused(uwsgi_header(5, 0)) == 501
    assert uwsgi.refused(uwsgi_header(110, 0, 17)) == 501, "signals of uWSGI"
    assert uwsgi.refused(uwsgi_header(0, 4) + b"\xff\xffab") == 400
    assert uwsgi.refused(uwsgi_header(0, 60000)) == 431
    scgi = gateway_of(server, "scgi")
    assert scgi.refused(b"5:hello,") == 400
    assert scgi.refused(b"99999999:") == 431
    fastcgi = gateway_of(server, "fastcgi")
    assert fastcgi.refused(b"\2" + bytes(7)) == 0
    assert fastcgi.refused(fastcgi_begin() + record(INPUT, 1)) == 400
    assert calls(server) == before + 1


def test_fastcgi_abort(server: Server) -> None:
    gateway, before = gateway_of(server, "fastcgi"), calls(server)
    with gateway.connect() as connection:
        connection.send(fastcgi_begin(7) + record(ABORT, 7))
        ended = read_record(connection)
        assert (ended.kind, ended.request) == (END, 7)
        connection.expect_end()
    head = fastcgi_head(variables("POST", "/echo", b"hello", {}))
    assert gateway.refused(head + record(INPUT, 1, b"he") + record(ABORT, 1)) == 400
    assert calls(server) == before + 1


def test_half_a_request_is_timed_out(serve: Serve) -> None:
    server = serve(*SOCKETS, "--http-header-timeout", "200ms", *PROBE)
    for kind in KINDS:
        gateway = gateway_of(server, kind)
        for count in (3, 60):
            with gateway.connect() as connection:
                connection.send(gateway.head("GET", "/hello")[:count])
                told = connection.read_to_end()
            assert b"408" in told or (kind == "fastcgi" and told == b""), (kind, told)


# --- options


def test_protocol_of_plain_sockets(serve: Serve, tmp_path: Path) -> None:
    for name in ("uwsgi", "puwsgi", "fastcgi", "scgi", "http"):
        path = str(tmp_path / name)
        server = serve("-s", path, "--protocol", name, *PROBE, http=None)
        said = {"puwsgi": "uwsgi unix:", "http": "unix:"}.get(name, f"{name} unix:")
        server.wait_log(f"serving on {said}{path}")
        if name == "http":
            with Connection(path) as connection:
                assert connection.get("/hello").body == b"hello"
        else:
            assert Gateway(name, path).get("/hello").body == b"hello"


def test_gateway_that_everybody_can_reach_is_warned_of(serve: Serve) -> None:
    server = serve("--socket", "0.0.0.0:0", *PROBE, http=None)
    assert server.log.count("believed as the web server") == 1
    port = int(server.wait_log(r"socket bound on \S*:(\d+)")[1])
    assert Gateway("uwsgi", ("127.0.0.1", port)).get("/hello").body == b"hello"


def test_reload_keeps_gateway_connections(serve: Serve) -> None:
    server = serve("--puwsgi-socket", "127.0.0.1:0", "--fastcgi-socket", "127.0.0.1:0", *PROBE)
    puwsgi, fastcgi = gateway_of(server, "puwsgi"), gateway_of(server, "fastcgi")
    pairs = variables("GET", "/pid", None, {})
    half = fastcgi_head(pairs, 1, True)
    with puwsgi.connect() as one, fastcgi.connect() as two:
        one.send(puwsgi.head("GET", "/pid"))
        old = one.read_response().json[0]
        two.send(half[:100])  # a head in the middle
        assert server.run("reload").status == 0
        one.send(puwsgi.head("GET", "/pid"))
        assert one.read_response().json[0] != old
        two.send(half[100:] + fastcgi_body(b""))
        assert json.loads(read_fastcgi(two).body)[0] != old
