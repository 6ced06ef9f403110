"""apps/given.py: an app for one request, written where the test is.

given.get('''
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"hello"]
''')
"""

from __future__ import annotations

import textwrap
import urllib.parse
import uuid
from typing import Any

from harness.client import Connection, Response
from harness.server import Server


class Given:
    def __init__(self, server: Server, threads: int = 1) -> None:
        self.server, self.threads = server, threads

    @staticmethod
    def target(source: str, checked: bool = False) -> str:
        path = "/checked" if checked else "/"
        return f"{path}?{urllib.parse.quote(textwrap.dedent(source))}"

    def get(self, source: str, *, checked: bool = False, **headers: str) -> Response:
        """On a connection of its own that is kept, so that what ends it is the answer."""
        return self.request("GET", source, checked=checked, **headers)

    def request(
        self, method: str, source: str, body: bytes = b"", *, checked: bool = False, **headers: str
    ) -> Response:
        with self.server.connect() as connection:
            target = self.target(source, checked)
            response = connection.request(method, target, body, **headers)
            if response.closes or not response.complete:
                connection.expect_end()
            else:
                self.expect_service(connection)
            return response

    @staticmethod
    def expect_service(connection: Connection) -> None:
        assert connection.get("/shared?nothing").body == b"null"

    def whole_log(self, since: int) -> str:
        """All that was logged from there to now; what an answer caused may come after it, and lines
        of requests are written in order."""
        mark = uuid.uuid4().hex
        self.server.get(f"/shared?{mark}")
        self.server.wait_log(rf"GET /shared\?{mark} ", since=since)
        return "\n".join(self.server.lines[since:])

    def shared(self, name: str) -> Any:
        """What apps left as shared[name]; it is taken."""
        return self.server.get(f"/shared?{name}").json
