"""uWSGI's WebSocket calls in WSGI apps, on every way in. The frames themselves are tested by
tests/conformance/websocket."""

from __future__ import annotations

import select
import signal
from typing import Any

import pytest
import simple_websocket
from harness import Connection, Given, wait_for

KEY = "c2l4dGVlbiBieXRlcy4uLg=="
UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec_WebSocket_Key": KEY,
    "Sec_WebSocket_Version": "13",
}
HELLO = b"\x81\x85\0\0\0\0hello"  # frames of a client whose mask is zero
BYE = b"\x88\x82\0\0\0\0\x03\xe8"

ECHO = """
    import uwsgi

    def app(environ, start_response):
        uwsgi.websocket_handshake()
        while True:
            try:
                message = uwsgi.websocket_recv()
            except IOError as error:
                shared["error"] = str(error)
                return []
            try:
                uwsgi.websocket_send(message)
            except ValueError:
                uwsgi.websocket_send_binary(message)
    """


def serves(lines: str) -> str:
    """An app that shakes hands and goes on with these lines."""
    shaken = "\n        ".join(lines.strip().split("\n"))
    return f"""
    import uwsgi

    def app(environ, start_response):
        uwsgi.websocket_handshake()
        {shaken}
    """


def client_of(given: Given, source: str, **how: Any) -> Any:
    url = f"ws://127.0.0.1:{given.server.port}{given.target(source)}"
    return simple_websocket.Client.connect(url, **how)


def shake_hands(given: Given, source: str, **headers: str) -> Connection:
    connection = given.server.connect()
    fields = {**UPGRADE, **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    connection.send(f"GET {given.target(source)} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode())
    return connection


def error_of(given: Given) -> str:
    """What ECHO left: in a pool, its request may end behind that of whoever asks."""
    found: list[str] = []

    def there() -> bool:
        error = given.shared("error")
        found.extend([error] if error else [])
        return bool(found)

    wait_for(there, "the end of the echo")
    return found[0]


def test_echo(given: Given) -> None:
    mark = given.server.mark()
    client = client_of(given, ECHO)
    messages = ["hello", b"bytes \x00\xff", "gr\xfc\xdfe", "x" * 200_000, b"\xff" * 70_000, ""]
    for message in messages:
        client.send(message)
        assert client.receive(timeout=10) == message
    for number in range(200):
        client.send(str(number))
    assert [client.receive(timeout=10) for _ in range(200)] == [str(n) for n in range(200)]
    client.close(1000)
    assert "the client closed it (1000)" in error_of(given)
    given.server.wait_log(r"\(HTTP/1\.1 101\)", since=mark)
    assert "the app failed" not in given.whole_log(mark)


def test_the_handshake_is_the_requests_unless_the_app_says(given: Given) -> None:
    with shake_hands(given, ECHO, Sec_WebSocket_Protocol="chat, v2", Origin="http://x") as plain:
        answer = plain.read_response(interim=True)
        assert answer.status == 101
        assert answer.get("Sec-WebSocket-Accept") and answer.get("Upgrade") == "websocket"
        assert answer.get("Sec-WebSocket-Protocol") == "chat"
        assert answer.get("Sec-WebSocket-Extensions") is None
    source = """
    import uwsgi

    def app(environ, start_response):
        key, origin = environ["HTTP_SEC_WEBSOCKET_KEY"], environ.get("HTTP_ORIGIN", "")
        uwsgi.websocket_handshake(key, origin, "v2")
        return []
    """
    deflate = "permessage-deflate; client_max_window_bits"
    with shake_hands(
        given, source, Sec_WebSocket_Protocol="chat, v2", Sec_WebSocket_Extensions=deflate
    ) as told:
        answer = told.read_response(interim=True)
        assert answer.get("Sec-WebSocket-Protocol") == "v2"
        assert (answer.get("Sec-WebSocket-Extensions") or "").startswith("permessage-deflate; ")


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"Sec_WebSocket_Version": "12"}, 426),
        ({"Sec_WebSocket_Key": "c2hvcnQ="}, 400),
        ({"Sec_WebSocket_Protocol": "a b"}, 400),
        ({"Upgrade": "h2c"}, 400),
        ({"Connection": "keep-alive"}, 400),
    ],
)
def test_what_is_no_handshake_gets_its_answer(
    given: Given, changed: dict[str, str], status: int
) -> None:
    """And its connection stays; it is the client's mistake, so the log has no traceback."""
    mark = given.server.mark()
    answer = given.get(ECHO, **{**UPGRADE, **changed})
    assert (answer.status, answer.body) == (status, b"")
    assert answer.get("Sec-WebSocket-Version") == "13"
    assert "the app failed" not in given.whole_log(mark)


