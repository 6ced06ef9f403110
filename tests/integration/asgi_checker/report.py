"""How faults are told: raised, and written to stderr where the tests look for them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

MARK = "ASGI checker: "


class Fault(AssertionError):  # noqa: N818 (as AssertionError: a verdict)
    """A rule of ASGI was broken."""


def require(holds: bool, text: str) -> None:
    if not holds:
        raise Fault(text)


@contextmanager
def report(where: str) -> Iterator[None]:
    try:
        yield
    except Fault as fault:
        line = f"{where}: {fault}"
        sys.stderr.write(f"{MARK}{line}\n")
        sys.stderr.flush()
        raise Fault(line) from fault
