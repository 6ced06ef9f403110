"""What an app's import may leave behind or get wrong, and how workers end with hooks of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent
from typing import Callable

import pytest
from harness import Server
from harness.fixtures import WriteApp

Serve = Callable[..., Server]

OK = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [answer().encode()]
"""


def app(source: str) -> str:
    """An app whose answer is what the function `answer` of the source gives."""
    return dedent(source) + OK


def test_threads_of_the_import_stand_still(
    serve: Serve, write_app: WriteApp, tmp_path: Path
) -> None:
    """The zygote waits with the GIL: a thread that ticks does so only until the import is done."""
    ticks = tmp_path / "ticks"
    folder = write_app(
        app(
            f"""
        import os, threading, time
        fd = os.open({str(ticks)!r}, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        def tick():
            while True:
                os.write(fd, b".")
                time.sleep(0.001)
        threading.Thread(target=tick, name="ticker", daemon=True).start()
        answer = lambda: str(threading.active_count())
        """
        )
    )
    server = serve("app", cwd=folder)
    server.wait_log('thread "ticker" was started while importing')
    assert server.get("/").text == "1", "the worker has its own thread only"
    before = ticks.stat().st_size
    time.sleep(0.3)  # not to wait for something: to see that nothing happens
    assert ticks.stat().st_size - before <= 1


def test_import_that_blocks_does_not_block_the_stop(
    serve: Serve, write_app: WriteApp, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "gate")
    folder = write_app("print('importing', flush=True)\nopen('gate').read()")
    server = serve("app", cwd=folder, wait=None, expect_status=None)
    server.wait_log("importing")
    started = time.monotonic()
    server.stop()
    assert time.monotonic() - started < 5
    server.expect_nothing_left()


def test_import_that_catches_signals_and_blocks(
    serve: Serve, write_app: WriteApp, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "gate")
    folder = write_app(
        """
        import signal
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        print("importing", flush=True)
        open("gate").read()
        """
    )
    server = serve("app", cwd=folder, wait=None, expect_status=None)
    server.wait_log("importing")
    server.stop(signal.SIGINT)
    server.expect_nothing_left()


