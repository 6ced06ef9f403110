"""A WSGI application for gevent = N: requests that meet, wait and misbehave in greenlets."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any, Callable
from urllib.parse import parse_qs

import gevent
import gevent.event
from gevent.hub import _get_hub

StartResponse = Callable[..., Callable[[bytes], Any]]
Environ = dict

HUB_AT_IMPORT = _get_hub() is not None
PATCHED_AT_IMPORT = socket.socket.__module__.startswith("gevent")

present = 0
all_here = gevent.event.Event()
local = threading.local()
kept: dict[str, Any] = {}


def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    return ROUTES[environ["PATH_INFO"]](environ, start_response)


def number(environ: Environ, name: str) -> int:
    return int(parse_qs(environ["QUERY_STRING"])[name][0])


def plain(start_response: StartResponse, text: str) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [text.encode()]


def facts(environ: Environ, start_response: StartResponse) -> list[bytes]:
    return plain(
        start_response,
        json.dumps(
            {
                "hub at import": HUB_AT_IMPORT,
                "patched at import": PATCHED_AT_IMPORT,
                "greenlet": type(gevent.getcurrent()).__name__,
                "multithread": environ["wsgi.multithread"],
                "present": present,
            }
        ),
    )


def sleep(environ: Environ, start_response: StartResponse) -> list[bytes]:
    time.sleep(number(environ, "ms") / 1000)
    return plain(start_response, "slept")


def meet(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Answers once so many requests are in here at the same time."""
    global present
    local.name = environ["QUERY_STRING"]
    present += 1
    if present == number(environ, "n"):
        all_here.set()
    all_here.wait(20)
    same = local.name == environ["QUERY_STRING"]
    return plain(start_response, f"{present} {same}")


def digest(environ: Environ, start_response: StartResponse) -> list[bytes]:
    found = hashlib.sha256()
    while piece := environ["wsgi.input"].read(10_000):
        found.update(piece)
        gevent.sleep(0)
    return plain(start_response, found.hexdigest())


def stream(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    start_response("200 OK", [])
    size = number(environ, "size")
    for turn in range(number(environ, "n")):
        yield bytes([turn % 256]) * size
        gevent.sleep(0)


def impatient(environ: Environ, start_response: StartResponse) -> list[bytes]:
    try:
        with gevent.Timeout(0.1):
            environ["wsgi.input"].read()
    except gevent.Timeout:
        return plain(start_response, "timed out")
    return plain(start_response, "read")


def impatient_writer(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Into a client that does not read; how it ended is kept."""
    write = start_response("200 OK", [])
    kept["writer"] = "writes"
    try:
        with gevent.Timeout(0.3):
            while True:
                write(b"x" * 65536)
    except gevent.Timeout:
        kept["writer"] = "timed out"
    return []


def helped(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Another greenlet reads the body."""
    reader = gevent.spawn(environ["wsgi.input"].read)
    return plain(start_response, str(len(reader.get())))


def both(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """One greenlet reads the body while this one writes, and two others write beside it."""
    write = start_response("200 OK", [])
    found = hashlib.sha256()

    def read() -> None:
        while piece := environ["wsgi.input"].read(10_000):
            found.update(piece)

    def write_much() -> None:
        for _ in range(20):
            write(b"x" * 200_000)

    greenlets = [gevent.spawn(read), gevent.spawn(write_much), gevent.spawn(write_much)]
    write_much()
    gevent.joinall(greenlets, raise_error=True)
    return [found.hexdigest().encode()]


def forsaken(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Another greenlet still waits for the body when the answer is complete."""

    def read() -> None:
        kept["reader"] = "waits"
        try:
            environ["wsgi.input"].read()
        except OSError as error:
            kept["reader"] = str(error)

    gevent.spawn(read)
    gevent.sleep(0)
    return plain(start_response, "done")


def raises(environ: Environ, start_response: StartResponse) -> list[bytes]:
    gevent.sleep(0)
    raise KeyError("in a greenlet")


def dies(environ: Environ, start_response: StartResponse) -> list[bytes]:
    gevent.getcurrent().kill(block=False)
    gevent.sleep(1)
    return []


def show_kept(environ: Environ, start_response: StartResponse) -> list[bytes]:
    return plain(start_response, json.dumps(kept))


def spawns(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Work that goes on behind the answer."""

    def work() -> None:
        time.sleep(0.5)
        print("the work is done", flush=True)

    gevent.spawn(work)
    return plain(start_response, "spawned")


ROUTES = {
    "/facts": facts,
    "/sleep": sleep,
    "/meet": meet,
    "/digest": digest,
    "/stream": stream,
    "/impatient": impatient,
    "/impatient-writer": impatient_writer,
    "/helped": helped,
    "/both": both,
    "/forsaken": forsaken,
    "/raises": raises,
    "/dies": dies,
    "/kept": show_kept,
    "/spawns": spawns,
}
