"""Apps that misbehave. The worker may fall, the server may not; and stopping always works."""

from __future__ import annotations

import os
import random
import signal
import time
from typing import Callable

import pytest
from harness import Load, Server, wait_for
from harness.client import Closed
from harness.fixtures import APPS, WriteApp
from harness.procfs import listening_ports

Serve = Callable[..., Server]

ROGUE = """
    import ctypes, os, signal, subprocess, sys, threading, time

    def application(environ, start_response):
        act = environ["PATH_INFO"][1:]
        if act == "spin":
            while True:
                pass
        if act == "hold-the-gil":
            ctypes.PyDLL(None).sleep(3600)
        if act == "block-signals":
            signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
                signal.signal(number, signal.SIG_IGN)
        if act == "close-everything":
            os.closerange(3, 4096)
        if act == "close-standard":
            os.closerange(0, 3)
        if act == "crash":
            ctypes.string_at(0)
        if act == "abort":
            os.abort()
        if act == "threads":
            for _ in range(5):
                threading.Thread(target=time.sleep, args=(3600,)).start()
        if act == "child":
            subprocess.Popen(["sleep", "3600"])
        if act == "fork":
            if os.fork() == 0:
                return []
        if act == "chdir":
            os.chdir("/")
        if act == "raise-in-thread":
            threading.Thread(target=lambda: 1 / 0).start()
        if act == "recursion":
            def deeper(): return deeper()
            deeper()
        if act == "memory":
            raise MemoryError
        if act == "stop-iteration":
            raise StopIteration
        if act == "keyboard":
            raise KeyboardInterrupt
        if act == "exit-thread":
            threading.Thread(target=sys.exit).start()
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
        return [b"fine"]
"""


def poke(server: Server, act: str, timeout: float = 5.0) -> int:
    """The status of the answer, or 0 where the connection ended without one."""
    try:
        return server.get(f"/{act}", timeout=timeout).status
    except (Closed, OSError):
        return 0


@pytest.mark.parametrize("act", ["close-everything", "crash", "abort"])
def test_the_worker_falls_and_is_replaced(serve: Serve, write_app: WriteApp, act: str) -> None:
    server = serve("app", cwd=write_app(ROGUE))
    old = server.workers()[1]
    mark = server.mark()
    assert poke(server, act) in (0, 200, 500)
    server.wait_log("spawned mewsgi worker 1 ", since=mark)
    assert not old.alive
    assert server.get("/").text == "fine"


@pytest.mark.parametrize(
    ("act", "status"),
    [
        ("recursion", 500), ("memory", 500), ("stop-iteration", 500), ("keyboard", 500),
        ("chdir", 200), ("raise-in-thread", 200), ("exit-thread", 200), ("threads", 200),
        ("block-signals", 200), ("close-standard", 200),
    ],
)  # fmt: skip
def test_the_server_serves_on(serve: Serve, write_app: WriteApp, act: str, status: int) -> None:
    server = serve("app", cwd=write_app(ROGUE))
    assert poke(server, act) == status
    for _ in range(5):
        assert server.get("/").text == "fine"
    start = time.monotonic()
    server.stop()
    # Threads that are no daemons get a while to end, as at the end of any Python program.
    assert time.monotonic() - start < (8 if act == "threads" else 5)


@pytest.mark.parametrize("act", ["spin", "hold-the-gil"])
def test_stop_does_not_wait_for_ever(serve: Serve, write_app: WriteApp, act: str) -> None:
    server = serve("--stop-mercy", "1s", "--processes", "2", "app", cwd=write_app(ROGUE))
    with server.connect() as connection:
        connection.send(f"GET /{act} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        worker = wait_for(
            lambda: [
                w
                for w in server.workers().values()
                if act == "hold-the-gil" or w.status["State"].startswith("R")
            ],
            "the worker to spin",
        )
        assert worker
        start = time.monotonic()
        server.stop()
        assert time.monotonic() - start < 5


@pytest.mark.parametrize("act", ["spin", "hold-the-gil"])
def test_reload_does_not_wait_for_ever(serve: Serve, write_app: WriteApp, act: str) -> None:
    server = serve("--worker-reload-mercy", "1s", "app", cwd=write_app(ROGUE))
    old = server.workers()[1]
    with server.connect() as connection:
        connection.send(f"GET /{act} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert server.run("reload").status == 0
        assert server.get("/").text == "fine"
        wait_for(lambda: not old.alive, "the end of the old worker", 5)


def test_a_forked_copy_of_a_worker_does_no_harm(serve: Serve, write_app: WriteApp) -> None:
    """os.fork() in a view whose child comes back into the server: two processes, one socket."""
    server = serve("app", cwd=write_app(ROGUE))
    poke(server, "fork")
    wait_for(lambda: poke(server, "") == 200, "an answer")
    for _ in range(10):
        assert server.get("/").text == "fine"


def test_threads_of_the_app_are_no_reason_not_to_reload(serve: Serve, write_app: WriteApp) -> None:
    server = serve("app", cwd=write_app(ROGUE))
    assert poke(server, "threads") == 200
    old = server.workers()[1]
    assert server.run("reload").status == 0
    wait_for(lambda: not old.alive, "the end of the old worker", 8)
    assert server.get("/").text == "fine"


@pytest.mark.slow
def test_anything_but_the_master_may_be_killed_at_any_moment(serve: Serve) -> None:
    """Kills and reloads in a random order, under load; then all is as it was."""
    dice = random.Random(20)
    server = serve(
        "--processes",
        "3",
        "--disable-logging",
        "--log-json",
        "--reload-confirm",
        "1",
        "--chdir",
        str(APPS),
        "probe:app",
    )
    wait_for(lambda: len(server.processes()) == 7, "master, logger, two zygotes, three workers")
    with Load(server.port, "/hello", kept=2, new=3) as load:
        deadline = time.monotonic() + 12
        kills = 0
        while time.monotonic() < deadline:
            others = [p for p in server.processes() if p.pid != server.process.pid]
            for victim in dice.sample(others, min(len(others), dice.choice((1, 1, 2, 3)))):
                try:
                    os.kill(victim.pid, signal.SIGKILL)
                    kills += 1
                except ProcessLookupError:
                    continue
            if dice.random() < 0.4:
                server.send_signal(signal.SIGHUP)
            before = load.count
            wait_for(lambda before=before: load.count > before + 20, "answers")  # type: ignore[misc]
    assert kills > 10
    assert load.count > 300
    wait_for(lambda: len(server.processes()) == 7, "seven processes again", timeout=15)
    assert {p.parent for p in server.workers().values()} == {server.process.pid}
    assert server.run("reload").status == 0
    assert server.get("/hello").text == "hello"
    wait_for(lambda: not [p for p in server.master.children if p.zombie], "no zombie")


def test_a_program_that_the_app_started_outlives_the_server(
    serve: Serve, write_app: WriteApp
) -> None:
    """It is the app's, not ours: it neither delays the stop nor keeps a socket of ours."""
    server = serve("app", cwd=write_app(ROGUE))
    port = server.port
    server.reserve()  # is forked after the workers
    ours = {process.pid for process in server.processes()}
    assert poke(server, "child") == 200
    (child,) = (process for process in server.processes() if process.pid not in ours)
    try:
        start = time.monotonic()
        server.stop()
        assert time.monotonic() - start < 5
        assert port not in listening_ports()
    finally:
        if child.alive:
            os.kill(child.pid, signal.SIGKILL)
