"""An app in versions, good and broken, written one over the other while its server runs. Every
answer says which version made it, in which process, and to which request (the query's); so that of
a broken one would be told, and an answer that went to another client.
Used by probes/reloads, probes/kills, probes/front-kills and the tests.
"""

from __future__ import annotations

import itertools
import os
import time
from pathlib import Path

APP = """
import fcntl, os, time

VERSION = "{name}"

def application(environ, start_response):
    body = f"{{VERSION}} {{os.getpid()}} {{environ.get('QUERY_STRING', '')}}".encode()
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
    start_response("200 OK", headers)
    return [body]

async def asgi(scope, receive, send):
    body = f"{{VERSION}} {{os.getpid()}} {{scope['query_string'].decode()}}".encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({{"type": "http.response.start", "status": 200, "headers": headers}})
    await send({{"type": "http.response.body", "body": body}})

def loop():
    # What must run once at a time: another owner would find the lock taken.
    lock = open("{folder}/singleton.lock", "a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        word = "began"
    except OSError:
        word = "second owner"
    with open("{folder}/singleton.log", "a") as log:
        log.write(f"{{word}}: {{VERSION}} {{os.getpid()}}\\n")
    while True:
        time.sleep(0.05)
"""
# What is broken comes last: all of the app is there, if somebody should serve it.
FAULTS = {
    "syntax": "def broken(:\n",
    "import": "import no_such_module_anywhere\n",
    "raises": "raise RuntimeError('broken on purpose')\n",
}


class Versions:
    """The file app.py in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.file = folder / "app.py"
        self.faults = itertools.cycle(FAULTS)
        self.count = 0
        self.good: list[str] = []
        self.broken: list[str] = []
        for name in ("singleton.log", "singleton.lock"):
            (folder / name).unlink(missing_ok=True)

    def write_good(self) -> str:
        self.count += 1
        name = f"v{self.count}"
        self.good.append(name)
        self.put(name, "")
        return name

    def write_broken(self) -> str:
        self.count += 1
        fault = next(self.faults)
        name = f"v{self.count}-{fault}"
        self.broken.append(name)
        self.put(name, FAULTS[fault])
        return name

    def put(self, name: str, fault: str) -> None:
        """In one go, and with a time of its own: bytecode caches tell versions by the second."""
        fresh = self.folder / "app.py.new"
        fresh.write_text(APP.format(name=name, folder=self.folder) + fault)
        stamp = time.time() + 2 * self.count
        os.utime(fresh, (stamp, stamp))
        fresh.rename(self.file)

    def owners(self) -> tuple[int, int]:
        """How often the singleton began as the only one, and how often as a second."""
        try:
            lines = (self.folder / "singleton.log").read_text().splitlines()
        except OSError:
            return 0, 0
        second = sum(line.startswith("second") for line in lines)
        return len(lines) - second, second
