"""What the log says to people, and what it says to machines."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, Callable

from harness import Server
from harness.fixtures import APPS, WriteApp

Serve = Callable[..., Server]


def test_sentences(serve: Serve) -> None:
    server = serve("--chdir", str(APPS), "--processes", "2", "probe:app")
    version = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    master = server.process.pid
    server.wait_log(rf"mewsgi \d+\.\d+\.\d+.*pid:? {master}.*Python {re.escape(version)}")
    server.wait_log(rf"http(-socket)? bound on 127\.0\.0\.1:{server.port} fd \d+")
    server.wait_log(r"app probe:app loaded in \d+\.\d+ s")
    for slot in (1, 2):
        pid = server.workers()[slot].pid
        server.wait_log(rf"spawned mewsgi worker {slot} \(pid: {pid}, cores: 1\)")
    server.wait_log(rf"serving on http://(localhost|127\.0\.0\.1):{server.port}")
    assert "\x1b[" not in server.log, "colour although the log is no terminal"


def test_the_only_worker(serve: Serve) -> None:
    server = serve("--chdir", str(APPS), "probe:app")
    pid = server.workers()[1].pid
    server.wait_log(rf"spawned mewsgi worker 1 \(and the only\) \(pid: {pid}, cores: 1\)")


def test_output_of_the_app_is_in_the_log(serve: Serve) -> None:
    server = serve("--chdir", str(APPS), "probe:app")
    assert server.get("/prints?text=now").status == 200
    for text in ("printed by the app now", "written to wsgi.errors", "written to stderr"):
        server.wait_log(text)


def test_access_log_and_disable_logging(serve: Serve) -> None:
    loud = serve("--chdir", str(APPS), "probe:app")
    loud.get("/hello?seen=1")
    loud.wait_log(r"/hello\?seen=1")
    quiet = serve("--chdir", str(APPS), "--disable-logging", "probe:app")
    quiet.get("/hello?seen=2")
    quiet.get("/prints?text=end")
    quiet.wait_log("written to stderr")
    assert not quiet.find_log(r"seen=2")


def parsed(server: Server) -> list[dict[str, Any]]:
    events = []
    for line in server.lines:
        event = json.loads(line.encode(errors="surrogateescape").decode("utf-8", "strict"))
        assert isinstance(event, dict) and {"time", "level", "event", "message"} <= set(event), line
        events.append(event)
    return events


def test_every_line_is_json(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(
        r"""
        import os, sys, subprocess, threading, warnings

        print("printed at import")
        warnings.warn("a warning at import")
        os.write(1, b"bad \xff\xfe bytes, a \"quote\" and a \x00\x1b[31m control\n")

        def application(environ, start_response):
            path = environ["PATH_INFO"]
            if path == "/boom":
                raise ValueError('it "broke"\nover two lines')
            if path == "/noise":
                print("no newline at the end", end="", flush=True)
                os.write(2, b"\xc3(\n" + "snow ☃\n".encode() + b"y" * 100000 + b"\n")
                subprocess.run(["sh", "-c", "echo from a grandchild"])
                environ["wsgi.errors"].write("one\ntwo\n")
                thread = threading.Thread(target=lambda: 1 / 0)
                thread.start()
                thread.join()
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"ok"]
        """
    )
    server = serve("--log-json", "app", cwd=folder)
    assert server.get("/boom").status == 500
    assert server.get("/noise").status == 200
    with server.connect() as connection:
        connection.send(b"GET /\xff\x01 nonsense\r\n\r\n")
        connection.read_response()
    server.wait_log("from a grandchild")
    server.wait_log("ZeroDivisionError")
    server.stop()
    server.expect_nothing_left()
    events = parsed(server)
    roles = {str(event.get("role", "")).split()[0] for event in events if event.get("role")}
    assert {"master", "worker"} <= roles, roles
    crash = [event for event in events if 'it "broke"' in event["message"]]
    assert crash and "Traceback" in crash[0]["message"], "the traceback is not one event"
    assert any("printed at import" in event["message"] for event in events)
    assert any("from a grandchild" in event["message"] for event in events)
    assert any("y" * 1000 in event["message"] for event in events)
    bound = [event for event in events if "bound on" in event["message"]]
    assert len(bound) == 1


def test_a_failed_start_is_json_too(write_app: WriteApp) -> None:
    from harness import run_mewsgi

    folder = write_app("import no_such_module_here")
    outcome = run_mewsgi("--log-json", "--http", "127.0.0.1:0", "app", cwd=folder)
    assert outcome.status == 22
    events = [json.loads(line) for line in outcome.text.splitlines()]
    told = [event for event in events if "no_such_module_here" in event["message"]]
    assert told and "Traceback" in "".join(event["message"] for event in told)


def test_logto_and_opening_it_again(serve: Serve, tmp_path: Path) -> None:
    """A rotated file is let go by every process at SIGUSR2."""
    import os
    import signal

    from harness import wait_for

    log = tmp_path / "server.log"
    server = serve(
        "--logto",
        str(log),
        "--chdir",
        str(APPS),
        "--processes",
        "2",
        "probe:app",
        wait=None,
    )
    wait_for(lambda: log.exists() and "serving on" in log.read_text(), "the log in the file")
    found = re.search(r"bound on 127\.0\.0\.1:(\d+)", log.read_text())
    assert found
    from harness import Connection

    def ask(target: str) -> None:
        with Connection(("127.0.0.1", int(found[1]))) as connection:
            assert connection.get(target, Connection="close").status == 200

    ask("/hello?before")
    wait_for(lambda: "?before" in log.read_text(), "the first request in the log")
    old = tmp_path / "server.log.1"
    os.rename(log, old)
    server.send_signal(signal.SIGUSR2)
    wait_for(log.exists, "the new log file")

    def let_go() -> bool:
        return not [
            process for process in server.processes() if str(old) in process.descriptors.values()
        ]

    wait_for(let_go, "every process to let the old file go")
    ask("/hello?after")
    ask("/prints?text=later")
    wait_for(lambda: "?after" in log.read_text(), "the next request in the new file")
    wait_for(lambda: "printed by the app later" in log.read_text(), "the app's own output there")
    assert "?after" not in old.read_text()
