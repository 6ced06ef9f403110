"""Waits until a test opens the FIFO that the query names, then answers much at once."""

SIZE = 3_000_000


def app(environ, start_response):  # type: ignore[no-untyped-def]
    environ["wsgi.input"].read()
    print("at the gate", flush=True)
    with open(environ["QUERY_STRING"], "rb") as gate:
        gate.read()
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(SIZE))]
    start_response("200 OK", headers)
    return [b"z" * SIZE]
