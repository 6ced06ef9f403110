"""WebSockets under WSGI: the libraries that apps use for them find the client's connection in
environ, and it leaves the server when they first use it, not before."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
import simple_websocket
from harness import Connection, Given, wait_for
from harness.websocket_apps import ECHO

KEY = base64.b64encode(b"sixteen bytes...").decode()
ACCEPT = base64.b64encode(
    hashlib.sha1((KEY + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
).decode()
UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec_WebSocket_Key": KEY,
    "Sec_WebSocket_Version": "13",
}


def client_of(given: Given, source: str) -> Any:
    url = f"ws://127.0.0.1:{given.server.port}{given.target(source)}"
    return simple_websocket.Client.connect(url)


@pytest.mark.parametrize("library", ECHO)
def test_echo(given: Given, library: str) -> None:
    mark = given.server.mark()
    given.shared("nothing")  # the worker has all it needs to answer
    before = sockets(given)
    client = client_of(given, ECHO[library])
    messages = ["hello", b"bytes \x00\xff", "gr\xfc\xdfe", "x" * 200_000, b"y" * 70_000, ""]
    for message in messages:
        client.send(message)
        assert client.receive(timeout=10) == message
    for number in range(200):
        client.send(str(number))
    assert [client.receive(timeout=10) for _ in range(200)] == [str(n) for n in range(200)]
    client.close(1000)
    given.server.wait_log(r"=> generated 0 bytes .*\(HTTP/1\.1 101\)", since=mark)
    assert given.shared("reason") == 1000, "and the worker is free again"
    log = given.whole_log(mark)
    assert "the app failed" not in log.partition("(HTTP/1.1 101)")[0], "nothing went wrong"
    wait_for(lambda: sockets(given) <= before, "the end of the connection")


def sockets(given: Given) -> int:
    worker = given.server.workers()[1]
    return sum(target.startswith("socket:") for target in worker.descriptors.values())


def shake_hands(given: Given, source: str, **headers: str) -> Connection:
    connection = given.server.connect()
    fields = {**UPGRADE, **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    connection.send(f"GET {given.target(source)} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode())
    return connection


def test_the_handshake_for_gevent_websocket_is_the_servers(given: Given) -> None:
    with shake_hands(given, ECHO["gevent-websocket"]) as connection:
        answer = connection.read_response(interim=True)
        assert (answer.status, answer.reason) == (101, "Switching Protocols")
        assert answer.get("Sec-WebSocket-Accept") == ACCEPT
        assert answer.get("Upgrade") == "websocket"
        connection.send(b"\x81\x82\0\0\0\0hi")
        assert connection.read_exactly(4) == b"\x81\x02hi"
        connection.send(b"\x88\x82\0\0\0\0\x03\xe8")
        assert connection.read_to_end() == b"\x88\0", "its close frame"
    given.shared("reason")


KEYS = """
    import json

    def app(environ, start_response):
        names = ("werkzeug.socket", "gunicorn.socket", "wsgi.websocket", "wsgi.websocket_version")
        found = [name for name in names if name in environ]
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(found).encode()]
    """
BOTH = ["werkzeug.socket", "gunicorn.socket"]


def test_only_requests_for_a_websocket_get_the_keys(given: Given) -> None:
    """And one that is not used changes nothing: the answer is HTTP, the connection stays."""
    assert given.get(KEYS, **UPGRADE).json == [*BOTH, "wsgi.websocket", "wsgi.websocket_version"]
    assert given.get(KEYS, checked=True, **UPGRADE).json[:2] == BOTH
    assert given.get(KEYS, **{**UPGRADE, "Upgrade": "WebSocket"}).json[:2] == BOTH
    for changed in (
        {"Upgrade": "h2c"},
        {"Upgrade": "websockets"},
        {"Connection": "keep-alive"},
        {"Connection": "keep-alive, upgrades"},
    ):
        assert given.get(KEYS, **{**UPGRADE, **changed}).json == [], changed
    for broken in ({"Sec_WebSocket_Version": "12"}, {"Sec_WebSocket_Key": "c2hvcnQ="}):
        assert given.get(KEYS, **{**UPGRADE, **broken}).json == BOTH, "their library will refuse it"
    assert given.get(KEYS).json == []
    assert given.request("POST", KEYS, **UPGRADE).json == []
    assert given.request("GET", KEYS, b"with a body", **UPGRADE).json == []
    with given.server.connect() as connection:
        lines = "".join(f"{name.replace('_', '-')}: {text}\r\n" for name, text in UPGRADE.items())
        connection.send(f"GET {given.target(KEYS)} HTTP/1.0\r\nHost: x\r\n{lines}\r\n".encode())
        assert connection.read_response().json == []


def test_looking_at_it_takes_nothing(given: Given) -> None:
    source = """
        import copy, json

        def app(environ, start_response):
            offered = [environ[name] for name in ("werkzeug.socket", "wsgi.websocket")]
            for one in offered:
                repr(one), str(one), bool(one), one == one, hash(one), dir(one), vars(one)
                assert one and one is not None
                for name in ("__len__", "__iter__", "_anything", "no_such_thing", "__deepcopy__"):
                    assert not hasattr(one, name)
                try:
                    copy.deepcopy(one)
                except TypeError:
                    pass
            dict(environ), repr(environ), copy.copy(environ)
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"still HTTP"]
        """
    assert given.get(source, **UPGRADE).body == b"still HTTP"


SWITCH = r"""
    def app(environ, start_response):
        taken = environ["werkzeug.socket"]
        taken.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")
        LINES
    """


def switch(lines: str) -> str:
    return SWITCH.replace("LINES", lines.replace("\n", "\n        "))


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("return []", None),
        ("return None", None),
        ("return 'whatever'", None),
        ("raise StopIteration", None),
        ("raise ConnectionError", None),
        ("raise BrokenPipeError", None),
        ("start_response('200 OK', [('X-A', 'b')])\nreturn [b'dropped']", None),
        ("start_response('200 OK', [])(b'dropped')\nreturn iter([b'dropped'])", None),
        ("start_response('500 No', [('bad header', '')])", "ValueError"),
        ("raise LookupError('after the takeover')", "LookupError"),
        ("raise SystemExit", "SystemExit"),
    ],
)
def test_what_the_app_says_behind_it_is_no_answer(
    given: Given, lines: str, says: str | None
) -> None:
    """Not one byte of HTTP follows the 101, and the end of the request is that of the socket."""
    mark = given.server.mark()
    with shake_hands(given, switch(lines)) as connection:
        assert connection.read_response(interim=True).status == 101
        connection.expect_end()
    log = given.whole_log(mark)
    assert "(HTTP/1.1 101)" in log
    before, _, _ = log.partition("(HTTP/1.1 101)")
    assert ("the app failed" in before) == (says is not None)
    assert says is None or says in before


def test_in_the_iterable(given: Given) -> None:
    source = switch(
        "for number in b'abc':\n    taken.sendall(bytes([number]))\n    yield b'dropped'"
    )
    with shake_hands(given, source) as connection:
        assert connection.read_response(interim=True).status == 101
        assert connection.read_to_end() == b"abc"


def test_not_after_the_answer_began(given: Given) -> None:
    source = """
        def app(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            yield b"part, "
            try:
                environ["werkzeug.socket"].fileno()
            except OSError as error:
                yield str(error).encode()
        """
    answer = given.get(source, **UPGRADE)
    assert answer.complete and answer.text.startswith("part, the connection cannot be taken over")


def test_after_the_request_is_over(given: Given) -> None:
    keep = """
        def app(environ, start_response):
            shared["kept"] = environ["werkzeug.socket"]
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b""]
        """
    use = """
        def app(environ, start_response):
            try:
                answer = shared.pop("kept").fileno()
            except RuntimeError as error:
                answer = error
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [str(answer).encode()]
        """
    assert given.get(keep, **UPGRADE).status == 200
    assert "over" in given.get(use).text


def test_bytes_that_came_too_early(given: Given) -> None:
    """A client that does not wait for the 101: what the server read already is not lost."""
    source = switch(
        "assert taken.recv(3, 2) == b'abc'\n"
        "taken.sendall(b'<' + taken.recv(2) + b'|')\n"
        "space = bytearray(2)\n"
        "count = taken.recv_into(space)\n"
        "taken.sendall(bytes(space[:count]) + b'|' + taken.makefile('rb').read(6) + b'>')"
    )
    with given.server.connect() as connection:
        lines = "".join(f"{name.replace('_', '-')}: {text}\r\n" for name, text in UPGRADE.items())
        head = f"GET {given.target(source)} HTTP/1.1\r\nHost: x\r\n{lines}\r\n"
        connection.send(head.encode() + b"abcdef")
        assert connection.read_response(interim=True).status == 101
        connection.send(b"ghij")
        assert connection.read_to_end() == b"<ab|cd|efghij>"


def test_the_connection_ends_with_the_request(given: Given) -> None:
    """Whoever in the app still has it: a thread that waits on it wakes up, and nothing piles up."""
    source = switch(
        "import threading\n"
        "def wait():\n"
        "    with taken as plain:\n"
        "        shared['read'] = plain.recv(100).decode()\n"
        "threading.Thread(target=wait, daemon=True).start()\n"
        "shared['kept'] = environ\n"
        "return []"
    )
    before = sockets(given)
    with shake_hands(given, source) as connection:
        assert connection.read_response(interim=True).status == 101
        connection.expect_end()
    wait_for(lambda: given.shared("read") == "", "the end of the thread")
    wait_for(lambda: sockets(given) <= before, "the end of the socket")
    forget = f"def app(environ, start_response):\n    del shared['kept']\n{KEYS}"
    given.get(forget)


def test_a_client_that_leaves(given: Given) -> None:
    source = ECHO["simple-websocket"]
    connection = shake_hands(given, source)
    assert connection.read_response(interim=True).status == 101
    connection.close()
    wait_for(lambda: given.shared("reason") is not None, "the end of the app's loop")
    worker = given.server.workers()[1]
    assert worker.alive and given.get(KEYS).status == 200
