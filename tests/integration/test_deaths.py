"""Why a process ended, and what one does that does not answer: the log and `mewsgi status` say."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import Any, Callable

import pytest
from harness import Server, wait_for
from harness.fixtures import WriteApp

Serve = Callable[..., Server]

# Its calls say that they have begun, and last until they are let go.
APP = """
import ctypes, os, time

def threads():
    found = []
    for number in os.listdir("/proc/self/task"):
        try:
            found.append(open(f"/proc/self/task/{number}/comm").read().strip())
        except OSError:
            pass
    return found

at_fork = []
os.register_at_fork(before=lambda: at_fork.append(threads()))

def application(environ, start_response):
    what, _, value = environ["PATH_INFO"][1:].partition("/")
    print("began", what, flush=True)
    if what == "hold":  # a C function that is called without giving the GIL back
        ctypes.PyDLL(None).sleep(int(value))
    if what == "wait":
        open("gate").read()
    if what == "compute":
        while not os.path.exists("enough"):
            sum(range(10_000))
    if what == "fork":
        del at_fork[:]
        while "mewsgi-prober" not in threads():
            time.sleep(0.05)
        for _ in range(3):
            child = os.fork()
            if child == 0:
                os._exit(0)
            os.waitpid(child, 0)
        print("at fork:", at_fork, flush=True)
    if what == "die":
        os.kill(os.getpid(), int(value))
    if what == "exit":
        os._exit(int(value))
    start_response("200 OK", [])
    return [b"fine"]
"""


@pytest.fixture
def folder(write_app: WriteApp) -> Path:
    folder = write_app(APP)
    os.mkfifo(folder / "gate")
    return folder


def status(server: Server) -> Any:
    return json.loads(server.run("status", "--json").out)


def doing(server: Server) -> str:
    return str(status(server)["workers"][0]["doing"])


THREADS = pytest.mark.parametrize("threads", ["1", "3"], ids=["inline", "threads"])


def test_every_death_has_a_line_and_a_count(serve: Serve, folder: Path) -> None:
    server = serve("--processes", "2", "app", cwd=folder)
    assert status(server)["deaths"] == {
        "workers": 0,
        "zygotes": 0,
        "fronts": 0,
        "singletons": 0,
        "by_cause": {},
    }
    for target, how in (
        (f"/die/{signal.SIGABRT.value}", r"was killed by SIGABRT( \(core dumped\))?"),
        (f"/die/{signal.SIGKILL.value}", "was killed by SIGKILL"),
        ("/exit/3", "exited with status 3"),
    ):
        mark = server.mark()
        with server.connect() as connection:
            # No front gives it to another worker.
            head = f"POST {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            connection.send(f"{head}Content-Length: 0\r\n\r\n".encode())
            connection.read_to_end()
        server.wait_log(
            rf"error .* worker \d \(pid \d+\) of generation 1 {how} after \d+\.\d s and 0 requests"
            r", peak memory \d+\.\d MiB; it was inside a request for \d+\.\d s$",
            since=mark,
        )
        server.wait_log("spawned mewsgi worker", since=mark)
    mark = server.mark()
    os.kill(server.zygotes()[0].pid, signal.SIGKILL)
    server.wait_log(
        r"error .* zygote of generation 1 \(pid \d+\) was killed by SIGKILL after .*MiB", since=mark
    )
    deaths = status(server)["deaths"]
    assert (deaths["workers"], deaths["zygotes"]) == (3, 1)
    assert deaths["by_cause"] == {"SIGABRT": 1, "SIGKILL": 2, "status 3": 1}
    assert status(server)["oom_kills"] == 0
    assert re.search("deaths: 1 x SIGABRT, 2 x SIGKILL, 1 x status 3$", server.run("status").out)
    assert server.run("reload").status == 0
    assert status(server)["deaths"] == deaths, "they go on over a reload"


def test_who_ends_in_order_is_no_death(serve: Serve, folder: Path) -> None:
    server = serve("app", cwd=folder)
    assert server.run("reload").status == 0
    wait_for(lambda: len(status(server)["workers"]) == 1, "the end of the old worker")
    assert status(server)["deaths"]["by_cause"] == {}


@THREADS
def test_an_app_that_waits(serve: Serve, folder: Path, threads: str) -> None:
    server = serve("--threads", threads, "app", cwd=folder)
    with server.connect() as connection:
        connection.send(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        said = "waiting for something (the GIL is free)"
        wait_for(lambda: said in doing(server), "the state of the worker")
        row = status(server)["workers"][0]
        assert row["state"] == "busy" and row["request_seconds"] > 1
        os.close(os.open(folder / "gate", os.O_WRONLY))
        assert connection.read_response().text == "fine"
    wait_for(lambda: doing(server) == "idle", "rest")


@THREADS
def test_an_app_that_computes(serve: Serve, folder: Path, threads: str) -> None:
    server = serve("--threads", threads, "app", cwd=folder)
    with server.connect() as connection:
        connection.send(b"GET /compute HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(lambda: doing(server).endswith("running Python code"), "the state of the worker")
        (folder / "enough").touch()
        assert connection.read_response().text == "fine"


@THREADS
def test_a_gil_that_is_not_given_back(serve: Serve, folder: Path, threads: str) -> None:
    """Told in the status, and in the death line of a worker that has to be killed for it."""
    server = serve("--threads", threads, "--worker-reload-mercy", "1s", "app", cwd=folder)
    (worker,) = server.workers().values()
    with server.connect() as connection:
        connection.send(b"GET /hold/120 HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(lambda: status(server)["workers"][0]["state"] == "GIL held", "the verdict", 20)
        held = re.fullmatch(
            r"inside a request for (\d+\.\d) s, the GIL held for (\d+\.\d) s", doing(server)
        )
        assert held and float(held[1]) > float(held[2]) >= 1
        table = server.run("status").out
        assert re.search(rf"worker 1 \(pid {worker.pid}\) is inside .*, the GIL held", table)
        mark = server.mark()
        assert server.run("reload").status == 0
        server.wait_log(
            rf"worker 1 \(pid {worker.pid}\) .* was killed by SIGKILL .*; it was inside a request "
            r"for \d+\.\d s, the GIL held for \d+\.\d s; the master ended it because it still had",
            since=mark,
        )
    assert status(server)["deaths"]["by_cause"] == {"killed by the master": 1}


@pytest.mark.slow
@THREADS
def test_a_gil_held_for_long_is_warned_of_once(serve: Serve, folder: Path, threads: str) -> None:
    server = serve("--threads", threads, "--stop-mercy", "1s", "app", cwd=folder)
    with server.connect() as connection:
        connection.send(b"GET /hold/120 HTTP/1.1\r\nHost: x\r\n\r\n")
        told = r"warning worker 1 .*the GIL has been held for 1\d s inside a request: .*C extension"
        server.wait_log(told, timeout=40)
        held = re.compile(r"the GIL held for 1[1-9]\.")
        wait_for(lambda: held.search(doing(server)), "another second", 20)
        assert len(re.findall(told, server.log)) == 1
        server.stop()


def test_a_fork_by_the_app_meets_no_prober(serve: Serve, folder: Path) -> None:
    """Python 3.12 warns of threads at a fork, and ours are none of the app's business."""
    server = serve("app", cwd=folder)
    for _ in range(2):
        mark = server.mark()
        assert server.get("/fork", timeout=20).text == "fine"
        counts = re.findall(r"\[('.*?')\]", server.wait_log("^at fork: .*", since=mark)[0])
        assert [count.count("'") for count in counts] == [2, 2, 2], "one thread each: the app's"


