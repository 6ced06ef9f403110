"""Tests on the real program. See harness/__init__.py for what they are made with."""

from harness.fixtures import (  # noqa: F401
    given,
    probe,
    pytest_configure,
    pytest_generate_tests,
    pytest_runtest_makereport,
    serve,
    write_app,
)
