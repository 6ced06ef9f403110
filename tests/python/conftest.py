"""Unit tests of the Python package, without the server: the native half is a recorder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Callable

import pytest
from fake_native import FakeNative


@pytest.fixture(autouse=True)
def native(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeNative]:
    """A fresh native half, and none of our modules left from the test before."""
    import mewsgi

    fake = FakeNative()
    for name in [name for name in sys.modules if name.startswith("mewsgi.")]:
        monkeypatch.delitem(sys.modules, name)
    for name in list(vars(mewsgi)):
        if isinstance(getattr(mewsgi, name), ModuleType):
            monkeypatch.delattr(mewsgi, name)
    for name in ("uwsgi", "uwsgidecorators"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "mewsgi._mewsgi", fake)
    monkeypatch.setattr(mewsgi, "_mewsgi", fake, raising=False)
    finders = list(sys.meta_path)
    yield fake
    sys.meta_path[:] = finders
    for name in ("uwsgi", "uwsgidecorators"):
        sys.modules.pop(name, None)


OPTIONS: dict[str, Any] = {
    "module": "",
    "wsgi-file": "",
    "callable": "",
    "mount": [],
    "chdir": "",
    "pythonpath": [],
    "virtualenv": "",
    "interpreter": "",
    "pyargv": "",
    "env": [],
    "import": [],
    "need-app": True,
    "lazy-apps": False,
    "preload": "auto",
    "warm-up": [],
    "asgi": "auto",
    "dev": False,
    "gevent": 0,
    "gevent-monkey-patch": True,
    "processes": 3,
    "threads": 1,
    "master": True,
    "vacuum": True,
    "auto-procname": False,
    "pidfile": "",
    "listen": 1024,
    "buffer-size": 32768,
    "http-send-timeout": 60.0,
    "websocket-max-size": 16384,
    "websocket-ping-freq": 30.0,
    "websocket-pong-tolerance": 20.0,
    "websocket-deflate": True,
    "log-json": False,
    "singleton": [],
    "py-autoreload": 0.0,
    "py-auto-reload-ignore": [],
}


@pytest.fixture
def options() -> dict[str, Any]:
    return dict(OPTIONS)


MakeBoot = Callable[..., Any]


@pytest.fixture
def make_boot() -> MakeBoot:
    def make(*given: tuple[str, str, bool, str], **changes: Any) -> dict[str, Any]:
        in_force = {**OPTIONS, **{key.replace("_", "-"): value for key, value in changes.items()}}
        return {
            "given": list(given),
            "options": in_force,
            "listeners": [(4, "http", ":8000"), (5, "http-socket", "/run/x.sock")],
            "master_pid": 4321,
            "generation": 1,
            "started": 1_700_000_000,
            "package_dir": "/nowhere",
            "interpreter_reason": "a test",
        }

    return make


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working directory for apps; what they import is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    path, known = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    sys.path_importer_cache.clear()
    for name in set(sys.modules) - known:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(str(tmp_path)):
            del sys.modules[name]
