"""ASGI's http scope, on both ways in, behind the checker: what the app is told, and its answers."""

from __future__ import annotations

import json
import os

import pytest
from harness import Server
from harness.asgi import wait_for_record


def test_hello(asgi: Server) -> None:
    answer = asgi.get("/")
    assert (answer.status, answer.body) == (200, b"hello")
    assert answer.get("Content-Type") == "text/plain" and answer.get("Content-Length") == "5"
    assert asgi.get("/nowhere").status == 404


def test_the_scope(asgi: Server) -> None:
    with asgi.connect() as connection:
        own = connection.socket.getsockname()
        connection.send(
            b"GET /scope/a%20b/%C3%BC/%2F?x=1&y=%20 HTTP/1.1\r\nHost: cats.example\r\n"
            b"X-Cat: tabby\r\nX-cat: black\r\nCookie: a=1\r\n\r\n"
        )
        scope = connection.read_response().json
    assert scope["type"] == "http" and scope["method"] == "GET" and scope["http_version"] == "1.1"
    assert scope["scheme"] == "http" and scope["root_path"] == ""
    assert scope["path"] == "/scope/a b/\xfc//"
    assert scope["raw_path"] == "/scope/a%20b/%C3%BC/%2F"
    assert scope["query_string"] == "x=1&y=%20"
    assert scope["headers"] == [
        ["host", "cats.example"],
        ["x-cat", "tabby"],
        ["x-cat", "black"],
        ["cookie", "a=1"],
    ], "all of them, in their order, repeated ones apart"
    assert scope["client"] == list(own)
    assert scope["server"] == ["127.0.0.1", asgi.port]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "REPORT"])
def test_methods(asgi: Server, method: str) -> None:
    assert asgi.request(method, "/scope").json["method"] == method


def test_http_1_0(asgi: Server) -> None:
    with asgi.connect() as connection:
        connection.send(b"GET /scope HTTP/1.0\r\nHost: x\r\n\r\n")
        scope = connection.read_response().json
        connection.expect_end()
    assert scope["http_version"] == "1.0"


def test_an_invalid_path(asgi: Server) -> None:
    """Bytes that are no UTF-8 are replaced in path, and as they were in raw_path."""
    scope = asgi.get("/scope/%FF%20x").json
    assert scope["raw_path"] == "/scope/%FF%20x"
    assert scope["path"].startswith("/scope/") and scope["path"].endswith(" x")


