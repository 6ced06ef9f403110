"""A request of apps/probe.py that stays inside the app until a test lets it go."""

from __future__ import annotations

import os
from pathlib import Path

from harness.server import Server


class Gate:
    def __init__(self, server: Server, path: Path) -> None:
        self.fifo = path
        os.mkfifo(path)
        self.connection = server.connect(timeout=30)
        self.connection.send(f"GET /gated?fifo={path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        self.connection.read_until(b"began\n\r\n")
        self.open = False

    def let_go(self) -> None:
        if not self.open:
            self.open = True
            os.close(os.open(self.fifo, os.O_WRONLY))

    def finish(self) -> bytes:
        self.let_go()
        return self.connection.read_until(b"finished\n")
