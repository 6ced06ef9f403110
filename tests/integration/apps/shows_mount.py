"""Says which app it is and what it was told of its path. Several of these are mounted by tests."""

from __future__ import annotations

import json
from typing import Any, Callable

calls: dict[str, int] = {}


def make(name: str) -> Callable[..., list[bytes]]:
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        calls[name] = calls.get(name, 0) + 1
        keys = ("SCRIPT_NAME", "PATH_INFO", "REQUEST_URI")
        told = {key: environ.get(key) for key in keys}
        told.update(app=name, calls=calls)
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(told).encode()]

    return application


root, shop, cart, cafe = make("root"), make("shop"), make("cart"), make("cafe")
