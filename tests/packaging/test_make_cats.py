"""`make cats` as the README has it, in a copy of the tree that holds what a clone would hold."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from harness.server import ROOT
from installs import InstalledServer


def clone(folder: Path) -> Path:
    """What git knows of, or would take: a clone, but with what is not committed yet."""
    names = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=60,
    ).stdout
    for name in names.decode().split("\0"):
        if name and (ROOT / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class MakeCats(InstalledServer):
    def __init__(self, folder: Path, port: int) -> None:
        python = getattr(sys, "_base_executable", sys.executable)
        super().__init__(["make", "cats", f"PORT={port}", f"PYTHON={python}"], cwd=folder)
        self.timeout = 900.0

    def stop_server(self) -> int:
        """By the pid that the log names: make itself only waits for it."""
        pid = int(self.wait_log(r"mewsgi \d[\d.]* \(pid (\d+)\)")[1])
        os.kill(pid, signal.SIGTERM)
        return self.wait_end()


def seconds_to_a_cat(folder: Path) -> float:
    port = free_port()
    start = time.monotonic()
    with MakeCats(folder, port) as server:
        taken = time.monotonic() - start
        assert f"mewsgi --master --http :{port} --module catserve.wsgi" in server.log
        answer = server.get("/")
        assert answer.status == 200 and "cat" in answer.text.lower()
        assert server.stop_server() == 0
    return taken


def test_a_clean_clone_serves_cats_and_the_second_time_builds_nothing(tmp_path: Path) -> None:
    folder = clone(tmp_path / "clone")
    first = seconds_to_a_cat(folder)
    record = folder / "build/log/install.log"
    stamp = record.stat().st_mtime_ns
    second = seconds_to_a_cat(folder)
    print(f"make cats: {first:.1f} s the first time, {second:.1f} s the second")
    assert record.stat().st_mtime_ns == stamp, "the second `make cats` installed again"


def test_a_port_that_is_none_is_refused_at_once() -> None:
    for port in ("none", "0", "65536", "80x"):
        done = subprocess.run(
            ["make", "cats", f"PORT={port}"], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
        assert done.returncode != 0
        assert f"PORT={port} is no port" in done.stderr
