"""A WSGI application that is whatever the query string says: the source, percent-encoded, of a
function `app`. What it is about stands in the test then. /checked puts wsgiref's validator around
it. `shared` is a dict that lives from request to request."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Callable
from urllib.parse import unquote
from wsgiref.validate import validator

StartResponse = Callable[..., Any]

shared: dict[str, Any] = {}


def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/shared":
        content = json.dumps(shared.pop(environ["QUERY_STRING"], None)).encode()
        start_response("200 OK", [("Content-Type", "application/json")])
        return [content]
    scope: dict[str, Any] = {"shared": shared, "counted": counted}
    exec(compile(unquote(environ["QUERY_STRING"]), "<given>", "exec"), scope)
    inner = scope["app"]
    if environ["PATH_INFO"] == "/checked":
        inner = validator(inner)
    return inner(environ, start_response)  # type: ignore[no-any-return]


class counted:  # noqa: N801 (used like a function)
    """An iterable whose close() is counted as shared[name]."""

    def __init__(self, name: str, parts: Iterable[bytes]) -> None:
        self.name, self.parts = name, iter(parts)

    def __iter__(self) -> counted:
        return self

    def __next__(self) -> bytes:
        return next(self.parts)

    def close(self) -> None:
        shared[self.name] = shared.get(self.name, 0) + 1
