"""Counts its calls, and shows what it was called with.

/calls does not count, /unread leaves its body alone, /caught says what reading it raised.
"""

import json

calls = 0


def app(environ, start_response):  # type: ignore[no-untyped-def]
    global calls
    path = environ["PATH_INFO"]
    if path != "/calls":
        calls += 1
    body, raised = b"", None
    if path == "/caught":
        try:
            body = read_all(environ)
        except OSError as error:
            raised = type(error).__name__
    elif path != "/unread":
        body = read_all(environ)
    shown = {name: value for name, value in environ.items() if isinstance(value, str)}
    answer = {"calls": calls, "environ": shown, "body": body.decode("latin-1"), "raised": raised}
    text = json.dumps(answer)
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(text)))]
    start_response("200 OK", headers)
    return [text.encode("ascii")]


def read_all(environ):  # type: ignore[no-untyped-def]
    """Read in pieces of a given size, which is all that wsgiref's validator allows."""
    return b"".join(iter(lambda: environ["wsgi.input"].read(65536), b""))
