"""Counts its calls, and shows what it was called with."""

import json

calls = 0


def app(environ, start_response):  # type: ignore[no-untyped-def]
    global calls
    if environ["PATH_INFO"] != "/calls":
        calls += 1
    body = environ["wsgi.input"].read()
    shown = {name: value for name, value in environ.items() if isinstance(value, str)}
    answer = json.dumps({"calls": calls, "environ": shown, "body": body.decode("latin-1")})
    start_response("200 OK", [("Content-Type", "application/json")])
    return [answer.encode()]
