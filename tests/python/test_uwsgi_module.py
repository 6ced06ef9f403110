"""The `uwsgi` module and `uwsgidecorators`, as apps and agents see them."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable

import pytest

MakeBoot = Callable[..., Any]


@pytest.fixture
def install(make_boot: MakeBoot) -> Callable[..., Any]:
    def run(*given: tuple[str, str, bool, str], **changes: Any) -> Any:
        from mewsgi import _uwsgi

        _uwsgi.install(make_boot(*given, **changes))
        import uwsgi  # type: ignore[import-not-found]

        return uwsgi

    return run


def test_what_agents_read(install: Callable[..., Any]) -> None:
    uwsgi = install()
    assert uwsgi.version == b"2.0.31"
    assert uwsgi.version_info >= (2, 0, 31, 0, "")
    assert uwsgi.numproc == 3
    assert uwsgi.masterpid() == 4321
    assert uwsgi.mule_id() == 0
    assert (uwsgi.worker_id(), uwsgi.request_id(), uwsgi.total_requests()) == (0, 7, 12)
    assert uwsgi.sockets == [4, 5]
    assert uwsgi.hostname == os.uname().nodename.encode()
    assert uwsgi.is_a_reload is False
    assert uwsgi.opt["processes"] == uwsgi.opt["workers"] == b"3"
    for name in ("enable-threads", "master", "single-interpreter", "py-call-uwsgi-fork-hooks"):
        assert uwsgi.opt[name] is True
    assert int(uwsgi.opt["threads"]) == 1
    assert not uwsgi.opt.get("lazy-apps")


def test_what_is_not_there_is_absent(install: Callable[..., Any]) -> None:
    uwsgi = install()
    for name in ("post_fork_hook", "atexit", "after_req_hook", "lock", "cache_get", "spool"):
        assert not hasattr(uwsgi, name)


def test_opt_shows_what_was_given(install: Callable[..., Any]) -> None:
    uwsgi = install(
        ("my-own", "caf\udce9", False, "my-own"),
        ("http-socket", ":1", False, "http-socket"),
        ("http-socket", ":2", False, "http-socket"),
        ("http-socket", ":3", False, "http-socket"),
        ("master", "", True, "master"),
        ("virtualenv", "/v", False, "home"),
        ("processes", "8", False, "workers"),
        ("lazy-apps", "true", False, "lazy-apps"),
        lazy_apps=True,
    )
    assert uwsgi.opt["my-own"] == b"caf\xe9"
    assert uwsgi.opt["http-socket"] == [b":1", b":2", b":3"]
    assert uwsgi.opt["master"] is True
    assert uwsgi.opt["home"] == uwsgi.opt["virtualenv"] == b"/v"
    assert uwsgi.opt["workers"] == b"3", "in force, not as given"
    assert uwsgi.opt["lazy-apps"] == b"true"


def test_opt_is_false_where_an_option_is_off(install: Callable[..., Any]) -> None:
    uwsgi = install(
        ("lazy-apps", "false", False, "lazy-apps"),
        ("vacuum", "false", False, "vacuum"),
        ("enable-threads", "false", False, "enable-threads"),
        vacuum=False,
    )
    assert "lazy-apps" not in uwsgi.opt and "vacuum" not in uwsgi.opt
    assert uwsgi.opt["enable-threads"] is True, "threads always work here"


def test_functions(install: Callable[..., Any], native: Any) -> None:
    uwsgi = install()
    assert uwsgi.log("text") is True and uwsgi.log(b"by\xfftes") is True
    assert native.events == [("info", "app", "text"), ("info", "app", "by\\xfftes")]
    assert uwsgi.reload() is True and uwsgi.stop() is True
    uwsgi.setprocname(b"title")
    assert native.calls == [("request_reload",), ("request_stop",), ("set_title", "title")]
    rss, vsz = uwsgi.mem()
    assert 0 < rss < vsz
    assert abs(uwsgi.micros() / 1e6 - time.time()) < 60


def test_pidfile_only_if_set(install: Callable[..., Any]) -> None:
    assert not hasattr(install(), "pidfile")
    assert install(pidfile="/run/x.pid").pidfile == b"/run/x.pid"


def test_decorators_are_ours_whatever_is_installed(
    install: Callable[..., Any], site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (site / "uwsgidecorators.py").write_text("raise ImportError('of another server')\n")
    monkeypatch.syspath_prepend(str(site))
    install()
    import uwsgidecorators  # type: ignore[import-not-found]

    assert Path(uwsgidecorators.__file__).parent.name == "mewsgi"


def test_decorators_outside_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    sys.modules.pop("uwsgi", None)
    with pytest.raises(ImportError, match="only inside a mewsgi server"):
        __import__("mewsgi.uwsgidecorators")


def test_postfork_runs_by_worker_and_goes_on_after_a_failure(
    install: Callable[..., Any], native: Any
) -> None:
    uwsgi = install()
    from uwsgidecorators import postfork

    ran = []
    postfork(lambda: ran.append("a"))
    postfork(lambda: 1 / 0)
    postfork(2)(lambda: ran.append("two"))
    postfork(lambda: ran.append("b"))
    native.slot = 1
    uwsgi.post_fork_hook()
    assert ran == ["a", "b"]
    ((level, event, message),) = native.events
    assert (level, event) == ("error", "hook-failed") and "ZeroDivisionError" in message
    native.slot = 2
    uwsgi.post_fork_hook()
    assert ran == ["a", "b", "a", "two", "b"]


def test_thread(install: Callable[..., Any]) -> None:
    install()
    from uwsgidecorators import thread

    seen = []
    done = threading.Event()

    @thread
    def work(value: int, *, more: int) -> None:
        seen.append((value, more, threading.current_thread().daemon))
        done.set()

    assert callable(work(1, more=2))
    assert done.wait(10)
    assert seen == [(1, 2, True)]