def test_exit_hooks_run_once_in_each_worker(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(
        app(
            """
        import atexit, sys, threading, uwsgi
        atexit.register(lambda: print("atexit in", uwsgi.worker_id()))
        uwsgi.atexit = lambda: print("hook in", uwsgi.worker_id())
        def answer():
            thread = threading.Thread(target=lambda: (go.wait(), print("thread done")))
            thread.start()
            threading.Timer(0.2, go.set).start()
            return "ok"
        go = threading.Event()
        """
        )
    )
    server = serve("--processes", "2", "app", cwd=folder)
    assert server.get("/").status == 200
    server.stop()
    server.expect_nothing_left()
    for said in ("hook in 1", "hook in 2", "atexit in 1", "atexit in 2", "thread done"):
        assert server.log.count(said) == 1, said
    assert not server.find_log("(atexit|hook) in 0"), "the zygote is no worker"


BLOCKS = {
    "uwsgi.atexit": ("uwsgi.atexit = wait", "uwsgi.atexit: not done", r"app.py:\d+ \(wait\)"),
    "sleep": ("uwsgi.atexit = lambda: time.sleep(1e6)", "uwsgi.atexit: not done", r"app.py:\d+"),
    "atexit": ("atexit.register(wait)", "atexit: not done", r"app.py:\d+ \(wait\)"),
    "thread": (
        "def answer():\n    threading.Thread(target=wait, name='stays').start()\n    return ''",
        "the end of threads: not done",
        r'thread "stays" still runs, in \S+app.py:\d+ \(wait\)',
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("where", BLOCKS)
def test_an_exit_hook_that_blocks_is_interrupted(
    serve: Serve, write_app: WriteApp, where: str
) -> None:
    """It is named, and all that comes after it still happens."""
    source, step, place = BLOCKS[where]
    folder = write_app(
        app(
            f"""
import atexit, logging, logging.handlers, sys, threading, time, uwsgi

def wait():
    threading.Event().wait()

answer = lambda: ""
atexit.register(print, "the first function")
{source}
atexit.register(print, "the last function")
kept = logging.handlers.MemoryHandler(100, 100, target=logging.StreamHandler(sys.stdout))
logging.getLogger().addHandler(kept)
logging.getLogger().error("a line that waits for its flush")
"""
        )
    )
    server = serve("app", cwd=folder)
    assert server.get("/").status == 200
    started = time.monotonic()
    server.stop()
    assert time.monotonic() - started < 4.8, "before the limit of the whole"
    assert server.find_log(rf"(?s){step} within \d\.\d s, interrupted in .*{place}"), server.log
    for line in ("the first function", "the last function", "a line that waits for its flush"):
        assert server.log.count(line) == 1, line
    assert "Exception ignored" not in server.log and "exiting without" not in server.log
    server.expect_nothing_left()


@pytest.mark.slow
@pytest.mark.parametrize(
    "blocks",
    [
        # with the lock of the import system, and no chance for another thread to run
        "uwsgi.atexit = lambda: [sys.setswitchinterval(1e9), any(iter(int, 1))]",
        # what interrupts it is taken for something to be tried again
        "uwsgi.atexit = stubborn",
    ],
    ids=["holding the GIL", "catching everything"],
)
def test_exit_hooks_that_cannot_be_interrupted_are_cut(
    serve: Serve, write_app: WriteApp, blocks: str
) -> None:
    folder = write_app(
        app(
            f"""
import sys, threading, uwsgi

def stubborn():
    while True:
        try:
            threading.Event().wait()
        except BaseException:
            pass

answer = lambda: ""
{blocks}
"""
        )
    )
    server = serve("app", cwd=folder)
    assert server.get("/").status == 200
    started = time.monotonic()
    server.stop()
    assert time.monotonic() - started < 7.5, "within stop-mercy, and not by being killed"
    assert server.find_log(r"were not done within 5 s; exiting without.*at: uwsgi\.atexit")
    assert "SIGKILL" not in server.log
    server.expect_nothing_left()


@pytest.mark.parametrize("leaves", ["by a reload", "by max-requests", "by a stop"])
def test_whoever_leaves_runs_its_exit_hooks(serve: Serve, write_app: WriteApp, leaves: str) -> None:
    folder = write_app(
        app(
            """
        import atexit, os, uwsgi
        me = os.getpid
        atexit.register(lambda: print("atexit in", uwsgi.worker_id(), me(), flush=True))
        uwsgi.atexit = lambda: print("hook in", uwsgi.worker_id(), me(), flush=True)
        answer = lambda: str(me())
        """
        )
    )
    limit = ["--max-requests", "1"] if leaves == "by max-requests" else []
    server = serve(*limit, "app", cwd=folder)
    pid = server.get("/").text
    if leaves == "by a reload":
        assert server.run("reload").status == 0
    elif leaves == "by a stop":
        server.stop()
    server.wait_log(rf"(?s)hook in 1 {pid}\n.*atexit in 1 {pid}$")
    if leaves != "by a stop":
        server.stop()
    server.expect_nothing_left()
    assert not server.find_log("(atexit|hook) in 0"), "a zygote is no worker"


def test_hooks_that_raise_do_not_matter(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(
        app(
            """
        import atexit, uwsgi
        def fail(): raise ValueError("by a hook")
        uwsgi.post_fork_hook = uwsgi.atexit = fail
        atexit.register(fail)
        answer = lambda: "ok"
        """
        )
    )
    server = serve("app", cwd=folder)
    server.wait_log(r"uwsgi.post_fork_hook raised:")
    assert server.get("/").text == "ok"
    server.stop()
    assert "uwsgi.atexit raised:" in server.log
    assert server.log.count("ValueError: by a hook") == 3


def test_app_asks_for_a_stop(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(app("import uwsgi\nanswer = lambda: str(uwsgi.stop())"))
    server = serve("app", cwd=folder)
    assert server.get("/").text == "True"
    assert server.wait_end() == 0


@pytest.fixture
def other_venv(tmp_path: Path) -> Path:
    """A venv of this python that has one module, and no mewsgi."""
    venv = tmp_path / "other"
    command = [sys.executable, "-m", "venv", "--without-pip", str(venv)]
    subprocess.run(command, check=True, timeout=120)
    (packages,) = venv.glob("lib/python*/site-packages")
    (packages / "only_there.py").write_text("WHERE = __file__\n")
    return venv


TELLS = "import os, sys, only_there\nanswer = lambda: sys.prefix + ' ' + sys.executable"


def test_a_venv_without_mewsgi(serve: Serve, write_app: WriteApp, other_venv: Path) -> None:
    folder = write_app(app(TELLS))
    server = serve("--virtualenv", str(other_venv), "app", cwd=folder)
    prefix, executable = server.get("/").text.split()
    assert prefix == str(other_venv) and executable.startswith(str(other_venv))


def test_interpreter_and_virtualenv(serve: Serve, write_app: WriteApp, other_venv: Path) -> None:
    """Another python than the venv's own, with the venv's packages."""
    folder = write_app(app(TELLS))
    # fmt: off
    server = serve("--interpreter", sys.executable, "--virtualenv", str(other_venv), "app",
                   cwd=folder)
    # fmt: on
    prefix, executable = server.get("/").text.split()
    assert prefix == str(other_venv) and executable == sys.executable


def test_mewsgi_of_the_app_is_the_servers(serve: Serve, write_app: WriteApp) -> None:
    """Whatever else bears the name on sys.path."""
    write_app("raise ImportError('a stray one')", "mewsgi.py")
    folder = write_app(
        app(
            "import mewsgi, uwsgi\nfrom mewsgi import RequestBodyError\n"
            "answer = lambda: mewsgi.__version__ + ' ' + uwsgi.mewsgi_version"
        )
    )
    version, same = serve("app", cwd=folder).get("/").text.split()
    assert version == same
