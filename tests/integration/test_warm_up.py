"""warm-up: the app's first request before the first client's, in memory that workers share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable

import pytest
from harness import Server, run_mewsgi
from harness.fixtures import WriteApp

Serve = Callable[..., Server]

COUNTS = """
    import os, socket, threading

    calls = []

    def application(environ, start_response):
        calls.append((environ["PATH_INFO"], os.getpid()))
        if environ["PATH_INFO"] == "/opens":
            open_for_good()
        start_response("200 OK", [])
        warm = [path for path, pid in calls[:-1] if pid != os.getpid()]
        own = [path for path, pid in calls[:-1] if pid == os.getpid()]
        return [f"shared {warm} own {own}".encode()]

    def open_for_good():
        global kept
        listener = socket.create_server(("127.0.0.1", 0))
        kept = listener, socket.create_connection(listener.getsockname()), listener.accept()
        wait = threading.Event().wait
        threading.Thread(target=wait, name="opened-by-warm-up", daemon=True).start()
"""


def test_all_workers_are_warm(serve: Serve, write_app: WriteApp) -> None:
    server = serve(
        "--processes", "2", "--warm-up", "/one", "--warm-up", "/two?x=1", "app",
        cwd=write_app(COUNTS),
    )  # fmt: skip
    first = {server.get("/").text for _ in range(2)}
    assert all(text.startswith("shared ['/one', '/two'] own ") for text in first)
    found = server.wait_log(r"info +zygote +warm-up of /one: answered 200 OK in \d\.\d\d s")
    assert found and server.log.count("warm-up of") == 2


def test_lazy_workers_are_warm_before_they_are_ready(serve: Serve, write_app: WriteApp) -> None:
    server = serve(
        "--processes", "2", "--lazy-apps", "--warm-up", "/one", "app", cwd=write_app(COUNTS)
    )
    assert server.get("/").text == "shared [] own ['/one']"
    assert server.find_log(r"info +worker 1 +warm-up of /one")
    assert server.find_log(r"info +worker 2 +warm-up of /one")


def test_what_it_opens_is_named(serve: Serve, write_app: WriteApp) -> None:
    server = serve("--warm-up", "/opens", "app", cwd=write_app(COUNTS))
    assert server.find_log('warning .*thread "opened-by-warm-up" was started while importing')
    assert server.find_log(r"warning .*a connection to 127\.0\.0\.1:\d+ .* was opened while")


FAILS = """
    def application(environ, start_response):
        if environ["PATH_INFO"] == "/raises":
            raise RuntimeError("cold feet")
        start_response("503 Not Yet", [])
        return [b""]
"""


@pytest.mark.parametrize("lazy", [[], ["--lazy-apps"]], ids=["preloaded", "lazy"])
@pytest.mark.parametrize(
    ("uri", "told"), [("/raises", "RuntimeError: cold feet"), ("/", "answered 503 Not Yet")]
)
def test_a_failure_is_a_failed_start(
    write_app: WriteApp, uri: str, told: str, lazy: list[str]
) -> None:
    folder = write_app(FAILS)
    outcome = run_mewsgi("--http", "127.0.0.1:0", "--warm-up", uri, *lazy, "app", cwd=folder)
    assert outcome.status == 22 and told in outcome.text, outcome.text


def test_a_failure_rolls_a_reload_back(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(COUNTS)
    server = serve("--warm-up", "/raises", "app", cwd=folder)
    before = server.workers()[1].pid
    change(folder / "app.py", FAILS)
    outcome = server.run("reload")
    assert outcome.status == 1 and "RuntimeError: cold feet" in outcome.text, outcome.text
    assert server.get("/").text.startswith("shared ['/raises']")
    assert server.workers()[1].pid == before


def test_without_need_app_it_is_served_all_the_same(serve: Serve, write_app: WriteApp) -> None:
    server = serve("--need-app=false", "--warm-up", "/raises", "app", cwd=write_app(FAILS))
    assert server.get("/").status == 503
    assert server.find_log("(?s)error .*warm-up of /raises: the app raised.*cold feet")


def change(file: Path, source: str) -> None:
    import textwrap

    before = file.stat().st_mtime
    file.write_text(textwrap.dedent(source))
    os.utime(file, (before + 2, before + 2))
