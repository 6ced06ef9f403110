"""Wheels and installations, for every Python that this machine has. All of it is slow."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness.fixtures import pytest_runtest_makereport  # noqa: F401

HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)
            # Whoever comes first waits for a compiler, the others for the lock.
            item.add_marker(pytest.mark.timeout(1200))
