"""wsgiref's validator around the app that the environment names: VALIDATED_APP=module:callable.

What it finds is an AssertionError in the log and a 500; an iterator that was never closed is only
a line in the log. harness.fixtures.serve_validated looks for both."""

from __future__ import annotations

import importlib
import os
from wsgiref.validate import validator

module, _, name = os.environ["VALIDATED_APP"].partition(":")
application = validator(getattr(importlib.import_module(module), name))
