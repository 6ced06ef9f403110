"""Singletons: never two owners of one, whatever is reloaded, broken or killed, at any moment."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import threading
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from harness import Process, Server, wait_for
from harness.fixtures import WriteApp
from harness.procfs import listening_ports
from test_processes import COMMON, described, socket_names
from test_reload import write

Serve = Callable[..., Server]

# Each of its functions takes a lock that only one process at a time can have, and tells in a file
# what it does. Who finds the lock taken says so, and goes on.
APP = """
import fcntl, os, signal, time
import mewsgi

WORD = "%s"
said = os.open("said", os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC)


def say(what):
    os.write(said, f"{what} {os.getpid()} {WORD}\\n".encode())


def own():
    guard = os.open("guard", os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("TWO")
    say("start")
    return guard


def sleeps():
    guard = own()
    try:
        while True:
            say("tick")
            time.sleep(0.02)
    finally:
        say("end")


def asks():
    guard = own()
    while not mewsgi.wait_for_stop(0.02):
        say("tick")
    say("end")


def stays():
    guard = own()
    signal.signal(signal.SIGTERM, lambda *about: say("heard"))
    while True:
        say("tick")
        time.sleep(0.02)


def application(environ, start_response):
    start_response("200 OK", [])
    return [WORD.encode()]
"""
BROKEN = "raise RuntimeError('broken on purpose')\n"
RUNS = r"singleton (\S+) runs \(pid: (\d+), generation (\d+)\)"


class Told:
    """What the functions wrote."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "said"

    @property
    def rows(self) -> list[tuple[str, int, str]]:
        text = self.file.read_text() if self.file.exists() else ""
        rows = [line.split() for line in text.splitlines()]
        return [(what, int(pid), word) for what, pid, word in rows]

    def pids(self, what: str) -> list[int]:
        return [pid for said, pid, _ in self.rows if said == what]

    def wait_tick(self, but: int = 0) -> int:
        """The pid of the task that ticks, another one than `but`."""
        here = len(self.rows)

        def ticking() -> int:
            ticks = [pid for what, pid, _ in self.rows[here:] if what == "tick" and pid != but]
            return ticks[-1] if ticks else 0

        return wait_for(ticking, f"ticks of another task than {but}", 20)

    def expect_one_after_the_other(self) -> None:
        """No task says anything once its successor has started."""
        rows = self.rows
        assert not [row for row in rows if row[0] == "TWO"], "two owners at a time"
        starts = [pid for what, pid, _ in rows if what == "start"]
        assert len(set(starts)) == len(starts)
        turn = -1
        for what, pid, _ in rows:
            if what == "start":
                turn += 1
            assert starts[turn] == pid, f"{pid} says {what} in the time of {starts[turn]}"


def singletons(server: Server) -> list[Any]:
    rows: list[Any] = json.loads(server.run("status", "--json").out)["singletons"]
    return rows


def alive(pid: int) -> bool:
    process = Process.of(pid)
    return bool(process and process.alive)


def test_it_runs_beside_the_workers(serve: Serve, tmp_path: Path) -> None:
    write(tmp_path, APP % "one")
    server = serve("--processes", "2", "--singleton", "app:sleeps", "app", cwd=tmp_path)
    pid = Told(tmp_path).wait_tick()
    process = Process.of(pid)
    assert process and process.parent == server.process.pid and process.group == pid
    assert process.command == ["mewsgi singleton app:sleeps"]
    (row,) = singletons(server)
    assert row.pop("uptime") >= 0
    assert row == {
        "name": "app:sleeps",
        "pid": pid,
        "generation": 1,
        "state": "running",
        "starts": 1,
        "deaths": 0,
    }
    assert re.search(rf"(?m)^app:sleeps +{pid} +1 +running ", server.run("status").out)
    assert server.get("/").text == "one"


def test_every_descriptor_of_it_is_explained(serve: Serve, tmp_path: Path) -> None:
    write(tmp_path, APP % "one")
    server = serve("--reuse-port", "--singleton", "app:asks", "app", cwd=tmp_path)
    task = Process.of(Told(tmp_path).wait_tick())
    assert task
    explained = [
        *(row for row in COMMON if "listening" not in row[3]),
        (r"unix pair", 1, 1, "control by the master"),
        (r"anon_inode:\[eventfd\]", 1, 1, "told to leave"),
        (r"pipe:.*", 0, 1, "a log descriptor beside 1 and 2"),
        (r"/.*/(said|guard)", 2, 2, "the function's own"),
    ]
    left = described(task, socket_names())
    for pattern, fewest, most, purpose in explained:
        matching = [row for row in left if re.fullmatch(pattern, row)][:most]
        assert len(matching) >= fewest, f"{pattern} ({purpose}) in {left}"
        for row in matching:
            left.remove(row)
    assert not left
    assert server.get("/").status == 200


@pytest.mark.parametrize("function", ["sleeps", "asks"])
def test_a_reload_passes_it_on(serve: Serve, tmp_path: Path, function: str) -> None:
    told = Told(tmp_path)
    write(tmp_path, APP % "one")
    server = serve("--singleton", f"clock=app:{function}", "app", cwd=tmp_path)
    first = told.wait_tick()
    write(tmp_path, APP % "two")
    assert server.run("reload").status == 0
    second = told.wait_tick(but=first)
    rows = [row for row in told.rows if row[0] != "tick"]
    assert rows == [("start", first, "one"), ("end", first, "one"), ("start", second, "two")]
    assert not alive(first)
    assert [(row["pid"], row["generation"]) for row in singletons(server)] == [(second, 2)]
    told.expect_one_after_the_other()
    server.stop()
    assert told.rows[-1] == ("end", second, "two")


def test_one_of_a_generation_that_never_was(serve: Serve, tmp_path: Path) -> None:
    """It goes on while the next one is prepared, and when that one is rolled back."""
    told = Told(tmp_path)
    write(tmp_path, APP % "one")
    server = serve("--singleton", "app:sleeps", "app", cwd=tmp_path)
    pid = told.wait_tick()
    os.mkfifo(tmp_path / "gate")
    write(tmp_path, APP % "two" + "print('importing', flush=True)\nopen('gate').read()\n" + BROKEN)
    mark = server.mark()
    server.send_signal(signal.SIGHUP)
    server.wait_log("importing", since=mark)
    assert told.wait_tick() == pid
    os.close(os.open(tmp_path / "gate", os.O_WRONLY))
    server.wait_log("rolled back", since=mark)
    assert told.wait_tick() == pid
    assert told.pids("start") == [pid] and told.pids("end") == []


@pytest.mark.slow
@pytest.mark.parametrize("function", ["sleeps", "asks"])
def test_never_two_whatever_happens(serve: Serve, tmp_path: Path, function: str) -> None:
    """Twenty reloads, every fourth of broken code, while somebody kills tasks, zygotes, workers."""
    told = Told(tmp_path)
    write(tmp_path, APP % "v0")
    options = ["--processes", "2", "--reload-mercy", "2s", "--disable-logging"]
    server = serve(*options, "--singleton", f"clock=app:{function}", "app", cwd=tmp_path)
    told.wait_tick()
    dice = random.Random(function)
    over = threading.Event()
    title = "mewsgi singleton clock"
    killed: dict[str, int] = {"task": 0, "zygote": 0, "worker": 0}

    def kill_somebody() -> None:
        while not over.wait(dice.uniform(0.01, 0.25)):
            living = {
                "task": [p for p in server.processes() if p.command == [title]],
                "zygote": server.zygotes(),
                "worker": list(server.workers().values()),
            }
            # Tasks as often as all others together.
            role = dice.choice(["task", "task", "zygote", "worker"])
            if not living[role]:
                continue
            try:
                os.kill(dice.choice(living[role]).pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            killed[role] += 1

    killer = threading.Thread(target=kill_somebody, daemon=True)
    killer.start()
    statuses = []
    try:
        for number in range(1, 81):
            if number > 20 and min(killed.values()) >= 2:
                break
            write(tmp_path, BROKEN if number % 4 == 0 else APP % f"v{number}")
            statuses.append(server.run("reload").status)
    finally:
        over.set()
        killer.join(20)
    assert not killer.is_alive()
    assert len(statuses) >= 20 and statuses.count(1) >= 5, statuses
    assert min(killed.values()) >= 2, killed
    write(tmp_path, APP % "last")
    wait_for(lambda: server.run("reload").status == 0, "a reload that nobody kills", 30)
    wait_for(lambda: ("tick", "last") in {(w, v) for w, _, v in told.rows}, "the last task", 30)
    told.expect_one_after_the_other()
    assert len(told.pids("start")) > 10
    wait_for(lambda: [row["state"] for row in singletons(server)] == ["running"], "one that runs")
    assert len([pid for pid in set(told.pids("start")) if alive(pid)]) == 1
    assert server.get("/").text == "last"


def test_stop_start_waits_for_it(serve: Serve, tmp_path: Path) -> None:
    """What a task holds is free again when the new code is imported, and so with the last try."""
    told = Told(tmp_path)
    takes = (
        "free = os.open('guard', os.O_CREAT | os.O_RDWR)\n"
        "fcntl.flock(free, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "os.close(free)\n"
        "def slowly():\n"
        "    guard = own()\n"
        "    say('tick')\n"
        "    mewsgi.wait_for_stop()\n"
        "    time.sleep(0.5)\n"
        "    say('end')\n"
    )
    write(tmp_path, APP % "one" + takes)
    options = ["--reload-strategy", "stop-start", "--singleton", "clock=app:slowly"]
    server = serve(*options, "app", cwd=tmp_path)
    first = told.wait_tick()
    write(tmp_path, APP % "two" + takes)
    outcome = server.run("reload")
    assert outcome.status == 0, outcome.text
    wait_for(lambda: len(told.pids("tick")) == 2, "the second task")
    assert told.pids("end") == [first]
    told.expect_one_after_the_other()


def test_a_recalled_generation_has_it_again(serve: Serve, tmp_path: Path) -> None:
    """reload-confirm: the new code loops, and with the old code its task comes back."""
    told = Told(tmp_path)
    write(tmp_path, APP % "good")
    options = ["--reload-confirm", "60s", "--singleton", "clock=app:asks"]
    server = serve(*options, "app", cwd=tmp_path)
    first = told.wait_tick()
    loops = (
        "import threading\n"
        "def die():\n"
        "    time.sleep(0.1)\n"
        "    os._exit(7)\n"
        "import uwsgi\n"
        "def hook():\n"
        "    if uwsgi.worker_id():\n"
        "        threading.Thread(target=die).start()\n"
        "uwsgi.post_fork_hook = hook\n"
    )
    write(tmp_path, APP % "loops" + loops)
    assert server.run("reload").status == 0
    server.wait_log("came back: generation 1 serves", timeout=30)
    wait_for(lambda: (told.rows or [("", 0, "")])[-1][::2] == ("tick", "good"), "its task", 20)
    told.expect_one_after_the_other()
    assert told.wait_tick() != first
    assert [row["generation"] for row in singletons(server)] == [1]


def test_a_killed_one_is_started_again(serve: Serve, tmp_path: Path) -> None:
    told = Told(tmp_path)
    write(tmp_path, APP % "one")
    server = serve("--singleton", "app:sleeps", "app", cwd=tmp_path)
    first = told.wait_tick()
    (worker,) = server.workers().values()
    os.kill(first, signal.SIGKILL)
    second = told.wait_tick(but=first)
    server.wait_log(rf"error .* singleton app:sleeps \(pid {first}\) .* SIGKILL")
    assert [(row["starts"], row["deaths"]) for row in singletons(server)] == [(2, 1)]
    # Its zygote first: the next one waits for another zygote.
    (zygote,) = server.zygotes()
    os.kill(zygote.pid, signal.SIGKILL)
    os.kill(second, signal.SIGKILL)
    told.wait_tick(but=second)
    told.expect_one_after_the_other()
    assert worker.alive


def test_what_it_started_ends_with_it(serve: Serve, tmp_path: Path) -> None:
    told = Told(tmp_path)
    source = APP % "one" + (
        "import subprocess\n"
        "def starts():\n"
        "    child = subprocess.Popen(['sleep', '1000'])\n"
        "    os.write(said, f'tick {os.getpid()} {child.pid}\\n'.encode())\n"
        "    time.sleep(1000)\n"
    )
    write(tmp_path, source)
    serve("--singleton", "app:starts", "app", cwd=tmp_path)
    # It says so once only, and may have before anybody waits.
    wait_for(lambda: told.pids("tick"), "the function's tick", 20)
    pid = told.pids("tick")[-1]
    child = int(told.rows[-1][2])
    assert alive(child)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not alive(child), "the end of what the killed task had started")


@pytest.mark.parametrize("how", ["deaf", "stopped"])
def test_mercy_is_bounded(serve: Serve, tmp_path: Path, how: str) -> None:
    told = Told(tmp_path)
    write(tmp_path, APP % "one")
    function = {"deaf": "stays", "stopped": "sleeps"}[how]
    options = ["--reload-mercy", "300ms", "--singleton", f"clock=app:{function}"]
    server = serve(*options, "app", cwd=tmp_path)
    first = told.wait_tick()
    if how == "stopped":
        os.kill(first, signal.SIGSTOP)
    write(tmp_path, APP % "two")
    assert server.run("reload").status == 0
    second = told.wait_tick(but=first)
    server.wait_log(rf"warning .* singleton clock \(pid {first}\) .*0.3 s of mercy")
    assert (how == "deaf") == (first in told.pids("heard"))
    told.expect_one_after_the_other()
    assert not alive(first) and alive(second)


def test_a_stop_ends_it_in_order(serve: Serve, tmp_path: Path) -> None:
    """It has its mercy, and keeps no port open meanwhile."""
    told = Told(tmp_path)
    os.mkfifo(tmp_path / "gate")
    source = APP % "one" + (
        "import atexit\n"
        "atexit.register(lambda: say('hook'))\n"
        "def lingers():\n"
        "    say('tick')\n"
        "    mewsgi.wait_for_stop()\n"
        "    say('stopping')\n"
        "    open('gate').read()\n"
        "    say('end')\n"
    )
    write(tmp_path, source)
    server = serve("--singleton", "app:lingers", "app", cwd=tmp_path)
    wait_for(lambda: told.pids("tick"), "the task")
    port = server.port
    (worker,) = server.workers().values()
    server.send_signal(signal.SIGTERM)
    wait_for(lambda: told.pids("stopping"), "the task to hear of it")
    wait_for(lambda: not worker.alive and port not in listening_ports(), "the end of the rest")
    assert server.process.poll() is None
    os.close(os.open(tmp_path / "gate", os.O_WRONLY))
    assert server.wait_end() == 0
    (pid,) = told.pids("tick")
    task = [row[0] for row in told.rows if row[1] == pid]
    assert task == ["tick", "stopping", "end", "hook"]


def test_a_killed_master_takes_it_along(serve: Serve, tmp_path: Path) -> None:
    write(tmp_path, APP % "one")
    server = serve("--singleton", "app:stays", "app", cwd=tmp_path, expect_status=None)
    pid = Told(tmp_path).wait_tick()
    os.kill(server.process.pid, signal.SIGKILL)
    server.wait_end()
    wait_for(lambda: not alive(pid), "the end of the task")


@pytest.mark.parametrize("lazy", [False, True], ids=["preloaded", "lazy-apps"])
def test_one_that_raises_is_started_again_later_and_later(
    serve: Serve, tmp_path: Path, lazy: bool
) -> None:
    source = APP % "one" + "def fails():\n    say('start')\n    raise ValueError('on purpose')\n"
    write(tmp_path, source)
    told = Told(tmp_path)
    options = ["--lazy-apps"] if lazy else []
    server = serve(*options, "--singleton", "clock=app:fails", "app", cwd=tmp_path)
    wait_for(lambda: len(told.pids("start")) >= 3, "three starts")
    server.wait_log(r"singleton clock \(pid \d+\) of generation 1 raised after .*\nTraceback")
    server.wait_log("^ValueError: on purpose$")
    delays = [float(found) for found in re.findall(r"clock starts again in ([\d.]+) s", server.log)]
    assert delays == sorted(delays) and delays[0] < delays[-1]
    assert server.get("/").text == "one"
    write(tmp_path, APP % "two" + "fails = asks\n")
    assert server.run("reload").status == 0
    told.wait_tick()


def test_one_that_returns_is_started_again(serve: Serve, tmp_path: Path) -> None:
    write(tmp_path, APP % "one" + "def once():\n    say('start')\n")
    told = Told(tmp_path)
    server = serve("--singleton", "app:once", "app", cwd=tmp_path)
    server.wait_log(r"info .* singleton app:once \(pid \d+\) of generation 1 returned after")
    server.wait_log(r"singleton app:once starts again in 1\.0 s")
    wait_for(lambda: len(told.pids("start")) >= 2, "another start")
    assert not server.find_log(" error ")


def test_what_cannot_run_fails_the_start(serve: Serve, tmp_path: Path) -> None:
    write(tmp_path, APP % "one")
    server = serve("--singleton", "app:sleps", "app", cwd=tmp_path, wait=None, expect_status=None)
    assert server.wait_end() == 22
    server.wait_log(r"singleton app:sleps did not load: app has no `sleps`; did you mean app:sle")


def test_what_cannot_run_fails_a_reload(serve: Serve, tmp_path: Path) -> None:
    told = Told(tmp_path)
    write(tmp_path, APP % "one")
    write(tmp_path, "from app import sleeps\n", "jobs.py")
    server = serve("--singleton", "jobs:sleeps", "app", cwd=tmp_path)
    pid = told.wait_tick()
    write(tmp_path, "1 / 0\n", "jobs.py")
    outcome = server.run("reload")
    assert outcome.status == 1 and "ZeroDivisionError" in outcome.text, outcome.text
    assert "singleton jobs:sleeps did not load" in outcome.text
    assert told.wait_tick() == pid
    assert server.get("/").text == "one"


def test_options_that_change(serve: Serve, tmp_path: Path) -> None:
    told = Told(tmp_path)
    write(tmp_path, APP % "one")
    ini = tmp_path / "site.ini"
    head = "[mewsgi]\nmodule = app\nhttp = 127.0.0.1:0\n"
    ini.write_text(head)
    server = serve("--ini", "site.ini", cwd=tmp_path, http=None)
    assert singletons(server) == []
    ini.write_text(head + "singleton = clock=app:sleeps\n")
    assert server.run("reload").status == 0
    first = told.wait_tick()
    ini.write_text(head + "singleton = app\n")
    outcome = server.run("reload")
    assert outcome.status == 1 and "write pkg.mod:function" in outcome.text, outcome.text
    ini.write_text(head)
    assert server.run("reload").status == 0
    wait_for(lambda: not alive(first), "the end of what is wanted no more")
    wait_for(lambda: singletons(server) == [], "an empty list")
    assert told.pids("end") == [first]


def test_it_may_ask_for_a_reload(serve: Serve, tmp_path: Path) -> None:
    source = APP % "one" + (
        "def asks_once():\n"
        "    import uwsgi\n"
        "    say('start')\n"
        "    if not os.path.exists('asked'):\n"
        "        open('asked', 'w').close()\n"
        "        uwsgi.reload()\n"
        "    mewsgi.wait_for_stop()\n"
    )
    write(tmp_path, source)
    server = serve("--singleton", "app:asks_once", "app", cwd=tmp_path)
    server.wait_log("reloaded: generation 2")
    wait_for(lambda: len(Told(tmp_path).pids("start")) == 2, "the second task")


def test_an_idle_one_sleeps(serve: Serve, write_app: WriteApp, tmp_path: Path) -> None:
    """A task that waits for its end is woken by nothing before it."""
    write(tmp_path, APP % "one" + "def rests():\n    say('tick')\n    mewsgi.wait_for_stop()\n")
    told = Told(tmp_path)
    serve("--singleton", "app:rests", "app", cwd=tmp_path)
    (pid,) = wait_for(lambda: told.pids("tick"), "the task")

    def switches() -> tuple[int, ...]:
        threads = sorted(Path(f"/proc/{pid}/task").iterdir())
        texts = [(thread / "status").read_text() for thread in threads]
        return tuple(
            int(found) for text in texts for found in re.findall(r"ctxt_switches:\s+(\d+)", text)
        )

    def settled() -> bool:
        before = switches()
        time.sleep(0.2)
        return switches() == before

    wait_for(settled, "the task to come to rest")
    before = switches()
    time.sleep(1.5)
    assert switches() == before
