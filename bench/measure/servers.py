"""The rows of the table: which servers are compared, and the exact command that starts each.

All with one worker process and no access log unless the row says so; what else is set is written in
`about`, which the table prints. Called by main and by the probes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """Where things lie on this machine."""

    bench: Path
    build: Path
    venv: Path  # the peers' environment
    mewsgi: Path

    @property
    def python(self) -> str:
        return str(self.venv / "bin" / "python")

    def app(self, name: str = "hello") -> str:
        return str(self.bench / "apps" / f"{name}.py")

    def program(self, name: str) -> str:
        return str(self.venv / "bin" / name)


Command = Callable[[Place, int], list[str]]


@dataclass(frozen=True)
class Server:
    name: str
    about: str
    needs: str  # a name of requirements.txt, "floors" or "mewsgi"; of ours "uvloop"
    command: Command


def floor(place: Place, port: int) -> list[str]:
    return [str(place.build / "floor"), str(port)]


def floor_close(place: Place, port: int) -> list[str]:
    return [*floor(place, port), "close"]


def floor_environ(place: Place, port: int) -> list[str]:
    script = str(place.bench / "floors" / "serve_environ.py")
    return [place.python, script, str(place.build), str(port)]


# The ways into mewsgi: connections are the workers' own, or belong to front processes.
DIRECT = "--http-socket"
ROUTED = "--http"


def mewsgi(*options: str, app: str = "hello", processes: int = 1, way: str = DIRECT) -> Command:
    def command(place: Place, port: int) -> list[str]:
        start = [str(place.mewsgi), way, f"127.0.0.1:{port}", "--wsgi-file", place.app(app)]
        return [*start, "--processes", str(processes), *options]

    return command


def uwsgi(socket: str, *options: str, app: str = "hello", processes: int = 1) -> Command:
    def command(place: Place, port: int) -> list[str]:
        start = [place.program("uwsgi"), socket, f"127.0.0.1:{port}", "--wsgi-file", place.app(app)]
        quiet = ["--master", "--processes", str(processes), "--disable-logging", "--need-app"]
        venv = ["--virtualenv", str(place.venv)]
        return [*start, *quiet, *venv, "--die-on-term", "--listen", "100", *options]

    return command


def bjoern(place: Place, port: int) -> list[str]:
    code = f"import bjoern, hello; bjoern.run(hello.application, '127.0.0.1', {port})"
    return [place.python, "-c", code]


def fastwsgi(place: Place, port: int) -> list[str]:
    # Not its own command line, which has no switch for TCP_NODELAY.
    code = (
        "import fastwsgi, hello; fastwsgi.server.tcp_nodelay = 1; "
        f"fastwsgi.run(wsgi_app=hello.application, host='127.0.0.1', port={port}, loglevel=2)"
    )
    return [place.python, "-c", code]


def granian(app: str = "hello", processes: int = 1, threads: int = 1) -> Command:
    def command(place: Place, port: int) -> list[str]:
        start = [place.program("granian"), "--interface", "wsgi", "--host", "127.0.0.1"]
        size = ["--workers", str(processes), "--runtime-threads", "1"]
        size += ["--blocking-threads", str(threads)]
        plain = ["--http", "1", "--no-ws", "--no-access-log", "--log-level", "warning"]
        return [*start, "--port", str(port), *size, *plain, f"{app}:application"]

    return command


def gunicorn(*options: str, app: str = "hello", processes: int = 1) -> Command:
    def command(place: Place, port: int) -> list[str]:
        start = [place.program("gunicorn"), "--bind", f"127.0.0.1:{port}"]
        quiet = ["--workers", str(processes), "--log-level", "warning"]
        return [*start, *quiet, *options, f"{app}:application"]

    return command


ASGI_APP = "hello_asgi"


def mewsgi_asgi(
    *options: str, app: str = ASGI_APP, processes: int = 1, way: str = DIRECT
) -> Command:
    """On the peers' Python, which has uvloop: what such a row needs to be installed."""

    def command(place: Place, port: int) -> list[str]:
        loop = ["--asgi-loop", "uvloop", "--virtualenv", str(place.venv), "--disable-logging"]
        ours = mewsgi(*loop, *options, app=app, processes=processes, way=way)
        return ours(place, port)

    return command


