"""warm-up = URI: calls the app once before it serves, so that what it does at its first request
(compiling templates, importing in functions, filling caches) is done once, in memory that all
workers share. Runs in the zygote after the import, or with lazy-apps in each worker before it is
ready. An answer of 500 and above, or an exception, is a failed import.
"""

from __future__ import annotations

import sys
from time import perf_counter

from mewsgi import _mewsgi
from mewsgi._bootstrap import note_failure
from mewsgi._kinds import is_asgi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from mewsgi._apps import Application, Apps
    from mewsgi._mewsgi import Boot


class WarmUpError(Exception):
    """The app is not fit to serve; the text is for people."""


def run(boot: Boot, apps: Apps, report: Callable[[str], None]) -> None:
    """`report` gets the text of each failure, and need not return."""
    for uri in boot["options"]["warm-up"]:
        started = perf_counter()
        try:
            environ = make_environ(uri, boot)
            app = choose(environ, apps)
            if is_asgi(app, boot["options"]["asgi"]):
                # No loop runs in the zygote, and an ASGI app has its lifespan for that.
                _mewsgi.log("info", "not-warmed-up", f"warm-up of {uri}: it is an ASGI app's")
                continue
            status = call(app, environ)
        except BaseException as error:  # noqa: BLE001 -- sys.exit() in an app is one of them
            note_failure(error)
            report(explain_failure(uri, error))
            continue
        # Below 500 it may be what was meant: a login page that is asked for, a redirect.
        level = "warning" if status >= "400" else "info"
        took = perf_counter() - started
        _mewsgi.log(level, "warmed-up", f"warm-up of {uri}: answered {status} in {took:.2f} s")


def explain_failure(uri: str, error: BaseException) -> str:
    if isinstance(error, WarmUpError):
        return f"warm-up of {uri}: {error}"
    from traceback import format_exception

    from mewsgi._loader import below_ours

    lines = "".join(format_exception(type(error), error, below_ours(error))).rstrip("\n")
    return f"warm-up of {uri}: the app raised {type(error).__name__}\n{lines}"


def call(app: Application, environ: dict[str, Any]) -> str:
    """The status that it answers with."""
    answer = Answer()
    body = app(environ, answer.start)
    try:
        for _ in body:
            pass
    finally:
        close = getattr(body, "close", None)
        if close is not None:
            close()
    if not answer.status:
        raise WarmUpError("the app did not call start_response")
    if answer.status >= "500":
        raise WarmUpError(f"answered {answer.status}; what is wrong stands above, if the app says")
    return answer.status


class Answer:
    def __init__(self) -> None:
        self.status = ""

    def start(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        if self.status and not exc_info:
            raise AssertionError("start_response was called again without exc_info")
        self.status = status
        return lambda data: None


def choose(environ: dict[str, Any], apps: Apps) -> Application:
    """By the longest path, as a request is, and with what the app shall see of it."""
    found = None
    for prefix, app in apps.mounts or [("", apps.default)]:
        raw = prefix.encode("utf-8", "surrogateescape").decode("latin-1")
        below = environ["PATH_INFO"][len(raw) :]
        if not environ["PATH_INFO"].startswith(raw) or (raw and below and below[0] != "/"):
            continue
        if found is None or len(raw) > len(found[0]):
            found = raw, app
    if found is None:
        raise WarmUpError("no app is mounted there")
    if found[1] is None:
        raise WarmUpError("the app there did not load")
    environ["SCRIPT_NAME"], environ["PATH_INFO"] = found[0], environ["PATH_INFO"][len(found[0]) :]
    return found[1]


def make_environ(uri: str, boot: Boot) -> dict[str, Any]:
    """A GET of a client on this machine, as a worker would show it to the app."""
    from io import BytesIO
    from urllib.parse import unquote_to_bytes, urlsplit

    try:
        parts = urlsplit("http://localhost" + uri if uri.startswith("/") else uri)
        port = parts.port
    except ValueError as error:
        raise WarmUpError(f"{error}; write a path, or http://host/path") from None
    options = boot["options"]
    target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
    https = parts.scheme == "https"
    return {
        "REQUEST_METHOD": "GET",
        "REQUEST_URI": target,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(parts.path or "/").decode("latin-1"),
        "QUERY_STRING": parts.query,
        "CONTENT_TYPE": "",
        "CONTENT_LENGTH": "",
        "SERVER_NAME": parts.hostname or "localhost",
        "SERVER_PORT": str(port or (443 if https else 80)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "mewsgi",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "0",
        "HTTP_HOST": parts.netloc.rpartition("@")[2] or "localhost",
        "HTTP_USER_AGENT": "mewsgi warm-up",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https" if https else "http",
        "wsgi.input": BytesIO(),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": options["threads"] > 1,
        "wsgi.multiprocess": options["processes"] > 1,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
        "uwsgi.version": _mewsgi.version.encode(),
        "uwsgi.node": b"localhost",
    }


class FileWrapper:
    """What a worker would send by the kernel is only read here."""

    def __init__(self, file: Any, size: int = 8192) -> None:
        self.file, self.size = file, size
        if hasattr(file, "close"):
            self.close = file.close

    def __iter__(self) -> FileWrapper:
        return self

    def __next__(self) -> Any:
        data = self.file.read(self.size)
        if not data:
            raise StopIteration
        return data
