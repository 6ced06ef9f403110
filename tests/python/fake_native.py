"""The native half as these tests see it, and where the package under test lies."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGE = Path(__file__).resolve().parents[2] / "python"
if str(PACKAGE) not in sys.path:
    sys.path.insert(0, str(PACKAGE))


class Ended(BaseException):
    """The native half would have ended the process."""


class FakeNative(ModuleType):
    """Stands for mewsgi._mewsgi and keeps what it was told."""

    def __init__(self) -> None:
        super().__init__("mewsgi._mewsgi")
        self.events: list[tuple[str, str, str]] = []
        self.calls: list[tuple[Any, ...]] = []
        self.slot = 0
        self.connections: list[tuple[int, str]] = []

    def log(self, level: str, event: str, message: str) -> None:
        self.events.append((level, event, message))

    def worker_id(self) -> int:
        return self.slot

    def request_id(self) -> int:
        return 7

    def total_requests(self) -> int:
        return 12

    def workers(self) -> tuple[dict[str, Any], ...]:
        return ({"id": 1},)

    def open_connections(self) -> list[tuple[int, str]]:
        return self.connections

    def zygote_failed(self, status: int, text: str) -> None:
        self.calls.append(("zygote_failed", status, text))
        raise Ended

    def worker_failed(self, status: int, text: str) -> None:
        self.calls.append(("worker_failed", status, text))
        raise Ended

    def leave(self, status: int) -> None:
        self.calls.append(("leave", status))
        raise Ended

    def serve(self, application: Any, mounts: Any) -> int:
        self.calls.append(("serve", application, mounts))
        return 0

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args: self.calls.append((name, *args))
