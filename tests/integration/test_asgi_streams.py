"""ASGI bodies as streams: both ways at once, back-pressure both ways, and clients that leave."""

from __future__ import annotations

import hashlib
import os

import pytest
from harness import Connection, Server, wait_for
from harness.asgi import REFERENCE, recorded, serve_checked, wait_for_record
from harness.h2_client import Client

FLOOD_BOUND = 64 << 20  # what kernel, outbox and client may hold; the flood itself is a gibibyte


def head(method: str, target: str, *lines: str) -> bytes:
    rows = "".join(f"{line}\r\n" for line in lines)
    return f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n{rows}\r\n".encode()


def test_pieces_arrive_as_they_are_sent(asgi: Server) -> None:
    with asgi.connect() as connection:
        connection.send(head("GET", "/gated?name=pieces"))
        connection.read_head()
        assert connection.read_chunk() == b"began\n", "while the app waits"
        asgi.get("/open?name=pieces")
        assert connection.read_chunk() == b"finished\n"
        assert connection.read_chunk() == b""


def test_both_ways_at_once(asgi: Server) -> None:
    """The answer begins before the request is complete, and each piece of it comes back. The
    client waits for 100 (Continue), so that a front does not gather the body first."""
    with asgi.connect() as connection:
        connection.send(
            head("POST", "/echo-parts", "Transfer-Encoding: chunked", "Expect: 100-continue")
        )
        connection.read_until(b" 100 Continue\r\n")
        connection.read_until(b"\r\n")
        for number in range(20):
            piece = b"piece %d" % number
            connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            if number == 0:
                answer = connection.read_head()
                assert answer.status == 200
            assert connection.read_chunk() == piece
        connection.send(b"0\r\n\r\n")
        assert connection.read_chunk() == b""
        assert answer.closes or connection.get("/").body == b"hello"


def test_a_large_answer(asgi: Server) -> None:
    with asgi.connect(timeout=30) as connection:
        answer = connection.get("/stream?n=500&size=100000")
        assert answer.complete and len(answer.body) == 50_000_000
        assert answer.body.count(b"x") == 50_000_000


def test_a_large_upload(asgi: Server) -> None:
    """In pieces of bounded size, whichever way it came."""
    content = os.urandom(1 << 20) * 50
    with asgi.connect(timeout=60) as connection:
        told = connection.request("POST", "/digest", content).json
    assert told["size"] == len(content)
    assert told["sha256"] == hashlib.sha256(content).hexdigest()
    assert told["largest"] <= 4 << 20, "no piece is the whole upload"


def test_a_client_that_reads_slowly_holds_the_app_back(asgi: Server) -> None:
    with asgi.connect() as connection:
        connection.send(head("GET", "/flood?name=slow"))
        connection.read_head()
        wait_for(lambda: is_held_back(asgi, "slow"), "the flood to stand still", 30)
        sent = recorded(asgi, "slow")["sent"]
        assert sent < FLOOD_BOUND, f"{sent} bytes were taken from the app"
        read = 0
        while read < 2 * sent:  # and it goes on as the client reads
            read += len(connection.read_chunk())
    wait_for(lambda: recorded(asgi, "slow")["end"], "the end of the flood")
    assert recorded(asgi, "slow")["end"] in ("OSError", "cancelled")


def is_held_back(server: Server, name: str) -> bool:
    """Two looks with other requests between them see the same, and it is not nothing."""
    before = recorded(server, name)["sent"]
    for _ in range(20):
        server.get("/")
    return bool(before) and recorded(server, name)["sent"] == before


def test_an_app_that_reads_slowly_holds_the_client_back(asgi: Server) -> None:
    """What it does not take is not read without bound: the client's send blocks."""
    size = 256 << 20
    with asgi.connect() as connection:
        lines = (f"Content-Length: {size}", "Expect: 100-continue")
        connection.send(head("POST", "/slow-reader?name=reader", *lines))
        connection.read_until(b"100 Continue\r\n\r\n")
        sent = send_until_it_blocks(connection, size)
        assert sent < FLOOD_BOUND, f"{sent} bytes were taken from the client"
        asgi.get("/open?name=reader")
        connection.socket.settimeout(30)
        block = b"y" * (1 << 20)
        while sent < size:
            sent += connection.socket.send(block[: size - sent])
        assert connection.read_response().body == str(size).encode()


