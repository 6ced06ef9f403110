"""Nobody asks, nobody wakes up: no thread of an idle tree runs, whatever the configuration."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory
from typing import Callable

import pytest
from harness import Server, wait_for
from harness.fixtures import APPS

Serve = Callable[..., Server]

WINDOW = 3.0  # the time that is looked at, no synchronisation
STILL = 1.5  # longer than the last look after a call
SWITCHES = re.compile(r"^(?:non)?voluntary_ctxt_switches:\s+(\d+)$", re.MULTILINE)

CONFIGURATIONS = {
    "1 worker": ["--processes", "1"],
    "4 workers": ["--processes", "4"],
    "threads": ["--processes", "4", "--threads", "4"],
    "thunder-lock": ["--processes", "4", "--thunder-lock"],
    "reuse-port": ["--processes", "4", "--reuse-port"],
    "log-json": ["--processes", "4", "--log-json"],
    "watcher": ["--processes", "2", "--py-autoreload", "1", "--touch-reload", "not-there"],
    "lazy-apps": ["--processes", "4", "--lazy-apps"],
    "fronts": ["--processes", "4", "--http-processes", "2"],
}


def threads(server: Server) -> dict[str, list[int]]:
    """How often each gave up or lost its core: none has run where that stands still."""
    found = {}
    for process in server.processes():
        try:
            for task in Path(f"/proc/{process.pid}/task").iterdir():
                counts = SWITCHES.findall((task / "status").read_text())
                found[f"{process.command[:1]} {process.pid}/{task.name}"] = [int(n) for n in counts]
        except OSError:  # ended meanwhile; the next look misses it
            continue
    return found


def rests(server: Server, seconds: float) -> bool:
    before = threads(server)
    time.sleep(seconds)
    return threads(server) == before


def expect_rest(server: Server) -> None:
    wait_for(lambda: rests(server, STILL), "the tree to come to rest", timeout=30)
    before = threads(server)
    time.sleep(WINDOW)
    after = threads(server)
    ran = {name: (before.get(name), counts) for name, counts in after.items()}
    assert before == after, [row for row in ran.items() if row[1][0] != row[1][1]]
    assert len(before) >= 3, "master, zygote and a worker at least"


@pytest.fixture
def quiet_folder() -> Iterator[Path]:
    """The watcher hears what comes into any folder on the way to the app; in /tmp much does."""
    with TemporaryDirectory(dir="/var/tmp") as path:
        yield Path(path)


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_an_idle_tree_sleeps(serve: Serve, name: str, quiet_folder: Path) -> None:
    copy(APPS / "probe.py", quiet_folder)
    way = "routed" if name == "fronts" else "direct"
    # A folder that no other test writes into: the watcher would hear of it.
    options = [
        str(quiet_folder / one) if one == "not-there" else one for one in CONFIGURATIONS[name]
    ]
    server = serve(*options, "--chdir", str(quiet_folder), "probe:app", way=way)
    for _ in range(8):
        assert server.get("/hello").status == 200
    expect_rest(server)


@pytest.mark.slow
def test_kept_connections_wake_nobody(serve: Serve) -> None:
    """Their limit is one timer far away, no look at each of them now and then."""
    server = serve("--processes", "2", "--chdir", str(APPS), "probe:app")
    with server.connect() as one, server.connect() as half:
        assert one.get("/hello").status == 200
        half.send(b"GET /hello HTT")
        expect_rest(server)
        assert one.get("/hello").status == 200


@pytest.mark.slow
def test_rest_after_a_reload_and_a_death(serve: Serve) -> None:
    # The old code's zygote leaves before what counts as rest.
    server = serve("--processes", "2", "--reload-confirm", "1s", "--chdir", str(APPS), "probe:app")
    assert server.run("reload").status == 0
    mark = server.mark()
    with server.connect() as connection:
        connection.send(b"GET /exit?status=7 HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.read_to_end()
    server.wait_log(r"spawned mewsgi worker \d", since=mark)
    expect_rest(server)
    assert server.get("/hello").status == 200
