"""Tests on the real program. See harness/__init__.py for what they are made with."""

import sys

from harness.asgi import asgi  # noqa: F401
from harness.fixtures import (  # noqa: F401
    given,
    probe,
    pytest_configure,
    pytest_generate_tests,
    pytest_runtest_makereport,
    serve,
    write_app,
)

# The agents' own floor: tools/requirements/test.txt.
collect_ignore = [] if sys.version_info >= (3, 11) else ["test_agents.py"]
