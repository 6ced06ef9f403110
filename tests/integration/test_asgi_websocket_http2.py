"""WebSockets of ASGI apps on streams of HTTP/2 (RFC 8441), behind the checker: an app is told the
same as of one over HTTP/1.1, but for the version."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from harness import Server, wait_for
from harness.asgi import recorded, serve_checked, wait_for_record
from harness.h2_client import Client
from harness.h2_websocket import StreamWebSocket

MESSAGES: list[str | bytes] = [
    "hello",
    b"bytes \x00\xff",
    "gr\xfc\xdfe \U0001f408",
    "",
    "x" * 200_000,
    b"y" * 700_000,
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve_checked("asgi_probe:app", "--h2c", way="routed") as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.port) as running:
        yield running


def test_echo(server: Server, client: Client) -> None:
    ws = StreamWebSocket(client, "/ws/echo?name=h2")
    for message in MESSAGES:
        ws.send(message)
        assert ws.receive() == message
    for number in range(500):
        ws.send(str(number))
    assert [ws.receive() for _ in range(500)] == [str(number) for number in range(500)]
    assert ws.close(1000) == 1000 and ws.answer.ended
    wait_for_record(server, "h2", [1000, ""])


def test_many_streams_of_one_connection(client: Client) -> None:
    """And requests between them."""
    open_ones = [StreamWebSocket(client, "/ws/echo") for _ in range(40)]
    for number, ws in enumerate(open_ones):
        ws.send(f"{number} " * 10_000)
    for number, ws in enumerate(open_ones):
        assert ws.receive() == f"{number} " * 10_000
    assert client.get("/scope").status == 200
    for ws in open_ones:
        assert ws.close() == 1000
    assert client.get("/scope").status == 200


def test_the_scope(server: Server, client: Client) -> None:
    fields = [("x-cat", "tabby"), ("sec-websocket-protocol", "chat, mew")]
    ws = StreamWebSocket(client, "/ws/scope?x=1", *fields)
    scope = json.loads(ws.receive())
    assert scope["type"] == "websocket" and scope["scheme"] == "ws"
    assert scope["http_version"] == "2" and "method" not in scope
    assert scope["path"] == "/ws/scope" and scope["query_string"] == "x=1"
    assert scope["subprotocols"] == ["chat", "mew"]
    assert scope["server"] == ["127.0.0.1", server.port]
    assert ["x-cat", "tabby"] in scope["headers"]
    assert "websocket.http.response" in scope["extensions"]
    assert ws.close() == 1000


def test_subprotocol_and_headers_of_the_handshake(client: Client) -> None:
    ws = StreamWebSocket(client, "/ws/choose", ("sec-websocket-protocol", "chat, mew"))
    assert ws.answer.get("sec-websocket-protocol") == "mew"
    assert (ws.answer.get("x-cat"), ws.answer.get("set-cookie")) == ("tabby", "a=1")
    for name in ("upgrade", "connection", "sec-websocket-accept", "sec-websocket-extensions"):
        assert ws.answer.get(name) is None, name
    ws.close()


def test_compression_is_agreed_on(client: Client) -> None:
    offer = ("sec-websocket-extensions", "permessage-deflate; client_max_window_bits")
    ws = StreamWebSocket(client, "/ws/echo", offer)
    agreed = ws.answer.get("sec-websocket-extensions")
    assert agreed is not None and agreed.startswith("permessage-deflate")
    client.cancel(ws.stream)


@pytest.mark.parametrize("status", [401, 403, 404, 503])
def test_denied_with_an_answer(client: Client, status: int) -> None:
    ws = StreamWebSocket(client, f"/ws/deny?status={status}", accepted=False)
    answer = client.answer(ws.stream)
    assert answer.ended and (answer.status, answer.text) == (status, "no entry")
    assert answer.get("x-why") == "no ticket"


def test_refused_and_failed(client: Client) -> None:
    for target, status in (("/ws/refuse", 403), ("/ws/fail-before", 500)):
        ws = StreamWebSocket(client, target, accepted=False)
        assert client.answer(ws.stream).status == status


@pytest.mark.parametrize(("asked", "code"), [("", 1000), ("code=3000&reason=enough", 3000)])
def test_the_app_closes(client: Client, asked: str, code: int) -> None:
    ws = StreamWebSocket(client, f"/ws/close?{asked}")
    assert ws.wait_closed() == code and ws.answer.ended


def test_the_client_is_lost(server: Server) -> None:
    """By a reset of its stream, and with its connection."""
    with Client(server.port) as client:
        reset = StreamWebSocket(client, "/ws/echo?name=reset")
        gone = StreamWebSocket(client, "/ws/echo?name=gone")
        for ws in (reset, gone):
            ws.send("hello")
            assert ws.receive() == "hello"
        client.cancel(reset.stream)
        wait_for(lambda: code_of(server, "reset") == 1006, "the app to hear of the reset")
        gone.send("still there")
        assert gone.receive() == "still there"
    wait_for(lambda: code_of(server, "gone") == 1006, "the app to hear of the client's end")


def code_of(server: Server, name: str) -> int | None:
    found = recorded(server, name)
    return found[0] if found else None


def test_a_client_that_gives_no_credit_holds_the_app_back(server: Server, client: Client) -> None:
    ws = StreamWebSocket(client, "/ws/send-on?name=held")
    client.hold(ws.stream)
    before = -1
    while (sent := recorded(server, "held")["sent"]) != before or not sent:
        before = sent
        assert client.get("/scope").status == 200, "others are not held"
    assert sent < 8 << 20
    client.release(ws.stream)
    wait_for(lambda: recorded(server, "held")["sent"] > sent, "more")
    client.cancel(ws.stream)
    wait_for(lambda: recorded(server, "held")["end"], "the end of the app")
    assert recorded(server, "held")["end"] == "OSError"


def test_a_reload_ends_them_properly() -> None:
    with ExitStack() as running:
        server = running.enter_context(serve_checked("asgi_probe:app", "--h2c", way="routed"))
        client = running.enter_context(Client(server.port))
        open_ones = [StreamWebSocket(client, "/ws/echo") for _ in range(20)]
        server.send_signal(signal.SIGHUP)
        for ws in open_ones:
            assert ws.wait_closed() == 1012 and ws.answer.ended
        assert not client.goaways
        new = StreamWebSocket(client, "/ws/echo")
        new.send("to the new one")
        assert new.receive() == "to the new one"
        assert new.close() == 1000


def test_a_stop_ends_them_properly() -> None:
    with ExitStack() as running:
        server = running.enter_context(serve_checked("asgi_probe:app", "--h2c", way="routed"))
        client = running.enter_context(Client(server.port))
        open_ones = [StreamWebSocket(client, "/ws/echo") for _ in range(20)]
        server.send_signal(signal.SIGTERM)
        for ws in open_ones:
            assert ws.wait_closed() in (1001, 1012) and ws.answer.ended
        client.wait_end()
        assert client.goaways
        server.wait_end()
        assert not server.find_log("still had work"), "nobody waited for a front in vain"
