"""The real program, started on a port of the kernel's choice and watched through its log.

    with Server(["catserve.wsgi"], chdir=folder) as server:
        assert server.get("/").status == 200

On leaving, it is stopped by its own pid, must end by itself, and must leave no process behind.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

from harness.client import Connection, Response
from harness.procfs import Process, processes_tagged
from harness.waiting import wait_for

ROOT = Path(__file__).resolve().parents[3]
BOUND = r"http(?:-socket)? bound on (\S*?):(\d+) fd (\d+)"
SPAWNED = r"spawned mewsgi worker (\d+).*?\(pid: (\d+)"
SERVING = r"serving on "


def program() -> str:
    named = os.environ.get("MEWSGI_PROGRAM")
    if named:
        return named
    for candidate in (
        ROOT / ".venv/bin/mewsgi",
        ROOT / "build/release/package/mewsgi/bin/mewsgi",
    ):
        if candidate.exists():
            return str(candidate)
    raise FileNotFoundError("no mewsgi to test: build it (make build) or set MEWSGI_PROGRAM")


def package_folder() -> str | None:
    """What MEWSGI_PACKAGE_DIR must say; None where the program finds its package itself."""
    named = os.environ.get("MEWSGI_PACKAGE_DIR")
    if named:
        return named
    built = ROOT / "build/release/package/mewsgi"
    return str(built) if program().startswith(str(built)) else None


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The tester's environment without what would change the server; the tests' own python."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("UWSGI_", "MEWSGI_", "PYTEST", "PYTHON", "DJANGO_", "FLASK_"))
        and name != "VIRTUAL_ENV"
    }
    folder = package_folder()
    if folder:
        kept["MEWSGI_PACKAGE_DIR"] = folder
    if sys.prefix != sys.base_prefix:
        kept["VIRTUAL_ENV"] = sys.prefix
    else:
        kept["PATH"] = f"{Path(sys.executable).parent}:{kept['PATH']}"
    kept.update(extra or {})
    return kept


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


def run_mewsgi(
    *arguments: str,
    cwd: str | Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 20.0,
) -> Outcome:
    """A command that ends by itself: reload, stop, status, or a start that must fail."""
    tag = f"HARNESS_TAG={uuid.uuid4().hex}"
    name, _, value = tag.partition("=")
    environment = clean_environment({**(env or {}), name: value})
    done = subprocess.run(
        [program(), *arguments],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout,
        text=True,
        errors="replace",
    )
    wait_for(lambda: not processes_tagged(tag), f"the end of what {arguments} started")
    return Outcome(done.returncode, done.stdout, done.stderr)


# The two ways in, by the option that opens a port for them.
WAYS = {"direct": "--http-socket", "routed": "--http"}
DEFAULT_WAY = os.environ.get("MEWSGI_TEST_WAY", "direct")


class Server:
    living: ClassVar[list[Server]] = []  # for the failure report

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        cwd: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        http: str | None = "127.0.0.1:0",
        way: str = DEFAULT_WAY,
        wait: str | None = SERVING,
        wrapper: Sequence[str] = (),
        expect_status: int | None = 0,
        timeout: float = 20.0,
        stdin: int = subprocess.DEVNULL,
        pass_fds: Sequence[int] = (),
        binary: str | Path | None = None,
    ) -> None:
        """`http=None`: the arguments say where to listen, else the way in is `direct` (workers own
        the connections) or `routed` (fronts do). `wait=None`: do not wait for readiness.
        `expect_status=None`: whatever the exit status is. `binary`: another program than the
        one that is tested everywhere."""
        self.tag = f"HARNESS_TAG={uuid.uuid4().hex}"
        name, _, value = self.tag.partition("=")
        chosen = [str(binary or program()), *([WAYS[way], http] if http else [])]
        self.command = [*wrapper, *chosen, *arguments]
        self.environment = clean_environment({**(env or {}), name: value})
        self.cwd, self.wait, self.timeout = cwd, wait, timeout
        self.way = way
        self.stdin, self.pass_fds = stdin, pass_fds
        self.expect_status = expect_status
        self.lines: list[str] = []
        self._more = threading.Condition()
        self._log_ended = False

    def __enter__(self) -> Server:
        self.process = subprocess.Popen(
            self.command,
            cwd=self.cwd,
            env=self.environment,
            stdin=self.stdin,
            pass_fds=self.pass_fds,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        Server.living.append(self)
        if self.wait:
            try:
                self.wait_log(self.wait, timeout=self.timeout)
            except BaseException:
                self.kill()
                raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self.process.poll() is None:
                self.stop()
            self.expect_nothing_left()
        except BaseException:
            self.kill()
            if kind is None:
                raise

    # the log

    def _read_log(self) -> None:
        assert self.process.stdout
        for raw in self.process.stdout:
            with self._more:
                self.lines.append(raw.decode(errors="surrogateescape").rstrip("\n"))
                self._more.notify_all()
        with self._more:
            self._log_ended = True
            self._more.notify_all()

    @property
    def log(self) -> str:
        with self._more:
            return "\n".join(self.lines)

    def mark(self) -> int:
        """Where the log is now, for `since`."""
        with self._more:
            return len(self.lines)

    def find_log(self, pattern: str, since: int = 0) -> re.Match[str] | None:
        with self._more:
            return re.search(pattern, "\n".join(self.lines[since:]), re.MULTILINE)

    def find_all(self, pattern: str, since: int = 0) -> list[str]:
        """The lines that match."""
        with self._more:
            return [line for line in self.lines[since:] if re.search(pattern, line)]

    def wait_log(self, pattern: str, since: int = 0, timeout: float = 10.0) -> re.Match[str]:
        """The first match of `pattern` in the log from line `since` on, as soon as it is there."""
        deadline = time.monotonic() + timeout
        with self._more:
            while True:
                text = "\n".join(self.lines[since:])
                found = re.search(pattern, text, re.MULTILINE)
                if found:
                    return found
                left = deadline - time.monotonic()
                if left <= 0 or self._log_ended:
                    why = "the log ended" if self._log_ended else f"{timeout:g} s passed"
                    raise AssertionError(f"{why} without {pattern!r} in the log:\n{text}")
                self._more.wait(left)

    # where it is, and what it is made of

    @property
    def port(self) -> int:
        return int(self.wait_log(BOUND)[2])

    def port_of(self, option: str) -> int:
        """Of the first address that this option gave, as in `https bound on ...`."""
        return int(self.wait_log(rf"(?<![\w-]){option} bound on \S*?:(\d+) fd")[1])

    @property
    def master(self) -> Process:
        found = Process.of(self.process.pid)
        assert found, "the master is gone"
        return found

    def workers(self) -> dict[int, Process]:
        """The living workers by slot, the newest of each."""
        found: dict[int, Process] = {}
        for slot, pid in re.findall(SPAWNED, self.log):
            process = Process.of(int(pid))
            if process and process.alive:
                found[int(slot)] = process
        return found

    def status(self) -> dict[str, Any]:
        """What `mewsgi status --json` says."""
        outcome = self.run("status", "--json")
        assert outcome.status == 0, outcome.text
        return json.loads(outcome.out)  # type: ignore[no-any-return]

    def zygotes(self) -> list[Process]:
        """Those of all generations that live, without reserves."""
        spawned = {int(pid) for _, pid in re.findall(SPAWNED, self.log)}
        spawned.add(self.status()["reserve_pid"])
        return [
            child
            for child in self.master.children
            if any(part.endswith("_zygote.py") for part in child.command)
            and child.pid not in spawned
        ]

    def reserve(self) -> Process:
        """The reserve of the zygote that serves; it is forked after the workers."""
        wait_for(lambda: self.status()["reserve_pid"], "the zygote's reserve")
        found = Process.of(self.status()["reserve_pid"])
        assert found, "the reserve is gone"
        return found

    def fronts(self) -> list[Process]:
        """Those that live, in the order of their numbers; none on the direct way."""
        found = (Process.of(front["pid"]) for front in self.status()["fronts"] if front["pid"])
        return [front for front in found if front]

    def watchers(self) -> list[Process]:
        """The process that hears of changed files, once it has its name."""
        found = []
        for child in self.master.children:
            try:
                if child.name == "mewsgi watcher" and child.alive:
                    found.append(child)
            except OSError:
                continue  # gone since the listing
        return found

    def processes(self) -> list[Process]:
        """Everything alive that this start brought about."""
        return processes_tagged(self.tag)

    def processes_but_fronts(self) -> list[Process]:
        fronts = self.fronts()
        return [process for process in self.processes() if process not in fronts]

    # talking to it

    def connect(self, timeout: float = 10.0) -> Connection:
        return Connection(("127.0.0.1", self.port), timeout)

    def get(self, target: str, /, timeout: float = 10.0, **headers: str) -> Response:
        return self.request("GET", target, timeout=timeout, **headers)

    def request(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        /,
        timeout: float = 10.0,
        **headers: str,
    ) -> Response:
        with self.connect(timeout) as connection:
            return connection.request(method, target, body, **{"Connection": "close", **headers})

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def run(self, command: str, *arguments: str, timeout: float = 30.0) -> Outcome:
        """`mewsgi reload|upgrade|stop|status` for this server."""
        return run_mewsgi(command, *arguments, str(self.process.pid), timeout=timeout)

    # its end

    def wait_end(self, timeout: float = 15.0) -> int:
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the master did not end within {timeout:g} s") from None
        return status

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout: float = 15.0) -> int:
        self.send_signal(number)
        status = self.wait_end(timeout)
        if self.expect_status is not None:
            assert status == self.expect_status, f"exit status {status}"
        return status

    def expect_nothing_left(self, timeout: float = 5.0) -> None:
        wait_for(lambda: not self.processes(), "the end of every process of the tree", timeout)
        self._reader.join(timeout)
        if self in Server.living:
            Server.living.remove(self)

    def kill(self) -> None:
        """After a failure: the processes that this start brought about, by their own pids."""
        for process in (Process.of(self.process.pid), *self.processes()):
            if process and process.alive:
                try:
                    os.kill(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        self.process.wait(5)
