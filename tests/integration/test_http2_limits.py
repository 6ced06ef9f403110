"""Limits of time and size on HTTP/2: each ends what it is about, a stream or the connection, and
nothing else."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Server, wait_for
from harness import h2_frames as h2
from harness.certificates import Authority
from harness.fixtures import APPS
from harness.h2_client import Client
from harness.h2_load import H2Load
from harness.h2_peer import Peer

BRIEF = [
    *("--http-header-timeout", "1s", "--http-body-timeout", "1s", "--http-keepalive", "1s"),
    *("--limit-post", "100000", "--h2c", "--processes", "2", "--chdir", str(APPS), "probe:app"),
]


@pytest.fixture(scope="module")
def brief() -> Iterator[Server]:
    with Server(BRIEF, way="routed") as server:
        yield server


@pytest.mark.parametrize("size", [0, 1, 14, 23])
def test_half_a_preface(brief: Server, size: int) -> None:
    with socket.create_connection(("127.0.0.1", brief.port), 15) as client:
        client.sendall(h2.PREFACE[:size])
        answer = b""
        while part := client.recv(65536):
            answer += part
        assert not answer or answer.startswith(b"HTTP/1.1 408") or answer[3] == h2.SETTINGS


def test_a_preface_and_no_request(brief: Server) -> None:
    with Peer(brief.port) as peer:
        ended = peer.wait_end()
        assert ended and ended[0] == h2.NO_ERROR


def test_idle_after_a_request(brief: Server) -> None:
    with Client(brief.port) as client:
        assert client.get("/hello").text == "hello"
        client.wait_end()
        assert client.goaways[-1] == (1, h2.NO_ERROR)


def test_half_a_head(brief: Server) -> None:
    block = h2.literal(h2.request_fields("/hello"))
    with Peer(brief.port) as peer:
        peer.send(h2.frame(h2.HEADERS, h2.END_STREAM, 1, block[:20]))
        assert peer.wait_end() is not None
        assert not peer.streams


def test_a_head_that_drips(brief: Server) -> None:
    """The limit is for all of it, not for each byte."""
    block = h2.literal(h2.request_fields("/hello", fields=[("x-a", "b" * 5000)]))
    with Peer(brief.port) as peer:
        peer.send(h2.frame(h2.HEADERS, h2.END_STREAM, 1, b"")[:9])
        wire = iter(h2.frame(h2.CONTINUATION, h2.END_HEADERS, 1, block))

        def over() -> bool:
            byte = next(wire, None)
            return byte is None or not peer.try_send(bytes([byte]))

        wait_for(over, "the end of the connection", 20)
        assert next(wire, None) is not None, "all of the head was taken"


@pytest.mark.parametrize("drips", [False, True], ids=["stops", "drips"])
def test_a_body_that_does_not_come(brief: Server, drips: bool) -> None:
    with Peer(brief.port) as peer:
        slow = peer.start("POST", "/echo", end=False)
        peer.data(slow, b"begin")

        def over() -> bool:
            if drips and not peer.streams[slow].over:
                peer.data(slow, b"x")
            assert peer.get("/hello").text == "hello"  # beside it
            return peer.streams[slow].over

        wait_for(over, "the end of the stream", 20)
        assert peer.streams[slow].status == 408 or peer.streams[slow].reset is not None
        assert not peer.goaways
        assert peer.get("/hello").text == "hello"


@pytest.mark.parametrize("told", [True, False], ids=["by its length", "by its bytes"])
def test_a_body_too_large(brief: Server, told: bool) -> None:
    with Client(brief.port) as client:
        fields = [("content-length", "100001")] if told else []
        answer = client.request("POST", "/digest", b"x" * 100_001, fields)
        assert answer.status == 413
        assert client.request("POST", "/digest", b"x" * 100_000).json[0] == 100_000
        assert not client.goaways


def test_upgrade_under_load(tmp_path: Path) -> None:
    """Fronts are replaced: connections end with GOAWAY, no stream is lost, in cleartext and TLS."""
    (tmp_path / "query.py").write_text(
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [('Content-Type', 'text/plain')])\n"
        "    return [environ['QUERY_STRING'].encode()]\n"
    )
    authority = Authority(tmp_path / "authority")
    pair = authority.issue("localhost")
    options = ["--h2c", "--https", pair.option(), "--processes", "2", "--chdir", str(tmp_path)]
    with Server([*options, "query:app"], way="routed") as server:
        plain = H2Load(server.port)
        secure = H2Load(server.port_of("https"), tls=authority.context("h2"))
        with plain, secure:
            for _ in range(2):
                plain.wait_for_more(50)
                secure.wait_for_more(50)
                assert server.run("upgrade").status == 0
            plain.wait_for_more(50)
            secure.wait_for_more(50)
            plain.stop()
            secure.stop()
        assert not plain.errors + secure.errors, (plain.errors + secure.errors)[:5]
