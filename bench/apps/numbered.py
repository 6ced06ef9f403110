"""The app of the probes that check whose answer they got: the body is the request's own query.

"17" is answered with 17; "17+4096" with 17 again and again, up to 4096 bytes. /sleep does so after
0.3 s, /nap after 50 ms. Without a query it says hello, as the others do.
"""

import time
from collections.abc import Callable

SLEEPS = {"/sleep": 0.3, "/nap": 0.05}


def body_for(query: str) -> bytes:
    word, _, size = query.partition("+")
    if not size:
        return word.encode()
    return (word.encode() * (int(size) // len(word) + 1))[: int(size)]


def application(
    environ: dict[str, str],
    start_response: Callable[[str, list[tuple[str, str]]], object],
) -> list[bytes]:
    seconds = SLEEPS.get(environ["PATH_INFO"])
    if seconds:
        time.sleep(seconds)
    body = body_for(environ["QUERY_STRING"]) or b"Hello, World!"
    length = str(len(body))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", length)])
    return [body]
