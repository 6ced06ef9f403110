"""How a worker leaves: what Python would do at its end, without the end, which dead-locks with
some extensions. Called once, by _worker.py, in the main thread, whatever made the worker leave.

Each step has a limit of its own. One that is overdue is interrupted by a signal whose handler
raises; that gets through waits for locks, threads and sleeps, and the next steps still run. Only
what never comes back to Python is left to the native limit, which ends the process.
"""

from __future__ import annotations

import os
import signal
import sys
from time import monotonic

from mewsgi import _mewsgi
from mewsgi._bootstrap import flush
from mewsgi._worker import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType
    from typing import Any, Callable

WHOLE_LIMIT = 5.0  # seconds for all steps; then the native half ends the process
STEP_LIMIT = 2.5  # agents commonly give their last upload two seconds
RESERVE = 0.4  # what an overdue step leaves for each one behind it


class Overdue(BaseException):
    """Raised into a step that takes too long. No Exception: those the app may catch."""


def run_exit_hooks(status: int) -> None:
    _mewsgi.limit_exit(WHOLE_LIMIT, status)
    steps = list_steps()
    limiter = Limiter(monotonic() + WHOLE_LIMIT)
    for left, (what, call) in zip(range(len(steps) - 1, -1, -1), steps):
        limiter.run(what, call, left)
    flush()


def list_steps() -> list[tuple[str, Callable[[], Any]]]:
    """In the order of Python's own end."""
    import atexit

    # Neither has a public name; without them functions given to atexit would not be called.
    found = [
        ("uwsgi.atexit", getattr(sys.modules["uwsgi"], "atexit", None)),
        ("the end of threads", getattr(sys.modules.get("threading"), "_shutdown", None)),
        ("functions given to atexit", getattr(atexit, "_run_exitfuncs", None)),
        ("flushing the app's logs", flush_logs),
    ]
    return [(what, call) for what, call in found if call is not None]


def flush_logs() -> None:
    """For handlers that logging's own function, given to atexit, could not be called for."""
    for reference in getattr(sys.modules.get("logging"), "_handlerList", []):
        handler = reference()
        try:
            if handler is not None:
                handler.flush()
        except Exception:  # noqa: BLE001, S110 -- closed already, as a rule
            pass


class Limiter:
    """Runs steps one by one and interrupts those that are overdue, again and again: atexit goes on
    with its next function after one that raised, and the end of threads with the next thread."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.what = ""
        self.limit = 0.0
        self.armed = False
        signal.signal(signal.SIGALRM, self.on_alarm)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
        sys.unraisablehook = without_overdue(sys.unraisablehook)

    def run(self, what: str, call: Callable[[], Any], left: int) -> None:
        """`left`: how many steps are still to come."""
        try:
            try:
                self.arm(what, left)
                guard(what, call, Overdue)
            finally:
                self.armed = False
        except Overdue:
            self.armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)

    def arm(self, what: str, left: int) -> None:
        self.what = what
        most = self.deadline - monotonic() - RESERVE * (left + 1)
        self.limit = max(min(STEP_LIMIT, most), RESERVE / 2)
        self.armed = True
        _mewsgi.set_exit_step(what)
        signal.setitimer(signal.ITIMER_REAL, self.limit, RESERVE / 2)

    def on_alarm(self, number: int, frame: FrameType | None) -> None:
        if not self.armed:
            return
        _mewsgi.log(
            "warning",
            "exit-overdue",
            f"{self.what}: not done within {self.limit:.1f} s, interrupted in {place_of(frame)}"
            + "".join(list_threads()),
        )
        self.limit = RESERVE / 2  # for the next function or thread of this step
        raise Overdue


def place_of(frame: FrameType | None) -> str:
    """Where the app stood: its own line, and behind it the one of the standard library."""
    inner = frame
    while frame is not None and is_library(frame.f_code.co_filename):
        frame = frame.f_back
    if inner is None:
        return "native code"
    if frame is None or frame is inner or is_ours(frame.f_code.co_filename):
        return show(inner)
    return f"{show(frame)}, which waits in {show(inner)}"


def show(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno} ({frame.f_code.co_name})"


def is_library(filename: str) -> bool:
    return filename.startswith((os.path.dirname(os.__file__) + os.sep, "<frozen")) and (
        "-packages" not in filename
    )


def is_ours(filename: str) -> bool:
    return filename.startswith(os.path.dirname(__file__) + os.sep)


def list_threads() -> Iterator[str]:
    """The threads that a process waits for, and where each stands."""
    threading = sys.modules.get("threading")
    frames = sys._current_frames()
    for thread in threading.enumerate() if threading else []:
        if thread is threading.main_thread() or thread.daemon:  # type: ignore[union-attr]
            continue
        place = place_of(frames.get(thread.ident or 0))
        yield f'\nthread "{thread.name}" still runs, in {place}'


def without_overdue(hook: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """What atexit reports of a function that we interrupted is told already."""

    def report(args: Any) -> None:
        if args.exc_type is not Overdue:
            hook(args)

    return report
