"""Connections that move: no request waits behind another worker's call, no connection closes when
its worker is replaced, and an old generation accepts nothing after the next one's commit."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable

import pytest
from harness import Connection, Load, Server, wait_for
from harness.fixtures import APPS
from harness.gate import Gate

Serve = Callable[..., Server]


def status(server: Server) -> dict[str, Any]:
    outcome = server.run("status", "--json")
    assert outcome.status == 0, outcome.text
    whole: dict[str, Any] = json.loads(outcome.text)
    return whole


def total(server: Server, counter: str) -> int:
    return sum(worker.get(counter, 0) for worker in status(server)["workers"])


def pid_of(connection: Connection) -> int:
    pid: int = connection.get("/pid").json[0]
    return pid


@pytest.fixture
def two(serve: Serve) -> Server:
    return serve("--chdir", str(APPS), "probe:app", "--processes", "2")


@pytest.fixture
def kept(two: Server) -> Iterator[list[Connection]]:
    """Twelve kept connections, six at each worker."""
    with ExitStack() as stack:
        by_worker: dict[int, list[Connection]] = {}
        for _ in range(200):
            connection = stack.enter_context(two.connect())
            by_worker.setdefault(pid_of(connection), []).append(connection)
            if len(by_worker) == 2 and min(map(len, by_worker.values())) >= 6:
                break
        yield [connection for some in by_worker.values() for connection in some[:6]]


def test_nobody_waits_behind_the_call_of_another(
    two: Server, kept: list[Connection], tmp_path: Path
) -> None:
    gate = Gate(two, tmp_path / "gate")
    # While one worker is inside its call for good, all twelve are answered, time after time, by
    # the other one.
    pids = {pid_of(connection) for _ in range(3) for connection in kept}
    assert len(pids) == 1
    gate.finish()
    assert total(two, "handed_on") > 0
    for connection in kept:
        pid_of(connection)


def test_new_connections_go_to_who_is_free(two: Server, tmp_path: Path) -> None:
    gate = Gate(two, tmp_path / "gate")
    for _ in range(20):
        assert two.get("/hello").status == 200
    gate.finish()


def test_pipelined_requests_move_as_well(two: Server, tmp_path: Path) -> None:
    """What one worker has received behind a request that it runs stays in order behind it; what
    waits on other connections moves."""
    gate = Gate(two, tmp_path / "gate")
    with two.connect() as connection:
        connection.send(b"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n" * 40)
        for _ in range(40):
            assert connection.read_response().status == 200
    gate.finish()


def test_a_killed_worker_costs_only_its_own_request(
    two: Server, kept: list[Connection], tmp_path: Path
) -> None:
    gate = Gate(two, tmp_path / "gate")
    busy = next(worker["pid"] for worker in status(two)["workers"] if worker["state"] == "busy")
    # A call that lasts: idle connections have left for the other worker by then.
    wait_for(
        lambda: all(
            worker["connections"] == 1 for worker in status(two)["workers"] if worker["pid"] == busy
        ),
        "the busy worker to hand its idle connections on",
    )
    os.kill(busy, signal.SIGKILL)
    gate.connection.expect_end()
    for connection in kept:
        assert pid_of(connection) != busy
    two.wait_log(r"worker \d \(pid \d+\) of generation 1 was killed by SIGKILL")


def test_all_workers_busy_then_the_first_that_is_free(two: Server, tmp_path: Path) -> None:
    """Two requests hold both workers. What comes meanwhile waits, and is answered by the one that
    is let go first."""
    with ExitStack() as stack:
        waiting = [stack.enter_context(two.connect(timeout=30)) for _ in range(6)]
        for connection in waiting:
            pid_of(connection)
        first, second = Gate(two, tmp_path / "first"), Gate(two, tmp_path / "second")
        for connection in waiting:
            connection.send(b"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n")
        second.finish()
        for connection in waiting:
            assert connection.read_response().status == 200
        first.finish()


def test_a_reload_is_heard_in_the_middle_of_a_call(two: Server, tmp_path: Path) -> None:
    with ExitStack() as stack:
        kept = [stack.enter_context(two.connect()) for _ in range(6)]
        before = {pid_of(connection) for connection in kept}
        gates = [Gate(two, tmp_path / "a"), Gate(two, tmp_path / "b")]
        assert two.run("reload").status == 0
        # Both old workers are inside their calls; their other connections are the new ones' now.
        for connection in kept:
            assert pid_of(connection) not in before
        for gate in gates:
            gate.finish()
    old = {worker["pid"] for worker in two.status()["workers"] if worker["generation"] == 1}
    wait_for(lambda: not old & {p.pid for p in two.processes()}, "the old workers to leave")
    assert total(two, "accepted_late") == 0


def test_one_process_hands_over_at_a_reload_too(serve: Serve, tmp_path: Path) -> None:
    server = serve("--chdir", str(APPS), "probe:app")
    with server.connect() as connection:
        before = pid_of(connection)
        gate = Gate(server, tmp_path / "gate")
        assert server.run("reload").status == 0
        assert pid_of(connection) != before
        gate.finish()


def test_fewer_processes_close_no_connection(
    serve: Serve, write_app: Callable[..., Path], tmp_path: Path
) -> None:
    folder = write_app("", name="unused.py")
    ini = folder / "app.ini"

    def configure(processes: int) -> None:
        ini.write_text(
            f"[mewsgi]\nchdir = {APPS}\nmodule = probe:app\nhttp = 127.0.0.1:0\n"
            f"processes = {processes}\n"
        )

    configure(4)
    server = serve(str(ini), http=None)
    with Load(server.port, "/hello", kept=8, new=2) as load:
        wait_for(lambda: load.count > 200, "some answers")
        configure(1)
        assert server.run("reload").status == 0
        wait_for(lambda: len(server.workers()) == 1, "three workers fewer")
        seen = load.count
        wait_for(lambda: load.count > seen + 200, "more answers")
    assert load.errors == []
    assert load.announced_ends == 0


# max-requests


def test_max_requests_replaces_workers_and_closes_nothing(serve: Serve) -> None:
    server = serve("--chdir", str(APPS), "probe:app", "--processes", "4", "--max-requests", "50")
    first = {process.pid for process in server.workers().values()}
    with Load(server.port, "/hello", kept=8, new=4) as load:
        wait_for(
            lambda: not first & {process.pid for process in server.workers().values()},
            "every worker to be replaced",
            timeout=30,
        )
        seen = load.count
        wait_for(lambda: load.count > seen + 400, "more answers")
    assert load.errors == []
    assert load.announced_ends == 0
    assert total(server, "deaths") == 0


def test_max_requests_with_one_process(serve: Serve) -> None:
    server = serve("--chdir", str(APPS), "probe:app", "--max-requests", "10")
    with server.connect() as connection:
        pids = {pid_of(connection) for _ in range(60)}
        wait_for(lambda: pids.add(pid_of(connection)) or len(pids) > 3, "more workers")
        assert status(server)["workers"][0]["requests"] >= 60


def test_max_requests_of_a_worker_inside_a_long_request(serve: Serve, tmp_path: Path) -> None:
    """With threads, the worker that is worn still has a request: it finishes beside its
    substitute."""
    server = serve("--chdir", str(APPS), "probe:app", "--threads", "4", "--max-requests", "10")
    old = server.workers()[1].pid
    gate = Gate(server, tmp_path / "gate")
    with server.connect() as connection:
        wait_for(lambda: pid_of(connection) != old, "the substitute to answer")
    assert any(worker["pid"] == old for worker in status(server)["workers"])
    assert b"finished" in gate.finish()
    gate.connection.close()
    wait_for(lambda: old not in [p.pid for p in server.processes()], "the old worker to leave")


def test_max_requests_delta_spreads_them(serve: Serve) -> None:
    server = serve(
        *("--chdir", str(APPS), "probe:app", "--processes", "2"),
        *("--max-requests", "20", "--max-requests-delta", "100000"),
    )
    second = server.workers()[2].pid
    first = server.workers()[1].pid
    with Load(server.port, "/hello", kept=2, new=6):
        wait_for_another(server, 1, first)
    assert server.workers()[2].pid == second


# who accepts


@pytest.mark.parametrize("option", ["--thunder-lock", "--reuse-port", "--threads=3"])
def test_reload_under_load_however_they_accept(serve: Serve, option: str) -> None:
    server = serve("--chdir", str(APPS), "probe:app", "--processes", "3", option)
    with Load(server.port, "/hello", kept=4, new=4) as load:
        for _ in range(3):
            assert server.run("reload").status == 0
            load.wait_for_more(100)
    assert load.errors == []
    assert load.announced_ends == 0


def wait_for_another(server: Server, slot: int, pid: int) -> None:
    def look() -> bool:
        worker = server.workers().get(slot)
        return worker is not None and worker.pid != pid

    wait_for(look, f"another worker {slot} than {pid}")


def test_thunder_lock_survives_the_death_of_who_holds_it(serve: Serve) -> None:
    server = serve("--chdir", str(APPS), "probe:app", "--processes", "2", "--thunder-lock")
    assert server.get("/hello").status == 200
    for _ in range(6):
        # One of the two holds it; after both were killed once, it was surely lost once.
        for slot in (1, 2):
            victim = server.workers()[slot].pid
            os.kill(victim, signal.SIGKILL)
            wait_for_another(server, slot, victim)
            assert server.get("/hello").status == 200


def test_thunder_lock_is_let_go_before_the_app_runs(serve: Serve, tmp_path: Path) -> None:
    server = serve("--chdir", str(APPS), "probe:app", "--processes", "2", "--thunder-lock")
    gate = Gate(server, tmp_path / "gate")
    for _ in range(5):
        assert server.get("/hello").status == 200
    gate.finish()


def test_reuse_port_has_a_socket_for_each_worker(serve: Serve, tmp_path: Path) -> None:
    server = serve("--chdir", str(APPS), "probe:app", "--processes", "3", "--reuse-port")
    port = f"{server.port:04X}"
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    listening = [row for row in rows if row.split()[1].endswith(f":{port}") and " 0A " in row]
    assert len(listening) == 3
    # The kernel deals connections to the socket of a worker that is busy, too: it passes them on.
    gate = Gate(server, tmp_path / "gate")
    for _ in range(30):
        assert server.get("/hello").status == 200
    gate.finish()


def test_reuse_port_still_sees_that_a_port_is_taken(serve: Serve) -> None:
    first = serve("--chdir", str(APPS), "probe:app", "--reuse-port")
    second = serve(
        *("--chdir", str(APPS), "probe:app", "--reuse-port"),
        http=f"127.0.0.1:{first.port}",
        wait=None,
        expect_status=1,
    )
    assert second.wait_end() == 1
    assert "is taken by" in second.log


def test_reuse_port_with_more_and_with_fewer_processes(
    serve: Serve, write_app: Callable[..., Path]
) -> None:
    ini = write_app("", name="unused.py") / "app.ini"

    def configure(processes: int) -> None:
        ini.write_text(
            f"[mewsgi]\nchdir = {APPS}\nmodule = probe:app\nhttp = 127.0.0.1:0\n"
            f"reuse-port = true\nprocesses = {processes}\n"
        )

    configure(2)
    server = serve(str(ini), http=None)
    with Load(server.port, "/hello", kept=4, new=4) as load:
        for processes in (4, 1, 3):
            configure(processes)
            assert server.run("reload").status == 0
            load.wait_for_more(100)
    assert load.errors == []
    assert load.announced_ends == 0
