"""HTTP/1.1 on the wire: connections, bodies, framing. The strict rules are in tests/conformance."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from email.utils import parsedate_to_datetime
from typing import Callable

import pytest
from harness import Connection, Server, wait_for
from harness.client import Closed, plain_request
from harness.fixtures import APPS

Serve = Callable[..., Server]
HELLO = b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def test_keep_alive(probe: Server) -> None:
    with probe.connect() as connection:
        for _ in range(50):
            answer = connection.get("/hello")
            assert (answer.status, answer.body, answer.version) == (200, b"hello", "HTTP/1.1")
            assert not answer.closes


def test_head_of_an_answer(probe: Server) -> None:
    answer = probe.get("/hello")
    parsedate_to_datetime(answer.get("Date") or "")
    assert answer.get("Server") in (None, "mewsgi"), "no version to strangers"
    assert answer.get("Content-Length") == "5"
    assert answer.reason == "OK"


def test_close_is_honoured(probe: Server) -> None:
    for field in ("close", "Close", "keep-alive, close", "x, close , y"):
        with probe.connect() as connection:
            assert connection.get("/hello", Connection=field).closes, field
            connection.expect_end()


def test_pipelining(probe: Server) -> None:
    with probe.connect() as connection:
        connection.send(
            b"".join(
                plain_request("POST", "/echo", f"body {number}".encode()) for number in range(40)
            )
        )
        for number in range(40):
            assert connection.read_response().body == f"body {number}".encode()
        connection.expect_silence()


def test_pipelining_of_different_kinds(probe: Server) -> None:
    with probe.connect() as connection:
        connection.send(
            HELLO
            + b"HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n"
            + b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            + chunked(b"abc", b"def")
            + b"GET /stream?n=2 HTTP/1.1\r\nHost: x\r\n\r\n"
            + b"POST /ignore-body HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nxyz"
            + b"GET /count HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            + HELLO
        )
        assert connection.read_response().body == b"hello"
        assert connection.read_response("HEAD").get("Content-Length") == "5"
        assert connection.read_response().body == b"abcdef"
        assert connection.read_response().body == b"xx"
        assert connection.read_response().body == b"did not look"
        assert connection.read_response().closes
        connection.expect_end()


def test_split_at_every_byte(probe: Server) -> None:
    request = plain_request("POST", "/echo", b"0123456789", X_Some="value") + HELLO
    for point in range(1, len(request)):
        with probe.connect() as connection:
            connection.send_split(request, [point])
            assert connection.read_response().body == b"0123456789", point
            assert connection.read_response().body == b"hello", point


def test_byte_by_byte(probe: Server) -> None:
    body = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(
        b"one", b"t" * 17
    )
    with probe.connect() as connection:
        connection.send_split(body, range(1, len(body)))
        assert connection.read_response().body == b"one" + b"t" * 17


def test_a_request_after_an_idle_moment_and_a_lone_crlf(probe: Server) -> None:
    with probe.connect() as connection:
        assert connection.get("/hello").status == 200
        connection.send(b"\r\n" + HELLO)
        assert connection.read_response().status == 200


@pytest.mark.parametrize("size", [0, 1, 100, 4096, 65535, 65536, 65537, 300_000, 5_000_000])
@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_bodies_of_all_sizes(probe: Server, size: int, coding: str) -> None:
    body = os.urandom(size)
    with probe.connect() as connection:
        if coding == "length":
            connection.send(
                f"POST /digest HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode()
                + body
            )
        else:
            parts = [body[i : i + 70_001] for i in range(0, size, 70_001)]
            connection.send(
                b"POST /digest HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                + chunked(*parts)
            )
        assert connection.read_response().json == [size, hashlib.sha256(body).hexdigest()]
        assert connection.get("/hello").body == b"hello"


def test_chunked_body_in_environ(probe: Server) -> None:
    with probe.connect() as connection:
        connection.send(
            b"POST /environ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            + chunked(b"abc")
        )
        environ = connection.read_response().json
        assert environ["wsgi.input_terminated"] is True
        assert "HTTP_TRANSFER_ENCODING" not in environ or environ["HTTP_TRANSFER_ENCODING"]
        assert environ.get("CONTENT_LENGTH") in (None, "", "3")
        connection.send(b"POST /echo-length HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nfour")
        assert connection.read_response().body == b"four"


def test_chunk_extensions_and_trailers(probe: Server) -> None:
    with probe.connect() as connection:
        connection.send(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            b'3;name=value;other="quo\\"ted"\r\nabc\r\n00a\r\n0123456789\r\n0;last\r\n'
            b"X-Trailer: seen\r\n\r\n"
        )
        assert connection.read_response().body == b"abc0123456789"
        environ = connection.get("/environ").json
        assert "HTTP_X_TRAILER" not in environ


def test_answer_without_length_is_chunked(probe: Server) -> None:
    with probe.connect() as connection:
        answer = connection.get("/stream?n=3&size=10")
        assert answer.get("Transfer-Encoding") == "chunked"
        assert answer.body == b"x" * 30 and answer.complete
        assert connection.get("/hello").status == 200


def test_answer_without_length_to_http_1_0(probe: Server) -> None:
    with probe.connect() as connection:
        connection.send(b"GET /stream?n=3 HTTP/1.0\r\n\r\n")
        answer = connection.read_response()
        assert answer.get("Transfer-Encoding") is None
        assert answer.body == b"xxx"


def test_http_1_0(probe: Server) -> None:
    with probe.connect() as connection:
        connection.send(b"GET /hello HTTP/1.0\r\n\r\n")
        assert connection.read_response().body == b"hello"
        connection.expect_end()
    with probe.connect() as connection:
        for _ in range(3):
            connection.send(b"GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            answer = connection.read_response()
            assert answer.body == b"hello"
            assert (answer.get("Connection") or "").lower() == "keep-alive"


def test_head_has_no_body(probe: Server) -> None:
    with probe.connect() as connection:
        for target in ("/hello", "/stream?n=5", "/write", "/nothing"):
            connection.send(f"HEAD {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            connection.read_response("HEAD")
            connection.expect_silence(0.05)
        assert connection.get("/hello").body == b"hello"


@pytest.mark.parametrize("line", ["204 No Content", "304 Not Modified"])
def test_answers_that_have_no_body(probe: Server, line: str) -> None:
    with probe.connect() as connection:
        answer = connection.get(f"/status?line={line.replace(' ', '%20')}&body=not-sent")
        assert f"{answer.status} {answer.reason}" == line
        assert answer.get("Transfer-Encoding") is None
        assert connection.get("/hello").body == b"hello"


def test_unusual_status_lines(probe: Server) -> None:
    for line in ("418 I'm a teapot", "299 ", "599 Own"):
        answer = probe.get(f"/status?line={line.replace(' ', '%20')}&body=b")
        assert answer.status == int(line[:3]) and answer.body == b"b"


# Expect: 100-continue


def test_continue_is_sent_when_the_app_reads(probe: Server) -> None:
    with probe.connect() as connection:
        connection.send(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
        )
        assert connection.read_response(interim=True).status == 100
        connection.send(b"body")
        answer = connection.read_response(interim=True)
        assert (answer.status, answer.body) == (200, b"body")
        assert connection.get("/hello").status == 200


def test_no_continue_for_an_app_that_does_not_read(probe: Server) -> None:
    with probe.connect() as connection:
        connection.send(
            b"POST /ignore-body HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
            b"Expect: 100-continue\r\n\r\n"
        )
        answer = connection.read_response(interim=True)
        assert answer.status == 200, "the app never asked for the body"
        if not answer.closes:
            connection.send(b"body" + HELLO)
            assert connection.read_response().body == b"hello"


def test_no_continue_when_the_body_is_there(probe: Server) -> None:
    with probe.connect() as connection:
        connection.send(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
            b"Expect: 100-Continue\r\n\r\nbody"
        )
        answer = connection.read_response()
        assert (answer.status, answer.body) == (200, b"body")


def test_continue_never_to_http_1_0(probe: Server) -> None:
    with probe.connect() as connection:
        connection.send(b"POST /echo HTTP/1.0\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        connection.expect_silence()
        connection.send(b"body")
        assert connection.read_response(interim=True).status == 200


# Clients that take their time do not take the worker's


@pytest.mark.parametrize(
    "half",
    [
        b"",
        b"G",
        b"GET /hello HTTP/1.1\r\nHost: x\r\nX-Long: ",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf of it",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    ids=["nothing", "one byte", "head", "body", "chunk", "before chunk"],
)
def test_half_sent_requests_do_not_occupy_the_worker(probe: Server, half: bytes) -> None:
    slow = [probe.connect() for _ in range(30)]
    try:
        for connection in slow:
            connection.send(half)
        for _ in range(20):
            assert probe.get("/hello", timeout=3).status == 200
    finally:
        for connection in slow:
            connection.close()


def test_idle_connections_do_not_occupy_the_worker(probe: Server) -> None:
    idle = [probe.connect() for _ in range(200)]
    try:
        for connection in idle:
            assert connection.get("/hello").status == 200
        assert probe.get("/hello", timeout=3).status == 200
        for connection in idle:
            assert connection.get("/hello").status == 200
    finally:
        for connection in idle:
            connection.close()


def test_slow_readers_do_not_occupy_the_worker(probe: Server) -> None:
    """An answer up to response-buffer is the server's to deliver; the app goes on."""
    slow = [probe.connect() for _ in range(10)]
    try:
        for connection in slow:
            connection.send(b"GET /stream?n=9&size=100000 HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(10):
            assert probe.get("/hello", timeout=3).status == 200
        for connection in slow:
            assert len(connection.read_response().body) == 900_000
    finally:
        for connection in slow:
            connection.close()


def test_a_client_that_leaves_is_no_error(serve: Serve) -> None:
    server = serve("--chdir", str(APPS), "probe:app")
    for _ in range(5):
        with server.connect() as connection:
            connection.send(b"GET /closing-large?name=left HTTP/1.1\r\nHost: x\r\n\r\n")
            connection.read_until(b"zzzz")
    wait_for(lambda: server.get("/was-closed?name=left").json == 5, "close() of all five")
    assert not server.find_log("Traceback"), "a client that goes away is no exception"


def test_header_timeout(serve: Serve) -> None:
    server = serve("--http-header-timeout", "500ms", "--chdir", str(APPS), "probe:app")
    with server.connect(timeout=5) as connection:
        connection.send(b"GET /hello HTTP/1.1\r\n")
        assert connection.read_response().status == 408
        connection.expect_end()
    with server.connect(timeout=5) as silent:
        silent.expect_end()  # said nothing: no answer to nothing


def test_body_timeout(serve: Serve) -> None:
    server = serve("--http-body-timeout", "500ms", "--chdir", str(APPS), "probe:app")
    with server.connect(timeout=5) as connection:
        connection.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        assert connection.read_response().status == 408
        connection.expect_end()


def test_keepalive_timeout_and_off(serve: Serve) -> None:
    server = serve("--http-keepalive", "300ms", "--chdir", str(APPS), "probe:app")
    with server.connect(timeout=5) as connection:
        assert not connection.get("/hello").closes
        connection.expect_end()
    server = serve("--http-keepalive", "0", "--chdir", str(APPS), "probe:app")
    with server.connect() as connection:
        assert connection.get("/hello").closes
        connection.expect_end()


# Limits


def test_limits_of_the_head(probe: Server) -> None:
    with probe.connect() as connection:
        connection.send(b"GET /" + b"a" * 7980 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.read_response().status == 404, "8000 octets of request line work"
    with probe.connect() as connection:
        connection.send(b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.read_response().status == 414
        connection.expect_end()
    with probe.connect() as connection:
        connection.send(
            b"GET /hello HTTP/1.1\r\nHost: x\r\n" + b"X-Filler: %s\r\n" % (b"v" * 40_000) + b"\r\n"
        )
        assert connection.read_response().status == 431
        connection.expect_end()
    with probe.connect() as connection:
        connection.send(b"GET /hello HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 250 + b"\r\n")
        assert connection.read_response().status == 431
        connection.expect_end()
    with probe.connect() as connection:
        connection.send(
            b"GET /environ HTTP/1.1\r\nHost: x\r\n"
            + b"".join(b"X-N-%d: %d\r\n" % (n, n) for n in range(190))
            + b"\r\n"
        )
        assert connection.read_response().json["HTTP_X_N_189"] == "189"


def test_limit_post(serve: Serve) -> None:
    server = serve("--limit-post", "1000", "--chdir", str(APPS), "probe:app")
    assert server.request("POST", "/echo", b"x" * 1000).status == 200
    with server.connect() as connection:
        connection.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n")
        assert connection.read_response().status == 413
        connection.expect_end()
    with server.connect() as connection:
        connection.send(
            b"POST /read-or-error HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            + chunked(b"x" * 600, b"y" * 600)
        )
        assert connection.read_response().status == 413


def test_the_client_sees_the_refusal_while_it_still_sends(serve: Serve) -> None:
    """A lingering close: no reset takes the 413 away from a client in the midst of its upload."""
    server = serve("--limit-post", "1000", "--chdir", str(APPS), "probe:app")
    with server.connect() as connection:
        connection.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n")
        sender_failed = []

        def send_on() -> None:
            try:
                for _ in range(30):
                    connection.send(b"z" * 10_000)
            except OSError as error:
                sender_failed.append(error)

        sender = threading.Thread(target=send_on, daemon=True)
        sender.start()
        assert connection.read_response().status == 413
        sender.join(10)


# Large and streaming


def test_an_answer_streams(probe: Server, tmp_path: object) -> None:
    """The first part is on the wire while the generator still runs."""
    fifo = f"{tmp_path}/gate"
    os.mkfifo(fifo)
    with probe.connect() as connection:
        connection.send(f"GET /gated?fifo={fifo} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert connection.read_head().get("Transfer-Encoding") == "chunked"
        assert connection.read_chunk() == b"began\n"
        with open(fifo, "wb"):
            pass
        assert connection.read_chunk() == b"finished\n"
        assert connection.read_chunk() == b""


def test_upload_streams_into_the_app(probe: Server) -> None:
    """100 MB pass without being held in memory."""
    before = probe.get("/memory").json
    block = os.urandom(1 << 20)
    checksum = hashlib.sha256()
    with probe.connect(timeout=60) as connection:
        connection.send(
            f"POST /digest HTTP/1.1\r\nHost: x\r\nContent-Length: {100 << 20}\r\n\r\n".encode()
        )
        for _ in range(100):
            connection.send(block)
            checksum.update(block)
        assert connection.read_response().json == [100 << 20, checksum.hexdigest()]
    assert probe.get("/memory").json - before < 30_000, "kB of growth"


def test_download_of_much(probe: Server) -> None:
    """An answer far beyond response-buffer, to a client that reads it all."""
    before = probe.get("/memory").json
    with probe.connect(timeout=60) as connection:
        connection.send(b"GET /stream?n=1000&size=100000 HTTP/1.1\r\nHost: x\r\n\r\n")
        head = connection.read_head()
        total = 0
        if head.get("Transfer-Encoding"):
            while chunk := connection.read_chunk():
                total += len(chunk)
        assert total == 100_000_000
    assert probe.get("/memory").json - before < 30_000, "kB of growth"


@pytest.mark.parametrize(
    "cut",
    [
        b"POST /read-or-error HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n"
        + b"a" * 100000,
        b"POST /read-or-error HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n30d40\r\n"
        + b"a" * 100000,
    ],
    ids=["length", "chunked"],
)
def test_a_cut_body_raises_in_the_app(serve: Serve, cut: bytes) -> None:
    """Larger than post-buffering, so the app runs already; it must never take it for complete."""
    server = serve("--chdir", str(APPS), "probe:app")
    with server.connect() as connection:
        connection.send(cut)
    server.wait_log(r"body failed: \w+")
    assert not server.find_log("body came")
    assert server.get("/hello").status == 200


def test_a_cut_small_body_never_reaches_the_app(serve: Serve) -> None:
    server = serve("--chdir", str(APPS), "probe:app")
    before = server.get("/count").json
    with server.connect() as connection:
        connection.send(b"POST /read-or-error HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\nabc")
        connection.finish_sending()
        try:
            assert connection.read_response().status == 400
        except Closed:
            pass
    assert server.get("/count").json == before + 1
    assert not server.find_log("body came")


def test_half_closed_client_gets_its_answer(probe: Server) -> None:
    with probe.connect() as connection:
        connection.send(HELLO)
        connection.finish_sending()
        assert connection.read_response().body == b"hello"
        connection.expect_end()


def test_many_connections_at_once(probe: Server) -> None:
    connections: list[Connection] = [probe.connect() for _ in range(300)]
    for connection in connections:
        connection.send(HELLO)
    for connection in connections:
        assert connection.read_response().body == b"hello"
        connection.close()


def test_descriptors_are_given_back(probe: Server) -> None:
    worker = probe.workers()[1]
    before = len(worker.descriptors)
    for _ in range(50):
        with probe.connect() as connection:
            connection.get("/hello")
        with probe.connect() as connection:
            connection.send(b"GET /hel")
    wait_for(lambda: len(worker.descriptors) <= before, "closed descriptors")


def test_access_line_of_a_refusal_is_no_served_request(serve: Serve) -> None:
    server = serve("--chdir", str(APPS), "probe:app")
    with server.connect() as connection:
        connection.send(b"GET /refused HTTP/1.1\r\nHost : x\r\n\r\n")
        assert connection.read_response().status == 400
    server.get("/prints?text=end")
    server.wait_log("printed by the app end")
    assert not re.search(r"GET /refused.*\b200\b", server.log)
