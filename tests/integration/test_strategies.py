"""How new code takes over: reload-strategy, reload-check, and the way back from a crash loop."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Callable

import pytest
from harness import Load, Server, wait_for
from harness.client import Closed
from harness.fixtures import APPS
from harness.gate import Gate
from test_reload import SAYS, write

Serve = Callable[..., Server]

# A worker of this version is well (200) or not (500), as it says of itself.
HEALTH = """
import os

def application(environ, start_response):
    if environ["PATH_INFO"] == "/health":
        start_response("%s", [("Content-Type", "text/plain")])
        return [b"says " + environ["HTTP_HOST"].encode()]
    start_response("200 OK", [])
    return [b"%s"]
"""

# Dies of its first request, and of each one after it.
LOOPS = """
import os

def application(environ, start_response):
    os.abort()
"""

PORT = """
import socket

held = socket.create_server(("127.0.0.1", %d))

def application(environ, start_response):
    start_response("200 OK", [])
    return [b"%s"]
"""


@pytest.mark.parametrize("strategy", ["whole", "roll", "chain"])
def test_no_request_is_lost(serve: Serve, tmp_path: Path, strategy: str) -> None:
    write(tmp_path, SAYS % "one")
    server = serve("--processes", "3", "--reload-strategy", strategy, "app", cwd=tmp_path)
    with Load(server.port, "/", kept=3, new=3) as load:
        for word in ("two", "three"):
            write(tmp_path, SAYS % word)
            assert server.run("reload").status == 0
            assert {server.get("/").text for _ in range(12)} == {word}
    assert not load.errors, "\n".join(load.errors[:10])
    assert sorted(server.workers()) == [1, 2, 3]


def test_stop_start_serves_the_new_code(serve: Serve, tmp_path: Path) -> None:
    write(tmp_path, SAYS % "one")
    server = serve("--processes", "2", "--reload-strategy", "stop-start", "app", cwd=tmp_path)
    write(tmp_path, SAYS % "two")
    assert server.run("reload").status == 0
    assert server.get("/").text == "two"


def test_an_app_that_holds_a_port_reloads_by_stop_start(serve: Serve, tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    write(tmp_path, PORT % (port, "one"))
    ini = tmp_path / "app.ini"
    ini.write_text("[mewsgi]\nmodule = app\nhttp = 127.0.0.1:0\n")
    server = serve("--ini", "app.ini", cwd=tmp_path, http=None)
    write(tmp_path, PORT % (port, "two"))
    outcome = server.run("reload")
    assert outcome.status == 1 and "Address already in use" in outcome.text, outcome.text
    assert server.get("/").text == "one"
    with ini.open("a") as more:
        more.write("reload-strategy = stop-start\n")
    assert server.run("reload").status == 0
    assert server.get("/").text == "two"


def test_chain_waits_for_the_old_worker(serve: Serve, tmp_path: Path) -> None:
    """A request that runs is finished by its worker before another process bears its id."""
    server = serve("--reload-strategy", "chain", "--chdir", str(APPS), "probe:app")
    (old,) = server.workers().values()
    gate = Gate(server, tmp_path / "gate")
    mark = server.mark()
    server.send_signal(signal.SIGHUP)
    server.wait_log("app probe:app loaded", since=mark)
    assert [p.pid for p in server.workers().values()] == [old.pid]
    gate.finish()
    server.wait_log("reloaded: generation 2", since=mark)
    assert not old.alive


@pytest.mark.parametrize("strategy", ["whole", "roll", "chain"])
def test_a_check_that_fails_changes_nothing(serve: Serve, tmp_path: Path, strategy: str) -> None:
    write(tmp_path, HEALTH % ("200 OK", "good"))
    options = ["--processes", "2", "--reload-strategy", strategy]
    server = serve(*options, "--reload-check", "http://cats.example/health", "app", cwd=tmp_path)
    write(tmp_path, HEALTH % ("500 No database", "sick"))
    outcome = server.run("reload")
    assert outcome.status == 1
    assert "answered 500 No database:\nsays cats.example" in outcome.text, outcome.text
    assert {server.get("/").text for _ in range(8)} == {"good"}
    write(tmp_path, HEALTH % ("200 OK", "mended"))
    assert server.run("reload").status == 0
    assert {server.get("/").text for _ in range(8)} == {"mended"}


def test_the_check_asks_by_http_where_sockets_speak_something_else(
    serve: Serve, tmp_path: Path
) -> None:
    write(tmp_path, HEALTH % ("200 OK", "good"))
    socket = tmp_path / "app.sock"
    server = serve(
        *("--uwsgi-socket", str(socket), "--reload-check", "/health", "app"),
        cwd=tmp_path,
        http=None,
    )
    outcome = server.run("reload")
    assert outcome.status == 0, outcome.text


def test_with_threads_the_check_works_too(serve: Serve, tmp_path: Path) -> None:
    write(tmp_path, HEALTH % ("200 OK", "good"))
    server = serve("--threads", "2", "--reload-check", "/health", "app", cwd=tmp_path)
    write(tmp_path, HEALTH % ("503 Busy", "sick"))
    assert "answered 503 Busy" in server.run("reload").text
    write(tmp_path, HEALTH % ("200 OK", "mended"))
    assert server.run("reload").status == 0
    assert server.get("/").text == "mended"


def test_code_that_crashes_gives_way_to_the_last_good_one(serve: Serve, tmp_path: Path) -> None:
    write(tmp_path, SAYS % "good")
    server = serve("--processes", "2", "app", cwd=tmp_path)
    write(tmp_path, LOOPS)
    assert server.run("reload").status == 0

    def good() -> bool:
        try:
            return server.get("/").text == "good"
        except (OSError, Closed):  # this request ended a worker
            return False

    wait_for(good, "the last good code", timeout=20)
    server.wait_log("generation 2 is crash looping")
    server.wait_log("came back: generation 1 serves with 2 workers")
    assert {server.get("/").text for _ in range(10)} == {"good"}
    assert server.status()["generation"] == 1
    write(tmp_path, SAYS % "better")
    assert server.run("reload").status == 0
    assert server.get("/").text == "better"


def test_a_killed_zygote_changes_no_code(serve: Serve, tmp_path: Path) -> None:
    """What lies on disk after a reload that was rolled back must not come in by the back door."""
    write(tmp_path, HEALTH % ("200 OK", "good"))
    server = serve("--processes", "2", "--reload-check", "/health", "app", cwd=tmp_path)
    write(tmp_path, HEALTH % ("500 Oh", "sick"))
    assert server.run("reload").status == 1
    server.reserve()
    for process in (*server.zygotes(), *server.workers().values()):
        mark = server.mark()
        os.kill(process.pid, signal.SIGKILL)
        server.wait_log("takes the zygote's place|spawned mewsgi worker", since=mark)
    assert {server.get("/").text for _ in range(10)} == {"good"}


def test_drain_delay_answers_on(serve: Serve, tmp_path: Path) -> None:
    write(tmp_path, SAYS % "one")
    server = serve("--drain-delay", "1", "app", cwd=tmp_path)
    assert server.status()["ready"] is True
    server.send_signal(signal.SIGTERM)
    server.wait_log("draining")
    status = server.status()
    assert status["ready"] is False and status["state"] == "draining"
    assert server.get("/").text == "one"
    assert server.wait_end() == 0
    assert server.find_log("the time to drain is over")
