"""With --log-json, what Python itself reports of exceptions becomes one event each.

Output of the app stays on descriptors 1 and 2, where the logger wraps it line by line; a traceback
that took that way would be torn into its lines.
"""

from __future__ import annotations

import sys
import threading

from mewsgi import _mewsgi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType


def send_tracebacks_as_events() -> None:
    sys.excepthook = report_exception
    threading.excepthook = report_in_thread
    sys.unraisablehook = report_unraisable


def format_exception(
    kind: type[BaseException] | None,
    value: BaseException | None,
    traceback: TracebackType | None,
) -> str:
    from traceback import format_exception

    return "".join(format_exception(kind, value, traceback)).rstrip("\n")


def report_exception(
    kind: type[BaseException], value: BaseException, traceback: TracebackType | None
) -> None:
    _mewsgi.log("error", "python-exception", format_exception(kind, value, traceback))


def report_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_type is SystemExit:  # ends the thread and nothing else, silently
        return
    name = args.thread.name if args.thread else "unknown"
    text = format_exception(args.exc_type, args.exc_value, args.exc_traceback)
    _mewsgi.log("error", "python-exception", f"Exception in thread {name}:\n{text}")


def report_unraisable(args: sys.UnraisableHookArgs) -> None:
    about = args.err_msg or "Exception ignored in"
    text = format_exception(args.exc_type, args.exc_value, args.exc_traceback)
    try:
        where = f" {args.object!r}"
    except Exception:  # noqa: BLE001 -- a broken __repr__ is the app's
        where = ""
    _mewsgi.log("error", "python-exception", f"{about}:{where}\n{text}")