def send_until_it_blocks(connection: Connection, size: int) -> int:
    """Bytes that went before the server took no more for half a second."""
    block, sent = b"y" * 65536, 0
    connection.socket.settimeout(0.5)
    while sent < size:
        try:
            sent += connection.socket.send(block)
        except TimeoutError:
            return sent
    return sent


@pytest.mark.parametrize("begun", ["", "&begin=1"])
def test_a_client_that_leaves(asgi: Server, begun: str) -> None:
    """receive says so, once and again; before the answer and in the middle of it."""
    name = f"left{len(begun)}"
    connection = asgi.connect()
    connection.send(head("GET", f"/wait-for-the-end?name={name}{begun}"))
    if begun:
        connection.read_until(b"began\n")
    wait_for(lambda: recorded(asgi, name) == ["http.request"], "the app to wait for its client")
    connection.close()
    heard = ["http.request", "http.disconnect", "again http.disconnect"]
    wait_for_record(asgi, name, heard)


def test_a_client_that_leaves_in_its_upload(asgi: Server) -> None:
    """Never half a body that looks whole."""
    connection = asgi.connect()
    lines = ("Content-Length: 1000", "Expect: 100-continue")
    connection.send(head("POST", "/wait-for-the-end?name=cut", *lines))
    connection.read_until(b"100 Continue\r\n\r\n")
    connection.send(b"x" * 500)
    wait_for(lambda: recorded(asgi, "cut"), "the first half of the body")
    connection.close()
    wait_for(lambda: "again http.disconnect" in recorded(asgi, "cut"), "the end of the request")
    heard = recorded(asgi, "cut")
    assert set(heard[:-2]) == {"http.request"} and heard[-2] == "http.disconnect"


def test_a_client_that_leaves_while_the_app_sends(asgi: Server) -> None:
    connection = asgi.connect()
    connection.send(head("GET", "/flood?name=gone"))
    connection.read_until(b"ffff")
    connection.close()
    wait_for(lambda: recorded(asgi, "gone")["end"], "the end of the flood", 30)
    assert recorded(asgi, "gone")["end"] in ("OSError", "cancelled")
    assert asgi.get("/").body == b"hello"


def test_many_clients_that_leave_leave_nothing(asgi: Server) -> None:
    def tasks() -> int:
        return int(asgi.get("/about").json["tasks"])

    before = tasks()
    connections = [asgi.connect() for _ in range(50)]
    for number, connection in enumerate(connections):
        connection.send(head("GET", f"/wait-for-the-end?begin=1&name=many{number}"))
    for connection in connections:
        connection.read_until(b"began\n")
        connection.close()
    wait_for(lambda: tasks() <= before, "the end of all their tasks")


@pytest.mark.skipif(REFERENCE, reason="uvicorn has no HTTP/2")
def test_http2_streams_meet() -> None:
    """One connection, many exchanges in one worker at a time."""
    with (
        serve_checked("asgi_probe:app", "--h2c", way="routed") as server,
        Client(server.port) as client,
    ):
        waiting = [client.start("GET", "/gated?name=streams") for _ in range(50)]
        for stream in waiting:
            client.wait(lambda one=stream: client.answers[one].body == b"began\n", "its beginning")
        assert client.get("/open?name=streams").text == "open"
        for stream in waiting:
            assert client.answer(stream).text == "began\nfinished\n"
        scope = client.get("/scope").json
        assert scope["http_version"] == "2" and scope["headers"][0][0] == "host"
        stream = client.start("GET", "/wait-for-the-end?name=reset&begin=1")
        client.wait(lambda: client.answers[stream].body == b"began\n", "its beginning")
        client.cancel(stream)
        wait_for_record(
            server, "reset", ["http.request", "http.disconnect", "again http.disconnect"]
        )
        content = os.urandom(3_000_000)
        assert bytes(client.request("POST", "/echo", content).body) == content
