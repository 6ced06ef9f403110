"""WebSockets of ASGI apps on each way in, behind the checker. The protocol's own cases are in
tests/conformance/websocket; here it is what the app is told and what its messages become."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from harness import Server, wait_for
from harness.asgi import REFERENCE, recorded, serve_checked, wait_for_record
from harness.certificates import Authority
from harness.tls import SecureConnection
from harness.ws_client import WebSocket, WebSocketEnded

MESSAGES = [
    "hello",
    b"bytes \x00\xff",
    "gr\xfc\xdfe \U0001f408",
    "",
    b"",
    "x" * 200_000,
    b"y" * 70_000,
]


def test_echo(asgi: Server) -> None:
    with WebSocket(asgi.port, "/ws/echo?name=echo") as ws:
        for message in MESSAGES:
            ws.send(message)
            assert ws.receive() == message
        for number in range(500):
            ws.send(str(number))
        assert [ws.receive() for _ in range(500)] == [str(number) for number in range(500)]
        ws.ping(b"are you there")
        assert ws.pongs == [b"are you there"]
    assert ws.code == 1000
    wait_for_record(asgi, "echo", [1000, ""])


def test_fragments_come_as_one_message(asgi: Server) -> None:
    with WebSocket(asgi.port, "/ws/echo") as ws:
        parts = ["gr\xfc", "\xdfe ", "", "\U0001f408"]
        for number, piece in enumerate(parts):
            ws.send_part(piece, last=number == 3)
            if number == 1:
                ws.ping(b"between")
        assert ws.receive() == "".join(parts)


def test_compressed(asgi: Server) -> None:
    with WebSocket(asgi.port, "/ws/echo", deflate=True) as ws:
        assert [extension.name for extension in ws.extensions] == ["permessage-deflate"]
        for message in MESSAGES:
            ws.send(message)
            assert ws.receive() == message


def test_the_scope(asgi: Server) -> None:
    headers = [("X-Cat", "tabby"), ("Origin", "http://cats.example")]
    with WebSocket(
        asgi.port, "/ws/scope?x=1&y=%20", headers=headers, subprotocols=["chat", "mew"]
    ) as ws:
        scope = json.loads(ws.receive())
    assert scope["type"] == "websocket" and scope["scheme"] == "ws"
    assert scope["http_version"] == "1.1" and "method" not in scope
    assert scope["path"] == scope["raw_path"] == "/ws/scope"
    assert scope["query_string"] == "x=1&y=%20"
    assert scope["subprotocols"] == ["chat", "mew"]
    assert scope["client"][0] == "127.0.0.1"
    assert scope["server"] == ["127.0.0.1", asgi.port]
    assert ["x-cat", "tabby"] in scope["headers"]
    assert ["origin", "http://cats.example"] in scope["headers"]
    assert "websocket.http.response" in scope["extensions"]


def test_subprotocol_and_headers_of_the_handshake(asgi: Server) -> None:
    with WebSocket(asgi.port, "/ws/choose", subprotocols=["chat", "mew"]) as ws:
        assert ws.subprotocol == "mew"
        assert ws.headers["x-cat"] == "tabby" and ws.headers["set-cookie"] == "a=1"
    with WebSocket(asgi.port, "/ws/echo", subprotocols=["chat", "mew"]) as ws:
        assert ws.subprotocol is None


def test_refused(asgi: Server) -> None:
    """websocket.close before websocket.accept is 403."""
    with WebSocket(asgi.port, "/ws/refuse") as ws:
        assert not ws.accepted and ws.refusal
        assert ws.refusal.status == 403


@pytest.mark.parametrize("status", [200, 302, 401, 404, 503])
def test_denied_with_an_answer(asgi: Server, status: int) -> None:
    with WebSocket(asgi.port, f"/ws/deny?status={status}") as ws:
        assert not ws.accepted and ws.refusal
        assert ws.refusal.status == status and ws.refusal.body == b"no entry"
        assert dict(ws.refusal.headers)["x-why"] == "no ticket"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("", (1000, "")),
        ("code=1001", (1001, "")),
        ("code=1011&reason=out+of+milk", (1011, "out of milk")),
        ("code=3000&reason=%C3%BC%F0%9F%90%88", (3000, "\xfc\U0001f408")),
        ("code=4999&reason=" + "r" * 123, (4999, "r" * 123)),
    ],
)
def test_the_app_closes(asgi: Server, asked: str, told: tuple[int, str]) -> None:
    with WebSocket(asgi.port, f"/ws/close?{asked}") as ws:
        assert ws.wait_end() == told


def test_the_app_hears_the_end_of_what_it_closed(asgi: Server) -> None:
    with WebSocket(asgi.port, "/ws/close-and-listen?name=listens") as ws:
        assert ws.wait_end() == (3001, "enough")
    wait_for(lambda: recorded(asgi, "listens"), "websocket.disconnect")


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "leaving"), (4321, "\xfc")])
def test_the_client_closes(asgi: Server, code: int, reason: str) -> None:
    with WebSocket(asgi.port, f"/ws/echo?name=closed{code}") as ws:
        ws.close(code, reason)
        assert ws.code == code
    wait_for_record(asgi, f"closed{code}", [code, reason])


def test_the_client_is_lost(asgi: Server) -> None:
    """Without a close frame: 1006 (RFC 6455 7.1.5). In order or by a reset."""
    for end in ("drop", "shut"):
        ws = WebSocket(asgi.port, f"/ws/echo?name={end}")
        if end == "drop":
            ws.drop()
        else:
            ws.socket.close()
        wait_for(lambda one=end: recorded(asgi, one), "websocket.disconnect")
        assert recorded(asgi, end)[0] == 1006


def test_an_app_that_returns(asgi: Server) -> None:
    """From an open one: what it sent arrives, and the close is the server's."""
    with WebSocket(asgi.port, "/ws/leave") as ws:
        assert ws.receive() == "bye"
        assert ws.wait_end() == (1000, "")


