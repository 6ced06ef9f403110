"""Start, graceful stop, stop at once, pidfile, and the commands that talk to a running server."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Callable

import pytest
from harness import Connection, Server, run_mewsgi, wait_for
from harness.client import Closed
from harness.fixtures import APPS, WriteApp
from harness.procfs import listening_ports

Serve = Callable[..., Server]
PROBE = ("--chdir", str(APPS), "probe:app")


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


def begin_gated(server: Server, fifo: Path) -> Connection:
    """A request that runs until `open_gate`."""
    connection = server.connect()
    connection.send(f"GET /gated?fifo={fifo} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    connection.read_until(b"began\n")
    return connection


def open_gate(fifo: Path) -> None:
    def opened() -> bool:
        try:
            os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:  # nobody reads yet
            return False
        return True

    wait_for(opened, "the request to wait at the gate")


@pytest.mark.parametrize("count", [1, 3])
def test_processes(serve: Serve, count: int) -> None:
    server = serve("--processes", str(count), *PROBE)
    workers = server.workers()
    assert sorted(workers) == list(range(1, count + 1))
    assert all(worker.parent == server.process.pid for worker in workers.values())
    assert all(worker.group == worker.pid for worker in workers.values())
    zygotes = server.zygotes()
    assert len(zygotes) == 1 and zygotes[0].group == zygotes[0].pid
    seen, parents = set(), set()
    for _ in range(60):
        pid, parent = server.get("/pid").json
        seen.add(pid)
        parents.add(parent)
    assert seen <= {worker.pid for worker in workers.values()}
    assert parents == {server.process.pid}


def test_workers_is_processes(serve: Serve) -> None:
    assert sorted(serve("--workers", "2", *PROBE).workers()) == [1, 2]


def test_the_load_is_shared(serve: Serve) -> None:
    server = serve("--processes", "4", *PROBE)
    answers = [server.get("/pid").json[0] for _ in range(200)]
    counts = sorted(answers.count(worker.pid) for worker in server.workers().values())
    assert counts[0] >= 10, f"one worker got hardly anything: {counts}"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_graceful_stop_lets_the_running_request_finish(
    serve: Serve, fifo: Path, number: signal.Signals
) -> None:
    server = serve(*PROBE)
    port = server.port
    running = begin_gated(server, fifo)
    mark = server.mark()
    server.send_signal(number)
    server.wait_log(r"(?i)stop", since=mark)
    assert server.process.poll() is None
    open_gate(fifo)
    running.read_until(b"finished\n")
    assert server.wait_end() == 0
    assert port not in listening_ports()


@pytest.mark.parametrize(
    "half",
    [b"", b"GET /hello HTT", b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"],
    ids=["nothing", "head", "body"],
)
def test_idle_and_half_sent_do_not_delay_the_stop(serve: Serve, half: bytes) -> None:
    """The app has nothing to do with them yet, so there is nothing to wait for."""
    server = serve(*PROBE)
    with server.connect() as idle, server.connect() as other:
        other.send(half)
        assert idle.get("/hello").status == 200
        start = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - start < 4
        idle.expect_end()


def test_a_second_term_stops_at_once(serve: Serve, fifo: Path) -> None:
    server = serve(*PROBE)
    begin_gated(server, fifo)
    mark = server.mark()
    server.send_signal(signal.SIGTERM)
    server.wait_log(r"(?i)stop", since=mark)
    start = time.monotonic()
    server.send_signal(signal.SIGTERM)
    assert server.wait_end(6) == 0
    assert time.monotonic() - start < 5, "stop-mercy is 8 s: the second signal did not count"


def test_quit_stops_at_once(serve: Serve, fifo: Path) -> None:
    server = serve(*PROBE)
    begin_gated(server, fifo)
    start = time.monotonic()
    server.send_signal(signal.SIGQUIT)
    assert server.wait_end(6) == 0
    assert time.monotonic() - start < 5


def test_stop_mercy_ends(serve: Serve, fifo: Path) -> None:
    """A request that never finishes is cut after stop-mercy, and the log says so."""
    server = serve("--stop-mercy", "1s", *PROBE)
    running = begin_gated(server, fifo)
    start = time.monotonic()
    assert server.stop() == 0
    assert 0.8 < time.monotonic() - start < 5
    with pytest.raises(Closed):
        running.read_until(b"finished\n")
    server.wait_log(r"(?i)(cut|mercy|kill)")


def test_stop_during_the_import(serve: Serve, write_app: WriteApp, fifo: Path) -> None:
    """Nobody waits for an app that does not finish importing."""
    folder = write_app(f"print('importing', flush=True)\nopen({str(fifo)!r}).read()")
    server = serve("app", cwd=folder, wait=None, expect_status=None)
    server.wait_log("^.*importing")
    server.send_signal(signal.SIGTERM)
    server.wait_end(12)


def test_pidfile_and_commands(serve: Serve, tmp_path: Path) -> None:
    pidfile = tmp_path / "server.pid"
    server = serve("--pidfile", str(pidfile), "--processes", "2", *PROBE)
    assert pidfile.read_text().strip() == str(server.process.pid)

    status = run_mewsgi("status", "--pidfile", str(pidfile))
    assert status.status == 0
    for worker in server.workers().values():
        assert str(worker.pid) in status.out
    table = run_mewsgi("status", "--json", "--pidfile", str(pidfile))
    assert table.status == 0 and str(server.process.pid) in table.out
    json.loads(table.out)

    before = server.workers()
    reload = run_mewsgi("reload", "--pidfile", str(pidfile))
    assert reload.status == 0, reload.text
    after = server.workers()
    assert sorted(after) == [1, 2]
    assert {w.pid for w in after.values()}.isdisjoint(w.pid for w in before.values())
    assert pidfile.read_text().strip() == str(server.process.pid)

    stop = run_mewsgi("stop", "--pidfile", str(pidfile))
    assert stop.status == 0, stop.text
    assert server.wait_end(2) == 0, "mewsgi stop came back before the end"
    assert not pidfile.exists(), "vacuum is on: the pidfile goes at the end"

    for command in ("reload", "stop", "status"):
        gone = run_mewsgi(command, "--pidfile", str(pidfile))
        assert gone.status == 3, gone.text
        assert str(pidfile) in gone.text and "Traceback" not in gone.text


def test_commands_by_pid(serve: Serve) -> None:
    server = serve(*PROBE)
    pid = str(server.process.pid)
    assert run_mewsgi("status", pid).status == 0
    assert run_mewsgi("status", "--pid", pid).status == 0
    assert run_mewsgi("stop", pid).status == 0
    server.wait_end(2)


@pytest.mark.parametrize("command", ["reload", "stop", "status"])
@pytest.mark.parametrize("content", ["999999999", "", "not a number", "-1", "1"])
def test_commands_on_what_is_no_server(tmp_path: Path, command: str, content: str) -> None:
    """Also a stale pidfile whose number belongs to somebody else now: nobody gets a signal."""
    pidfile = tmp_path / "stale.pid"
    pidfile.write_text(content)
    outcome = run_mewsgi(command, "--pidfile", str(pidfile))
    assert outcome.status in (1, 3) and outcome.text.strip(), outcome
    if content == "999999999":
        assert outcome.status == 3


def test_commands_do_not_touch_strangers(tmp_path: Path) -> None:
    """A pidfile that names a process which is no mewsgi."""
    pidfile = tmp_path / "stranger.pid"
    pidfile.write_text(str(os.getpid()))
    for command in ("reload", "stop", "status"):
        assert run_mewsgi(command, "--pidfile", str(pidfile)).status == 3


def test_stop_waits_for_the_running_request(serve: Serve, fifo: Path) -> None:
    server = serve(*PROBE)
    running = begin_gated(server, fifo)
    mark = server.mark()
    done: list[int] = []
    stopper = threading.Thread(
        target=lambda: done.append(run_mewsgi("stop", str(server.process.pid)).status), daemon=True
    )
    stopper.start()
    server.wait_log(r"(?i)stop", since=mark)
    assert not done
    open_gate(fifo)
    running.read_until(b"finished\n")
    stopper.join(15)
    assert done == [0]


def test_unix_socket(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    server = serve("--http-socket", str(path), "--chmod-socket", "600", *PROBE, http=None)
    assert path.stat().st_mode & 0o777 == 0o600
    with Connection(str(path)) as connection:
        assert connection.get("/hello").body == b"hello"
    server.stop()
    assert not path.exists(), "vacuum is on: the socket goes at the end"


def test_a_stale_unix_socket_is_replaced_and_a_living_one_is_not(
    serve: Serve, tmp_path: Path
) -> None:
    path = tmp_path / "app.sock"
    first = serve("--http-socket", str(path), *PROBE, http=None)
    second = run_mewsgi("--http-socket", str(path), *PROBE)
    assert second.status == 1 and str(path) in second.text
    with Connection(str(path)) as connection:
        assert connection.get("/hello").status == 200
    os.kill(first.process.pid, signal.SIGKILL)
    first.expect_status = None
    first.wait_end()
    first.expect_nothing_left()
    assert path.exists()
    serve("--http-socket", str(path), *PROBE, http=None)
    with Connection(str(path)) as connection:
        assert connection.get("/hello").status == 200


def test_several_sockets(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    server = serve("--http-socket", str(path), *PROBE)
    assert server.get("/hello").status == 200
    with Connection(str(path)) as connection:
        assert connection.get("/hello").status == 200


def test_ipv6(serve: Serve) -> None:
    import socket

    server = serve(*PROBE, http="[::1]:0")
    with socket.create_connection(("::1", server.port), 10) as connection:
        connection.sendall(b"GET /hello HTTP/1.1\r\nHost: [::1]\r\nConnection: close\r\n\r\n")
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"hello")


def test_auto_procname(serve: Serve) -> None:
    server = serve("--auto-procname", "--processes", "2", *PROBE)
    wait_for(lambda: "master" in " ".join(server.master.command), "the master's title")
    for slot, worker in server.workers().items():
        title = " ".join(worker.command)
        assert "worker" in title and str(slot) in title, title


def test_sigusr1_tells_the_state(serve: Serve) -> None:
    server = serve("--processes", "2", "--chdir", str(APPS), "probe:app")
    server.get("/hello")
    mark = server.mark()
    server.send_signal(signal.SIGUSR1)
    server.wait_log(r"status: serving, generation 1, 2 workers", since=mark)
