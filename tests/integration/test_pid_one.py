"""In a container: PID 1, a read-only file system, 64 MiB of /dev/shm, ten seconds to stop. The end
is clean whatever runs, no zombie stays, and children that nobody here started are reaped."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Callable

import pytest
from harness import Connection, Process, Server, wait_for
from harness.client import Closed
from harness.container import SHM, can_contain, contained, master_of, zombies_of
from harness.fixtures import WriteApp

Serve = Callable[..., Server]

pytestmark = pytest.mark.skipif(not can_contain(), reason="no namespaces on this machine")

STOP_LIMIT = 10.0  # of docker stop, before it kills

APP = """
import errno, json, os, subprocess, time
from pathlib import Path

GENERATION = 1

def orphans():
    # Each shell leaves a child behind that ends later, as a child of PID 1.
    for _ in range(5):
        subprocess.run(["sh", "-c", "sh -c 'read x; exit 3' <gate & exit 0"], check=True)

def shells_that_end():
    for _ in range(20):
        subprocess.run(["sh", "-c", "(exit 4) & (exit 5) & exit 0"], check=True)

def write(path):
    try:
        Path(path).write_text("x")
    except OSError as error:
        return error.errno
    os.unlink(path)
    return 0

def tell(environ):
    shm = os.statvfs("/dev/shm")
    return {
        "parent": os.getppid(),
        "root": write("/here"),
        "home": write("here"),
        "shm": write("/dev/shm/here"),
        "shm size": shm.f_blocks * shm.f_frsize,
    }

def application(environ, start_response):
    path = environ["PATH_INFO"]
    start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/orphans":
        orphans()
    if path == "/shells":
        shells_that_end()
    if path == "/stop":
        os.kill(1, 15)
    if path == "/tell":
        yield json.dumps(tell(environ)).encode()
    if path == "/gated":
        yield b"began\\n"
        open("gate").read()
        yield b"finished\\n"
    yield str(GENERATION).encode()
