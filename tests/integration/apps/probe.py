"""A WSGI application that shows what the server did to it. Paths are in ROUTES at the end."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, Callable
from urllib.parse import parse_qs

StartResponse = Callable[..., Callable[[bytes], Any]]
Environ = dict

calls = 0
closed: list[str] = []


def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    global calls
    calls += 1
    route = ROUTES.get(environ["PATH_INFO"])
    if route is None:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"no such path\n"]
    return route(environ, start_response)


def query(environ: Environ) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}


def plain(start_response: StartResponse, body: bytes, *headers: tuple[str, str]) -> list[bytes]:
    start_response(
        "200 OK",
        [("Content-Type", "text/plain"), ("Content-Length", str(len(body))), *headers],
    )
    return [body]


def as_json(start_response: StartResponse, value: Any) -> list[bytes]:
    return plain(start_response, json.dumps(value).encode())


def hello(environ: Environ, start_response: StartResponse) -> list[bytes]:
    return plain(start_response, b"hello")


def count(environ: Environ, start_response: StartResponse) -> list[bytes]:
    return as_json(start_response, calls)


def pid(environ: Environ, start_response: StartResponse) -> list[bytes]:
    return as_json(start_response, [os.getpid(), os.getppid()])


def show_environ(environ: Environ, start_response: StartResponse) -> list[bytes]:
    shown = {
        name: value if isinstance(value, (str, int, bool, list, tuple)) else type(value).__name__
        for name, value in environ.items()
    }
    return as_json(start_response, shown)


def types(environ: Environ, start_response: StartResponse) -> list[bytes]:
    return as_json(
        start_response,
        {
            "plain dict": type(environ) is dict,
            "all names str": all(type(name) is str for name in environ),
            "http values str": all(
                type(value) is str for name, value in environ.items() if name.isupper()
            ),
            "input": [
                name
                for name in ("read", "readline", "readlines", "__iter__")
                if hasattr(environ["wsgi.input"], name)
            ],
            "errors": [
                name
                for name in ("write", "writelines", "flush")
                if hasattr(environ["wsgi.errors"], name)
            ],
        },
    )


def whole(body: Any) -> bytes:
    """read() without a size would do, but is not in PEP 3333's table, and the validator knows."""
    return b"".join(iter(lambda: body.read(65536), b""))


def echo(environ: Environ, start_response: StartResponse) -> list[bytes]:
    return plain(start_response, whole(environ["wsgi.input"]))