def test_an_app_may_answer_a_refused_handshake_itself(given: Given) -> None:
    source = """
    import uwsgi

    def app(environ, start_response):
        try:
            uwsgi.websocket_handshake()
        except IOError as error:
            start_response("418 I'm a teapot", [])
            return [str(error).encode()]
    """
    answer = given.get(source)
    assert answer.status == 418 and "websocket handshake" in answer.text


def test_no_app_need_catch_the_end(given: Given) -> None:
    mark = given.server.mark()
    source = serves("while True:\n    uwsgi.websocket_send(uwsgi.websocket_recv())")
    with shake_hands(given, source) as connection:
        assert connection.read_response(interim=True).status == 101
        connection.send(HELLO + BYE)
        assert connection.read_to_end() == b"\x81\x05hello\x88\x02\x03\xe8"
    with shake_hands(given, source) as connection:
        assert connection.read_response(interim=True).status == 101
    assert "the app failed" not in given.whole_log(mark)


def test_the_end_of_the_request_is_a_close_frame(given: Given) -> None:
    with shake_hands(given, serves("return []")) as connection:
        assert connection.read_response(interim=True).status == 101
        assert connection.read_exactly(4) == b"\x88\x02\x03\xe8"
        connection.send(BYE)
        assert connection.read_to_end() == b""


def test_a_failure_of_the_app_is_one(given: Given) -> None:
    mark = given.server.mark()
    with shake_hands(given, serves("raise LookupError('of the app')")) as connection:
        assert connection.read_response(interim=True).status == 101
        assert connection.read_exactly(4) == b"\x88\x02\x03\xf3", "1011"
    given.server.wait_log("LookupError: of the app", since=mark)


def test_receiving_without_waiting(given: Given) -> None:
    source = serves(
        "import select\n"
        "got = [uwsgi.websocket_recv_nb()]\n"
        "uwsgi.websocket_send('ready')\n"
        "while b'hello' not in got:\n"
        "    select.select([uwsgi.connection_fd()], [], [], 10)\n"
        "    got.append(uwsgi.websocket_recv_nb())\n"
        "shared['got'] = [got[0].decode(), got[-1].decode()]"
    )
    with shake_hands(given, source) as connection:
        assert connection.read_response(interim=True).status == 101
        assert connection.read_exactly(7) == b"\x81\x05ready"
        connection.send_split(HELLO, [3, 7])
        assert connection.read_exactly(4) == b"\x88\x02\x03\xe8"
    assert given.shared("got") == ["", "hello"]


def test_other_threads_need_the_context(given: Given) -> None:
    source = serves(
        "import threading\n"
        "uwsgi.websocket_recv()\n"
        "context = uwsgi.request_context()\n"
        "def tell():\n"
        "    try:\n"
        "        uwsgi.websocket_send('nothing')\n"
        "    except IOError as error:\n"
        "        uwsgi.websocket_send(str(error), request_context=context)\n"
        "    uwsgi.websocket_send_binary(b'done', context)\n"
        "thread = threading.Thread(target=tell)\n"
        "thread.start()\n"
        "shared['heard'] = uwsgi.websocket_recv(request_context=context).decode()\n"
        "thread.join()"
    )
    client = client_of(given, source)
    client.send("go")  # what comes in one piece with the 101 this client does not see at once
    assert "request_context=uwsgi.request_context()" in client.receive(timeout=10)
    assert client.receive(timeout=10) == b"done"
    client.send("hello")
    wait_for(lambda: not client.connected, "the end of the request")
    assert given.shared("heard") == "hello"


def test_after_the_request_nothing_is_left(given: Given) -> None:
    keep = serves("shared['kept'] = uwsgi.request_context()")
    with shake_hands(given, keep) as connection:
        assert connection.read_response(interim=True).status == 101
        connection.send(BYE)
        assert connection.read_to_end() == b"\x88\x02\x03\xe8"
    use = """
    import uwsgi

    def app(environ, start_response):
        errors = []
        for context in (shared.pop("kept"), None):
            try:
                uwsgi.websocket_send("x", request_context=context)
            except IOError as error:
                errors.append(str(error))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return ["; ".join(errors).encode()]
    """
    answer = given.get(use).text
    assert "the request is over" in answer and "no request with a WebSocket" in answer


def test_frames_that_came_too_early(given: Given) -> None:
    """A client that does not wait for the 101: what the server read already is not lost."""
    with given.server.connect() as connection:
        lines = "".join(f"{name.replace('_', '-')}: {text}\r\n" for name, text in UPGRADE.items())
        head = f"GET {given.target(ECHO)} HTTP/1.1\r\nHost: x\r\n{lines}\r\n"
        connection.send(head.encode() + HELLO)
        assert connection.read_response(interim=True).status == 101
        assert connection.read_exactly(7) == b"\x81\x05hello"


