"""PROXY headers of balancers, versions 1 and 2, on the real program. The grammar is in
net/proxy_protocol_test.cc."""

from __future__ import annotations

import os
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable

import pytest
from harness import Connection, Server, run_mewsgi, wait_for
from harness.gateways import PROBE

Serve = Callable[..., Server]

# Options that name an HTTP socket, each with the one that asks for PROXY headers there.
WAYS = {"http-socket": "enable-proxy-protocol", "http": "http-enable-proxy-protocol"}
BALANCER, STRANGER = "127.0.0.2", "127.0.0.3"
CLIENT, CLIENT_PORT = "192.0.2.7", 4321
LINE = f"PROXY TCP4 {CLIENT} 203.0.113.1 {CLIENT_PORT} 443\r\n".encode()
GET = b"GET /environ HTTP/1.1\r\nHost: h\r\n\r\n"


def options(way: str, *more: str) -> list[str]:
    return [f"--{way}", "127.0.0.1:0", f"--{WAYS[way]}", "--trusted-proxies", BALANCER, *more]


def binary(
    source: str = CLIENT, port: int = CLIENT_PORT, command: int = 1, extensions: bytes = b""
) -> bytes:
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    other = "2001:db8::1" if ":" in source else "203.0.113.1"
    addresses = b"".join(socket.inet_pton(family, one) for one in (source, other))
    rest = addresses + struct.pack("!HH", port, 443) + extensions
    kind = 0x21 if ":" in source else 0x11
    signature = b"\r\n\r\n\0\r\nQUIT\n"
    return signature + struct.pack("!BBH", 0x20 | command, kind, len(rest)) + rest


@pytest.fixture(scope="module", params=WAYS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server([*options(request.param), *PROBE], http=None) as running:
        yield running


def connect(server: Server, source: str = BALANCER) -> Connection:
    return Connection(("127.0.0.1", server.port), source=source)


def ask(server: Server, header: bytes) -> dict[str, Any]:
    with connect(server) as connection:
        connection.send(header + GET)
        told: dict[str, Any] = connection.read_response().json
    return told


@pytest.mark.parametrize(
    ("header", "address", "port"),
    [
        (LINE, CLIENT, "4321"),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 1 443\r\n", "2001:db8::7", "1"),
        (binary(), CLIENT, "4321"),
        (binary("2001:db8::7", 65535), "2001:db8::7", "65535"),
        (binary(extensions=b"\x02\x00\x0bexample.org" + b"\xea\x00\x03abc"), CLIENT, "4321"),
    ],
    ids=["text", "text-ipv6", "binary", "binary-ipv6", "extensions"],
)
def test_the_client_is_who_the_header_says(
    server: Server, header: bytes, address: str, port: str
) -> None:
    told = ask(server, header)
    assert (told["REMOTE_ADDR"], told["REMOTE_PORT"]) == (address, port)
    assert told["wsgi.url_scheme"] == "http"


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", binary(command=0)], ids=["text", "local"])
def test_the_balancers_own_requests(server: Server, header: bytes) -> None:
    assert ask(server, header)["REMOTE_ADDR"] == BALANCER


@pytest.mark.parametrize("header", [LINE, binary()], ids=["text", "binary"])
def test_at_every_split(server: Server, header: bytes) -> None:
    for point in range(1, len(header) + 3):
        with connect(server) as connection:
            connection.send_split(header + GET, [point])
            assert connection.read_response().json["REMOTE_ADDR"] == CLIENT


def test_all_requests_of_a_connection_have_the_client(server: Server) -> None:
    with connect(server) as connection:
        connection.send(LINE + GET + GET)
        told = [connection.read_response().json for _ in range(2)]
        told.append(connection.get("/environ").json)
    assert [one["REMOTE_ADDR"] for one in told] == [CLIENT] * 3


def test_the_access_log_has_the_client(server: Server) -> None:
    mark = server.mark()
    ask(server, LINE)
    server.wait_log(rf"\] {re.escape(CLIENT)} .*GET /environ ", mark)


def closed_without_a_word(connection: Connection) -> bool:
    return connection.read_to_end() == b""


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (GET, "it does not begin with a PROXY header"),
        (b"PROXY TCP4 nowhere 203.0.113.1 1 2\r\n" + GET, "an address of the PROXY line"),
        (binary(extensions=b"\x03\x00\x04abcd") + GET, "the checksum of the PROXY header"),
        (b"PROXY " + b"x" * 200, "a PROXY line is longer than 107 bytes"),
    ],
    ids=["none", "address", "checksum", "long"],
)
def test_what_is_no_header_is_closed(server: Server, sent: bytes, why: str) -> None:
    mark = server.mark()
    with connect(server) as connection:
        connection.send(sent)
        assert closed_without_a_word(connection)
    server.wait_log(rf"warning .*closed a connection from {BALANCER}: {why}", mark)


