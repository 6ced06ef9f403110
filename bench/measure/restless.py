"""A server whose code changes and whose processes die while it is asked: its start on one port,
reloads, restarts, and what it holds. Used by probes/reloads and probes/kills.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from measure.launch import environment
from measure.process import Tree, free_port
from measure.servers import Place, Server
from measure.status import DEADLINE, StatusError, read_status
from measure.versions import Versions

WORKERS = 2
SEEN_DEADLINE = 20.0
IN_A_ROW = 10
SETTLE_DEADLINE = 30.0
SAME_FOR = 1.0
LOOK = 0.02


def folder_of(place: Place) -> Path:
    """Where the versions of the app are written; commands name it."""
    return place.build / "versions"


@dataclass(frozen=True)
class Holds:
    """What the first process and the tree have at one moment."""

    processes: int
    descriptors: int
    rss: int


@dataclass
class Restless:
    server: Server
    place: Place
    versions: Versions
    port: int = field(default_factory=free_port)
    restarts: int = 0

    def __post_init__(self) -> None:
        self.tree = self.start()

    def start(self) -> Tree:
        log = self.place.build / "logs" / f"{self.server.name.replace(' ', '')}.versions.log"
        command = self.server.command(self.place, self.port)
        tree = Tree.start(command, self.port, log, environment(self.place), self.versions.folder)
        try:
            tree.wait_until_it_answers("/", None)
        except BaseException:
            tree.stop()
            raise
        return tree

    def restart(self) -> None:
        self.tree.stop()
        self.restarts += 1
        self.tree = self.start()

    @property
    def pid(self) -> int:
        return self.tree.process.pid

    def has_ended(self) -> bool:
        return self.tree.process.poll() is not None

    # reloads

    def hang_up(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGHUP)

    def reload(self) -> bool:
        """`mewsgi reload`, which comes back when it is done; False: it was rolled back."""
        words = [str(self.place.mewsgi), "reload", "--pid", str(self.pid)]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE)
        except subprocess.TimeoutExpired as late:
            raise StatusError(f"mewsgi reload did not end within {late.timeout:.0f} s") from late
        if done.returncode not in (0, 1):
            raise StatusError(f"mewsgi reload: {(done.stderr or done.stdout).strip()[-300:]}")
        return done.returncode == 0

    def reload_by_signal(self) -> bool:
        """SIGHUP to a mewsgi, and its own word on what became of it."""
        before = read_status(self.place, self.pid)
        self.hang_up()
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            now = read_status(self.place, self.pid)
            if now.reloads > before.reloads or now.failures > before.failures:
                return now.reloads > before.reloads
        raise StatusError(f"nothing came of SIGHUP within {DEADLINE:.0f} s")

    def says(self) -> str:
        """The version that answers a new connection, or nothing."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SEEN_DEADLINE)
        try:
            connection.request("GET", "/", headers={"Connection": "close"})
            answer = connection.getresponse()
            body = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException):
            return ""
        finally:
            connection.close()
        return body.split()[0] if answer.status == 200 and body.strip() else ""

    def wait_until_it_says(self, version: str, deadline: float) -> bool:
        """So often in a row that no worker of another version is likely to be left."""
        end = time.monotonic() + deadline
        row = 0
        while row < IN_A_ROW and time.monotonic() < end and not self.has_ended():
            row = row + 1 if self.says() == version else 0
            time.sleep(LOOK)
        return row == IN_A_ROW

    # what it holds

    def holds(self) -> Holds:
        processes = [stat for stat in self.tree.members() if stat.state not in "ZX"]
        status = Path(f"/proc/{self.pid}/status").read_text()
        (line,) = [row for row in status.splitlines() if row.startswith("VmRSS")]
        descriptors = len(os.listdir(f"/proc/{self.pid}/fd"))
        return Holds(len(processes), descriptors, int(line.split()[1]) * 1024)

    def at_rest(self, most: int | None = None) -> Holds:
        """What it holds once its processes, no more than so many, have been the same ones for a
        second: some may be on their way or about to leave. Or what it holds at our deadline."""
        end = time.monotonic() + SETTLE_DEADLINE
        seen: list[int] = []
        since = time.monotonic()
        while time.monotonic() < min(end, since + SAME_FOR):
            pids = [stat.pid for stat in self.tree.members()]
            if pids != seen or (most is not None and len(pids) > most):
                seen, since = pids, time.monotonic()
            time.sleep(LOOK)
        return self.holds()
