"""Waits inside the app for its test: /wait?FILE writes its pid there and goes on once the file is
gone; /read?FILE reads a little of its body first, the rest then. /die?FILE kills its worker, once.
"""

import hashlib
import json
import os
import signal
import time
from pathlib import Path


def app(environ, start_response):  # type: ignore[no-untyped-def]
    path, file = environ["PATH_INFO"], Path(environ["QUERY_STRING"] or "/nothing")
    size, checksum = 0, hashlib.sha256()
    if path == "/read":
        first = environ["wsgi.input"].read(65536)
        size, _ = len(first), checksum.update(first)
    if path in ("/wait", "/read"):
        fresh = file.with_suffix(".new")
        fresh.write_text(str(os.getpid()))
        fresh.rename(file)
        while file.exists():
            time.sleep(0.005)
    if path == "/die" and not file.exists():
        file.write_text(str(os.getpid()))
        os.kill(os.getpid(), signal.SIGKILL)
    while block := environ["wsgi.input"].read(65536):
        size += len(block)
        checksum.update(block)
    text = json.dumps({"pid": os.getpid(), "size": size, "sha256": checksum.hexdigest()})
    start_response("200 OK", [("Content-Type", "application/json")])
    return [text.encode()]