def test_an_app_that_fails(asgi: Server) -> None:
    mark = asgi.mark()
    with WebSocket(asgi.port, "/ws/fail-before") as ws:
        assert ws.refusal and ws.refusal.status == 500
    asgi.wait_log("LookupError: before the handshake", since=mark)
    with WebSocket(asgi.port, "/ws/fail-behind") as ws:
        assert ws.wait_end()[0] == 1011
    asgi.wait_log("LookupError: behind the handshake", since=mark)
    assert asgi.get("/").body == b"hello"


def test_two_tasks_of_one_app(asgi: Server) -> None:
    with WebSocket(asgi.port, "/ws/two-tasks") as ws:
        assert [ws.receive() for _ in range(3)] == [f"tick {number}" for number in range(3)]
        ws.send("mew")
        assert ws.receive() == "heard mew"
        assert ws.wait_end()[0] == 1000


def test_what_one_says_all_hear(asgi: Server) -> None:
    members = [WebSocket(asgi.port, "/ws/broadcast") for _ in range(20)]
    members[0].send("mew")
    assert [member.receive() for member in members] == ["mew"] * 20
    for member in members:
        with member:
            pass
        assert member.code == 1000


def test_a_client_that_does_not_read_holds_the_app_back(asgi: Server) -> None:
    ws = WebSocket(asgi.port, "/ws/send-on?name=held")
    wait_for(lambda: stands_still(asgi, "held"), "the messages to stand still", 30)
    sent = recorded(asgi, "held")["sent"]
    assert sent < 64 << 20, f"{sent} bytes were taken from the app"
    for _ in range(2 * sent // 65536):
        ws.receive()  # more than had been sent
    ws.drop()
    wait_for(lambda: recorded(asgi, "held")["end"], "the app to hear of it")
    assert recorded(asgi, "held")["end"] in ("OSError", "cancelled")


def stands_still(server: Server, name: str) -> bool:
    before = (recorded(server, name) or {"sent": 0})["sent"]
    for _ in range(20):
        server.get("/")
    return bool(before) and recorded(server, name)["sent"] == before


def test_http_beside_websockets(asgi: Server) -> None:
    """One worker, a hundred open ones, and requests as ever."""
    opened = [WebSocket(asgi.port, "/ws/echo") for _ in range(100)]
    assert asgi.get("/").body == b"hello"
    for ws in opened:
        with ws:
            ws.send("still here")
            assert ws.receive() == "still here"


def test_many_that_end_leave_nothing(asgi: Server) -> None:
    def held() -> tuple[int, int]:
        worker = next(iter(asgi.workers().values())) if not REFERENCE else asgi.master
        return int(asgi.get("/about").json["tasks"]), len(worker.descriptors)

    tasks, descriptors = held()
    for number in range(60):
        ws = WebSocket(asgi.port, "/ws/echo")
        if number % 3 == 0:
            ws.drop()
        elif number % 3 == 1:
            ws.socket.close()
        else:
            with ws:
                pass
    wait_for(lambda: held()[0] <= tasks, "the end of all their tasks")
    wait_for(lambda: held()[1] <= descriptors + 1, "the end of all their sockets")


def handshake(target: str, **changed: str) -> bytes:
    lines = {
        "Host": "localhost",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "c2l4dGVlbiBieXRlcy4uLg==",
        "Sec-WebSocket-Version": "13",
        **{name.replace("_", "-"): text for name, text in changed.items()},
    }
    rows = "".join(f"{name}: {text}\r\n" for name, text in lines.items() if text)
    return f"GET {target} HTTP/1.1\r\n{rows}\r\n".encode()


@pytest.mark.skipif(REFERENCE, reason="uvicorn leaves it to the library")
def test_handshakes_that_break_the_rules(asgi: Server) -> None:
    """RFC 6455 4.2.2: the app is not asked."""
    for changed, status in (
        ({"Sec_WebSocket_Version": "12"}, 426),
        ({"Sec_WebSocket_Version": ""}, 426),
        ({"Sec_WebSocket_Key": "c2hvcnQ="}, 400),
        ({"Sec_WebSocket_Key": ""}, 400),
    ):
        with asgi.connect() as connection:
            connection.send(handshake("/ws/echo", **changed))
            answer = connection.read_response(interim=True)
        assert answer.status == status, changed
        assert status != 426 or answer.get("Sec-WebSocket-Version") == "13"


def test_what_is_no_handshake_is_http(asgi: Server) -> None:
    for changed in ({"Upgrade": "h2c"}, {"Connection": "keep-alive"}):
        with asgi.connect() as connection:
            connection.send(handshake("/scope", **changed))
            assert connection.read_response().json["type"] == "http", changed


def test_bytes_that_come_with_the_handshake(asgi: Server) -> None:
    """A client that does not wait for the 101: nothing of it is lost."""
    with asgi.connect() as connection:
        connection.send(handshake("/ws/echo") + b"\x81\x82\0\0\0\0hi\x81\x82\0\0")
        assert connection.read_response(interim=True).status == 101
        assert connection.read_exactly(4) == b"\x81\x02hi"
        connection.send(b"\0\0ho")
        assert connection.read_exactly(4) == b"\x81\x02ho"
        connection.send(b"\x88\x82\0\0\0\0\x03\xe8")
        assert connection.read_to_end() == b"\x88\x02\x03\xe8"


def test_the_access_log(asgi: Server) -> None:
    mark = asgi.mark()
    with WebSocket(asgi.port, "/ws/echo?seen"):
        pass
    asgi.wait_log(r"/ws/echo\?seen", since=mark)
    assert re.search(r"101|accepted", asgi.wait_log(r".*/ws/echo\?seen.*", since=mark)[0])


# Over TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def secured(authority: Authority) -> Iterator[Server]:
    pair = authority.issue("localhost", "127.0.0.1")
    with serve_checked("asgi_probe:app", "--https", pair.option(), http=None) as server:
        yield server


@pytest.mark.skipif(REFERENCE, reason="the certificate is given by our option")
def test_over_tls(secured: Server, authority: Authority) -> None:
    context = authority.context()
    port = secured.port_of("https")
    with WebSocket(port, "/ws/echo?name=tls", tls=context, deflate=True) as ws:
        for message in MESSAGES:
            ws.send(message)
            assert ws.receive() == message
    with WebSocket(port, "/ws/scope", tls=context) as ws:
        assert json.loads(ws.receive())["scheme"] == "wss"
    with WebSocket(port, "/ws/deny?status=401", tls=context) as ws:
        assert ws.refusal and ws.refusal.status == 401 and ws.refusal.body == b"no entry"
    with WebSocket(port, "/ws/close?code=3000&reason=enough", tls=context) as ws:
        assert ws.wait_end() == (3000, "enough")
    with WebSocket(port, "/ws/leave", tls=context) as ws, pytest.raises(WebSocketEnded):
        assert ws.receive() == "bye"
        ws.receive()
    with SecureConnection(port, context) as connection:
        assert connection.get("/scope").json["scheme"] == "https"
