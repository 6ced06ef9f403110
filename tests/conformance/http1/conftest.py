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
    serve_validated,
)
from harness.server import Server  # noqa: E402


@pytest.fixture(scope="session", params=["plain", "validated", "routed"])
def counting(request: pytest.FixtureRequest) -> Iterator[Server]:
    """One worker, so that its count is the count; once more with wsgiref's validator around it, and
    once more behind a front."""
    app, where = "counting_app:app", ["--chdir", str(HERE)]
    way = {"way": request.param} if request.param == "routed" else {}
    validated = request.param == "validated"
    with serve_validated(app, *where) if validated else Server([*where, app], **way) as server:
        yield server
