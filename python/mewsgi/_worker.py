"""A worker, from the fork to its end. Entered once, by _bootstrap.py, and never left."""

from __future__ import annotations

import os
import sys
from time import perf_counter

from mewsgi import _mewsgi
from mewsgi._bootstrap import APP_FAILED, flush, log_failure, tell_files, warm_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, NoReturn

    from mewsgi._apps import Apps
    from mewsgi._mewsgi import Boot


# Python's own for a thread that waits for the GIL, in seconds, and ours for each of `threads`.
_PYTHONS_INTERVAL = 0.005
_INTERVAL_PER_THREAD = 0.0001


def run(boot: Boot, slot: int, apps: Apps, lazy: bool) -> NoReturn:
    if boot["options"]["auto-procname"]:
        _mewsgi.set_title(f"mewsgi worker {slot}")
    if lazy:
        apps = load_here(boot)
    else:
        forget_children()
    if boot["options"]["gevent"]:
        from mewsgi import _gevent

        _gevent.start_worker()
    if boot["options"]["dev"]:
        from mewsgi import _dev

        _dev.start_worker()
    keep_threads_calm(boot["options"]["threads"])
    call_hook("post_fork_hook")
    # Last, so that the app's own hooks, as far as they are there, find the process as it will be.
    os.register_at_fork(before=_mewsgi.before_fork, after_in_parent=_mewsgi.after_fork)
    status = serve(boot, apps)
    leave(status)


def keep_threads_calm(threads: int) -> None:
    """Each thread that waits for the GIL wakes up once an interval to ask for it. A thousand of
    them leave a core no time for anything else, so many threads ask less often; an app that has
    chosen an interval keeps its own."""
    wanted = threads * _INTERVAL_PER_THREAD
    if sys.getswitchinterval() == _PYTHONS_INTERVAL < wanted:
        sys.setswitchinterval(wanted)


def leave(status: int) -> NoReturn:
    from mewsgi import _leave

    _leave.run_exit_hooks(status)
    _mewsgi.leave(status)


def forget_children() -> None:
    """Processes that the import started are the zygote's. multiprocessing would end them, and fail
    to wait for them, when the first worker leaves."""
    children = getattr(sys.modules.get("multiprocessing.process"), "_children", None)
    if isinstance(children, set):
        children.clear()


def load_here(boot: Boot) -> Apps:
    from mewsgi import _apps

    started = perf_counter()
    report = refuse_app if boot["options"]["need-app"] else log_failure
    apps = _apps.load(boot["options"], report)
    if apps.names:
        took = perf_counter() - started
        _mewsgi.log("info", "app-loaded", f"{apps.about} loaded in {took:.2f} s")
    warm_up(boot, apps, report)
    tell_files()
    return apps


def refuse_app(text: str) -> NoReturn:
    flush()
    tell_files()
    _mewsgi.worker_failed(APP_FAILED, text)


def serve(boot: Boot, apps: Apps) -> int:
    try:
        if any_asgi(boot, apps):
            from mewsgi import _asgi

            return _asgi.serve(boot, apps)
        return _mewsgi.serve(apps.default, apps.mounts)
    except BaseException as error:  # noqa: BLE001 -- it never began: the master must know why
        flush()
        _mewsgi.worker_failed(1, describe(error))


def any_asgi(boot: Boot, apps: Apps) -> bool:
    from mewsgi import _kinds

    return any(
        _kinds.is_asgi(app, boot["options"]["asgi"])
        for app in (apps.default, *(app for _, app in apps.mounts))
    )


def describe(error: BaseException) -> str:
    from mewsgi._hooks import format_exception

    # The first entry is the line of ours that called.
    entry = error.__traceback__
    return format_exception(type(error), error, entry.tb_next if entry else None)


def call_hook(name: str) -> None:
    """A function that the app put into the `uwsgi` module; what it raises is logged."""
    hook = getattr(sys.modules["uwsgi"], name, None)
    if hook is not None:
        guard(f"uwsgi.{name}", hook)


def guard(what: str, call: Callable[[], Any], let_out: Any = ()) -> None:
    """What a function of the app raises is logged; `let_out` goes on to the caller."""
    try:
        call()
    except let_out:
        raise
    except BaseException as error:  # noqa: BLE001 -- also sys.exit(): a worker goes on
        _mewsgi.log("error", "hook-failed", f"{what} raised:\n{describe(error)}")