def test_a_stopped_worker(serve: Serve, folder: Path) -> None:
    server = serve("app", cwd=folder)
    wait_for(lambda: doing(server) == "idle", "a worker that serves")
    (worker,) = server.workers().values()
    os.kill(worker.pid, signal.SIGSTOP)
    server.wait_log(rf"warning .* worker 1 \(pid {worker.pid}\) was stopped by SIGSTOP: ")
    row = status(server)["workers"][0]
    assert row["state"] == "stopped"
    assert re.fullmatch(r"idle, stopped by SIGSTOP for \d+\.\d s", row["doing"])
    os.kill(worker.pid, signal.SIGCONT)
    server.wait_log(rf"worker 1 \(pid {worker.pid}\) was continued after \d+\.\d s")
    assert status(server)["workers"][0]["state"] == "idle"
    assert server.get("/").text == "fine"


def test_a_stopped_worker_that_has_to_be_killed(serve: Serve, folder: Path) -> None:
    server = serve("--worker-reload-mercy", "300ms", "app", cwd=folder)
    wait_for(lambda: doing(server) == "idle", "a worker that serves")
    (worker,) = server.workers().values()
    os.kill(worker.pid, signal.SIGSTOP)
    server.wait_log("was stopped by SIGSTOP")
    assert server.run("reload").status == 0
    server.wait_log(
        rf"worker 1 \(pid {worker.pid}\) .*; it was idle, stopped by SIGSTOP for \d+\.\d s; "
        "the master ended it because it still had work"
    )


def test_a_stopped_zygote_is_told_of(serve: Serve, folder: Path) -> None:
    server = serve("app", cwd=folder)
    zygote = server.zygotes()[0]
    os.kill(zygote.pid, signal.SIGSTOP)
    server.wait_log(rf"warning .* of generation 1 \(pid {zygote.pid}\) was stopped by SIGSTOP")
    os.kill(zygote.pid, signal.SIGCONT)
    server.wait_log(rf"of generation 1 \(pid {zygote.pid}\) was continued after")


@THREADS
def test_a_process_that_does_not_run(serve: Serve, folder: Path, threads: str) -> None:
    """Stopped by a debugger, say: nobody tells the master, but the signs of life end."""
    server = serve("--threads", threads, "app", cwd=folder)
    (worker,) = server.workers().values()
    with server.connect() as connection:
        connection.send(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(lambda: "the GIL is free" in doing(server), "signs of life")
        os.kill(worker.pid, signal.SIGSTOP)
        server.wait_log("was stopped by SIGSTOP")
        stopped = re.compile(r"inside a request for [\d.]+ s, stopped by SIGSTOP for [\d.]+ s")
        assert stopped.fullmatch(doing(server))
        os.kill(worker.pid, signal.SIGCONT)
        wait_for(lambda: "the GIL is free" in doing(server), "signs of life again")
        os.close(os.open(folder / "gate", os.O_WRONLY))
        assert connection.read_response().text == "fine"
