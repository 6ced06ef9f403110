"""HTTP/1.1 rules by raw bytes on the real program, with the harness of tests/integration."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "integration"))

from harness.fixtures import (  # noqa: E402, F401
    pytest_configure,
    pytest_runtest_makereport,
    serve,
)
from harness.server import Server  # noqa: E402


@pytest.fixture(scope="session")
def counting() -> Iterator[Server]:
    """One worker, so that its count is the count."""
    with Server(["--chdir", str(HERE), "counting_app:app"]) as server:
        yield server