def uvicorn(app: str = ASGI_APP, *options: str) -> Command:
    """On uvloop and httptools, the fastest that it has."""

    def command(place: Place, port: int) -> list[str]:
        start = [place.program("uvicorn"), "--host", "127.0.0.1", "--port", str(port)]
        fast = ["--loop", "uvloop", "--http", "httptools"]
        quiet = ["--no-access-log", "--log-level", "warning"]
        return [*start, *fast, *quiet, *options, f"{app}:application"]

    return command


def granian_asgi(app: str = ASGI_APP, websockets: bool = False) -> Command:
    def command(place: Place, port: int) -> list[str]:
        start = [place.program("granian"), "--interface", "asgi", "--host", "127.0.0.1"]
        size = ["--workers", "1", "--runtime-threads", "1", "--loop", "uvloop"]
        plain = ["--http", "1", "--ws" if websockets else "--no-ws"]
        plain += ["--no-access-log", "--log-level", "warning"]
        return [*start, "--port", str(port), *size, *plain, f"{app}:application"]

    return command


FLOOR = "floor"
FLOOR_ENVIRON = "floor-environ"
FLOOR_CLOSE = "floor-close"
MEWSGI = "mewsgi"
MEWSGI_HTTP = "mewsgi-http"
MEWSGI_ASGI = "mewsgi-asgi"
MEWSGI_ASGI_HTTP = "mewsgi-asgi-http"
UVICORN = "uvicorn"

SERVERS = (
    Server(FLOOR, "epoll, read, fixed write", "floors", floor),
    Server(FLOOR_ENVIRON, "the same, app called with 12 keys", "floors", floor_environ),
    Server(FLOOR_CLOSE, "as floor, a connection per request", "floors", floor_close),
    Server(MEWSGI, "no access log", "mewsgi", mewsgi("--disable-logging")),
    Server(
        MEWSGI_HTTP,
        "the routed way: fronts before the worker; no access log",
        "mewsgi",
        mewsgi("--disable-logging", way=ROUTED),
    ),
    Server("mewsgi-log", "access log to /dev/null", "mewsgi", mewsgi("--logto", "/dev/null")),
    Server("fastwsgi", "TCP_NODELAY on", "fastwsgi", fastwsgi),
    Server("bjoern", "as it comes", "bjoern", bjoern),
    Server("granian", "1 runtime, 1 blocking thread", "granian", granian()),
    Server(
        "uwsgi-close",
        "--http-socket, a connection per request",
        "uWSGI",
        # It closes without saying so; wrk then counts an error. The header makes it a clean close.
        uwsgi("--http-socket", "--add-header", "Connection: close"),
    ),
    Server("uwsgi-http11", "--http11-socket, keep-alive", "uWSGI", uwsgi("--http11-socket")),
    Server(
        "uwsgi-http",
        "--http router before the worker, keep-alive",
        "uWSGI",
        uwsgi("--http", "--http-keepalive"),
    ),
    Server(
        "gunicorn",
        "gthread, 4 threads",
        "gunicorn",
        gunicorn("--worker-class", "gthread", "--threads", "4"),
    ),
    Server(
        MEWSGI_ASGI,
        "an ASGI app, uvloop; no access log",
        "uvloop",
        mewsgi_asgi(),
    ),
    Server(
        MEWSGI_ASGI_HTTP,
        "the same on the routed way",
        "uvloop",
        mewsgi_asgi(way=ROUTED),
    ),
    Server(UVICORN, "ASGI: uvloop, httptools", "uvicorn", uvicorn()),
    Server("granian-asgi", "ASGI: uvloop, 1 runtime", "granian", granian_asgi()),
)


def choose(names: list[str]) -> list[Server]:
    """The rows asked for; a name also stands for all rows that begin with it (uwsgi)."""
    if not names:
        return list(SERVERS)
    unknown = [name for name in names if not any(row.name.startswith(name) for row in SERVERS)]
    if unknown:
        known = ", ".join(row.name for row in SERVERS)
        raise ValueError(f"no row is called {', '.join(unknown)}; there are: {known}")
    # A full name means that row alone, though others may begin with it.
    exact = {row.name for row in SERVERS} & set(names)
    groups = tuple(set(names) - exact)
    return [row for row in SERVERS if row.name in exact or row.name.startswith(groups)]
