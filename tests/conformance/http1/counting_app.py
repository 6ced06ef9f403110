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
            body = environ["wsgi.input"].read()
        except OSError as error:
            raised = type(error).__name__
    elif path != "/unread":
        body = environ["wsgi.input"].read()
    shown = {name: value for name, value in environ.items() if isinstance(value, str)}
    answer = {"calls": calls, "environ": shown, "body": body.decode("latin-1"), "raised": raised}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]
