"""Long-lived connections of ASGI apps at a reload and at a stop: the new generation takes what is
new, the old one's WebSockets are closed with 1012, its answers are finished or have their time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from harness import Connection, Server, wait_for
from harness.asgi import WAYS, serve_checked
from harness.ws_client import WebSocket

# VERSION. What is told of an end goes to the log: it is another process that answers by then.
APP = """
import asyncio, os

VERSION = %r

async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": VERSION})
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                print(VERSION, "heard", message["code"], flush=True)
                return
            await send({"type": "websocket.send", "text": message["text"]})
    elif scope["path"] == "/copy":
        await copy(receive, send)
    elif scope["path"] == "/for-ever":
        await go_on(send, b"text/plain")
    elif scope["path"] == "/events":
        await go_on(send, b"text/event-stream; charset=utf-8")
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": VERSION.encode()})

async def copy(receive, send):
    message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while message["type"] == "http.request":
        body, more = message["body"], message["more_body"]
        await send({"type": "http.response.body", "body": body, "more_body": more})
        if not more:
            return
        message = await receive()

async def go_on(send, kind):
    headers = [(b"content-type", kind)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    body = {"type": "http.response.body", "body": b"data: tick\\n\\n", "more_body": True}
    try:
        while True:
            await send(body)
            await asyncio.sleep(0.01)
    except OSError:
        print(VERSION, "could not send", flush=True)
    except asyncio.CancelledError:
        print(VERSION, "was cancelled", flush=True)
        raise
"""


def write(folder: Path, version: str) -> None:
    fresh = folder / "app.py.new"
    fresh.write_text(APP % version)
    number = 2 * len(version)  # a time stamp of its own, which Python's cache goes by
    os.utime(fresh, (1_700_000_000 + number, 1_700_000_000 + number))
    fresh.rename(folder / "app.py")


class Copying:
    """An answer that copies its request, which goes on as long as the test does."""

    def __init__(self, server: Server) -> None:
        self.connection: Connection = server.connect(timeout=20)
        self.connection.send(
            b"POST /copy HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            b"Expect: 100-continue\r\n\r\n"
        )
        self.connection.read_until(b"100 Continue\r\n\r\n")
        self.say(b"begins")
        self.connection.read_head()
        assert self.connection.read_chunk() == b"begins"

    def say(self, word: bytes) -> None:
        self.connection.send(b"%x\r\n%s\r\n" % (len(word), word))

    def finish(self) -> None:
        for word in (b"goes on", b"ends"):
            self.say(word)
            assert self.connection.read_chunk() == word
        self.connection.send(b"0\r\n\r\n")
        assert self.connection.read_chunk() == b""
        self.connection.close()


@pytest.mark.parametrize("way", WAYS)
def test_reload(tmp_path: Path, way: str) -> None:
    write(tmp_path, "one")
    with serve_checked("app:application", "--processes", "2", folder=tmp_path, way=way) as server:
        sockets = [WebSocket(server.port, "/") for _ in range(20)]
        assert {ws.receive() for ws in sockets} == {"one"}
        copies = [Copying(server) for _ in range(10)]
        mark = server.mark()
        write(tmp_path, "version two")
        assert server.run("reload").status == 0
        for ws in sockets:
            with ws:
                assert ws.wait_end()[0] == 1012, "service restart"
        with WebSocket(server.port, "/") as ws:
            assert ws.receive() == "version two"
        assert server.get("/").text == "version two"
        for copy in copies:
            copy.finish()
        heard = r"one heard 1012$"
        wait_for(lambda: len(server.find_all(heard, mark)) == 20, "all of the app to hear of it")
        assert not server.find_log("SIGKILL", mark)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("target", ["/for-ever", "/events"])
def test_an_answer_without_end_has_its_time(tmp_path: Path, way: str, target: str) -> None:
    """worker-reload-mercy; then it is cut, and the client sees that it is. An event stream ends in
    order instead: its client will come again."""
    write(tmp_path, "one")
    with serve_checked(
        "app:application", "--worker-reload-mercy", "1s", folder=tmp_path, way=way
    ) as server:
        connection = server.connect(timeout=20)
        connection.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        connection.read_until(b"data: tick\n\n")
        write(tmp_path, "version two")
        assert server.run("reload").status == 0
        if target == "/events":
            connection.read_until(b"\r\n0\r\n\r\n")
        else:
            assert not connection.read_to_end().endswith(b"\r\n0\r\n\r\n")
        connection.close()
        assert server.get("/").text == "version two"


@pytest.mark.parametrize("way", WAYS)
def test_stop(tmp_path: Path, way: str) -> None:
    write(tmp_path, "one")
    with serve_checked("app:application", folder=tmp_path, way=way) as server:
        sockets = [WebSocket(server.port, "/") for _ in range(20)]
        assert {ws.receive() for ws in sockets} == {"one"}
        copy = Copying(server)
        server.send_signal(15)
        for ws in sockets:
            with ws:
                assert ws.wait_end()[0] in (1001, 1012)
        copy.finish()
        server.wait_end()
        assert len(server.find_all(r"one heard 10(01|12)$")) == 20


def replaced(server: Server, first: int) -> bool:
    """Between the two there may be none for a moment."""
    worker = server.workers().get(1)
    return worker is not None and worker.pid != first


@pytest.mark.parametrize("way", WAYS)
def test_a_worker_that_served_enough(tmp_path: Path, way: str) -> None:
    """max-requests replaces it as a reload would: its WebSockets hear 1012, and come again."""
    write(tmp_path, "one")
    with serve_checked(
        "app:application", "--max-requests", "50", folder=tmp_path, way=way
    ) as server:
        with WebSocket(server.port, "/") as ws:
            assert ws.receive() == "one"
            first = server.workers()[1].pid
            for _ in range(60):
                assert server.get("/").text == "one"
            assert ws.wait_end()[0] == 1012
        wait_for(lambda: replaced(server, first), "its substitute")
        with WebSocket(server.port, "/") as ws:
            assert ws.receive() == "one"


def test_a_client_that_does_not_answer_the_close(tmp_path: Path) -> None:
    """It has its time, no more: the worker leaves without it."""
    write(tmp_path, "one")
    with serve_checked("app:application", "--worker-reload-mercy", "1s", folder=tmp_path) as server:
        deaf = server.connect(timeout=20)
        deaf.send(
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: c2l4dGVlbiBieXRlcy4uLg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert deaf.read_response(interim=True).status == 101
        assert deaf.read_exactly(5) == b"\x81\x03one"
        old = server.workers()[1]
        write(tmp_path, "version two")
        assert server.run("reload").status == 0
        assert deaf.read_exactly(4)[:1] == b"\x88", "a close frame"
        wait_for(lambda: not old.alive, "the end of the old worker", 20)
        deaf.close()
        assert server.get("/").text == "version two"
