"""A WSGI application that sends headers ahead of its answer, where the server takes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

STYLE = ("Link", "</style.css>; rel=preload; as=style")
SCRIPT = ("Link", "</cat.js>; rel=preload; as=script")


def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    early_hints = environ.get("wsgi.early_hints")
    path = environ["PATH_INFO"]
    if early_hints is not None and path == "/twice":
        early_hints([STYLE])
        early_hints([SCRIPT, ("X-Cat", "tabby")])
    if early_hints is not None and path == "/bad":
        try:
            early_hints([("X-A", "evil\r\nX-B: evil")])
        except ValueError as error:
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [str(error).encode()]
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    if early_hints is not None and path == "/late":
        write(b"begun, ")
        early_hints([STYLE])
    return [b"none" if early_hints is None else b"hinted"]
