"""What reloads without a signal or a command: touched files, changed modules, letters in a FIFO."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import Any, Callable

import pytest
from harness import Server, run_mewsgi, wait_for
from harness.fixtures import APPS
from harness.procfs import Process

Serve = Callable[..., Server]
PROBE = ("--chdir", str(APPS), "probe:app")
ASKED = r"reload asked by {} {}\b"
RELOADED = r"reloaded: generation \d+ serves"
ROLLED_BACK = "reload rolled back"

APP = """
import helper

def application(environ, start_response):
    if environ["PATH_INFO"] == "/lazy":
        import lazy
    start_response("200 OK", [])
    return [helper.WORD]
"""


class Folder:
    """Files whose versions differ in their times, as those of a person do."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seconds = 1_000_000_000

    def write(self, name: str, text: str = "") -> Path:
        self.path.joinpath(name).write_text(text)
        return self.touch(name)

    def touch(self, name: str) -> Path:
        target = self.path / name
        target.touch()
        self.seconds += 2
        os.utime(target, (self.seconds, self.seconds))
        return target

    def replace(self, name: str, text: str = "") -> None:
        self.write(f".{name}.new", text).rename(self.path / name)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    made.write("app.py", APP)
    made.write("helper.py", "WORD = b'one'\n")
    made.write("lazy.py")
    made.write("unrelated.py")
    return made


def autoreload(serve: Serve, folder: Folder, *more: str, **how: Any) -> Server:
    return serve("--py-autoreload", "1", *more, "app", cwd=folder.path, **how)


def watcher_of(server: Server, instead_of: int = 0) -> Process:
    def alone() -> bool:
        return [one.pid != instead_of for one in server.watchers()] == [True]

    wait_for(alone, "the watcher")
    return server.watchers()[0]


def wait_for_reload(server: Server, since: int, cause: str = "") -> None:
    if cause:
        server.wait_log(cause, since=since)
    server.wait_log(RELOADED, since=since)


# touch-reload and its like


@pytest.mark.parametrize(
    "option", ["touch-reload", "touch-workers-reload", "touch-chain-reload", "fs-reload"]
)
def test_a_touched_file_reloads(serve: Serve, folder: Folder, option: str) -> None:
    trigger = folder.write("trigger")
    server = serve(f"--{option}", str(trigger), *PROBE)
    for change in (folder.touch, folder.replace):
        mark = server.mark()
        change("trigger")
        wait_for_reload(server, mark, ASKED.format(option, trigger))
    assert server.get("/hello").status == 200


def test_the_log_is_opened_again(serve: Serve, folder: Folder) -> None:
    trigger = folder.write("trigger")
    log = folder.path / "app.log"
    serve("--logto", str(log), "--touch-logreopen", str(trigger), *PROBE, wait=None)
    wait_for(lambda: log.exists() and "serving on" in log.read_text(), "the start")
    log.rename(folder.path / "app.log.1")
    folder.touch("trigger")
    wait_for(lambda: log.exists() and "log opened again" in log.read_text(), "the new log")
    assert f"(touch-logreopen {trigger})" in log.read_text()


def test_a_file_that_is_not_there_yet(serve: Serve, folder: Folder) -> None:
    trigger = folder.path / "a/b/trigger"
    server = serve("--touch-reload", "a/b/trigger", "app", cwd=folder.path)
    mark = server.mark()
    trigger.parent.mkdir(parents=True)
    folder.touch("a/b/trigger")
    wait_for_reload(server, mark, ASKED.format("touch-reload", trigger))


