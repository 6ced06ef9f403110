"""What the loads of load.py and h2_load.py share: clients on threads, started and ended together,
bounded in time, and what they found wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Callable, TypeVar

PACE = 0.002  # seconds between two turns of a client: load, but no contest for two cores

T = TypeVar("T", bound="ClientThreads")


class ClientThreads:
    def __init__(self, clients: Iterable[Callable[[], None]], longest: float, grace: float) -> None:
        """`longest` bounds a client's life, `grace` its end; both in seconds."""
        self.longest, self.grace = longest, grace
        self.errors: list[str] = []
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=client, daemon=True) for client in clients]

    def __enter__(self: T) -> T:
        self._deadline = time.monotonic() + self.longest
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=self.grace)
            assert not thread.is_alive(), "a client of the load did not end"
