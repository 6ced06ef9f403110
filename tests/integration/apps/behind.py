"""apps/probe.py, and for any other path what the environ says: for tests behind a web server."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, Callable

import probe

BLOCK = b"\0" * 65536


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    route = OWN.get(path) or probe.ROUTES.get(path) or probe.show_environ
    return route(environ, start_response)


def weigh(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """How much came, and its hash; never more than a block of it at once."""
    size, checksum = 0, hashlib.md5(usedforsecurity=False)
    while block := environ["wsgi.input"].read(len(BLOCK)):
        size += len(block)
        checksum.update(block)
    return probe.as_json(start_response, [size, checksum.hexdigest()])


def endless(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    while True:
        yield BLOCK


OWN: dict[str, Callable[..., Iterable[bytes]]] = {"/weigh": weigh, "/endless": endless}
