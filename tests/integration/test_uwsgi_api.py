"""`import uwsgi` as old apps and agents use it, and how apps are loaded and forked."""

from __future__ import annotations

import os
import signal
from typing import Callable

from harness import Server, wait_for
from harness.fixtures import WriteApp

Serve = Callable[..., Server]

SHOWS = """
    import json, os, sys
    assert "uwsgi" in sys.modules, "there before the app is imported"
    import uwsgi

    at_import = {"worker_id": uwsgi.worker_id(), "pid": os.getpid()}
    forked = []
    uwsgi.post_fork_hook = lambda: forked.append(["hook", uwsgi.worker_id(), os.getpid()])

    def plain(value):
        if isinstance(value, bytes):
            return value.decode()
        if isinstance(value, dict):
            return {plain(k): plain(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(v) for v in value]
        return value

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "application/json")])
        if environ["PATH_INFO"] == "/log":
            uwsgi.log("a line by uwsgi.log")
        return [json.dumps({
            "opt": plain(uwsgi.opt), "version": plain(uwsgi.version),
            "version type": type(uwsgi.version).__name__,
            "opt types": sorted({type(v).__name__ for v in uwsgi.opt.values()}),
            "version_info": plain(uwsgi.version_info), "numproc": uwsgi.numproc,
            "worker_id": uwsgi.worker_id(), "masterpid": uwsgi.masterpid(), "pid": os.getpid(),
            "request_id": uwsgi.request_id(), "forked": forked, "at import": at_import,
            "file": getattr(uwsgi, "__file__", None), "workers": len(uwsgi.workers()),
            "environ": {k: plain(v) for k, v in environ.items() if k.startswith("uwsgi.")},
            "multi": [environ["wsgi.multiprocess"], environ["wsgi.multithread"]],
        }).encode()]
"""


