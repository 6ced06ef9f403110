"""`threads = N`: N requests at once in each worker, and a loop that none of them holds up."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Callable

import pytest
from harness import Connection, Load, Server
from harness.fixtures import APPS, WriteApp
from harness.gate import Gate

Serve = Callable[..., Server]


@pytest.fixture
def pooled(serve: Serve) -> Server:
    return serve("--chdir", str(APPS), "probe:app", "--threads", "3")


def test_as_many_requests_at_once_as_there_are_threads(pooled: Server, tmp_path: Path) -> None:
    gates = [Gate(pooled, tmp_path / str(number)) for number in range(3)]
    with pooled.connect(timeout=20) as fourth:
        fourth.send(b"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n")
        fourth.expect_silence()  # all three are in use
        gates[1].finish()
        assert fourth.read_response().text == "hello"
    for gate in gates[::2]:
        gate.finish()


def test_what_waits_for_a_thread_goes_to_another_worker(serve: Serve, tmp_path: Path) -> None:
    server = serve("--chdir", str(APPS), "probe:app", "--processes", "2", "--threads", "2")
    with ExitStack() as stack:
        kept = [stack.enter_context(server.connect()) for _ in range(8)]
        for connection in kept:
            connection.get("/hello")
        # Both threads of one worker are taken.
        gates = [Gate(server, tmp_path / str(number)) for number in range(3)]
        for connection in kept:
            assert connection.get("/hello").status == 200
        for gate in gates:
            gate.finish()


def test_environ_of_threads(pooled: Server) -> None:
    environ = pooled.get("/environ").json
    assert environ["wsgi.multithread"] is True
    assert environ["uwsgi.core"] in (0, 1, 2)


def test_environ_without_threads(serve: Serve) -> None:
    environ = serve("--chdir", str(APPS), "probe:app").get("/environ").json
    assert environ["wsgi.multithread"] is False


def test_bodies_and_answers_of_all_kinds(pooled: Server) -> None:
    """Many at once, each checked: large bodies read while the app runs, answers in pieces."""
    body = bytes(range(256)) * 2000
    errors: list[str] = []

    def client(number: int) -> None:
        try:
            with pooled.connect(timeout=30) as connection:
                for size in (0, 1, 70_000, len(body)):
                    sent = body[:size]
                    if connection.request("POST", "/echo", sent).body != sent:
                        errors.append(f"client {number}: {size} bytes came back changed")
                if len(connection.get("/stream?n=50&size=20000").body) != 1_000_000:
                    errors.append(f"client {number}: the stream was cut")
        except Exception as error:  # noqa: BLE001 -- told by the assertion below
            errors.append(f"client {number}: {error!r}")

    clients = [threading.Thread(target=client, args=(number,)) for number in range(12)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join(timeout=60)
        assert not thread.is_alive()
    assert errors == []


def test_pipelined_requests_stay_in_order(pooled: Server) -> None:
    with pooled.connect() as connection:
        connection.send(
            b"".join(
                b"GET /stream?n=1&size=%d HTTP/1.1\r\nHost: h\r\n\r\n" % size
                for size in range(1, 60)
            )
        )
        assert [len(connection.read_response().body) for _ in range(1, 60)] == list(range(1, 60))


def test_a_client_that_leaves_in_the_middle_costs_a_thread_nothing(
    pooled: Server, tmp_path: Path
) -> None:
    gate = Gate(pooled, tmp_path / "gate")
    gate.connection.close()
    assert pooled.get("/hello").status == 200
    gate.let_go()
    for _ in range(20):
        assert pooled.get("/hello").status == 200


def test_a_slow_body_holds_no_thread(pooled: Server) -> None:
    with ExitStack() as stack:
        for _ in range(10):
            slow = stack.enter_context(pooled.connect())
            slow.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf")
        for _ in range(10):
            assert pooled.get("/hello").status == 200


def test_signal_handlers_of_the_app_run(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(
        """
        import signal
        import threading

        def handler(number, frame):
            print("handled in", threading.current_thread().name, flush=True)

        def application(environ, start_response):
            start_response("200 OK", [])
            return [threading.current_thread().name.encode()]

        import uwsgi
        uwsgi.post_fork_hook = lambda: signal.signal(signal.SIGUSR2, handler)
        """
    )
    server = serve("app", "--threads", "2", cwd=folder)
    assert server.get("/").text.startswith("mewsgi worker 1 core ")
    os.kill(server.workers()[1].pid, signal.SIGUSR2)
    server.wait_log("handled in MainThread")


def test_threads_survive_a_reload_and_a_stop_under_load(serve: Serve) -> None:
    server = serve("--chdir", str(APPS), "probe:app", "--threads", "4")
    with Load(server.port, "/hello", kept=8, new=4) as load:
        for _ in range(2):
            assert server.run("reload").status == 0
            load.wait_for_more(100)
    assert load.errors == []
    assert load.announced_ends == 0


def test_exceptions_in_threads_are_the_requests_own(pooled: Server) -> None:
    with ExitStack() as stack:
        connections: list[Connection] = [stack.enter_context(pooled.connect()) for _ in range(6)]
        for connection in connections:
            connection.send(b"GET /boom HTTP/1.1\r\nHost: h\r\n\r\n")
        assert {connection.read_response().status for connection in connections} == {500}
    assert pooled.get("/hello").status == 200


def test_stack_size(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(
        """
        import threading

        def application(environ, start_response):
            start_response("200 OK", [])
            with open("/proc/self/task/%d/maps" % threading.get_native_id()) as maps:
                return [maps.read().encode()]
        """
    )
    server = serve("app", "--threads", "2", "--threads-stack-size", "4096", cwd=folder)
    sizes = set()
    for line in server.get("/").text.splitlines():
        start, _, end = line.split()[0].partition("-")
        sizes.add(int(end, 16) - int(start, 16))
    assert 4096 * 1024 in sizes
