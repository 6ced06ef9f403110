"""The one way to wait for something that gives no sign: look, pause, look again, give up."""

from __future__ import annotations

import threading
import time
from typing import Callable, TypeVar

T = TypeVar("T")
_pause = threading.Event()


def wait_for(look: Callable[[], T], what: str, timeout: float = 10.0) -> T:
    """The first true value of `look()`; an AssertionError that names `what` after the deadline."""
    deadline = time.monotonic() + timeout
    while True:
        value = look()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s in vain for {what}; last seen: {value!r}")
        _pause.wait(0.01)