"""


class Contained:
    """A server in its container, and whether it ever had a zombie that stayed."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.master = master_of(server)

    def begin_gated(self) -> Connection:
        connection = self.server.connect(timeout=30)
        connection.send(b"GET /gated HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.read_until(b"began\n")
        return connection

    def open_gate(self) -> bool:
        """For those who stand at it; False: nobody does."""
        try:
            os.close(os.open(self.folder / "gate", os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            return False
        return True

    def expect_no_zombie(self) -> None:
        wait_for(lambda: not zombies_of(self.master), "every zombie to be reaped")

    def begin_stop(self) -> None:
        """By SIGTERM, as a container's engine does."""
        self.mark = self.server.mark()
        self.began = time.monotonic()
        os.kill(self.master.pid, signal.SIGTERM)

    def finish_stop(self, mercy_used: bool = False) -> None:
        """It ends by itself; the time is printed."""
        assert self.server.wait_end(30) == 0
        took = time.monotonic() - self.began
        print(f"ended {took:.2f} s after SIGTERM ({STOP_LIMIT:g} s allowed)")
        self.server.wait_log(r"stopping \(SIGTERM.*have 8.0 s", since=self.mark)
        self.server.wait_log(r"\bstopped\b", since=self.mark)
        cut = self.server.find_log(r"(?i)mercy|was cut|were cut|killed", since=self.mark)
        assert bool(cut) == mercy_used, "\n".join(self.server.lines[self.mark :])

    def stop(self) -> None:
        self.begin_stop()
        self.finish_stop()


@contextmanager
def no_zombie_stays(master: Process) -> Iterator[None]:
    """Looks all the time: one that is there at every look of a whole second is not being reaped."""
    over = threading.Event()
    stayed: set[int] = set()

    def look() -> None:
        seen: dict[int, int] = {}
        while not over.wait(0.02):
            now = zombies_of(master)
            seen = {pid: seen.get(pid, 0) + 1 for pid in now}
            stayed.update(pid for pid, looks in seen.items() if looks > 50)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join(10)
    assert not stayed, f"zombies that stayed: {stayed}"


@pytest.fixture
def contain(serve: Serve, write_app: WriteApp) -> Callable[..., Contained]:
    def start(*options: str) -> Contained:
        folder = write_app(APP)
        if not (folder / "gate").exists():
            os.mkfifo(folder / "gate")
        server = serve(
            "--processes", "2", *options, "app",
            cwd=folder, wrapper=contained(), expect_status=None,
        )  # fmt: skip
        return Contained(server, folder)

    return start


@pytest.mark.parametrize("options", [[], ["--threads", "2"], ["--log-json"], ["--lazy-apps"]])
def test_it_serves_there_and_ends(contain: Callable[..., Contained], options: list[str]) -> None:
    inside = contain(*options)
    told = inside.server.get("/tell").text
    assert f'"root": {errno.EROFS}' in told and f'"home": {errno.EROFS}' in told, told
    assert '"shm": 0' in told and f'"shm size": {SHM}' in told, told
    assert '"parent": 1' in told, told
    assert inside.master.status["NSpid"].split()[-1] == "1"
    assert inside.server.get("/").text == "1"
    inside.stop()


def test_foreign_children_are_reaped(contain: Callable[..., Contained]) -> None:
    inside = contain()
    with no_zombie_stays(inside.master):
        assert inside.server.get("/orphans").status == 200

        def orphans() -> list[Process]:
            return [child for child in inside.master.children if child.command[:1] == ["sh"]]

        wait_for(lambda: len(orphans()) == 5, "five orphans")
        # One may only be on its way to the gate: opened until nobody is left.
        wait_for(lambda: not (inside.open_gate() or orphans()), "the end of the orphans")
        for _ in range(5):
            assert inside.server.get("/shells").status == 200
        inside.expect_no_zombie()
        assert inside.server.get("/").text == "1"
    assert not inside.server.find_log(r"(?i)error")
    inside.stop()


def test_deaths_and_reloads_leave_no_zombie(contain: Callable[..., Contained]) -> None:
    inside = contain()
    server = inside.server
    with no_zombie_stays(inside.master):
        for _ in range(3):
            mark = server.mark()
            for child in inside.master.children:
                with suppress(ProcessLookupError):  # an old generation's may leave just now
                    os.kill(child.pid, signal.SIGKILL)
            server.wait_log(r"spawned mewsgi worker 1 ", since=mark)
            server.wait_log(r"spawned mewsgi worker 2 ", since=mark)
            mark = server.mark()
            os.kill(inside.master.pid, signal.SIGHUP)
            server.wait_log(r"generation \d+ serves with 2 workers", since=mark)
            assert server.get("/").text == "1"
        inside.expect_no_zombie()
    inside.stop()


def test_orphans_do_not_hold_up_the_stop(contain: Callable[..., Contained]) -> None:
    inside = contain()
    assert inside.server.get("/orphans").status == 200
    inside.stop()


def test_stop_while_a_request_runs(contain: Callable[..., Contained]) -> None:
    inside = contain()
    running = inside.begin_gated()
    inside.begin_stop()
    inside.server.wait_log(r"stopping \(SIGTERM", since=inside.mark)
    assert inside.server.process.poll() is None, "the request had no time to finish"
    wait_for(inside.open_gate, "the request to stand at the gate")
    running.read_until(b"finished\n")
    inside.finish_stop()


@pytest.mark.slow
def test_stop_while_a_request_never_ends(contain: Callable[..., Contained]) -> None:
    """Cut after stop-mercy, whose 8 s leave the engine's 10 s some room."""
    inside = contain()
    running = inside.begin_gated()
    inside.begin_stop()
    inside.finish_stop(mercy_used=True)
    with pytest.raises(Closed):
        running.read_until(b"finished\n")


def test_stop_while_a_reload_is_under_way(contain: Callable[..., Contained]) -> None:
    """The new code does not come to an end of its import; nobody waits for it."""
    inside = contain()
    slow = APP + '\nprint("importing", flush=True)\nopen("gate").read()\n'
    (inside.folder / "app.py.new").write_text(slow)
    (inside.folder / "app.py.new").rename(inside.folder / "app.py")
    mark = inside.server.mark()
    os.kill(inside.master.pid, signal.SIGHUP)
    inside.server.wait_log("importing", since=mark)
    assert inside.server.get("/").text == "1", "the old code goes on meanwhile"
    inside.begin_stop()
    assert inside.server.wait_end(30) == 0
    inside.server.wait_log(r"\bstopped\b", since=inside.mark)


def test_stop_asked_for_inside(contain: Callable[..., Contained]) -> None:
    """`kill 1` by the app itself."""
    inside = contain()
    assert inside.server.get("/stop").status == 200
    assert inside.server.wait_end(30) == 0
    inside.server.wait_log(r"\bstopped\b")
