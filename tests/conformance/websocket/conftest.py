"""WebSockets by raw frames on the real program, with the harness of tests/integration."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "integration"), str(HERE)]

from harness.fixtures import (  # noqa: E402, F401
    pytest_configure,
    pytest_runtest_makereport,
    serve,
)
from harness.server import Server  # noqa: E402

# Apps that echo every message in kind, each by one of the interfaces that WebSockets have.
APPS = {
    "uwsgi": ["--threads", "4", "uwsgi_echo:app"],
    "gevent": ["--gevent", "20", "uwsgi_echo:app"],
    "asgi": ["asgi_echo:app"],
}
WAYS = ("direct", "routed")


@pytest.fixture(scope="session", params=[(app, way) for app in APPS for way in WAYS], ids="-".join)
def echo(request: pytest.FixtureRequest) -> Iterator[Server]:
    app, way = request.param
    if app == "gevent":
        pytest.importorskip("gevent")
    with Server(["--chdir", str(HERE), *APPS[app]], way=way) as server:
        yield server
    assert "the app failed" not in server.log
