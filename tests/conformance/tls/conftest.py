"""TLS of the real program, with the harness of tests/integration."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
INTEGRATION = HERE.parents[1] / "integration"
sys.path[:0] = [str(INTEGRATION), str(HERE)]

from harness.certificates import Authority  # noqa: E402
from harness.fixtures import (  # noqa: E402, F401
    pytest_configure,
    pytest_runtest_makereport,
    serve,
)
from harness.server import Server  # noqa: E402
from listening import PROBE, https  # noqa: E402


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("authority"))
    made.issue("localhost")
    made.issue("localhost", kind="rsa", file="rsa")
    return made


@pytest.fixture(scope="session")
def context(authority: Authority) -> ssl.SSLContext:
    return authority.context()


@pytest.fixture(scope="session")
def secured(authority: Authority) -> Iterator[Server]:
    """Two fronts, and a certificate of each kind of key on a port of its own."""
    ports = [*https(authority), *https(authority, "rsa")]
    options = [*ports, "--http-processes", "2", "--http-tls-handshake-timeout", "2s", *PROBE]
    with Server(options, http=None) as server:
        yield server