def echo_length(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """As careful apps do without wsgi.input_terminated."""
    return plain(
        start_response, environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    )


def digest(environ: Environ, start_response: StartResponse) -> list[bytes]:
    total, checksum = 0, hashlib.sha256()
    while block := environ["wsgi.input"].read(65536):
        total += len(block)
        checksum.update(block)
    return as_json(start_response, [total, checksum.hexdigest()])


def read_parts(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """How the body comes out of each method of wsgi.input."""
    body = environ["wsgi.input"]
    parts = {
        "nothing": body.read(0).decode(),
        "three": body.read(3).decode(),
        "line": body.readline().decode(),
        "short line": body.readline(2).decode(),
        "iterated": next(iter(body)).decode(),
        "lines": [line.decode() for line in body.readlines()],
        "after the end": body.read(9).decode(),
        "and again": body.readline().decode(),
    }
    return as_json(start_response, parts)


def read_or_error(environ: Environ, start_response: StartResponse) -> list[bytes]:
    try:
        body = whole(environ["wsgi.input"])
    except Exception as error:
        sys.stderr.write(f"body failed: {type(error).__name__}: {error}\n")
        sys.stderr.flush()
        raise
    sys.stderr.write(f"body came: {len(body)} bytes\n")
    sys.stderr.flush()
    return plain(start_response, body)


def ignore_body(environ: Environ, start_response: StartResponse) -> list[bytes]:
    return plain(start_response, b"did not look")


def sleep(environ: Environ, start_response: StartResponse) -> list[bytes]:
    time.sleep(float(query(environ)["t"]))
    return plain(start_response, b"slept")


def gated(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    """Says that it began, then waits until somebody opens the FIFO and closes it."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"began\n"
    with open(query(environ)["fifo"], "rb") as gate:
        gate.read()
    yield b"finished\n"


def stream(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    asked = query(environ)
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    block = b"x" * int(asked.get("size", "1"))
    for _ in range(int(asked.get("n", "3"))):
        yield block


def with_empty_parts(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield from (b"", b"one,", b"", b"two", b"")


def writer(environ: Environ, start_response: StartResponse) -> list[bytes]:
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"written, ")
    write(b"twice, ")
    return [b"and returned"]


class Closing:
    def __init__(self, name: str, parts: list[bytes], fails: bool = False) -> None:
        self.name, self.parts, self.fails = name, iter(parts), fails

    def __iter__(self) -> Closing:
        return self

    def __next__(self) -> bytes:
        part = next(self.parts, None)
        if part is None:
            if self.fails:
                raise RuntimeError("the iterator broke")
            raise StopIteration
        return part

    def close(self) -> None:
        closed.append(self.name)


def closing(environ: Environ, start_response: StartResponse) -> Closing:
    asked = query(environ)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Closing(asked["name"], [b"a"] * int(asked.get("n", "2")), "fails" in asked)


def closing_large(environ: Environ, start_response: StartResponse) -> Closing:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Closing(query(environ)["name"], [b"z" * 65536] * 4000)


def was_closed(environ: Environ, start_response: StartResponse) -> list[bytes]:
    return as_json(start_response, closed.count(query(environ)["name"]))


def send_file(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    asked = query(environ)
    handle = open(asked["path"], "rb")  # noqa: SIM115 (the server closes it)
    handle.seek(int(asked.get("skip", "0")))
    headers = [("Content-Type", "application/octet-stream")]
    if "length" in asked:
        headers.append(("Content-Length", asked["length"]))
    start_response("200 OK", headers)
    return environ["wsgi.file_wrapper"](handle, 8192)  # type: ignore[no-any-return]


def send_memory(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """A file-like without a descriptor."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return environ["wsgi.file_wrapper"](io.BytesIO(b"from memory"))  # type: ignore[no-any-return]


def boom(environ: Environ, start_response: StartResponse) -> list[bytes]:
    raise ValueError("boom before the head")


def boom_after_start(environ: Environ, start_response: StartResponse) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    raise ValueError("boom after start_response")


def boom_in_body(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"part of it"
    raise ValueError("boom in the body")


def replaced(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """PEP 3333's error handling: a second head with exc_info, before anything was sent."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    try:
        raise ValueError("caught by the app itself")
    except ValueError:
        start_response("503 Busy", [("Content-Type", "text/plain")], sys.exc_info())
    return [b"busy"]


def twice(environ: Environ, start_response: StartResponse) -> list[bytes]:
    start_response("200 OK", [])
    start_response("201 Created", [])
    return [b""]


def no_start(environ: Environ, start_response: StartResponse) -> list[bytes]:
    return [b"nobody called start_response"]


def not_bytes(environ: Environ, start_response: StartResponse) -> list[Any]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return ["text"]


def bad_head(environ: Environ, start_response: StartResponse) -> list[bytes]:
    kind = query(environ)["kind"]
    good = [("Content-Type", "text/plain")]
    status, headers = {
        "value-crlf": ("200 OK", [*good, ("X-A", "b\r\nSet-Cookie: stolen=1")]),
        "value-lf": ("200 OK", [*good, ("X-A", "b\nc")]),
        "value-nul": ("200 OK", [*good, ("X-A", "b\0c")]),
        "name-blank": ("200 OK", [*good, ("X A", "b")]),
        "name-colon": ("200 OK", [*good, ("X-A:", "b")]),
        "name-empty": ("200 OK", [*good, ("", "b")]),
        "status-crlf": ("200 OK\r\nX-A: b", good),
        "status-text": ("OK", good),
        "status-low": ("99 Low", good),
        "status-int": (200, good),
        "header-int": ("200 OK", [*good, ("X-A", 1)]),
        "header-list": ("200 OK", [["Content-Type", "text/plain"]]),
    }[kind]
    start_response(status, headers)
    return [b"must not be seen"]


def status(environ: Environ, start_response: StartResponse) -> list[bytes]:
    asked = query(environ)
    empty = asked["line"][:3] in ("204", "304")
    start_response(asked["line"], [] if empty else [("Content-Type", "text/plain")])
    return [asked.get("body", "").encode()]


def too_long(environ: Environ, start_response: StartResponse) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"12345", b"and more"]


def too_short(environ: Environ, start_response: StartResponse) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "50")])
    return [b"only this"]


def hop_by_hop(environ: Environ, start_response: StartResponse) -> list[bytes]:
    return plain(
        start_response,
        b"clean",
        ("Connection", "X-Secret"),
        ("Keep-Alive", "timeout=1"),
        ("Upgrade", "h2c"),
        ("X-Kept", "yes"),
    )


def cookies(environ: Environ, start_response: StartResponse) -> list[bytes]:
    return plain(start_response, b"", ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"))


def prints(environ: Environ, start_response: StartResponse) -> list[bytes]:
    print("printed by the app", query(environ).get("text", ""))
    environ["wsgi.errors"].write("written to wsgi.errors\n")
    environ["wsgi.errors"].flush()
    sys.stderr.write("written to stderr\n")
    return plain(start_response, b"printed")


def grandchild(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """What a program that the app starts inherits: signals, descriptors. Not Python, which ignores
    SIGPIPE on its own account; and close_fds off, so that a missing close-on-exec would show."""
    seen = subprocess.run(
        ["sh", "-c", "cat /proc/self/status; ls -l /proc/self/fd"],
        capture_output=True,
        timeout=20,
        check=True,
        close_fds=False,
        text=True,
    ).stdout.splitlines()
    status = dict(line.split(":\t", 1) for line in seen if ":\t" in line)
    links = dict(line.split(" -> ") for line in seen if " -> " in line)
    fds = {
        name.split()[-1]: target
        for name, target in links.items()
        if not (target.startswith("/proc/") and target.endswith("/fd"))  # what ls itself opened
    }
    return as_json(start_response, {"status": status, "descriptors": fds})


def exit_now(environ: Environ, start_response: StartResponse) -> list[bytes]:
    os._exit(int(query(environ).get("status", "3")))


def tell(environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Where we are: things that uWSGI apps look at."""
    return as_json(
        start_response,
        {
            "argv": sys.argv,
            "main": sorted(vars(sys.modules["__main__"])),
            "path": sys.path,
            "cwd": os.getcwd(),
            "environment": dict(os.environ),
            "executable": sys.executable,
            "prefix": sys.prefix,
            "stdin": os.readlink("/proc/self/fd/0"),
            "group": os.getpgid(0) == os.getpid(),
        },
    )


def memory(environ: Environ, start_response: StartResponse) -> list[bytes]:
    with open("/proc/self/status") as status_file:
        row = next(line for line in status_file if line.startswith("VmHWM"))
    return as_json(start_response, int(row.split()[1]))


ROUTES: dict[str, Callable[..., Iterable[bytes]]] = {
    "/": hello,
    "/hello": hello,
    "/count": count,
    "/pid": pid,
    "/environ": show_environ,
    "/types": types,
    "/echo": echo,
    "/echo-length": echo_length,
    "/digest": digest,
    "/read-parts": read_parts,
    "/read-or-error": read_or_error,
    "/ignore-body": ignore_body,
    "/sleep": sleep,
    "/gated": gated,
    "/stream": stream,
    "/with-empty-parts": with_empty_parts,
    "/write": writer,
    "/closing": closing,
    "/closing-large": closing_large,
    "/was-closed": was_closed,
    "/file": send_file,
    "/file-memory": send_memory,
    "/boom": boom,
    "/boom-after-start": boom_after_start,
    "/boom-in-body": boom_in_body,
    "/replaced": replaced,
    "/twice": twice,
    "/no-start": no_start,
    "/not-bytes": not_bytes,
    "/bad-head": bad_head,
    "/status": status,
    "/too-long": too_long,
    "/too-short": too_short,
    "/hop-by-hop": hop_by_hop,
    "/cookies": cookies,
    "/prints": prints,
    "/grandchild": grandchild,
    "/exit": exit_now,
    "/tell": tell,
    "/memory": memory,
}
