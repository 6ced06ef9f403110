"""The app of the probes that need a worker occupied: hello everywhere, except at three paths.

/large answers with more than a socket takes, so that a client that does not read holds its worker.
/busy?SECONDS sleeps for so long and then answers; /spin?SECONDS computes instead, with the GIL
held. Both first write the pid of their worker into the file that BENCH_PID_FILE names, so that the
probe knows whom it occupies, whatever the server.
"""

import os
import time
from collections.abc import Callable

BODY = b"Hello, World!"
LARGE = b"x" * (8 << 20)


def occupy(path: str, seconds: float) -> None:
    with open(os.environ["BENCH_PID_FILE"], "w") as file:
        file.write(f"{os.getpid()}\n")
    if path == "/busy":
        return time.sleep(seconds)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    return None


def application(
    environ: dict[str, str],
    start_response: Callable[[str, list[tuple[str, str]]], object],
) -> list[bytes]:
    path = environ["PATH_INFO"]
    if path in ("/busy", "/spin"):
        occupy(path, float(environ["QUERY_STRING"]))
    body = LARGE if path == "/large" else BODY
    length = str(len(body))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", length)])
    return [body]
