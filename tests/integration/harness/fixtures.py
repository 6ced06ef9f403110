"""Fixtures that every folder of tests on the real program shares; its conftest.py imports them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Callable

import pytest

from harness.given import Given
from harness.nginx import Nginx
from harness.server import DEFAULT_WAY, Server

# Threads of the worker, and the way in.
GIVEN = {
    "inline": (1, DEFAULT_WAY),
    "threads": (3, DEFAULT_WAY),
    "routed": (1, "routed"),
    "routed threads": (3, "routed"),
}
APPS = Path(__file__).resolve().parent.parent / "apps"
WriteApp = Callable[..., Path]


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """`serve("app:app", "--processes", "2", cwd=folder)`: a started server, stopped at the end."""
    with ExitStack() as running:

        def start(*arguments: str, **how: Any) -> Server:
            return running.enter_context(Server(arguments, **how))

        yield start


@pytest.fixture
def write_app(tmp_path: Path) -> WriteApp:
    """`write_app("...", name="app.py")`: a file of Python in a fresh folder; gives the folder."""

    def write(source: str, name: str = "app.py") -> Path:
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(source))
        return tmp_path

    return write


@pytest.fixture(scope="module")
def probe(request: pytest.FixtureRequest) -> Iterator[Server]:
    """apps/probe.py with one worker, shared by the tests of a module that change nothing in it; and
    all of them once more with wsgiref's validator around it, and once more behind a front (see
    pytest_generate_tests)."""
    kind = request.param
    with serve_validated("probe:app") if kind == "validated" else serve_plain(kind) as server:
        yield server


def serve_plain(kind: str) -> Server:
    way = {"way": kind} if kind == "routed" else {}
    return Server(["--chdir", str(APPS), "probe:app"], **way)


@contextmanager
def serve_validated(app: str, *arguments: str, **how: Any) -> Iterator[Server]:
    """`module:callable` with the validator around it, which must have found nothing in the end."""
    where = ["--pythonpath", str(APPS), *arguments, "validated"]
    with Server(where, env={"VALIDATED_APP": app, **how.pop("env", {})}, **how) as server:
        yield server
    found = re.search(r"^AssertionError.*|.*garbage collected without.*", server.log, re.MULTILINE)
    assert not found, f"wsgiref's validator: {found[0]}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "probe" in metafunc.fixturenames:
        breaks = metafunc.definition.get_closest_marker("breaks_rules")
        kinds = ["plain", "routed"] if breaks else ["plain", "validated", "routed"]
        metafunc.parametrize("probe", kinds, indirect=True, scope="module")
    if "given" in metafunc.fixturenames:
        metafunc.parametrize("given", GIVEN, indirect=True, scope="module")


@pytest.fixture(scope="module")
def given(request: pytest.FixtureRequest) -> Iterator[Given]:
    """apps/given.py with one worker: each request brings the app that answers it. Inline, and once
    more on threads beside the loop, and both behind a front (see pytest_generate_tests)."""
    threads, way = GIVEN[request.param]
    options = ["--chdir", str(APPS), "--buffer-size", "65536", "--threads", str(threads)]
    # What is longer comes as a stream, as it does on the direct way.
    options += ["--request-buffer-max", "65536"]
    with Server([*options, "given:app"], way=way) as server:
        yield Given(server, threads)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, None]:
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for server in Server.living:
            title = f"log of {' '.join(server.command)} (pid {server.process.pid})"
            report.sections.append((title, server.log[-20000:]))
        for nginx in Nginx.living:
            report.sections.append((f"log of nginx in {nginx.folder}", nginx.log[-6000:]))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes more than about five seconds")
    config.addinivalue_line("markers", "breaks_rules(why): not with wsgiref's validator around")
