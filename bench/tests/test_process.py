"""The tree of processes: what counts as part of it, its CPU time, that nothing of it stays."""

import os
import sys
import time
from pathlib import Path

import pytest
from measure.process import StartError, Tree, free_port, parse_stat, read_stats

STAT = "417 (a) R (b) S 12 400 399 0 -1 4194560 1 2 3 4 50 7 11 5 20 0 1 0 9876 1 2 3"

# Forks a child that works and is reaped, then a grandchild in a session of its own that stays.
FORKING = """
import os, sys, time
def work(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
if os.fork() == 0:
    work(0.3); os._exit(0)
os.wait()
if os.fork() == 0:
    if os.fork() == 0:
        work(0.2); print("ready", flush=True); time.sleep(60)
    time.sleep(60)
time.sleep(60)
"""

ANSWERING = """
import http.server, sys
class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(sys.argv[2])); self.send_header("Content-Length", "13")
        self.end_headers(); self.wfile.write(b"Hello, World!")
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Hello).serve_forever()
"""


def start(tmp_path: Path, code: str, *arguments: str) -> Tree:
    port = free_port()
    command = [sys.executable, "-c", code, str(port), *arguments]
    return Tree.start(command, port, tmp_path / "log", dict(os.environ), tmp_path)


def wait_for(condition, what: str, deadline: float = 20) -> None:
    end = time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen within {deadline} s"
        time.sleep(0.02)


def test_a_name_with_parentheses_and_spaces_does_not_shift_the_fields():
    stat = parse_stat(STAT)
    assert (stat.pid, stat.state, stat.parent, stat.session) == (417, "S", 12, 399)
    assert (stat.own_ticks, stat.reaped_ticks, stat.started) == (57, 16, 9876)


def test_cpu_of_living_and_reaped_children_counts_and_all_are_gone_afterwards(tmp_path):
    tree = start(tmp_path, FORKING)
    try:
        wait_for(lambda: "ready" in (tmp_path / "log").read_text(), "the grandchild's work")
        members = tree.members()
        used = tree.cpu_seconds()
    finally:
        tree.stop()
    assert len(members) == 3
    assert 0.48 < used < 5
    alive = read_stats()
    assert not [
        stat
        for stat in members
        if alive.get(stat.pid, stat).state != "Z"
        and stat.pid in alive
        and alive[stat.pid].started == stat.started
    ]


def test_what_is_left_behind_is_told(tmp_path):
    tree = start(tmp_path, FORKING)
    wait_for(lambda: "ready" in (tmp_path / "log").read_text(), "the grandchild's work")
    assert "left 2 process(es) behind" in tree.stop()


def test_ready_only_when_the_expected_answer_comes(tmp_path):
    tree = start(tmp_path, ANSWERING, "200")
    try:
        tree.wait_until_it_answers()
    finally:
        assert tree.stop() == ""


def test_a_wrong_answer_is_not_ready(tmp_path):
    tree = start(tmp_path, ANSWERING, "503")
    try:
        with pytest.raises(StartError, match="answered 503"):
            tree.wait_until_it_answers(deadline=2)
    finally:
        tree.stop()


def test_a_server_that_ends_at_once_gives_its_own_words(tmp_path):
    tree = start(tmp_path, "import sys; sys.exit('no such option')")
    with pytest.raises(StartError, match="status 1 at start: no such option"):
        tree.wait_until_it_answers()
    tree.stop()


def test_a_program_that_is_not_there(tmp_path):
    with pytest.raises(StartError, match="cannot be run"):
        Tree.start([str(tmp_path / "none")], 1, tmp_path / "log", {}, tmp_path)
