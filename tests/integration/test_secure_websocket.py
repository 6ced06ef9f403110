"""WebSockets of WSGI apps over TLS, and on streams of HTTP/2 (RFC 8441): what their libraries read
and write is relayed by the front, and they notice nothing."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest
from harness import Given, Server, wait_for
from harness.certificates import Authority, Pair
from harness.fixtures import APPS
from harness.h2_client import Client
from harness.h2_websocket import StreamWebSocket
from harness.tls import SecureConnection
from harness.websocket_apps import ECHO
from harness.ws_client import WebSocket
from wsproto.events import CloseConnection

GIVEN = ["--chdir", str(APPS), "--buffer-size", "65536", "given:app"]
PLAIN = ECHO["simple-websocket"]
MESSAGES: list[str | bytes] = [
    "hello",
    b"bytes \x00\xff",
    "gr\xfc\xdfe",
    "x" * 200_000,
    b"y" * 700_000,
    "",
]

# simple-websocket tells its app of the end before it answers the client: its frame may come too
# late. gevent-websocket's has no code.
CODES = (1000, 1005, None)
UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec_WebSocket_Version": "13",
    "Sec_WebSocket_Key": "c2l4dGVlbiBieXRlcy4uLg==",
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    return authority.issue("localhost", "127.0.0.1")


@pytest.fixture(scope="module", params=[1, 4], ids=["inline", "threads"])
def secured(request: pytest.FixtureRequest, pair: Pair) -> Iterator[Given]:
    threads: int = request.param
    options = ["--https", pair.option(), "--threads", str(threads), *GIVEN]
    with Server(options, way="routed") as server:
        yield Given(server, threads)


def client_of(server: Server, authority: Authority, source: str) -> WebSocket:
    target = Given.target(source)
    return WebSocket(server.port_of("https"), target, tls=authority.context(), timeout=20)


def h2_client(server: Server, authority: Authority) -> Client:
    return Client(server.port_of("https"), tls=authority.context("h2"))


def end(client: WebSocket) -> None:
    with client.socket:
        client.socket.sendall(client.protocol.send(CloseConnection(1000)))
        client.wait_end()
    assert client.code in CODES


@pytest.mark.parametrize("library", ECHO)
def test_echo_over_tls(secured: Given, authority: Authority, library: str) -> None:
    mark = secured.server.mark()
    client = client_of(secured.server, authority, ECHO[library])
    for message in MESSAGES:
        client.send(message)
        assert client.receive() == message
    for number in range(200):
        client.send(str(number))
    assert [client.receive() for _ in range(200)] == [str(n) for n in range(200)]
    end(client)
    wait_for(lambda: secured.shared("reason") == 1000, "the app to hear of the end")
    log = secured.whole_log(mark)
    assert "(HTTP/1.1 101)" in log and "the app failed" not in log


@pytest.mark.parametrize("library", ECHO)
def test_echo_over_http2(secured: Given, authority: Authority, library: str) -> None:
    mark = secured.server.mark()
    with h2_client(secured.server, authority) as client:
        ws = StreamWebSocket(client, Given.target(ECHO[library]))
        for name in ("upgrade", "connection", "sec-websocket-accept"):
            assert ws.answer.get(name) is None
        for message in MESSAGES:
            ws.send(message)
            assert ws.receive() == message
        for number in range(200):
            ws.send(str(number))
        assert [ws.receive() for _ in range(200)] == [str(n) for n in range(200)]
        assert ws.close() in CODES and ws.answer.ended
        wait_for(lambda: client.get("/shared?reason").json == 1000, "the app to hear of the end")
        assert not client.goaways
    log = secured.whole_log(mark)
    assert "(HTTP/2.0 101)" in log and "the app failed" not in log


@pytest.mark.parametrize("secured", [4], indirect=True)
def test_streams_share_a_connection(secured: Given, authority: Authority) -> None:
    """WebSockets, and what else there is: none holds up another."""
    with h2_client(secured.server, authority) as client:
        target = Given.target(PLAIN)
        open_ones = [StreamWebSocket(client, target) for _ in range(3)]
        for number, ws in enumerate(open_ones):
            client.hold(ws.stream) if number == 0 else None
            ws.send(f"{number}" * 300_000)
        for number, ws in enumerate(open_ones[1:], 1):
            assert ws.receive() == f"{number}" * 300_000
            assert client.get("/shared?nothing").json is None
        client.release(open_ones[0].stream)
        assert open_ones[0].receive() == "0" * 300_000
        for ws in open_ones:
            ws.close()


ENVIRON = """
    import json

    def app(environ, start_response):
        names = ["REQUEST_METHOD", "SERVER_PROTOCOL", "wsgi.url_scheme", "HTTP_UPGRADE",
                 "HTTP_CONNECTION", "HTTP_SEC_WEBSOCKET_VERSION"]
        start_response("403 Forbidden", [("Content-Type", "application/json")])
        found = {name: environ.get(name) for name in names}
        found["offered"] = "werkzeug.socket" in environ
        return [json.dumps(found).encode()]
    """


def test_what_an_app_sees_and_its_refusal(secured: Given, authority: Authority) -> None:
    seen = {
        "REQUEST_METHOD": "GET",
        "wsgi.url_scheme": "https",
        "HTTP_UPGRADE": "websocket",
        "HTTP_CONNECTION": "Upgrade",
        "HTTP_SEC_WEBSOCKET_VERSION": "13",
        "offered": True,
    }
    with h2_client(secured.server, authority) as client:
        ws = StreamWebSocket(client, Given.target(ENVIRON), accepted=False)
        answer = client.answer(ws.stream)
        assert answer.ended and answer.status == 403
        assert answer.json == {**seen, "SERVER_PROTOCOL": "HTTP/2.0"}
    with SecureConnection(secured.server.port_of("https"), authority.context()) as connection:
        refused = connection.get(Given.target(ENVIRON), **UPGRADE)
        assert refused.status == 403
        assert refused.json == {**seen, "SERVER_PROTOCOL": "HTTP/1.1"}
        assert connection.get("/shared?nothing").json is None, "and the connection stays"


def test_a_page_accepts_nothing(secured: Given, authority: Authority) -> None:
    """Its 200 would tell the client that a WebSocket is open."""
    with h2_client(secured.server, authority) as client:
        ws = StreamWebSocket(client, "/shared?nothing", accepted=False)
        assert client.answer(ws.stream).status == 501
        assert client.get("/shared?nothing").status == 200


def test_a_client_that_leaves(secured: Given, authority: Authority) -> None:
    with h2_client(secured.server, authority) as client:
        ws = StreamWebSocket(client, Given.target(PLAIN))
        client.cancel(ws.stream)
        wait_for(lambda: client.get("/shared?reason").json, "the end of the app's loop")
        ws = StreamWebSocket(client, Given.target(PLAIN))
    wait_for(lambda: secured.shared("reason") is not None, "the end of the app's loop")
    plain = client_of(secured.server, authority, PLAIN)
    plain.send("hello")
    assert plain.receive() == "hello"
    plain.drop()
    wait_for(lambda: secured.shared("reason") is not None, "the end of the app's loop")


def test_a_workers_death_is_the_end(secured: Given, authority: Authority) -> None:
    with h2_client(secured.server, authority) as client:
        ws = StreamWebSocket(client, Given.target(PLAIN))
        os.kill(secured.server.workers()[1].pid, signal.SIGKILL)
        answer = client.answer(ws.stream)
        assert answer.ended, "of the stream, and by its own end"
        assert client.get("/shared?nothing").status == 200, "the connection is the front's"


def test_a_reload_leaves_them_open(
    serve: Callable[..., Server], pair: Pair, authority: Authority
) -> None:
    """They are their worker's, which has time; what is new comes to new workers."""
    server = serve("--https", pair.option(), *GIVEN, way="routed")
    plain = client_of(server, authority, PLAIN)
    with h2_client(server, authority) as client:
        mark = server.mark()
        server.send_signal(signal.SIGHUP)
        server.wait_log("generation 2", since=mark)
        wait_for(lambda: server.get("/shared?nothing").status == 200, "the new worker")
        ws = StreamWebSocket(client, Given.target(PLAIN))
        for number in range(3):
            plain.send(str(number))
            assert plain.receive() == str(number)
            ws.send(str(number))
            assert ws.receive() == str(number)
        ws.close()
        end(plain)


