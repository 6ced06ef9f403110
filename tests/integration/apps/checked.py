"""The ASGI checker around the app that the environment names: CHECKED_APP=module:callable, with
CHECKED_FORGIVES=fault,... for what its framework is known to do wrong.

What it finds is a line "ASGI checker: ..." in the log; harness.asgi looks for it."""

from __future__ import annotations

import importlib
import os

from asgi_checker import checked

module, _, name = os.environ["CHECKED_APP"].partition(":")
forgiven = [fault for fault in os.environ.get("CHECKED_FORGIVES", "").split(",") if fault]
application = checked(getattr(importlib.import_module(module), name), forgiven)
