"""`mewsgi dev`, the Python half: errors as pages, an app that does not load, the terminal.

Loaded with that option only, in zygotes and workers. Bridges get the page of an error from here
(`page`); a page shows source code, so it is made only for a browser on this machine that named it
by an address of its own: else any web site could have its visitors' browsers fetch it, by a name
that leads to 127.0.0.1 (DNS rebinding).
"""

from __future__ import annotations

import os

from mewsgi import _loader, _mewsgi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Callable, Optional

    Page = Optional[tuple[bytes, bytes]]

# They shall raise what the app raises instead of answering by themselves, and reload templates.
DEBUG_FLAGS = ("FLASK_DEBUG", "QUART_DEBUG")
# Names that lead nowhere else (RFC 6761).
OWN_NAMES = (".localhost", ".test")


class Request:
    """What a page tells of the request; from a WSGI environ or an ASGI scope."""

    def __init__(self, about: Mapping[str, Any]) -> None:
        self.headers: list[tuple[str, str]] = []
        if "REQUEST_METHOD" in about:
            self.method = about["REQUEST_METHOD"]
            self.target = about.get("REQUEST_URI") or about.get("PATH_INFO", "")
            self.headers = list(headers_of_environ(about))
        else:
            path = about.get("raw_path") or about.get("path", "").encode()
            query = about.get("query_string") or b""
            self.method = about.get("method", about.get("type", ""))
            self.target = (path + (b"?" + query if query else b"")).decode("latin-1")
            self.headers = [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in about.get("headers", ())
            ]

    def header(self, wanted: str) -> str:
        return next((value for name, value in self.headers if name.lower() == wanted), "")

    @property
    def is_local(self) -> bool:
        return is_own_name(self.header("host"))

    @property
    def wants_html(self) -> bool:
        return "text/html" in self.header("accept")


def headers_of_environ(environ: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in environ.items():
        if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            yield name.replace("HTTP_", "", 1).replace("_", "-").title(), str(value)


def is_own_name(host: str) -> bool:
    """Of a Host header; none is sent by no browser."""
    name = host.partition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    name = name.lower().rstrip(".")
    return (
        name in ("", "localhost", "::1")
        or name.endswith(OWN_NAMES)
        or (name.startswith("127.") and name.replace(".", "").isdigit())
    )


# ---- errors of requests


def page(error: BaseException, about: Mapping[str, Any] | None) -> Page:
    """(content type, body) of an error in a request that `about` tells of: a WSGI environ or an
    ASGI scope. None: whoever asks must not see it."""
    if about is None:
        return None
    request = Request(about)
    if not request.is_local:
        return None
    from mewsgi import _dev_page

    if request.wants_html:
        return b"text/html; charset=utf-8", _dev_page.html_of(error, request).encode(
            errors="backslashreplace"
        )
    text = _dev_page.text_of(error) + "\n"
    return b"text/plain; charset=utf-8", text.encode(errors="backslashreplace")


# ---- an app that does not load


class Broken:
    """Served in place of an app that did not load: each request shows why."""

    mewsgi_is_wsgi = True  # whatever the app would have been

    def __init__(self, what: str, error: BaseException) -> None:
        self.what = what
        error.mewsgi_about = f"{what} did not load"  # type: ignore[attr-defined]
        self.error = error

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        made = page(self.error, environ) or (
            b"text/plain; charset=utf-8",
            f"{self.what} did not load; the terminal says why.\n".encode(),
        )
        headers = [("Content-Type", made[0].decode()), ("Cache-Control", "no-store")]
        start_response("500 Internal Server Error", headers)
        return [made[1]]


# ---- the process


def start() -> None:
    """In the zygote, before the app is imported."""
    import signal

    # Ctrl+C reaches the whole group of the terminal, and is the master's. No SIG_IGN: programs
    # that the app starts would inherit it.
    signal.signal(signal.SIGINT, ignore)
    for flag in DEBUG_FLAGS:
        os.environ.setdefault(flag, "1")
    mend_terminal()


def mend_terminal() -> None:
    """A worker that was ended at a debugger's prompt leaves the terminal without echo."""
    import termios

    try:
        modes = termios.tcgetattr(0)
    except termios.error:
        return  # none there
    modes[0] |= termios.ICRNL
    modes[1] |= termios.OPOST
    modes[3] |= termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN
    termios.tcsetattr(0, termios.TCSADRAIN, modes)


def ignore(number: int, frame: Any) -> None:
    return None


def start_worker() -> None:
    """Errors become pages."""
    _mewsgi.show_errors(page)


def describe(error: BaseException) -> str:
    """`KeyError: 'x'`, with what was noted on it; of a broken __str__ the type."""
    from traceback import format_exception_only

    try:
        return "".join(format_exception_only(type(error), error)).strip()
    except Exception:  # noqa: BLE001 -- code of the app's
        return type(error).__name__


def is_library(filename: str) -> bool:
    """Not the app's: installed, or Python's own."""
    if filename.startswith(("<frozen", os.path.dirname(os.__file__) + os.sep)):
        return True
    parts = filename.split(os.sep)
    return "site-packages" in parts or "dist-packages" in parts or _loader.is_ours(filename)
