"""Workers that lock up after the fork, since a thread of the import held a lock at that moment:
the server starts, reloads and replaces workers all the same, and says why it took longer."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Callable

import pytest
from harness import Server, wait_for
from harness.fixtures import WriteApp

Serve = Callable[..., Server]

# A child of a fork inherits the lock as it was, and no thread that would ever release it.
LOCKS = """
    import os, threading, time, uwsgi

    imported_in = os.getpid()
    lock = threading.Lock()
    held = threading.Event()

    def hold():
        with lock:
            held.set()
            threading.Event().wait()

    threading.Thread(target=hold, name="lock-holder", daemon=True).start()
    held.wait()

    def use_the_lock():
        if os.getpid() != imported_in:
            with lock:
                pass

    %s

    def application(environ, start_response):
        start_response("200 OK", [])
        return [b"by itself" if imported_in == os.getpid() else b"preloaded"]
"""
AT_FORK = {
    "post_fork_hook": "uwsgi.post_fork_hook = use_the_lock",
    "after_in_child": "os.register_at_fork(after_in_child=use_the_lock)",
}
WARNING = r"warning master +worker \d, forked from the imported app, was not ready"
SOON = ("--worker-start-timeout", "700ms")


def mend(folder: Path) -> None:
    """The app without its thread, under a new time stamp for Python's bytecode cache."""
    target = folder / "app.py"
    before = target.stat().st_mtime
    target.write_text(
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    return [b'mended']\n"
    )
    os.utime(target, (before + 2, before + 2))


@pytest.mark.parametrize("where", AT_FORK)
def test_workers_import_by_themselves(serve: Serve, write_app: WriteApp, where: str) -> None:
    server = serve("--processes", "2", *SOON, "app", cwd=write_app(LOCKS % AT_FORK[where]))
    assert {server.get("/").text for _ in range(5)} == {"by itself"}
    assert sorted(server.workers()) == [1, 2]
    assert len(server.find_all(WARNING)) == 1, server.log
    assert server.find_log("Probably the import started a thread.*--lazy-apps")
    assert server.find_log('thread "lock-holder" was started while importing')
    assert " error " not in server.log
    assert len(server.zygotes()) == 1

    # Who dies later is replaced from the new zygote, at once.
    mark = server.mark()
    os.kill(server.workers()[1].pid, signal.SIGKILL)
    server.wait_log("spawned mewsgi worker 1 ", since=mark)
    assert not server.find_all(WARNING, mark)
    assert {server.get("/").text for _ in range(5)} == {"by itself"}


def test_a_reload_tries_again(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(LOCKS % AT_FORK["post_fork_hook"])
    server = serve(*SOON, "app", cwd=folder)
    mark = server.mark()
    assert server.run("reload").status == 0
    assert len(server.find_all(WARNING, mark)) == 1
    mend(folder)
    mark = server.mark()
    assert server.run("reload").status == 0
    assert server.get("/").text == "mended"
    assert not server.find_all(WARNING, mark)


def test_a_worker_that_is_replaced(serve: Serve, write_app: WriteApp) -> None:
    """The first workers got through, and later one locks up: nobody waits for it."""
    folder = write_app(
        LOCKS
        % """
    def use_the_lock_if_told():
        if os.path.exists("now"):
            use_the_lock()

    uwsgi.post_fork_hook = use_the_lock_if_told
    """
    )
    server = serve("--processes", "2", *SOON, "app", cwd=folder)
    assert server.get("/").text == "preloaded"
    (folder / "now").touch()
    os.kill(server.workers()[1].pid, signal.SIGKILL)
    server.wait_log(WARNING)
    wait_for(lambda: sorted(server.workers()) == [1, 2], "both workers")
    wait_for(
        lambda: {server.get("/").text for _ in range(9)} == {"preloaded", "by itself"},
        "answers of both",
    )
    assert not server.find_log("generation 2|zygote-lost|lost its zygote"), server.log
    assert server.reserve().alive, "a reserve of the new zygote"


def test_lazy_apps_have_no_such_limit(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(
        """
        import time
        time.sleep(0.5)

        def application(environ, start_response):
            start_response("200 OK", [])
            return [b"slow to come"]
        """
    )
    server = serve("--lazy-apps", "--worker-start-timeout", "200ms", "app", cwd=folder)
    assert server.get("/").text == "slow to come"
    assert not server.find_log("not ready within")
