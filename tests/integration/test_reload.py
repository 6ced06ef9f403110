"""Reload: good code takes over, broken code changes nothing, and no client ever notices."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Callable

import pytest
from harness import Load, Server, wait_for
from harness.fixtures import WriteApp
from harness.procfs import Process

Serve = Callable[..., Server]

SAYS = """
import os, time

def application(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        time.sleep(3)
    if environ["PATH_INFO"] == "/pid":
        start_response("200 OK", [])
        return [str(os.getpid()).encode()]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%s"]
"""

BROKEN = {
    "syntax": "def application(:\n",
    "import": "import no_such_module_anywhere\n",
    "raises": "raise RuntimeError('broken on purpose')\n",
    "no app": "x = 1\n",
    "exits": "import os; os._exit(5)\n",
    "crashes": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)\n",
    "worker start": (
        "import uwsgi\n"
        "def hook():\n"
        "    import os\n"
        "    print('broken in post_fork_hook', flush=True)\n"
        "    os._exit(6)\n"
        "uwsgi.post_fork_hook = hook\n" + SAYS % "broken worker"
    ),
}


def write(folder: Path, text: str, name: str = "app.py") -> None:
    """A new version of the app, put in its place at once, with a time stamp of its own: Python's
    bytecode cache tells versions of one size apart by the second only."""
    target = folder / name
    fresh = folder / f"{name}.new"
    fresh.write_text(text)
    previous = target.stat().st_mtime if target.exists() else time.time()
    os.utime(fresh, (previous + 2, previous + 2))
    fresh.rename(target)


def test_new_code_answers(serve: Serve, tmp_path: Path) -> None:
    write(tmp_path, SAYS % "one")
    server = serve("--processes", "2", "app", cwd=tmp_path)
    assert server.get("/").text == "one"
    for word in ("two", "three"):
        write(tmp_path, SAYS % word)
        outcome = server.run("reload")
        assert outcome.status == 0, outcome.text
        assert {server.get("/").text for _ in range(10)} == {word}
    assert server.process.poll() is None


def test_sighup_reloads(serve: Serve, tmp_path: Path) -> None:
    write(tmp_path, SAYS % "one")
    server = serve("app", cwd=tmp_path)
    write(tmp_path, SAYS % "two")
    server.send_signal(signal.SIGHUP)
    wait_for(lambda: server.get("/").text == "two", "the new code")


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_code_changes_nothing(serve: Serve, tmp_path: Path, kind: str) -> None:
    write(tmp_path, SAYS % "good")
    server = serve("--processes", "2", "app", cwd=tmp_path)
    workers = {process.pid for process in server.workers().values()}
    with server.connect() as kept:
        assert kept.get("/").text == "good"
        write(tmp_path, BROKEN[kind])
        outcome = server.run("reload")
        assert outcome.status == 1, outcome.text
        told = {
            "syntax": "SyntaxError",
            "import": "no_such_module_anywhere",
            "no app": "application",
            "raises": "broken on purpose",
            "exits": "5",
            "crashes": "S",
            "worker start": "6",
        }[kind]
        assert told in outcome.text, outcome.text
        if kind in ("syntax", "import", "raises"):
            assert "Traceback" in outcome.text or "SyntaxError" in outcome.text
        assert kept.get("/").text == "good"
    assert {server.get("/").text for _ in range(10)} == {"good"}
    assert {int(server.get("/pid").text) for _ in range(20)} <= workers

    def only_the_old() -> bool:
        living = {process.pid for process in server.processes_but_fronts()}
        zygotes = {process.pid for process in server.zygotes()}
        expected = {server.process.pid, server.reserve().pid} | workers | zygotes
        return len(zygotes) == 1 and living == expected

    wait_for(only_the_old, "the end of the generation that failed")
    write(tmp_path, SAYS % "mended")
    assert server.run("reload").status == 0
    assert server.get("/").text == "mended"


def test_broken_code_by_sighup(serve: Serve, tmp_path: Path) -> None:
    write(tmp_path, SAYS % "good")
    server = serve("app", cwd=tmp_path)
    write(tmp_path, BROKEN["raises"])
    mark = server.mark()
    server.send_signal(signal.SIGHUP)
    server.wait_log("broken on purpose", since=mark)
    assert server.get("/").text == "good"


def test_broken_configuration_changes_nothing(serve: Serve, tmp_path: Path) -> None:
    write(tmp_path, SAYS % "good")
    ini = tmp_path / "site.ini"
    ini.write_text("[mewsgi]\nmodule = app\nhttp = 127.0.0.1:0\n")
    server = serve("--ini", "site.ini", cwd=tmp_path, http=None)
    ini.write_text("[mewsgi]\nmodule = app\nhttp = 127.0.0.1:0\nprocesses = many\n")
    outcome = server.run("reload")
    assert outcome.status == 1 and "many" in outcome.text, outcome.text
    assert server.get("/").text == "good"
    ini.write_text("[mewsgi]\nmodule = app\nhttp = 127.0.0.1:0\nprocesses = 3\n")
    assert server.run("reload").status == 0
    assert sorted(server.workers()) == [1, 2, 3], "processes is read again at a reload"


def test_a_request_in_flight_finishes(serve: Serve, tmp_path: Path) -> None:
    write(tmp_path, SAYS % "old")
    server = serve("app", cwd=tmp_path)
    with server.connect() as slow:
        slow.send(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        with server.connect() as probe:  # answered by nobody until the only worker is free
            write(tmp_path, SAYS % "new")
            outcome = server.run("reload")
            assert outcome.status == 0
            probe.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert probe.read_response().text == "new", "the new generation waited for the old"
        assert slow.read_response().text == "old"


def test_old_workers_are_gone_after_their_mercy(serve: Serve, tmp_path: Path) -> None:
    write(tmp_path, SAYS % "old")
    server = serve("--worker-reload-mercy", "1s", "app", cwd=tmp_path)
    old = server.workers()[1]
    with server.connect() as slow:
        slow.send(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(lambda: old.status["State"].startswith("S"), "the request to run")
        write(tmp_path, SAYS % "new")
        assert server.run("reload").status == 0
        wait_for(lambda: not old.alive, "the end of the worker that outstayed its mercy", 5)
    server.wait_log(r"(?i)(mercy|cut|kill)")


def test_two_reloads_at_once(serve: Serve, tmp_path: Path) -> None:
    write(tmp_path, "import time; time.sleep(0.3)\n" + SAYS % "one")
    server = serve("app", cwd=tmp_path)
    write(tmp_path, "import time; time.sleep(0.3)\n" + SAYS % "two")
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(server.run("reload").status), daemon=True)
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(statuses) == 3 and 0 in statuses
    assert server.get("/").text == "two"
    assert sorted(server.workers()) == [1]


@pytest.mark.slow
def test_reload_under_load(serve: Serve, tmp_path: Path) -> None:
    """Four workers, new and kept connections, requests of 3 s in flight: not one error."""
    write(tmp_path, SAYS % "v0")
    server = serve("--processes", "4", "--disable-logging", "app", cwd=tmp_path)
    slow_answers: list[str] = []

    def slow() -> None:
        with server.connect(timeout=20) as connection:
            slow_answers.append(connection.get("/slow").text)

    with Load(server.port, "/", kept=4, new=4) as load:
        wait_for(lambda: load.seen("v0") > 100, "the load to run")
        for round_number in range(1, 6):
            thread = threading.Thread(target=slow, daemon=True)
            thread.start()
            write(tmp_path, BROKEN["raises"])
            assert server.run("reload").status == 1
            word = f"v{round_number}"
            write(tmp_path, SAYS % word)
            outcome = server.run("reload")
            assert outcome.status == 0, outcome.text
            wait_for(lambda word=word: load.seen(word) > 50, f"answers of {word}")  # type: ignore[misc]
            thread.join(20)
    assert not load.errors, f"{len(load.errors)} of {load.count}: " + "\n".join(load.errors[:20])
    assert len(slow_answers) == 5, slow_answers
    assert load.announced_ends == 0, "a kept connection was closed, though politely"


def test_kept_connections_move_to_the_new_generation(serve: Serve, tmp_path: Path) -> None:
    write(tmp_path, SAYS % "one")
    server = serve("app", cwd=tmp_path)
    with server.connect() as kept, server.connect() as half:
        assert kept.get("/").text == "one"
        half.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-Half: ")
        old = server.workers()[1]
        write(tmp_path, SAYS % "two")
        assert server.run("reload").status == 0
        wait_for(lambda: not old.alive, "the end of the old worker")
        assert kept.get("/").text == "two"
        half.send(b"sent\r\n\r\n")
        assert half.read_response().text == "two"


def test_memory_of_processes_is_given_back(serve: Serve, tmp_path: Path) -> None:
    """Eight reloads leave as many processes and as many descriptors as before."""
    write(tmp_path, SAYS % "one")
    server = serve("--reload-confirm", "0", "app", cwd=tmp_path)

    def settled() -> bool:
        # master, zygote, its reserve, worker
        return len(server.processes_but_fronts()) == 4

    assert server.run("reload").status == 0
    wait_for(settled, "one generation")
    before = len(server.master.descriptors)
    for _ in range(8):
        assert server.run("reload").status == 0
    wait_for(settled, "one generation")
    wait_for(lambda: len(server.master.descriptors) <= before, "no more descriptors than before")


def test_the_app_asks_for_a_reload(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(
        """
        import os, uwsgi

        def application(environ, start_response):
            start_response("200 OK", [])
            if environ["PATH_INFO"] == "/reload":
                return [str(uwsgi.reload()).encode()]
            return [str(os.getpid()).encode()]
        """
    )
    server = serve("app", cwd=folder)
    before = server.get("/pid").text
    assert server.get("/reload").text == "True"
    wait_for(lambda: server.get("/pid").text != before, "another worker")
    old = Process.of(int(before))
    wait_for(lambda: old is None or not old.alive, "the end of the old one")


def test_broken_code_with_lazy_apps(serve: Serve, tmp_path: Path) -> None:
    """Each worker imports for itself, and still the generation stands or falls as a whole."""
    write(tmp_path, SAYS % "good")
    server = serve("--lazy-apps", "--processes", "2", "app", cwd=tmp_path)
    write(tmp_path, BROKEN["raises"])
    outcome = server.run("reload")
    assert outcome.status == 1 and "broken on purpose" in outcome.text, outcome.text
    assert {server.get("/").text for _ in range(10)} == {"good"}
    write(tmp_path, SAYS % "mended")
    assert server.run("reload").status == 0
    assert {server.get("/").text for _ in range(10)} == {"mended"}
