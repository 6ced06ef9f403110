"""As much of a browser as the tests of real apps need: cookies, forms, a kept connection."""

from __future__ import annotations

import re
import urllib.parse
from http.cookies import SimpleCookie

from harness.client import Connection, Response
from harness.server import Server


def multipart(name: str, content: bytes, **fields: str) -> tuple[bytes, str]:
    mark = "a-boundary-that-is-nowhere-else"
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    parts.append(
        f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode()
        + content
        + f"\r\n--{mark}--\r\n".encode()
    )
    return b"".join(parts), f"multipart/form-data; boundary={mark}"


class Browser:
    """Cookies and a kept connection, no more."""

    def __init__(self, server: Server) -> None:
        self.connection: Connection = server.connect(timeout=20)
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, target: str, body: bytes = b"", **headers: str) -> Response:
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        answer = self.connection.request(method, target, body, **headers)
        for text in answer.all("Set-Cookie"):
            for name, morsel in SimpleCookie(text).items():
                self.cookies[name] = morsel.value
        return answer

    def post_form(self, target: str, **fields: str) -> Response:
        return self.ask(
            "POST",
            target,
            urllib.parse.urlencode(fields).encode(),
            Content_Type="application/x-www-form-urlencoded",
        )


def csrf_token(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found, page
    return found[1]
