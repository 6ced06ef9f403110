"""HTTP/1.1 rules, tested by raw bytes on the real program, with the harness of tests/integration."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "integration"))

from harness.fixtures import (  # noqa: E402, F401
    probe,
    pytest_configure,
    pytest_runtest_makereport,
    serve,
    write_app,
)
