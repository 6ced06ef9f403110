"""Cats as a Service as plain WSGI:

mewsgi --chdir examples/catserve catserve.wsgi
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from catserve.site import answer


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        headers = [("Allow", "GET, HEAD"), ("Content-Type", "text/plain"), ("Content-Length", "0")]
        start_response("405 Method Not Allowed", headers)
        return []
    reply = answer(environ.get("PATH_INFO", "/") or "/", "plain WSGI")
    start_response(reply.status, reply.headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [reply.body]
