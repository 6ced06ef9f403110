"""A worker's life around the native loop: hooks, lazy import, and its end."""

from __future__ import annotations

import atexit
import logging
import os
import re
import signal
import sys
import threading
from pathlib import Path
from typing import Any, Callable

import pytest
from fake_native import Ended, FakeNative

MakeBoot = Callable[..., Any]


@pytest.fixture
def run(native: FakeNative, make_boot: MakeBoot, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a worker to its end; returns `uwsgi`'s namespace setter and the record of calls."""
    # The tests' own process must survive what a worker does at its end.
    monkeypatch.setattr(atexit, "_run_exitfuncs", lambda: native.calls.append(("atexit",)))
    monkeypatch.setattr("threading._shutdown", lambda: native.calls.append(("threads",)))
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    alarm = signal.getsignal(signal.SIGALRM)

    def start(app: Any = None, lazy: bool = False, hooks: Any = None, **changes: Any) -> None:
        from mewsgi import _apps, _uwsgi, _worker

        boot = make_boot(**changes)
        module = _uwsgi.install(boot)
        for name, hook in (hooks or {}).items():
            setattr(module, name, hook)
        apps = _apps.Apps()
        apps.default = app
        with pytest.raises(Ended):
            _worker.run(boot, 2, apps, lazy)

    monkeypatch.setattr(os, "register_at_fork", lambda **hooks: native.calls.append(("at fork",)))
    yield start
    signal.signal(signal.SIGALRM, alarm)


def test_order_of_a_life(run: Any, native: FakeNative) -> None:
    calls = native.calls
    app = object()
    run(
        app,
        hooks={
            "post_fork_hook": lambda: calls.append(("forked",)),
            "atexit": lambda: calls.append(("uwsgi.atexit",)),
        },
        auto_procname=True,
    )
    assert calls == [
        ("set_title", "mewsgi worker 2"),
        ("forked",),
        ("at fork",),
        ("serve", app, []),
        ("limit_exit", 5.0, 0),
        ("set_exit_step", "uwsgi.atexit"),
        ("uwsgi.atexit",),
        ("set_exit_step", "the end of threads"),
        ("threads",),
        ("set_exit_step", "functions given to atexit"),
        ("atexit",),
        ("set_exit_step", "flushing the app's logs"),
        ("leave", 0),
    ]


@pytest.mark.parametrize(
    ("before", "threads", "then"),
    [(0.005, 1, 0.005), (0.005, 50, 0.005), (0.005, 1000, 0.1), (0.001, 1000, 0.001)],
)
def test_many_threads_ask_for_the_gil_less_often(
    run: Any, native: FakeNative, before: float, threads: int, then: float
) -> None:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(before)
    try:
        run(object(), threads=threads)
        assert sys.getswitchinterval() == pytest.approx(then)
    finally:
        sys.setswitchinterval(usual)


def test_logs_are_flushed_whatever_else_went_wrong(run: Any, native: FakeNative) -> None:
    class Broken(logging.Handler):
        def flush(self) -> None:
            native.calls.append(("flush", "broken"))
            raise OSError("disk full")

    class Good(logging.Handler):
        def flush(self) -> None:
            native.calls.append(("flush", "good"))

    handlers = [Broken(), Good()]
    run(None)
    for handler in handlers:
        handler.close()
    assert ("flush", "broken") in native.calls and ("flush", "good") in native.calls
    assert native.calls[-1] == ("leave", 0)
    assert not native.events


def stood(log: str) -> str:
    found = re.search(r"interrupted in (.*)", log)
    assert found, log
    return found[1]


def test_a_step_that_is_overdue_is_interrupted_and_named(
    run: Any, native: FakeNative, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mewsgi import _leave

    monkeypatch.setattr(_leave, "STEP_LIMIT", 0.05)
    caught: list[str] = []

    def stubborn() -> None:
        try:
            threading.Event().wait()
        except Exception:  # noqa: BLE001 -- as an app may well write around its last upload
            caught.append("as if it were an error")

    run(None, hooks={"atexit": stubborn})
    assert not caught
    ((level, event, message),) = native.events
    assert (level, event) == ("warning", "exit-overdue")
    assert message.startswith("uwsgi.atexit: not done within 0.2 s")
    assert re.match(r"\S+test_worker.py:\d+ \(stubborn\), which waits in \S+py:\d+", stood(message))
    assert ("threads",) in native.calls and ("atexit",) in native.calls
    assert native.calls[-1] == ("leave", 0)


def test_threads_that_are_waited_for_are_named(
    run: Any, native: FakeNative, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mewsgi import _leave

    monkeypatch.setattr(_leave, "STEP_LIMIT", 0.05)
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="the one that stays")
    thread.start()
    monkeypatch.setattr("threading._shutdown", thread.join)
    try:
        run(None)
    finally:
        end.set()
        thread.join(10)
    ((_, event, message),) = native.events
    assert event == "exit-overdue" and message.startswith("the end of threads")
    assert re.search(r'thread "the one that stays" still runs, in \S+threading.py:\d+', message)


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(4), KeyboardInterrupt()])
def test_hooks_that_raise_are_logged_and_passed_over(
    run: Any, native: FakeNative, error: BaseException
) -> None:
    def fail() -> None:
        raise error

    run(None, hooks={"post_fork_hook": fail, "atexit": fail})
    assert [event for _, event, _ in native.events] == ["hook-failed", "hook-failed"]
    assert all(type(error).__name__ in message for _, _, message in native.events)
    assert native.calls[-1] == ("leave", 0)


def test_lazy_import_happens_here(run: Any, native: FakeNative, site: Path) -> None:
    (site / "lazy_app.py").write_text(
        "import uwsgi\nuwsgi.post_fork_hook = lambda: None\ndef app(e, s): ...\n"
    )
    run(lazy=True, module="lazy_app")
    served = next(call for call in native.calls if call[0] == "serve")
    assert served[1].__name__ == "app"
    assert any("lazy_app:app loaded in" in message for _, _, message in native.events)


def test_lazy_import_that_fails(run: Any, native: FakeNative, site: Path) -> None:
    (site / "lazy_broken.py").write_text("raise RuntimeError('no')\n")
    run(lazy=True, module="lazy_broken")
    name, status, text = native.calls[-1]
    assert (name, status) == ("worker_failed", 22)
    assert "RuntimeError: no" in text
    assert not native.events, "the master logs it, and once is enough"


def test_lazy_import_that_fails_without_need_app(run: Any, native: FakeNative, site: Path) -> None:
    (site / "lazy_broken2.py").write_text("raise RuntimeError('no')\n")
    run(lazy=True, module="lazy_broken2", need_app=False)
    assert ("serve", None, []) in native.calls
    assert native.events[0][:2] == ("error", "app-failed")


def test_loop_that_does_not_open(run: Any, native: FakeNative) -> None:
    def serve(application: Any, mounts: Any) -> int:
        raise OSError("no descriptors left")

    native.serve = serve  # type: ignore[method-assign]
    run(None)
    name, status, text = native.calls[-1]
    assert (name, status) == ("worker_failed", 1) and "no descriptors left" in text