def test_relative_paths_begin_in_chdir(serve: Serve, folder: Folder, tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    server = serve(
        *("--chdir", str(folder.path), "--touch-reload", "trigger", "--master-fifo", "fifo", "app"),
        cwd=tmp_path_factory.mktemp("elsewhere"),
    )
    mark = server.mark()
    folder.touch("trigger")
    wait_for_reload(server, mark)
    assert (folder.path / "fifo").is_fifo()


def test_a_config_map_whose_link_is_swapped(serve: Serve, folder: Folder) -> None:
    """As Kubernetes does it."""
    for version in ("v1", "v2"):
        (folder.path / version).mkdir()
        folder.write(f"{version}/app.ini")
    (folder.path / "..data").symlink_to("v1")
    (folder.path / "app.ini").symlink_to("..data/app.ini")
    server = serve("--touch-reload", str(folder.path / "app.ini"), *PROBE)
    mark = server.mark()
    (folder.path / "..next").symlink_to("v2")
    (folder.path / "..next").rename(folder.path / "..data")
    wait_for_reload(server, mark, "reload asked by touch-reload .*/app.ini")


def test_a_reload_reads_the_paths_again(serve: Serve, folder: Folder) -> None:
    first, second = folder.write("first"), folder.write("second")
    ini = folder.write("app.ini", f"[uwsgi]\nmodule = app\ntouch-reload = {first}\n")
    server = serve("--ini", str(ini), cwd=folder.path)
    folder.write("app.ini", f"[uwsgi]\nmodule = app\ntouch-reload = {second}\n")
    assert server.run("reload").status == 0
    mark = server.mark()
    folder.touch("first")
    folder.touch("second")
    wait_for_reload(server, mark, ASKED.format("touch-reload", second))
    assert not server.find_log(ASKED.format("touch-reload", first), since=mark)
    # And there need not be any.
    folder.write("app.ini", "[uwsgi]\nmodule = app\n")
    watcher = watcher_of(server)
    assert server.run("reload").status == 0
    wait_for(lambda: not watcher.alive, "the end of the watcher")
    assert not server.find_log("(?i)error")


def test_without_such_an_option_there_is_no_watcher(probe: Server) -> None:
    assert probe.get("/hello").status == 200
    assert not probe.watchers()


# The process


@pytest.mark.parametrize("log", ["text", "json"])
def test_a_killed_watcher_comes_back_and_knows_all(serve: Serve, folder: Folder, log: str) -> None:
    trigger = folder.write("trigger")
    more = ["--log-json"] if log == "json" else []
    server = autoreload(serve, folder, "--touch-reload", str(trigger), *more)
    for name in ("helper.py", "trigger"):
        old = watcher_of(server)
        mark = server.mark()
        os.kill(old.pid, signal.SIGKILL)
        server.wait_log(rf"watcher \(pid {old.pid}\) was killed by SIGKILL", since=mark)
        folder.touch(name)  # whether or not the next one watches by now
        wait_for_reload(server, mark)
        watcher_of(server, instead_of=old.pid)


# py-autoreload


def test_changed_modules_reload(serve: Serve, folder: Folder) -> None:
    server = autoreload(serve, folder)
    assert server.get("/").text == "one"
    folder.replace("helper.py", "WORD = b'two'\n")
    server.wait_log(ASKED.format("py-autoreload", folder.path / "helper.py"))
    wait_for(lambda: server.get("/").text == "two", "the new code")


def test_another_file_of_the_folder_does_not(serve: Serve, folder: Folder) -> None:
    server = autoreload(serve, folder)
    mark = server.mark()
    folder.touch("unrelated.py")
    folder.touch("lazy.py")
    folder.touch("helper.py")
    wait_for_reload(server, mark)
    # Each was heard of before the last one; had they counted, the log would say "and others".
    server.wait_log(rf"reload asked by py-autoreload {folder.path}/helper.py: ", since=mark)


@pytest.mark.parametrize("threads", [1, 3])
def test_a_module_that_a_request_imported(serve: Serve, folder: Folder, threads: int) -> None:
    server = autoreload(serve, folder, "--processes", "2", "--threads", str(threads))
    assert server.get("/lazy").status == 200
    mark = server.mark()

    def reloads() -> bool:
        folder.touch("lazy.py")  # the list may be on its way
        return bool(server.find_log(RELOADED, since=mark))

    wait_for(reloads, "a reload")
    server.wait_log(ASKED.format("py-autoreload", folder.path / "lazy.py"), since=mark)


def test_apps_imported_by_each_worker(serve: Serve, folder: Folder) -> None:
    server = autoreload(serve, folder, "--lazy-apps", "--processes", "2")
    folder.replace("helper.py", "WORD = b'two'\n")
    wait_for(lambda: server.get("/").text == "two", "the new code")
    mark = server.mark()
    folder.replace("helper.py", "WORD = \n")
    server.wait_log(ROLLED_BACK, since=mark)
    folder.replace("helper.py", "WORD = b'three'\n")
    wait_for(lambda: server.get("/").text == "three", "the mended code")


def test_ignored_modules(serve: Serve, folder: Folder) -> None:
    (folder.path / "package").mkdir()
    folder.write("package/__init__.py")
    folder.write("package/part.py")
    folder.replace("app.py", f"import package.part\n{APP}")
    server = autoreload(
        serve, folder, *("--py-auto-reload-ignore", "package"), *("--py-auto-reload-ignore", "app")
    )
    mark = server.mark()
    for name in ("package/part.py", "package/__init__.py", "app.py", "helper.py"):
        folder.touch(name)
    wait_for_reload(server, mark)
    server.wait_log(rf"reload asked by py-autoreload {folder.path}/helper.py: ", since=mark)


BROKEN = {
    "syntax": "WORD = \n",
    "raises": "raise RuntimeError('broken on purpose')\n",
    "missing module": "import not_made_yet\nWORD = not_made_yet.WORD\n",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_code_that_is_mended(serve: Serve, folder: Folder, kind: str) -> None:
    server = autoreload(serve, folder)
    mark = server.mark()
    # A module that the running code does not know: only the attempt can have told of it.
    folder.write("fresh.py", BROKEN[kind])
    folder.replace("helper.py", "from fresh import WORD\n")
    server.wait_log(ROLLED_BACK, since=mark)
    assert server.get("/").text == "one"
    if kind == "missing module":
        folder.write("not_made_yet.py", "WORD = b'mended'\n")
    else:
        folder.replace("fresh.py", "WORD = b'mended'\n")
    wait_for(lambda: server.get("/").text == "mended", "the mended code")


@pytest.mark.parametrize("kind", [*BROKEN, "no app", "no module"])
def test_a_first_start_that_fails_waits(serve: Serve, folder: Folder, kind: str) -> None:
    if kind == "no app":
        folder.write("app.py", "x = 1\n")
    elif kind == "no module":
        (folder.path / "app.py").unlink()
    else:
        folder.write("helper.py", BROKEN[kind])
    server = autoreload(serve, folder, wait=None)
    server.wait_log("waiting for a change")
    told = {"no app": "has no `application`", "no module": "there is no module app"}
    server.wait_log(told.get(kind, "Traceback"))
    # Not better yet: an order in between fails, and leaves it waiting.
    outcome = server.run("reload")
    assert outcome.status == 1 and "app did not load" in outcome.text, outcome.text
    if kind == "missing module":
        folder.write("not_made_yet.py", "WORD = b'mended'\n")
    folder.write("app.py", APP)
    if kind != "missing module":
        folder.write("helper.py", "WORD = b'mended'\n")
    server.wait_log("serving on")
    wait_for(lambda: server.get("/").text == "mended", "the mended code")
    assert server.run("reload").status == 0


def test_a_first_start_that_waits_can_be_stopped(serve: Serve, folder: Folder) -> None:
    folder.write("helper.py", BROKEN["syntax"])
    server = serve("--py-autoreload", "1", "app", cwd=folder.path, wait=None)
    server.wait_log("waiting for a change")
    assert server.stop() == 0


def test_what_an_import_writes_itself_is_no_change(serve: Serve, folder: Folder) -> None:
    """An app that makes one of its modules anew at each import must not reload for ever."""
    source = "open('made.py', 'w').write('X = 1\\n')\nimport made\n" + APP
    folder.replace("app.py", source)
    server = autoreload(serve, folder)
    for word in ("two", "three"):
        mark = server.mark()
        folder.replace("helper.py", f"WORD = b'{word}'\n")
        wait_for_reload(server, mark)
        wait_for(lambda word=word: server.get("/").text == word, "the new code")  # type: ignore[misc]
    assert len(re.findall("reload asked by", server.log)) == 2


def test_what_is_saved_during_an_import_counts(serve: Serve, folder: Folder) -> None:
    """The import stands still at a gate, behind a module that is changed meanwhile."""
    os.mkfifo(folder.path / "gate")
    folder.replace("app.py", APP.replace("import helper", "import helper, gated"))
    folder.write("gated.py")
    server = autoreload(serve, folder)
    folder.replace("gated.py", "print('importing', flush=True)\nopen('gate').read()\n")
    server.wait_log("^importing")
    folder.replace("helper.py", "WORD = b'two'\n")
    folder.replace("gated.py", "")
    with open(folder.path / "gate", "w"):
        pass
    wait_for(lambda: server.get("/").text == "two", "the code that was saved meanwhile")


def test_mistakes_in_the_options() -> None:
    outcome = run_mewsgi("check", "--py-autoreload", "soon", "app")
    assert outcome.status == 1 and "py-autoreload" in outcome.text
    outcome = run_mewsgi("check", "--py-auto-reload", "2", "--http", ":0", "app")
    assert outcome.status == 0, outcome.text


# master-fifo


def order(fifo: Path, text: str) -> None:
    descriptor = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    os.write(descriptor, text.encode())
    os.close(descriptor)


LETTERS = {
    "r": RELOADED,
    "w": RELOADED,
    "c": RELOADED,
    "s": "status: serving, generation 1",
    "R": "upgrade asked by master-fifo",
    "h": "there are: r reload, ",
    "?": "there are: r reload, ",
    "x": "'x' is no order; there are: r reload, ",
}


@pytest.mark.parametrize("letter", LETTERS)
def test_letters(serve: Serve, folder: Folder, letter: str) -> None:
    fifo = folder.path / "fifo"
    server = serve("--master-fifo", str(fifo), *PROBE)
    mark = server.mark()
    order(fifo, f"\n{letter}\n")
    server.wait_log(LETTERS[letter], since=mark)
    assert server.get("/hello").status == 200
    assert server.stop() == 0
    assert not fifo.exists()


@pytest.mark.parametrize(("letter", "told"), [("q", "stopping"), ("Q", "stopping at once")])
def test_letters_that_stop(serve: Serve, folder: Folder, letter: str, told: str) -> None:
    fifos = [folder.path / "one", folder.path / "two"]
    options = [part for fifo in fifos for part in ("--master-fifo", str(fifo))]
    server = serve(*options, "--vacuum=false", *PROBE)
    order(fifos[1], letter)
    server.wait_log(rf"{told} \(master-fifo {fifos[1]}\)")
    assert server.wait_end() == 0
    assert all(fifo.is_fifo() for fifo in fifos)


def test_a_letter_opens_the_log_again(serve: Serve, folder: Folder) -> None:
    log, fifo = folder.path / "app.log", folder.path / "fifo"
    serve("--logto", str(log), "--master-fifo", str(fifo), *PROBE, wait=None)
    wait_for(lambda: log.exists() and "serving on" in log.read_text(), "the start")
    log.rename(folder.path / "app.log.1")
    order(fifo, "l")
    wait_for(lambda: log.exists() and "log opened again" in log.read_text(), "the new log")


def test_a_place_that_is_taken(folder: Folder) -> None:
    taken = folder.write("taken", "precious")
    outcome = run_mewsgi("--http", "127.0.0.1:0", "--master-fifo", str(taken), *PROBE)
    assert outcome.status == 1
    assert f"{taken} is there already and no FIFO; remove it" in outcome.text
    assert taken.read_text() == "precious"
