"""A WSGI application that does to wsgi.input what the query asks for.

/calls?do=[["read", 3], ["seek", 0]]  those methods in turn; JSON of what each gave or raised
/wrapped?by=text|buffered|readinto|csv  the whole body through what the standard library puts around
/thread                               the whole body, read by a thread of the app's own
/kept, /kept-later                    keeps the body object, and reads it in a later request
"""

from __future__ import annotations

import csv
import io
import json
import sys
import threading
from collections.abc import Iterable
from typing import Any, Callable
from urllib.parse import parse_qs

StartResponse = Callable[..., Any]

kept: list[Any] = []


def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    asked = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
    answer = ROUTES[environ["PATH_INFO"]](environ["wsgi.input"], asked)
    payload = json.dumps(answer).encode()
    start_response(
        "200 OK",
        [("Content-Type", "application/json"), ("Content-Length", str(len(payload)))],
    )
    return [payload]


def shown(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray)):
        return value.decode("latin-1")
    if isinstance(value, list):
        return [shown(one) for one in value]
    return value if isinstance(value, (int, str, bool, type(None))) else type(value).__name__


def one_call(body: Any, name: str, arguments: list[Any]) -> Any:
    try:
        if name == "next":
            return shown(next(body, "the end"))
        if name == "list":
            return shown(list(body))
        if name == "readinto":
            space = bytearray(b"." * arguments[0])
            return [body.readinto(space), shown(space)]
        found = getattr(body, name)
        return shown(found(*arguments) if callable(found) else found)
    except Exception as error:  # noqa: BLE001 (the test looks at it)
        sys.stderr.write(f"body failed in {name}: {error}\n")
        sys.stderr.flush()
        bases = [base.__name__ for base in type(error).__mro__]
        return {"raised": bases[0], "text": str(error), "bases": bases}


def calls(body: Any, asked: dict[str, str]) -> list[Any]:
    return [one_call(body, name, arguments) for name, *arguments in json.loads(asked["do"])]


def wrapped(body: Any, asked: dict[str, str]) -> Any:
    if asked["by"] == "text":
        with io.TextIOWrapper(body, encoding="utf-8") as text:
            return [text.readline(), text.read()]
    if asked["by"] == "buffered":
        reader = io.BufferedReader(body, 16)
        return shown([reader.peek()[:4], reader.readline(), reader.read(5), reader.read()])
    if asked["by"] == "csv":
        return list(csv.reader(io.TextIOWrapper(body, encoding="utf-8")))
    raise ValueError(asked["by"])


def in_a_thread(body: Any, asked: dict[str, str]) -> Any:
    parts: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: parts.extend(iter(lambda: body.read(7), b"")))
        for _ in range(int(asked.get("n", "1")))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [len(b"".join(parts)), shown(sorted(set(b"".join(parts).split())))]


def keep(body: Any, asked: dict[str, str]) -> Any:
    kept.append(body)
    return shown(body.read(int(asked["read"])))


def kept_later(body: Any, asked: dict[str, str]) -> Any:
    return calls(kept.pop(), asked)


ROUTES: dict[str, Callable[..., Any]] = {
    "/calls": calls,
    "/wrapped": wrapped,
    "/thread": in_a_thread,
    "/kept": keep,
    "/kept-later": kept_later,
}