def test_a_client_that_reads_nothing_blocks_no_other(given: Given) -> None:
    """A worker of one core waits with it, as with any request; others of a pool do not."""
    if given.threads == 1:
        pytest.skip("one core")
    flood = serves("while True:\n    uwsgi.websocket_send_binary(bytes(1 << 20))")
    with shake_hands(given, flood) as silent:
        select.select([silent.socket], [], [], 10)
        client = client_of(given, ECHO)
        client.send("still here")
        assert client.receive(timeout=10) == "still here"
        client.close(1000)
        error_of(given)


PINGING = """
    import uwsgi

    def app(environ, start_response):
        uwsgi.websocket_handshake()
        uwsgi.websocket_recv()
    """


@pytest.mark.parametrize("way", ["direct", "routed"])
def test_pings_and_the_pong_that_never_comes(serve: Any, write_app: Any, way: str) -> None:
    options = [
        "--threads",
        "2",
        "--websocket-ping-freq",
        "200ms",
        "--websockets-pong-tolerance",
        "500ms",
    ]
    server = serve(*options, "app:app", cwd=write_app(PINGING), way=way)
    answering = simple_websocket.Client.connect(f"ws://127.0.0.1:{server.port}/")
    given = Given(server)
    with shake_hands(given, "") as silent:
        assert silent.read_response(interim=True).status == 101
        assert silent.read_to_end().startswith(b"\x89\0")
    assert answering.connected, "it answered its pings"
    answering.close(1000)


def test_limits_of_size_and_compression(serve: Any, write_app: Any) -> None:
    options = ["--websocket-max-size", "1", "--websocket-deflate=false"]
    server = serve(*options, "app:app", cwd=write_app(PINGING))
    given = Given(server)
    with shake_hands(given, "", Sec_WebSocket_Extensions="permessage-deflate") as connection:
        answer = connection.read_response(interim=True)
        assert answer.get("Sec-WebSocket-Extensions") is None
        connection.send(b"\x82\xfe\x04\x01\0\0\0\0")  # 1025 bytes are to come
        assert connection.read_to_end().startswith(b"\x88\x16\x03\xf1")


LEAVING = """
    import uwsgi

    def app(environ, start_response):
        uwsgi.websocket_handshake()
        try:
            while True:
                uwsgi.websocket_send(uwsgi.websocket_recv())
        except IOError as error:
            print("the app heard:", error, flush=True)
        return []
    """


@pytest.mark.parametrize("threads", ["1", "3"])
@pytest.mark.parametrize("way", ["direct", "routed"])
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_worker_that_leaves_says_so(
    serve: Any, write_app: Any, way: str, threads: str, number: signal.Signals
) -> None:
    """Restart and stop wake a call that waits; its client hears 1012 or 1001 and comes again."""
    server = serve("--threads", threads, "app:app", cwd=write_app(LEAVING), way=way)
    given = Given(server)
    mark = server.mark()
    code = 1012 if number == signal.SIGHUP else 1001
    with shake_hands(given, "") as connection:
        assert connection.read_response(interim=True).status == 101
        connection.send(HELLO)
        assert connection.read_exactly(7) == b"\x81\x05hello"
        server.send_signal(number)
        assert connection.read_exactly(4) == b"\x88\x02" + code.to_bytes(2, "big")
        connection.send(b"\x88\x82\0\0\0\0" + code.to_bytes(2, "big"))
        assert connection.read_to_end() == b""
    server.wait_log(rf"the app heard: .*the server leaves \({code}\)", since=mark)


@pytest.mark.parametrize("way", ["direct", "routed"])
def test_many_in_one_worker_by_greenlets(serve: Any, write_app: Any, way: str) -> None:
    """Each waits in a call that blocks; with gevent that holds up none of the others."""
    pytest.importorskip("gevent")
    server = serve("--gevent", "20", "app:app", cwd=write_app(LEAVING), way=way)
    given = Given(server)
    clients = [shake_hands(given, "") for _ in range(10)]
    for client in clients:
        assert client.read_response(interim=True).status == 101
    for client in reversed(clients):
        client.send(HELLO)
        assert client.read_exactly(7) == b"\x81\x05hello"
    server.send_signal(signal.SIGHUP)
    for client in clients:
        assert client.read_exactly(4) == b"\x88\x02\x03\xf4", "1012"
        client.send(b"\x88\x82\0\0\0\0\x03\xf4")
        assert client.read_to_end() == b""