def test_head(asgi: Server) -> None:
    with asgi.connect() as connection:
        connection.send(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = connection.read_response("HEAD")
        assert answer.status == 200 and answer.get("Content-Length") == "5" and not answer.body
        assert connection.get("/").body == b"hello", "the connection is still in step"
        connection.send(b"HEAD /stream?n=100&size=1000 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.read_response("HEAD").status == 200
        assert connection.get("/").body == b"hello"


@pytest.mark.parametrize("code", [200, 201, 202, 301, 304, 204, 400, 404, 418, 500, 503, 599])
def test_statuses(asgi: Server, code: int) -> None:
    """Without a body: neither length nor type are made up where none is allowed."""
    with asgi.connect() as connection:
        answer = connection.get(f"/status?code={code}")
        assert answer.status == code and answer.body == b"" and answer.get("X-Cat") == "tabby"
        if code == 204:
            assert answer.get("Content-Length") is None
            assert answer.get("Transfer-Encoding") is None
        assert connection.get("/").body == b"hello"


def test_headers_of_the_answer(asgi: Server) -> None:
    assert asgi.get("/cookies").all("Set-Cookie") == ["a=1", "b=2"]
    answer = asgi.get("/hop-by-hop")
    assert answer.body == b"clean" and answer.get("X-Kept") == "y"
    assert "x-secret" not in (answer.get("Connection") or "").lower()


def test_framing(asgi: Server) -> None:
    """A length where the app gave one, else chunks, else (to HTTP/1.0) the connection's end."""
    with asgi.connect() as connection:
        assert connection.get("/").get("Transfer-Encoding") is None
        streamed = connection.get("/stream?n=3&size=10")
        assert streamed.get("Transfer-Encoding") == "chunked" and streamed.body == b"x" * 30
        assert connection.get("/empty-parts").body == b"one,two"
        connection.send(b"GET /stream?n=3&size=10 HTTP/1.0\r\nHost: x\r\n\r\n")
        answer = connection.read_response()
        assert answer.body == b"x" * 30 and answer.get("Transfer-Encoding") is None
        connection.expect_end()


def test_keep_alive_and_pipelining(asgi: Server) -> None:
    """Answers come in the order of their questions, whichever the app has first."""
    with asgi.connect() as connection:
        first = b"GET /gated?name=pipelined HTTP/1.1\r\nHost: x\r\n\r\n"
        second = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        connection.send(first + second * 3)
        connection.read_until(b"began\n")
        asgi.get("/open?name=pipelined")
        connection.read_until(b"finished\n\r\n0\r\n\r\n")
        for _ in range(3):
            assert connection.read_response().body == b"hello"
        assert connection.get("/").body == b"hello"


@pytest.mark.parametrize("size", [0, 1, 1000, 65_536, 300_000, 5_000_000])
def test_bodies_both_ways(asgi: Server, size: int) -> None:
    content = os.urandom(size)
    with asgi.connect(timeout=20) as connection:
        assert connection.request("POST", "/echo", content).body == content
        assert connection.get("/").body == b"hello"


def test_chunked_uploads(asgi: Server) -> None:
    content = [os.urandom(size) for size in (1, 70_000, 5, 1_000)]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in content) + b"0\r\n\r\n"
    with asgi.connect() as connection:
        connection.send(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + framed
        )
        assert connection.read_response().body == b"".join(content)


def test_a_body_that_nobody_reads(asgi: Server) -> None:
    with asgi.connect() as connection:
        for size in (10, 1_000, 100_000):
            answer = connection.request("POST", "/ignore-body", b"x" * size)
            assert answer.body == b"did not look"
            if answer.closes:
                break
        else:
            assert connection.get("/").body == b"hello"


def test_expect_100_continue(asgi: Server) -> None:
    """The client is asked for its body when the app asks for it, and not before."""
    head = "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    with asgi.connect() as connection:
        connection.send((head % "/echo").encode())
        assert connection.read_response(interim=True).status == 100
        connection.send(b"12345")
        assert connection.read_response().body == b"12345"
    with asgi.connect() as connection:
        connection.send((head % "/ignore-body").encode())
        answer = connection.read_response(interim=True)
        assert answer.status == 200 and answer.body == b"did not look"


def test_requests_meet_in_one_worker(asgi: Server) -> None:
    """Two hundred that wait at one gate, and one that opens it."""
    connections = [asgi.connect() for _ in range(200)]
    for connection in connections:
        connection.send(b"GET /gated?name=crowd HTTP/1.1\r\nHost: x\r\n\r\n")
    for connection in connections:
        connection.read_until(b"began\n")
    assert asgi.get("/open?name=crowd").body == b"open"
    for connection in connections:
        connection.read_until(b"finished\n")
        connection.close()


def test_each_request_has_a_context_of_its_own(asgi: Server) -> None:
    with asgi.connect() as connection:
        for who in ("first", "second"):
            answer = connection.get(f"/contexts?who={who}")
            assert json.loads(answer.text) == ["nobody's", who]


def test_where_the_app_runs(asgi: Server) -> None:
    """On the main thread of a worker, in a task, on a loop made there."""
    told = asgi.get("/about").json
    assert told["main thread"] and told["task"] and not told["debug"]
    assert asgi.get("/child").body == b"from a child\n3"
    assert asgi.get("/in-a-thread").body == b"another thread"
    mark = asgi.mark()
    asgi.get("/prints?text=mew")
    asgi.wait_log("printed by the app mew", since=mark)
    asgi.wait_log("written to stderr", since=mark)


def test_behind_the_answer(asgi: Server) -> None:
    """The app may go on; receive then says that it is over."""
    with asgi.connect() as connection:
        assert connection.get("/receive-behind?name=behind").body == b"answered"
        assert connection.get("/").body == b"hello", "meanwhile the connection is free"
    wait_for_record(asgi, "behind", "http.disconnect")
