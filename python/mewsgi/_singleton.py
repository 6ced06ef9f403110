"""Singletons: functions of the app that run once for the whole server, each in a task of its own.

The zygote looks them up while its generation is prepared, so that what cannot run fails a reload.
A task is forked like a worker and entered once, by _bootstrap.py; nothing of the app is called in
it before the master has said that no other task of this singleton lives (task_begin).
"""

from __future__ import annotations

import os

from mewsgi import _loader, _mewsgi
from mewsgi._bootstrap import note_failure
from mewsgi._worker import call_hook, forget_children, leave

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Callable, NoReturn

    from mewsgi._mewsgi import Boot

    Function = Callable[[], Any]

IS_COROUTINE_FUNCTION = 0x80  # inspect.CO_COROUTINE, without inspect


class Singleton:
    """What one line of the option says."""

    def __init__(self, text: str) -> None:
        name, named, target = text.partition("=")
        self.name = name
        self.target = target if named else name

    def load(self) -> Function:
        """Raises LoadError, or what the import raises."""
        module, _, attribute = self.target.partition(":")
        found = _loader.find_callable(
            _loader.import_module(module, "singleton"), module, attribute
        ).callable
        code = getattr(found, "__code__", None)
        if code is not None and code.co_flags & IS_COROUTINE_FUNCTION:
            raise _loader.LoadError(
                f"{self.target} is an async function, which returns before it begins; "
                "name one that calls asyncio.run()"
            )
        return found


def load(options: dict[str, Any], refuse: Callable[[str], None]) -> list[Function]:
    """All of them, in the zygote; `refuse` gets the text of the first that cannot run. If it
    returns, as in `mewsgi dev`, that one does nothing until the next reload."""
    functions = []
    for text in options["singleton"]:
        singleton = Singleton(text)
        try:
            functions.append(singleton.load())
        except BaseException as error:  # noqa: BLE001 -- sys.exit() in a module is one of them
            note_failure(error)
            refuse(_loader.explain_failure(error, f"singleton {singleton.name}"))
            functions.append(rest)
    return functions


def rest() -> None:
    wait_for_stop(None)


# ---- a task


def forget_hub(options: dict[str, Any]) -> None:
    """One that the import has run is the zygote's."""
    if options["gevent"]:
        from mewsgi import _gevent

        _gevent.start_worker()


class _Task:
    pid = 0
    asks = False  # the function looks at stopping() itself, and shall not be interrupted


def run(boot: Boot, number: int, functions: list[Function]) -> NoReturn:
    """`functions` is empty with lazy-apps: nothing was imported before the fork."""
    import signal

    singleton = Singleton(boot["options"]["singleton"][number - 1])
    _mewsgi.set_title(f"mewsgi singleton {singleton.name}")
    _Task.pid = os.getpid()
    # One that the app has set stays.
    if signal.getsignal(signal.SIGTERM) in (signal.SIG_DFL, None):
        signal.signal(signal.SIGTERM, on_term)
    _mewsgi.task_begin()

    def whole() -> None:
        if functions:
            forget_children()
            forget_hub(boot["options"])
            function = functions[number - 1]
        else:
            _loader.prepare(boot["options"])
            function = singleton.load()
        call_hook("post_fork_hook")
        if not _mewsgi.task_stopping():  # the hook may have swallowed the signal
            function()

    try:
        status = call(whole)
    except SystemExit:  # the signal came when the function was over
        status = 0
    # What comes from now on must not interrupt the end, which is bounded by itself.
    signal.signal(signal.SIGTERM, ignore)
    leave(status)


def call(function: Function) -> int:
    """Run it, tell the master how it ended; the exit status of this process."""
    try:
        function()
    except SystemExit as error:
        if _mewsgi.task_stopping():
            _mewsgi.task_ended(0, False, "ended as it was told to")
            return 0
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
        _mewsgi.task_ended(status, False, f"called sys.exit({error.code!r})")
        return status
    except _loader.LoadError as error:
        _mewsgi.task_ended(1, True, str(error))
        return 1
    except BaseException as error:  # noqa: BLE001 -- it ends here, whatever it is
        from mewsgi._hooks import format_exception

        trace = format_exception(type(error), error, _loader.below_ours(error))
        _mewsgi.task_ended(1, True, trace)
        return 1
    _mewsgi.task_ended(0, False, "returned")
    return 0


def on_term(number: int, frame: FrameType | None) -> None:
    """A function that never asks is ended where it stands; one that asks ends by itself."""
    import signal

    if os.getpid() == _Task.pid:
        _mewsgi.task_begin_stop()  # the signal may be somebody else's than the master's
        if _Task.asks:
            return
        signal.signal(number, ignore)  # once
    raise SystemExit(0)


def ignore(number: int, frame: FrameType | None) -> None:
    pass


def stopping() -> bool:
    _Task.asks = True
    return _mewsgi.task_stopping()


def wait_for_stop(timeout: float | None) -> bool:
    _Task.asks = True
    return _mewsgi.task_wait_for_stop(-1.0 if timeout is None else max(timeout, 0.0))
