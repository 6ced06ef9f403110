"""Echoes by uWSGI's calls. They do not tell text from binary; the request's context does."""

from __future__ import annotations

from typing import Any

import uwsgi  # type: ignore[import-not-found]


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    uwsgi.websocket_handshake()
    while True:
        text, message = uwsgi.request_context().receive(wait=True)
        send = uwsgi.websocket_send if text else uwsgi.websocket_send_binary
        send(message)
