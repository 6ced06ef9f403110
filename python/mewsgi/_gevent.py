"""gevent = N: patches before the app is imported, and drives a worker from gevent's hub.

The zygote patches and nothing else: a hub holds descriptors and callbacks that a fork must not
share. In a worker the hub waits for everything, the worker's own loop among it; each request runs
in a greenlet that begins, and goes on, in the hub's own turn: the native half never switches.
"""

from __future__ import annotations

import sys
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

MISSING = "gevent = N needs gevent in the python of the app: {} -m pip install gevent"

# Of the worker, from start_worker() on.
gevent: Any = None
Waiter: Any = None
getcurrent: Any = None


def patch(options: dict[str, Any]) -> None:
    """In the zygote, or in a worker with lazy-apps: once, before anything of the app's."""
    from mewsgi._loader import LoadError

    try:
        monkey: Any = import_module("gevent.monkey")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("gevent", "greenlet"):
            raise
        raise LoadError(MISSING.format(sys.executable)) from None
    if options["gevent-monkey-patch"] and not monkey.is_module_patched("socket"):
        monkey.patch_all()


def start_worker() -> None:
    """What the import has made of a hub belongs to the zygote."""
    global gevent, Waiter, getcurrent
    gevent = import_module("gevent")
    getcurrent = gevent.getcurrent
    hubs: Any = import_module("gevent.hub")
    Waiter = hubs.Waiter
    # Not get_hub(), which would make one.
    if hubs._get_hub() is not None:
        gevent.reinit()


# ---- called by the native half (src/python/greenlet_exchange.h)


def spawn(run: Callable[[], None]) -> Any:
    return gevent.spawn(run)


def wait(waiting: list[Any]) -> None:
    """Until wake() of the same list, or what is thrown into this greenlet."""
    waiter = Waiter()
    waiting.append(waiter)
    try:
        waiter.get()
    finally:
        waiting.remove(waiter)


def wake(waiting: list[Any]) -> None:
    run_callback = gevent.get_hub().loop.run_callback
    for waiter in waiting:
        run_callback(waiter.switch, None)


def pause() -> None:
    gevent.sleep(0)


class Driver:
    """`turn` is the native loop's: it gives the milliseconds to the next timer, -1 if there is
    none, and None once the worker has retired."""

    def __init__(self, descriptor: int, turn: Callable[[], int | None]) -> None:
        self._native_turn = turn
        self._loop = gevent.get_hub().loop
        self._readable = self._loop.io(descriptor, 1)
        self._timer: Any = None
        self._due = 0.0
        self._over = Waiter()

    def run(self, waits_for_hub: bool) -> None:
        """In the main greenlet, which waits here for the worker's end."""
        self._readable.start(self.turn)
        self.ask()
        try:
            self._over.get()
        finally:
            self.close()
        if waits_for_hub:
            gevent.get_hub().join()

    def ask(self) -> None:
        """A turn soon, behind what runs."""
        self._loop.run_callback(self.turn)

    def turn(self) -> None:
        due = self._native_turn()
        if due is None:
            self._over.switch(None)
        elif due >= 0:
            self.look_again_in(due / 1000)

    def look_again_in(self, seconds: float) -> None:
        due = self._loop.now() + seconds
        if self._timer is not None:
            if self._timer.active and self._due <= due:
                return  # it comes early enough, and asks again then
            self._timer.close()
        self._due = due
        self._timer = self._loop.timer(seconds)
        self._timer.start(self.turn)

    def close(self) -> None:
        for watcher in (self._readable, self._timer):
            if watcher is not None:
                watcher.close()
