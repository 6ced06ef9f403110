"""One server as a tree of processes: started in its own session, its CPU time, its end.

The tree is everything in the session or below the first process, and whatever was once seen there:
a server may fork twice, so that a worker is nobody's child of ours. Ended by pid, and always whole.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

START_DEADLINE = 30.0
STOP_DEADLINE = 10.0
EXPECTED_BODY = b"Hello, World!"
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class StartError(Exception):
    pass


@dataclass(frozen=True)
class Stat:
    """The fields of /proc/PID/stat that matter here."""

    pid: int
    state: str
    parent: int
    session: int
    own_ticks: int
    reaped_ticks: int
    started: int


def parse_stat(text: str) -> Stat:
    # The name stands in parentheses and may itself hold spaces and parentheses.
    pid, rest = text.split(" (", 1)
    fields = rest.rsplit(") ", 1)[1].split()
    numbers = [int(value) for value in fields[1:20]]
    return Stat(
        pid=int(pid),
        state=fields[0],
        parent=numbers[0],
        session=numbers[2],
        own_ticks=numbers[10] + numbers[11],
        reaped_ticks=numbers[12] + numbers[13],
        started=numbers[18],
    )


def read_stats() -> dict[int, Stat]:
    stats = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = parse_stat((entry / "stat").read_text())
        except OSError:  # ended meanwhile
            continue
        stats[stat.pid] = stat
    return stats


def own_seconds(stat: Stat) -> float:
    """utime + stime. The process's CPU clock says the same as /proc/PID/stat, without its ticks."""
    try:
        return time.clock_gettime(~stat.pid << 3 | 2)  # MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED)
    except OSError:
        return stat.own_ticks / TICKS_PER_SECOND


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Tree:
    command: list[str]
    port: int
    log: Path
    process: subprocess.Popen[bytes]
    seen: dict[int, int] = field(default_factory=dict)  # pid -> start time, against reused pids

    @classmethod
    def start(
        cls, command: list[str], port: int, log: Path, environment: dict[str, str], folder: Path
    ) -> Tree:
        log.parent.mkdir(parents=True, exist_ok=True)
        try:
            with log.open("wb") as output:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    cwd=folder,
                    start_new_session=True,
                )
        except OSError as error:
            raise StartError(f"cannot be run: {error}") from error
        return cls(command, port, log, process)

    def members(self) -> list[Stat]:
        stats = read_stats()
        tree = {self.process.pid}
        grew = True
        while grew:
            below = {
                pid
                for pid, stat in stats.items()
                if stat.session == self.process.pid
                or stat.parent in tree
                or self.seen.get(pid) == stat.started
            }
            grew = not below <= tree
            tree |= below
        members = [stats[pid] for pid in sorted(tree) if pid in stats]
        self.seen.update({stat.pid: stat.started for stat in members})
        return members

    def cpu_seconds(self) -> float:
        """utime + stime of every process of the tree, those already reaped by it included."""
        return sum(
            own_seconds(stat) + stat.reaped_ticks / TICKS_PER_SECOND for stat in self.members()
        )

    def wait_until_it_answers(
        self,
        path: str = "/",
        body: bytes | None = EXPECTED_BODY,
        deadline: float = START_DEADLINE,
    ) -> None:
        """200 to `path`, with exactly this body if one is given."""
        end = time.monotonic() + deadline
        problem = "no answer"
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise StartError(
                    f"ended with status {self.process.returncode} at start: {self.last_words()}"
                )
            try:
                problem = self.fault_of_one_answer(path, body)
            except (OSError, http.client.HTTPException) as error:
                problem = repr(error)
            if not problem:
                return
            time.sleep(0.02)
        raise StartError(f"{problem} within {deadline:.0f} s: {self.last_words()}")

    def fault_of_one_answer(self, path: str, body: bytes | None) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            got = answer.read()
        finally:
            connection.close()
        if answer.status != 200 or body not in (None, got):
            return f"answered {answer.status} with {got[:60]!r}"
        return ""

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return " / ".join(line.strip() for line in lines[-3:])[-300:] or "it printed nothing"

    def stop(self) -> str:
        """Ends the whole tree; tells what it did not end by itself, or nothing."""
        self.members()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        problem = ""
        try:
            self.process.wait(STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            problem = f"did not end within {STOP_DEADLINE:.0f} s of SIGTERM"
        left = self.wait_for_members(0.0 if problem else 2.0)
        if left and not problem:
            problem = f"left {len(left)} process(es) behind after SIGTERM"
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait(STOP_DEADLINE)
        if self.wait_for_members(STOP_DEADLINE):
            problem += ", and SIGKILL did not end it"
        return problem

    def wait_for_members(self, deadline: float) -> list[int]:
        end = time.monotonic() + deadline
        while True:
            left = [stat.pid for stat in self.members() if stat.state != "Z"]
            if not left or time.monotonic() >= end:
                return left
            time.sleep(0.02)
