"""The lifespan's state: what the app put into it shows in every later scope, as a copy of its own
each time, so that one request cannot change what the next one sees."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from asgi_checker.report import require


class Lifetime:
    """Of one app in one process."""

    def __init__(self) -> None:
        self.state: dict[str, Any] | None = None
        self.began = False
        self.ended = False  # shut down in order

    def check(self, scope: MutableMapping[str, Any]) -> None:
        if scope["type"] == "lifespan":
            require(not self.began, "a second lifespan in one process")
            self.began = True
            self.state = scope.get("state")
            return
        require(not self.ended, f"{scope['type']} after the lifespan was over")
        require(not self.state or "state" in scope, "without the lifespan's state")
        self.check_copy(scope.get("state", {}))

    def check_copy(self, given: dict[str, Any]) -> None:
        own = self.state or {}
        require(given is not self.state, "the lifespan's state itself, not a copy")
        for name, value in own.items():
            require(given.get(name) is value, f"state: {name!r} is not what the lifespan put there")
        left = sorted(given.keys() - own.keys())
        require(not left, f"state: {left} was put there by another request")
