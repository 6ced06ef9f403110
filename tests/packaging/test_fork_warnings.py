"""Python 3.12 and later warn at a fork in a process with several threads. An app in a worker
without `threads` has one, so it must never be warned of a thread of ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from installs import InstalledServer, make_venv, run, wheel_for
from pythons import find_python

FORKS = """
import multiprocessing, os, subprocess, sys, threading, time, warnings

warnings.simplefilter("error", DeprecationWarning)

def fork():
    pid = os.fork()
    if pid == 0:
        os._exit(len(os.listdir("/proc/self/task")))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def process():
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(0,))
    child.start()
    child.join()
    return child.exitcode + 1

def with_hooks():
    return subprocess.run([sys.executable, "-c", ""], preexec_fn=lambda: None).returncode + 1

WAYS = {"/fork": fork, "/process": process, "/preexec": with_hooks}
count = lambda: len(os.listdir("/proc/self/task"))

def application(environ, start_response):
    way = WAYS[environ["PATH_INFO"]]
    long_before = environ["QUERY_STRING"] == "long"
    threads = count()
    said = []
    for _ in range(20):
        if long_before:  # so long that the loop runs in the other thread
            time.sleep(0.03)
        said.append(way())
        said.append("back" if count() == threads else "away")
    start_response("200 OK", [])
    return [" ".join(sorted(set(map(str, said)))).encode()]

# Hooks of the app's own, before and after ours.
os.register_at_fork(before=lambda: None, after_in_parent=lambda: sum(range(1000)))
import uwsgi
"""


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_no_warning_of_a_thread_of_ours(version: str, tmp_path: Path) -> None:
    python = find_python(version)
    assert python, f"this machine has no CPython {version} with headers and venv"
    venv = make_venv(python.path, tmp_path / "venv")
    run([venv / "bin/pip", "install", "--no-index", wheel_for(python)])
    (tmp_path / "forks.py").write_text(FORKS)
    command = [venv / "bin/mewsgi", "--http", "127.0.0.1:0", "--module", "forks"]
    with InstalledServer(command, cwd=tmp_path) as server:
        for way in ("/fork", "/process", "/preexec"):
            for kind in ("", "?long"):
                answer = server.get(way + kind, timeout=30)
                assert answer.status == 200, server.log
                assert answer.text == "1 back", "a child had a thread of ours, or the parent not"
        assert "Warning" not in server.log
