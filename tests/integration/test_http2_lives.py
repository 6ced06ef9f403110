"""Connections of HTTP/2 outlive workers and reloads, and end well with the server."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Callable

import pytest
from harness import Process, Server, wait_for
from harness import h2_frames as h2
from harness.fixtures import APPS
from harness.h2_client import Client
from harness.h2_load import H2Load
from harness.h2_peer import Peer

Serve = Callable[..., Server]

QUERY = """
import os

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {environ['QUERY_STRING']}".encode()]
"""


@pytest.fixture
def waits(serve: Serve) -> Callable[..., Server]:
    def start(*options: str) -> Server:
        return serve(*options, "--h2c", "--chdir", str(APPS), "waits:app", way="routed")

    return start


@pytest.fixture
def query(serve: Serve, tmp_path: Path) -> Callable[..., Server]:
    (tmp_path / "query.py").write_text(QUERY)

    def start(*options: str) -> Server:
        return serve(*options, "--h2c", "--chdir", str(tmp_path), "query:app", way="routed")

    return start


def start_waiting(client: Client, file: Path, method: str = "GET") -> tuple[int, int]:
    """The stream, and the pid of the worker that it occupies."""
    body = b"x" if method == "POST" else None
    stream = client.start(method, f"/wait?{file}", body)
    wait_for(file.exists, "the app")
    return stream, int(file.read_text())


def test_graceful_stop_answers_what_is_in_flight(
    waits: Callable[..., Server], tmp_path: Path
) -> None:
    server = waits("--processes", "3")
    files = [tmp_path / name for name in "abc"]
    with Client(server.port) as client:
        streams = [start_waiting(client, file)[0] for file in files]
        server.send_signal(signal.SIGTERM)
        client.wait(lambda: client.goaways, "GOAWAY")
        last, code = client.goaways[0]
        assert code == h2.NO_ERROR and last >= streams[-1]
        for file in files:
            file.unlink()
        for stream in streams:
            assert client.answer(stream).status == 200
        client.wait_end()
        assert client.goaways[-1] == (streams[-1], h2.NO_ERROR)
    server.wait_end()


def test_graceful_stop_of_idle_connections(waits: Callable[..., Server]) -> None:
    server = waits()
    with Client(server.port) as asked, Peer(server.port) as fresh:
        assert asked.get("/").status == 200
        fresh.sync()
        server.send_signal(signal.SIGTERM)
        asked.wait_end()
        assert asked.goaways[-1] == (1, h2.NO_ERROR)
        ended = fresh.wait_end()
        assert ended and ended[0] == h2.NO_ERROR
    server.wait_end()


def test_bodies_in_flight_at_a_graceful_stop(waits: Callable[..., Server], tmp_path: Path) -> None:
    """What an app has begun to read is taken to its end."""
    server = waits("--request-buffer-max", "65536")
    file = tmp_path / "gate"
    with Peer(server.port) as peer:
        stream = peer.start("POST", f"/read?{file}", end=False)
        peer.send_body(stream, b"x" * 100_000, end=False)
        wait_for(file.exists, "the app")
        server.send_signal(signal.SIGTERM)
        peer.wait(lambda: peer.goaways, "GOAWAY")
        file.unlink()
        peer.send_body(stream, b"y" * 100_000)
        assert peer.answer(stream).json["size"] == 200_000
        peer.wait_end()
    server.wait_end()


def test_killed_worker_loses_only_its_own(waits: Callable[..., Server], tmp_path: Path) -> None:
    server = waits("--processes", "3")
    with Client(server.port) as client:
        unsafe, victim = start_waiting(client, tmp_path / "unsafe", "POST")
        other, _ = start_waiting(client, tmp_path / "other", "POST")
        os.kill(victim, signal.SIGKILL)
        lost = client.answer(unsafe)
        assert lost.status == 502 or lost.reset is not None
        assert not client.answers[other].over
        assert client.get("/").status == 200
        (tmp_path / "other").unlink()
        assert client.answer(other).status == 200
        assert not client.goaways


def test_safe_one_of_a_killed_worker_runs_again(
    waits: Callable[..., Server], tmp_path: Path
) -> None:
    server = waits("--processes", "2")
    with Client(server.port) as client:
        for number in range(3):
            died = tmp_path / f"died{number}"
            answer = client.get(f"/die?{died}")
            assert answer.status == 200 and str(answer.json["pid"]) != died.read_text()
        assert not client.goaways
    assert server.status()["fronts"][0]["retries"] == 3


def test_reloads_under_load(query: Callable[..., Server]) -> None:
    server = query("--processes", "2")
    with H2Load(server.port) as load:
        load.wait_for_more(50)
        for _ in range(5):
            assert server.run("reload").status == 0
            load.wait_for_more(50)
        load.stop()
    assert not load.errors, load.errors[:5]
    assert load.goaways == 0, "a connection was closed"


def test_kills_of_workers_under_load(query: Callable[..., Server]) -> None:
    """All are GETs, so none is lost."""
    server = query("--processes", "3")
    with H2Load(server.port) as load:
        for number in range(9):
            victim = server.workers()[number % 3 + 1]
            os.kill(victim.pid, signal.SIGKILL)
            wait_for(lambda gone=victim: not gone.alive, "its end")
            wait_for(lambda: len(server.workers()) == 3, "all workers")
            load.wait_for_more(30)
        load.stop()
    assert not load.errors, load.errors[:5]
    assert load.goaways == 0, "a connection was closed"


def test_stop_under_load(query: Callable[..., Server]) -> None:
    """Whatever a GOAWAY did not exclude is answered."""
    server = query("--processes", "2")
    with H2Load(server.port, connections=3, returns=False) as load:
        load.wait_for_more(100)
        server.send_signal(signal.SIGTERM)
        wait_for(lambda: load.goaways == 3 or load.errors, "GOAWAY on each connection")
        load.stop()
    assert not load.errors, load.errors[:5]
    server.wait_end()


def test_killed_front_is_replaced(query: Callable[..., Server]) -> None:
    server = query()
    front = Process.of(server.status()["fronts"][0]["pid"])
    assert front
    with Client(server.port) as client:
        assert client.get("/?1").status == 200
        os.kill(front.pid, signal.SIGKILL)
        client.wait_end()
    with Client(server.port) as client:
        assert client.get("/?2").text.endswith(" 2")
