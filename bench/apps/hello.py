"""The one app that every server of the benchmark runs: 13 bytes, its type and its length.

It does as little as a WSGI app can, so that what is measured is the server.
"""

from collections.abc import Callable

BODY = b"Hello, World!"


def application(
    environ: dict[str, object],
    start_response: Callable[[str, list[tuple[str, str]]], object],
) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "13")])
    return [BODY]
