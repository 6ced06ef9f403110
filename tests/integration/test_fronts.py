"""Fronts: processes that own the clients' connections of `--http`, and outlive workers."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
from pathlib import Path
from typing import Any, Callable

import pytest
from harness import Load, Process, Server, wait_for
from harness.fixtures import APPS

Serve = Callable[..., Server]
PROBE = ("--chdir", str(APPS), "probe:app")

# Each request that sleeps says in a file that it began; the app's process dies on /die.
SLOW = """
import os, signal, time
from pathlib import Path

def app(environ, start_response):
    path = environ["PATH_INFO"]
    query = environ["QUERY_STRING"]
    if path == "/wait":
        Path(query).write_text(str(os.getpid()))
        while Path(query).exists():
            time.sleep(0.01)
    if path == "/die" and not Path(query).exists():
        Path(query).write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGKILL)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
"""


@pytest.fixture
def slow(serve: Serve, tmp_path: Path) -> Callable[..., Server]:
    (tmp_path / "slow.py").write_text(SLOW)

    def start(*options: str) -> Server:
        return serve(*options, "--chdir", str(tmp_path), "slow:app", way="routed")

    return start


def fronts(server: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.status()["fronts"]
    return found


def front_of(server: Server) -> Process:
    (row,) = fronts(server)
    process = Process.of(row["pid"])
    assert process is not None
    return process


def test_a_front_is_confined(serve: Serve) -> None:
    server = serve(*PROBE, way="routed")
    front = front_of(server)
    assert server.get("/hello").text == "hello"
    assert front.name == "mewsgi front 1"
    assert front.status["Seccomp"] == "2"
    assert front.status["NoNewPrivs"] == "1"
    # Not its user's: what may be dumped and traced belongs to root.
    assert os.stat(f"/proc/{front.pid}/environ").st_uid == 0
    if os.geteuid() == 0:
        assert set(front.status["Uid"].split()) != {"0"}
    assert fronts(server)[0]["syscalls_denied"] == 0


def test_without_the_filter(serve: Serve) -> None:
    server = serve("--no-front-seccomp", *PROBE, way="routed")
    assert front_of(server).status["Seccomp"] == "0"
    assert server.get("/hello").text == "hello"


def test_several_fronts_share_the_port(serve: Serve) -> None:
    server = serve("--http-processes", "3", "--processes", "2", *PROBE, way="routed")
    for _ in range(60):
        assert server.get("/hello").status == 200
    rows = fronts(server)
    assert [row["number"] for row in rows] == [1, 2, 3]
    assert sum(row["requests"] for row in rows) == 60
    assert all(row["channels"] == 2 for row in rows)


def test_a_killed_worker_takes_no_connection_along(slow: Callable[..., Server]) -> None:
    server = slow("--processes", "2")
    with server.connect() as kept:
        first = int(kept.get("/").body)
        for _ in range(5):
            victim = server.workers()[1].pid
            os.kill(victim, signal.SIGKILL)
            assert kept.get("/").status == 200
            wait_for(
                lambda gone=victim: server.workers().get(1) and server.workers()[1].pid != gone,
                "its substitute",
            )
        assert kept.get("/").status == 200
    assert first > 0


def test_a_killed_front_is_replaced(serve: Serve) -> None:
    server = serve(*PROBE, way="routed")
    with server.connect() as kept:
        assert kept.get("/hello").status == 200
        before = front_of(server)
        mark = server.mark()
        os.kill(before.pid, signal.SIGKILL)
        assert kept.read_to_end() == b"", "what it held is gone"
    # The listening socket is the master's: nobody is refused.
    assert server.get("/hello").status == 200
    assert front_of(server) != before
    server.wait_log(r"front 1 \(pid \d+\) was killed by SIGKILL", since=mark)
    assert server.status()["deaths"]["fronts"] == 1


def test_a_reload_closes_no_connection(serve: Serve) -> None:
    server = serve("--processes", "2", *PROBE, way="routed")
    front = front_of(server)
    with server.connect() as kept:
        assert kept.get("/hello").status == 200
        for _ in range(3):
            assert server.run("reload").status == 0
            assert kept.get("/hello").status == 200
    assert front_of(server) == front, "it lives across generations"


def ask_behind(server: Server, target: str) -> tuple[threading.Thread, list[int]]:
    statuses: list[int] = []

    def ask() -> None:
        with server.connect(timeout=30) as connection:
            statuses.append(connection.get(target).status)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread, statuses


def test_a_request_that_lost_its_worker_is_run_again(
    slow: Callable[..., Server], tmp_path: Path
) -> None:
    server = slow("--processes", "2")
    mark = tmp_path / "died"
    answer = server.get(f"/die?{mark}")
    assert answer.status == 200 and answer.text != mark.read_text()
    assert fronts(server)[0]["retries"] == 1


def test_an_unsafe_one_is_not(slow: Callable[..., Server], tmp_path: Path) -> None:
    server = slow("--processes", "2")
    with server.connect() as connection:
        answer = connection.request("POST", f"/die?{tmp_path / 'died'}", b"x")
        assert answer.status == 502
        assert connection.get("/").status == 200, "the connection goes on"
    assert fronts(server)[0]["lost"] == 1
    server.wait_log(r"POST /die\?\S+: worker \d died while it ran")


@pytest.mark.parametrize("retry", ["queued", "off"])
def test_nothing_is_where_that_is_switched_off(
    slow: Callable[..., Server], tmp_path: Path, retry: str
) -> None:
    server = slow("--processes", "2", "--http-retry", retry)
    assert server.get(f"/die?{tmp_path / 'died'}").status == 502


def test_the_queue_is_seen_and_bounded(slow: Callable[..., Server], tmp_path: Path) -> None:
    server = slow("--processes", "1", "--http-queue", "1")
    holder = tmp_path / "holder"
    first, first_status = ask_behind(server, f"/wait?{holder}")
    wait_for(holder.exists, "the request that holds the worker")
    second, second_status = ask_behind(server, "/")
    wait_for(lambda: fronts(server)[0]["queued"] == 1, "the one that waits")
    refused = server.get("/")
    assert refused.status == 503 and refused.get("Retry-After") == "1"
    holder.unlink()
    first.join(20)
    second.join(20)
    assert first_status == second_status == [200]
    row = fronts(server)[0]
    assert (row["queue_full"], row["queued"]) == (1, 0)
    assert row["queue_waited"] >= 1


def test_waiting_has_a_limit(slow: Callable[..., Server], tmp_path: Path) -> None:
    server = slow("--processes", "1", "--http-queue-timeout", "300ms")
    holder = tmp_path / "holder"
    first, _ = ask_behind(server, f"/wait?{holder}")
    wait_for(holder.exists, "the request that holds the worker")
    assert server.get("/").status == 503
    assert fronts(server)[0]["queue_timeouts"] == 1
    holder.unlink()
    first.join(20)


def test_who_leaves_the_queue_occupies_nobody(slow: Callable[..., Server], tmp_path: Path) -> None:
    server = slow("--processes", "1")
    holder, never = tmp_path / "holder", tmp_path / "never"
    first, _ = ask_behind(server, f"/wait?{holder}")
    wait_for(holder.exists, "the request that holds the worker")
    with server.connect() as leaver:
        leaver.send(f"GET /wait?{never} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        wait_for(lambda: fronts(server)[0]["queued"] == 1, "the one that waits")
    wait_for(lambda: fronts(server)[0]["queued"] == 0, "that it is forgotten")
    holder.unlink()
    first.join(20)
    assert server.get("/").status == 200
    assert not never.exists(), "its app was called"


def test_slow_clients_hold_no_worker(serve: Serve) -> None:
    """One worker, and clients that are half way with body or answer: others are served."""
    server = serve("--processes", "1", *PROBE, way="routed")
    half = []
    for _ in range(8):
        sender = socket.create_connection(("127.0.0.1", server.port))
        sender.sendall(
            b"POST /digest HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 99
        )
        half.append(sender)
    wait_for(lambda: fronts(server)[0]["requests"] == 8, "their heads")
    for _ in range(5):
        assert server.get("/hello").status == 200
    assert fronts(server)[0]["outstanding"] == 0
    for sender in half:
        sender.close()


def test_a_changed_option_of_fronts_makes_new_ones(serve: Serve, tmp_path: Path) -> None:
    config = tmp_path / "site.ini"
    text = f"[mewsgi]\nhttp = 127.0.0.1:0\nchdir = {APPS}\nmodule = probe:app\n"
    config.write_text(text)
    server = serve(str(config), http=None)
    before = front_of(server)
    config.write_text(text + "http-keepalive = 33\n")
    assert server.run("reload").status == 0
    wait_for(lambda: [row["pid"] for row in fronts(server)] != [before.pid], "another front")
    wait_for(lambda: not before.alive, "the end of the one before")
    assert server.get("/hello").status == 200


def test_load_through_kills_and_reloads(slow: Callable[..., Server]) -> None:
    """The long runs are bench/probes/front-kills."""
    server = slow("--processes", "3")
    with Load(server.port) as load:
        for number in range(6):
            if number % 3 == 2:
                assert server.run("reload").status == 0
            victim = server.workers()[number % 3 + 1]
            os.kill(victim.pid, signal.SIGKILL)
            wait_for(lambda gone=victim: not gone.alive, "its end")
            wait_for(lambda: len(server.workers()) == 3, "all workers")
        load.wait_for_more(50)
        load.stop()
    assert not load.errors, load.errors[:5]
    assert load.announced_ends == 0, "a kept connection was closed"
    assert re.search("deaths: 6 x SIGKILL", server.run("status").out)