BROWSER = """
from simple_websocket import ConnectionClosed, Server

PAGE = b'''<!DOCTYPE html><title>page</title><pre id="said"></pre><script>
const ws = new WebSocket("wss://" + location.host + "/ws", ["chat"]);
const say = text => { document.getElementById("said").textContent += text + " "; };
ws.onopen = () => { say("open:" + ws.protocol); ws.send("a".repeat(100000)); };
ws.onmessage = event => { say("heard:" + event.data.length); ws.close(3000, "enough"); };
ws.onclose = event => { say("closed:" + event.code + ":" + event.wasClean); done = true; };
ws.onerror = () => say("error");
// Time stands still for a fetch, as it does not for a WebSocket.
let done = false;
(async () => { while (!done) await fetch("/poll"); })();
</script>'''


def app(environ, start_response):
    if environ["PATH_INFO"] != "/ws":
        start_response("200 OK", [("Content-Type", "text/html")])
        return [PAGE]
    ws = Server.accept(environ, subprotocols=["chat"])
    try:
        while True:
            ws.send(ws.receive())
    except ConnectionClosed:
        # Its thread answers the close frame behind our back.
        ws.thread.join()
    return []
"""


def test_chromium(serve: Callable[..., Server], pair: Pair, tmp_path: Path) -> None:
    """It puts the WebSocket on the connection that the page came by."""
    (tmp_path / "browser.py").write_text(BROWSER)
    options = ["--https", pair.option(), "--threads", "4", "--chdir", str(tmp_path)]
    server = serve(*options, "browser:app", http=None)
    done = subprocess.run(
        [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--ignore-certificate-errors", f"--user-data-dir={tmp_path / 'profile'}",
            "--virtual-time-budget=20000", "--dump-dom",
            f"https://localhost:{server.port_of('https')}/",
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )  # fmt: skip
    assert "open:chat heard:100000 closed:3000:true" in done.stdout, done.stdout + done.stderr
    server.wait_log(r"GET /ws .*\(HTTP/2\.0 101\)")
