"""The real program on a terminal of its own, as somebody sits at it."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import termios
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from harness.procfs import Process, processes_tagged
from harness.server import clean_environment, program
from harness.waiting import wait_for


class Terminal:
    """`with Terminal("dev", "app:app", cwd=folder) as terminal:`: what it shows is in `seen`."""

    def __init__(
        self, *arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        self.tag = f"HARNESS_TAG={uuid.uuid4().hex}"
        self.seen = ""
        self.mine, theirs = pty.openpty()
        environment = clean_environment(
            {"TERM": "xterm", **(env or {}), "HARNESS_TAG": self.tag.partition("=")[2]}
        )
        environment.pop("NO_COLOR", None)
        self.process = subprocess.Popen(
            ["setsid", "--ctty", program(), *arguments],
            cwd=cwd,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
        )
        os.close(theirs)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self.expect_end()
        finally:
            self.hang_up()
            for process in (Process.of(self.process.pid), *processes_tagged(self.tag)):
                if process and process.alive:
                    os.kill(process.pid, signal.SIGKILL)
            self.process.wait(5)

    def read_until(self, pattern: str, timeout: float = 20.0) -> re.Match[str]:
        """The first match in what was not asked for yet; what stands before it is dropped."""
        deadline = time.monotonic() + timeout
        while not (found := re.search(pattern, self.seen)):
            left = deadline - time.monotonic()
            assert left > 0, f"no {pattern!r} within {timeout:g} s: {self.seen}"
            if not select.select([self.mine], [], [], left)[0]:
                continue
            try:
                self.seen += os.read(self.mine, 65536).decode(errors="replace")
            except OSError:  # EIO: nobody holds the other side any more
                raise AssertionError(f"ended without {pattern!r}: {self.seen}") from None
        self.seen = self.seen[found.end() :]
        return found

    def type(self, text: str) -> None:
        os.write(self.mine, text.encode())

    @property
    def echoes(self) -> bool:
        """Whether it shows what is typed, as it did at the start."""
        return bool(termios.tcgetattr(self.mine)[3] & termios.ECHO)

    def expect_end(self, status: int = 0, timeout: float = 15.0) -> None:
        """What is still shown is read: a program that writes to a full terminal does not end."""
        deadline = time.monotonic() + timeout
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"it did not end: {self.seen}"
            if self.mine >= 0 and select.select([self.mine], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self.mine, 65536).decode(errors="replace")
                except OSError:
                    break
        assert self.process.wait(5) == status, self.seen
        wait_for(lambda: not processes_tagged(self.tag), "the end of every process", 5)

    def hang_up(self) -> None:
        if self.mine >= 0:
            os.close(self.mine)
            self.mine = -1
