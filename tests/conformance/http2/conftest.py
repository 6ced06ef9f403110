"""HTTP/2 rules by raw frames on the real program, with the harness of tests/integration."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
APPS = HERE.parent / "http1"  # the apps are the same, whatever version asks them
sys.path[:0] = [str(HERE.parents[1] / "integration"), str(APPS)]  # APPS has wire.py

from harness.fixtures import (  # noqa: E402, F401
    pytest_configure,
    pytest_runtest_makereport,
    serve,
)
from harness.server import Server  # noqa: E402


@pytest.fixture(scope="session")
def counting() -> Iterator[Server]:
    """One worker, so that its count is the count."""
    where = ["--h2c", "--chdir", str(APPS)]
    with Server([*where, "counting_app:app"], way="routed") as server:
        yield server


@pytest.fixture(scope="session")
def answering() -> Iterator[Server]:
    with Server(["--h2c", "--chdir", str(APPS), "answering_app:app"], way="routed") as server:
        yield server
