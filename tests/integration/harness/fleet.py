"""An app's life in two preloaded workers: asked in both, reloaded, asked again, stopped; and a log
that holds nothing which the test did not name."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Callable

from harness.server import Server
from harness.waiting import wait_for

# What a test's source defines: work(environ), a dict for the answer; and maybe wrap(application).
AROUND = """
import json as _json, os as _os, time as _time

def application(environ, start_response):
    _time.sleep(0.03)  # meanwhile the other worker takes the other request
    values = {"pid": _os.getpid(), **work(environ)}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [_json.dumps(values).encode()]

application = globals().get("wrap", lambda app: app)(application)
"""

PROBLEM = re.compile(
    r"^[-\d]+ [\d:.]+ (warning|error) |Traceback|Warning\b|Exception ignored|\bSIGKILL\b"
)
THREAD_AT_IMPORT = r'thread "[^"]*" was started while importing'
CONNECTION_AT_IMPORT = r"a connection to \S+ \(fd \d+\) was opened while importing"
OVERDUE_EXIT = "functions given to atexit: not done within"

Answers = dict[int, Any]


def write_fleet_app(folder: Path, source: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "app.py").write_text(textwrap.dedent(source) + AROUND)
    return folder


def ask_all(server: Server, target: str = "/", workers: int = 2) -> Answers:
    """An answer of each worker, by pid."""
    answers: Answers = {}

    def ask() -> bool:
        connections = [server.connect(timeout=30) for _ in range(workers)]
        for connection in connections:
            connection.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        for connection in connections:
            with connection:
                answer = connection.read_response()
                assert answer.status == 200, f"{answer.status} {answer.text}\n{server.log}"
                answers[answer.json["pid"]] = answer.json
        return len(answers) >= workers

    wait_for(ask, "an answer of each worker", 40)
    return answers


def live(
    folder: Path,
    check: Callable[[Server, Answers], Any],
    arguments: Sequence[str] = (),
    *,
    allowed: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
) -> str:
    """Runs `check` in two generations; the log, which only `allowed` may make unclean."""
    command = ["--processes", "2", *arguments, "app"]
    with Server(command, cwd=folder, env=env, timeout=60.0) as server:
        first = ask_all(server)
        check(server, first)
        assert server.run("reload", timeout=60.0).status == 0, server.log
        second = ask_all(server)
        assert not set(first) & set(second), "the reload did not change the workers"
        check(server, second)
        server.stop()
    expect_clean(server.log, allowed)
    return server.log


def expect_clean(log: str, allowed: Sequence[str] = ()) -> None:
    problems = [
        line
        for line in log.splitlines()
        if PROBLEM.search(line) and not any(re.search(one, line) for one in allowed)
    ]
    assert not problems, "\n".join(problems) + "\n---\n" + log