def test_the_module(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(SHOWS)
    (folder / "app.ini").write_text(
        "[uwsgi]\nmodule = app\nprocesses = 2\nmaster = true\nset-ph = colour=green\nmy_own = 7\n"
    )
    server = serve("--ini", "app.ini", cwd=folder)
    seen = server.get("/").json
    assert seen["version_info"][:3] >= [2, 0, 31], seen["version_info"]
    assert seen["version type"] == "bytes"
    assert seen["numproc"] == 2 and seen["workers"] == 2
    assert seen["masterpid"] == server.process.pid
    assert server.workers()[seen["worker_id"]].pid == seen["pid"]
    assert seen["at import"]["worker_id"] == 0 and seen["at import"]["pid"] != seen["pid"]
    assert seen["forked"] == [["hook", seen["worker_id"], seen["pid"]]]
    assert seen["opt"]["module"] == "app" and seen["opt"]["processes"] == "2"
    assert seen["opt"]["my_own"] == "7"
    assert seen["opt"]["master"] in (True, "true")
    assert seen["multi"] == [True, False]
    server.get("/log")
    server.wait_log("a line by uwsgi.log")


def test_bare_flags_and_repeated_options(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(SHOWS)
    server = serve(
        "--master", "--pythonpath", "/a", "--pythonpath", "/b", "--module", "app", cwd=folder
    )
    seen = server.get("/").json
    assert seen["opt"]["master"] is True
    assert seen["opt"]["pythonpath"] == ["/a", "/b"]
    assert seen["multi"] == [False, False]
    assert seen["file"] is None, "uwsgi is never installed as a file"


def test_worker_ids_across_reload_and_respawn(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(SHOWS)
    server = serve("--processes", "2", "app", cwd=folder)
    assert server.run("reload").status == 0

    def ids() -> set[int]:
        return {server.get("/").json["worker_id"] for _ in range(10)}

    wait_for(lambda: ids() == {1, 2}, "both ids")
    mark = server.mark()
    os.kill(server.workers()[2].pid, signal.SIGKILL)
    server.wait_log("spawned mewsgi worker 2 ", since=mark)
    wait_for(lambda: ids() == {1, 2}, "both ids again")


def test_postfork_decorators_and_atexit(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(
        """
        import os, uwsgi
        from uwsgidecorators import postfork

        ran = []

        @postfork
        def first():
            ran.append("first")

        @postfork
        def second():
            ran.append("second")

        def at_exit():
            print("atexit in worker", uwsgi.worker_id(), flush=True)

        uwsgi.atexit = at_exit

        def application(environ, start_response):
            start_response("200 OK", [])
            return [",".join(ran).encode()]
        """
    )
    server = serve("app", cwd=folder)
    assert server.get("/").text == "first,second"
    server.stop()
    server.wait_log("atexit in worker 1")


def test_python_fork_hooks_and_atexit(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(
        """
        import os
        ran = []
        os.register_at_fork(after_in_child=lambda: ran.append(os.getpid()))

        def application(environ, start_response):
            start_response("200 OK", [])
            return [str([pid == os.getpid() for pid in ran][-1:]).encode()]
        """
    )
    assert serve("app", cwd=folder).get("/").text == "[True]"


LOADS = """
    import os
    print("imported in", os.getpid(), flush=True)
    imported_in = os.getpid()

    def application(environ, start_response):
        start_response("200 OK", [])
        return [b"lazy" if imported_in == os.getpid() else b"preloaded"]
"""


def test_imported_once(serve: Serve, write_app: WriteApp) -> None:
    server = serve("--processes", "3", "app", cwd=write_app(LOADS))
    assert server.get("/").text == "preloaded"
    assert server.log.count("imported in") == 1


def test_lazy_apps(serve: Serve, write_app: WriteApp) -> None:
    server = serve("--processes", "3", "--lazy-apps", "app", cwd=write_app(LOADS))
    assert server.get("/").text == "lazy"
    assert server.log.count("imported in") == 3


def test_preload_off(serve: Serve, write_app: WriteApp) -> None:
    server = serve("--preload", "off", "app", cwd=write_app(LOADS))
    assert server.get("/").text == "lazy"


def test_lazy_app_that_fails(write_app: WriteApp) -> None:
    from harness import run_mewsgi

    folder = write_app("raise RuntimeError('lazy and broken')")
    outcome = run_mewsgi("--lazy-apps", "--http", "127.0.0.1:0", "app", cwd=folder)
    assert outcome.status == 22 and "lazy and broken" in outcome.text


def test_warns_of_threads_and_connections(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(
        """
        import socket, threading

        listener = socket.create_server(("127.0.0.1", 0))
        link = socket.create_connection(listener.getsockname())
        held = listener.accept()
        thread = threading.Thread(target=threading.Event().wait, name="poller-of-mine", daemon=True)
        thread.start()

        def application(environ, start_response):
            start_response("200 OK", [])
            return [b"served all the same"]
        """
    )
    server = serve("app", cwd=folder)
    assert server.get("/").text == "served all the same"
    server.wait_log(r"(?i)warn.*poller-of-mine|poller-of-mine")
    server.wait_log(r"(?i)(connection|socket).*127\.0\.0\.1")
    quiet = serve("--preload", "on", "app", cwd=folder)
    assert not quiet.find_log("poller-of-mine"), "--preload on: asked for, so no warning"


def test_output_before_a_fork_is_written_once(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(
        """
        import sys
        sys.stdout.write("no newline, not flushed ")
        sys.stderr.write("nor here ")

        def application(environ, start_response):
            print("served", flush=True)
            start_response("200 OK", [])
            return [b"ok"]
        """
    )
    server = serve("--processes", "3", "app", cwd=folder)
    server.get("/")
    server.wait_log("served")
    server.stop()
    assert server.log.count("no newline, not flushed") == 1


def test_garbage_is_frozen(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(
        """
        import gc

        def application(environ, start_response):
            start_response("200 OK", [])
            return [str(gc.get_freeze_count() > 100).encode()]
        """
    )
    assert serve("app", cwd=folder).get("/").text == "True"


def test_a_hook_that_raises_is_logged_and_the_worker_serves(
    serve: Serve, write_app: WriteApp
) -> None:
    """As with uWSGI: an exception in post_fork_hook is no reason to have no workers."""
    folder = write_app(
        """
        import uwsgi

        def hook():
            raise RuntimeError("the hook broke")

        uwsgi.post_fork_hook = hook

        def application(environ, start_response):
            start_response("200 OK", [])
            return [b"served"]
        """
    )
    server = serve("app", cwd=folder)
    server.wait_log("Traceback")
    server.wait_log("RuntimeError: the hook broke")
    assert server.get("/").text == "served"