def test_others_may_send_none(server: Server) -> None:
    mark = server.mark()
    for sent in (LINE + GET, GET):
        with connect(server, STRANGER) as connection:
            connection.send(sent)
            assert closed_without_a_word(connection)
    server.wait_log(
        rf"closed a connection from {STRANGER}: it is not in trusted-proxies.* "
        rf"add trusted-proxies = {STRANGER}$",
        mark,
    )


def test_fields_of_the_client_are_not_the_balancers(server: Server) -> None:
    fields = b"X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-Proto: https\r\n\r\n"
    request = GET[:-2] + fields
    with connect(server) as connection:
        connection.send(LINE + request)
        told = connection.read_response().json
    assert (told["REMOTE_ADDR"], told["wsgi.url_scheme"]) == (CLIENT, "http")
    # A proxy of ours that the balancer passed on.
    with connect(server) as connection:
        connection.send(LINE.replace(CLIENT.encode(), BALANCER.encode()) + request)
        told = connection.read_response().json
    assert (told["REMOTE_ADDR"], told["wsgi.url_scheme"]) == ("198.51.100.1", "https")


def test_a_connection_that_only_looks(server: Server) -> None:
    mark = server.mark()
    for sent in (b"", b"PROXY", LINE):
        with connect(server) as connection:
            connection.send(sent)
    assert ask(server, LINE)["REMOTE_ADDR"] == CLIENT
    assert not server.find_log("closed a connection|refused a request", mark)


@pytest.mark.parametrize("way", WAYS)
def test_half_a_header_is_closed_in_time(serve: Serve, way: str) -> None:
    server = serve(*options(way, "--http-header-timeout", "300ms"), *PROBE, http=None)
    for sent in (b"", LINE[:20], LINE):
        with connect(server) as connection:
            connection.send(sent)
            assert closed_without_a_word(connection)
    with connect(server) as connection:
        connection.send(LINE + GET[:9])
        assert connection.read_response().status == 408


@pytest.mark.parametrize("way", WAYS)
def test_connections_keep_their_client_when_they_move(serve: Serve, way: str) -> None:
    """Through a reload, to workers that never saw the header; the check of the reload has none."""
    server = serve(*options(way, "--processes", "2", "--reload-check", "/hello"), *PROBE, http=None)
    connections = [connect(server) for _ in range(8)]
    for number, connection in enumerate(connections):
        connection.send(LINE.replace(b"192.0.2.7", b"192.0.2.%d" % (number + 10)) + GET)
        connection.read_response()
    fresh = connect(server)
    before = set(server.workers().values())
    assert server.run("reload").status == 0, server.log
    wait_for(lambda: not [one for one in before if one.alive], "the end of the old workers")
    for number, connection in enumerate(connections):
        assert connection.get("/environ").json["REMOTE_ADDR"] == f"192.0.2.{number + 10}"
        connection.close()
    with fresh:
        fresh.send(LINE + GET)
        assert fresh.read_response().json["REMOTE_ADDR"] == CLIENT


@pytest.mark.parametrize("way", WAYS)
def test_connections_keep_their_client_when_a_worker_is_busy(
    serve: Serve, way: str, tmp_path: Path
) -> None:
    server = serve(*options(way, "--processes", "2"), *PROBE, http=None)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with ExitStack() as stack:
        kept: dict[int, Connection] = {}  # one at each worker
        for _ in range(200):
            connection = stack.enter_context(connect(server))
            connection.send(LINE + b"GET /pid HTTP/1.1\r\nHost: h\r\n\r\n")
            kept.setdefault(connection.read_response().json[0], connection)
            if len(kept) == 2:
                break
        busy = stack.enter_context(connect(server))
        busy.send(LINE + f"GET /gated?fifo={fifo} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        busy.read_until(b"began\n\r\n")
        pids = {connection.get("/pid").json[0] for connection in kept.values()}
        assert len(kept) == 2 and len(pids) == 1, "both are at the worker that is free"
        for connection in kept.values():
            assert connection.get("/environ").json["REMOTE_ADDR"] == CLIENT
        os.close(os.open(fifo, os.O_WRONLY))
        busy.read_until(b"finished\n")


@pytest.mark.parametrize("way", WAYS)
def test_unix_sockets(serve: Serve, way: str, tmp_path: Path) -> None:
    path = str(tmp_path / "http.sock")
    serve(
        *(f"--{way}", path, f"--{WAYS[way]}", "--trusted-proxies", "unix", *PROBE),
        http=None,
    )
    for header, address in ((LINE, CLIENT), (binary(command=0), "")):
        with Connection(path) as connection:
            connection.send(header + GET)
            assert connection.read_response().json["REMOTE_ADDR"] == address


def test_it_needs_trusted_proxies() -> None:
    for option in ("--enable-proxy-protocol", "--http-enable-proxy-protocol"):
        done = run_mewsgi("--http", "127.0.0.1:0", option, *PROBE)
        assert done.status != 0
        assert "add trusted-proxies = 10.0.0.7 (the balancer's address or network)" in done.text
