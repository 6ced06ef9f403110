"""On a terminal: colour, how to stop it, and Ctrl+C that does."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time

from harness import program, wait_for
from harness.fixtures import APPS
from harness.procfs import processes_tagged
from harness.server import clean_environment


def test_on_a_terminal() -> None:
    mine, theirs = pty.openpty()
    environment = clean_environment({"HARNESS_TAG": f"terminal-{os.getpid()}", "TERM": "xterm"})
    environment.pop("NO_COLOR", None)
    server = subprocess.Popen(
        ["setsid", "--ctty", program(), "--http", "127.0.0.1:0", "--chdir", str(APPS), "probe:app"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
    )
    os.close(theirs)
    seen = ""
    deadline = time.monotonic() + 20

    def read_until(pattern: str) -> None:
        nonlocal seen
        while not re.search(pattern, seen):
            left = deadline - time.monotonic()
            assert left > 0 and select.select([mine], [], [], left)[0], seen
            try:
                seen += os.read(mine, 65536).decode(errors="replace")
            except OSError:  # EIO: nobody holds the other side any more
                raise AssertionError(f"ended without {pattern!r}: {seen}") from None

    try:
        read_until(r"serving on http://127\.0\.0\.1:\d+ - Ctrl\+C stops.*mewsgi reload \d+")
        assert "\x1b[" in seen, "no colour on a terminal"
        os.write(mine, b"\x03")
        wait_for(lambda: server.poll() is not None, "the end after Ctrl+C")
        assert server.returncode == 0
        tag = f"HARNESS_TAG=terminal-{os.getpid()}"
        wait_for(lambda: not processes_tagged(tag), "the end of every process", 5)
    finally:
        os.close(mine)
        if server.poll() is None:
            server.kill()
            server.wait(5)
