"""ASGI apps that break rules: what the client sees is an error or an answer that is visibly cut,
never half a head or a whole-looking lie; the log says why; and the worker goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from harness import Server
from harness.asgi import APPS, REFERENCE, WAYS, start_asgi
from harness.client import Closed
from harness.ws_client import WebSocket

WRONG = (
    "no dict", "no type", "unknown type", "of another protocol", "no status", "status of text",
    "status too low", "status too high", "interim status", "headers of text", "headers of three",
    "headers no list", "name with a blank", "empty name", "pseudo header", "value with CRLF",
    "value with LF", "value with NUL", "body first", "start twice", "body of text", "body of None",
)  # fmt: skip


@pytest.fixture(scope="module", params=WAYS)
def rogue(request: pytest.FixtureRequest) -> Iterator[Server]:
    where = ["--pythonpath", str(APPS), "asgi_rogue:app"]
    with start_asgi(where, way=request.param) as server:
        yield server


def target(path: str, kind: str) -> str:
    return f"{path}?kind={kind.replace(' ', '+')}"


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_messages(rogue: Server, kind: str) -> None:
    """Each raises where it is sent. Nothing has left before the first byte of a body."""
    mark = rogue.mark()
    with rogue.connect() as connection:
        answer = connection.get(target("/wrong", kind))
        assert answer.status == 500, f"{answer.status} {answer.headers}"
        assert answer.get("Set-Cookie") is None and b"seen" not in answer.body
    rogue.wait_log("Traceback", since=mark)
    rogue.wait_log(r"^(TypeError|ValueError|RuntimeError|KeyError)", since=mark)
    assert rogue.get("/").body == b"hello"


@pytest.mark.parametrize(
    "kind", ["status of text", "headers of text", "value with CRLF", "unknown type", "body first"]
)
def test_wrong_messages_can_be_caught(rogue: Server, kind: str) -> None:
    answer = rogue.get(target("/wrong-and-caught", kind))
    assert answer.status == 200
    name, _, text = answer.text.partition(": ")
    assert name in ("TypeError", "ValueError", "RuntimeError") and len(text) > 10, answer.text


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/fail-before", "LookupError: before the answer"),
        ("/fail-behind-head", "LookupError: behind the head"),
        ("/no-answer", "without an answer|answer"),
        ("/no-body", "body|answer"),
        ("/exits", "SystemExit"),
        ("/cancels", "Cancelled|answer"),
        ("/cancels-itself", "Cancelled|answer"),
    ],
)
def test_what_never_was_an_answer_is_500(rogue: Server, path: str, says: str) -> None:
    mark = rogue.mark()
    with rogue.connect() as connection:
        assert connection.get(path).status == 500
    rogue.wait_log(says, since=mark)
    assert rogue.get("/").body == b"hello"


@pytest.mark.parametrize("path", ["/fail-in-body", "/no-end", "/too-short"])
def test_what_began_is_cut_where_one_sees_it(rogue: Server, path: str) -> None:
    mark = rogue.mark()
    with rogue.connect() as connection:
        try:
            answer = connection.get(path)
        except Closed:
            pass  # of which nothing came
        else:
            assert answer.status == 500 or not answer.complete
        connection.expect_end()
    rogue.wait_log("in the body|not complete|Content-Length", since=mark)
    assert rogue.get("/").body == b"hello"


def test_no_byte_behind_the_length(rogue: Server) -> None:
    with rogue.connect() as connection:
        connection.send(b"GET /too-long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = connection.read_response()
        assert answer.status == 500 or answer.body == b"12345"
        assert answer.closes or connection.get("/").body == b"hello", "the next answer is the next"


@pytest.mark.parametrize("path", ["/fail-behind-answer", "/behind-the-end", "/returns-something"])
def test_what_comes_behind_a_whole_answer_changes_nothing(rogue: Server, path: str) -> None:
    mark = rogue.mark()
    with rogue.connect() as connection:
        assert connection.get(path).body == b"whole"
        assert connection.get("/").body == b"hello", "on the same connection"
    if path != "/returns-something":
        rogue.wait_log("Traceback", since=mark)


def test_interrupts(rogue: Server) -> None:
    """KeyboardInterrupt is no reason to end the server."""
    if REFERENCE:
        pytest.skip("for uvicorn it is")
    try:
        assert rogue.get("/interrupts").status == 500
    except Closed:
        pass  # its worker was replaced
    assert rogue.get("/").body == b"hello"


def test_one_that_blocks_the_loop_holds_up_its_worker_alone(rogue: Server) -> None:
    with rogue.connect() as first, rogue.connect() as second:
        first.send(b"GET /blocks HTTP/1.1\r\nHost: x\r\n\r\n")
        second.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert first.read_response().body == b"blocked"
        assert second.read_response().body == b"hello"


def test_tasks_that_nobody_awaits(rogue: Server) -> None:
    mark = rogue.mark()
    assert rogue.get("/leaves-tasks").body == b"left"
    rogue.wait_log("in a task that nobody awaits", since=mark)
    assert rogue.get("/").body == b"hello"


def test_an_app_that_stops_the_loop() -> None:
    """The worker is replaced, or goes on: the next client is served."""
    if REFERENCE:
        pytest.skip("for uvicorn it is the end")
    with start_asgi(["--pythonpath", str(APPS), "asgi_rogue:app"]) as server:
        with server.connect() as connection:
            connection.send(b"GET /stops-the-loop HTTP/1.1\r\nHost: x\r\n\r\n")
            connection.read_until(b"stopped")
        for _ in range(3):
            assert server.get("/").body == b"hello"


@pytest.mark.parametrize("way", WAYS)
def test_a_task_that_swallows_its_cancellation_does_not_hold_up_a_stop(way: str) -> None:
    if REFERENCE:
        pytest.skip("uvicorn waits for it")
    where = ["--pythonpath", str(APPS), "--stop-mercy", "1s", "asgi_rogue:app"]
    with start_asgi(where, way=way, expect_status=None) as server, server.connect() as connection:
        connection.send(b"GET /swallows HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.read_until(b"began\n")
        server.stop(timeout=20)


@pytest.mark.parametrize(
    "kind",
    ["both", "neither", "text of bytes", "accept twice", "bad code", "code of text", "long reason",
     "unknown", "http"],
)  # fmt: skip
def test_wrong_messages_of_a_websocket(rogue: Server, kind: str) -> None:
    """Each raises where it is sent, and what is open stays open."""
    with WebSocket(rogue.port, target("/", kind)) as ws:
        told: Any = ws.receive()
        name, _, text = told.partition(": ")
        assert name in ("TypeError", "ValueError", "RuntimeError") and len(text) > 10, told
        assert ws.wait_end()[0] == 1000


def test_a_message_before_the_handshake(rogue: Server) -> None:
    mark = rogue.mark()
    with WebSocket(rogue.port, target("/", "send first")) as ws:
        assert ws.refusal and ws.refusal.status == 500
    rogue.wait_log("Traceback", since=mark)
