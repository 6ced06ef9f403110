"""A worker of ASGI apps: its loop, their lifespans, and which of the apps are such.

Runs in workers, from ready to retired; requests are the native half's (src/python/asgi_serve). The
loop is made here, after the fork: nothing of one could be shared.
"""

from __future__ import annotations

import asyncio
import sys

from mewsgi import _mewsgi
from mewsgi._bootstrap import APP_FAILED, flush
from mewsgi._kinds import is_asgi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from mewsgi._apps import Apps
    from mewsgi._mewsgi import Boot

    Message = dict[str, Any]

_VERSION = {"version": "3.0", "spec_version": "2.0"}
# What asyncio and its threads get at the end.
_TIME_TO_CLEAN_UP = 5.0


class ClientDisconnected(ConnectionError):  # noqa: N818 -- as frameworks call theirs
    """What send() raises once the client has left (ASGI's HTTP specification 2.4)."""


# ---- which apps


def find_asgi(apps: Apps, options: dict[str, Any]) -> list[Any]:
    """Each of the ASGI apps once."""
    found: list[Any] = []
    for app in (apps.default, *(app for _, app in apps.mounts)):
        if is_asgi(app, options["asgi"]) and not any(app is one for one in found):
            found.append(app)
    return found


def has_wsgi(apps: Apps, found: list[Any]) -> bool:
    everything = [app for _, app in apps.mounts] if apps.mounts else [apps.default]
    return any(app is not None and not any(app is one for one in found) for app in everything)


# ---- the worker


def serve(boot: Boot, apps: Apps) -> int:
    options = boot["options"]
    found = find_asgi(apps, options)
    loop = make_loop(options["asgi-loop"])
    asyncio.set_event_loop(loop)
    lifespans = [
        Lifespan(app, options["asgi-lifespan"], options["asgi-lifespan-timeout"]) for app in found
    ]
    for lifespan in lifespans:
        loop.run_until_complete(lifespan.start_up())
        if lifespan.failure:
            flush()
            if options["dev"]:
                return serve_failure(lifespan.failure)
            _mewsgi.worker_failed(APP_FAILED, lifespan.failure)
    kinds = [(lifespan.app, lifespan.state) for lifespan in lifespans]
    _mewsgi.asgi_open(
        loop, apps.default, apps.mounts, kinds, has_wsgi(apps, found), ClientDisconnected
    )
    loop.run_forever()
    for lifespan in reversed(lifespans):
        loop.run_until_complete(lifespan.shut_down())
    clean_up(loop)
    return _mewsgi.asgi_close()


def serve_failure(text: str) -> int:
    """`mewsgi dev`: each request shows it, until a file of the app's is saved."""
    from mewsgi._dev import Broken
    from mewsgi._loader import LoadError

    _mewsgi.log("error", "app-failed", text)
    return _mewsgi.serve(Broken("the app", LoadError(text)), [])


def make_loop(wanted: str) -> asyncio.AbstractEventLoop:
    if wanted != "asyncio":
        try:
            import uvloop
        except ImportError:
            if wanted == "uvloop":
                _mewsgi.worker_failed(
                    APP_FAILED,
                    "asgi-loop = uvloop, but this python has none; install it "
                    f"({sys.executable} -m pip install uvloop), or choose asgi-loop = auto",
                )
        else:
            loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
            return loop
    return asyncio.new_event_loop()


def clean_up(loop: asyncio.AbstractEventLoop) -> None:
    """As asyncio.run() ends, but with a limit: tasks, async generators, threads."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()

    async def finish() -> None:
        if tasks:
            await asyncio.wait(tasks, timeout=_TIME_TO_CLEAN_UP)
        await loop.shutdown_asyncgens()

    loop.run_until_complete(finish())


# ---- lifespan


class Lifespan:
    """The lifespan of one app in this worker (ASGI's lifespan specification 2.0)."""

    def __init__(self, app: Callable[..., Any], wanted: str, timeout: float) -> None:
        self.app = app
        self.wanted = wanted
        self.timeout = timeout or None
        self.state: dict[str, Any] | None = None
        self.failure = ""
        self._state: dict[str, Any] = {}
        self._task: asyncio.Task[None] | None = None
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        self._started = asyncio.Event()
        self._ended = asyncio.Event()
        self._running = False

    async def start_up(self) -> None:
        if self.wanted == "off":
            return
        self._task = asyncio.ensure_future(self._run())
        self._events.put_nowait({"type": "lifespan.startup"})
        try:
            await asyncio.wait_for(self._started.wait(), self.timeout)
        except asyncio.TimeoutError:
            self.failure = (
                f"the app's lifespan did not start up within {self.timeout:g} s "
                "(asgi-lifespan-timeout)"
            )
        if self._running:
            self.state = self._state

    async def shut_down(self) -> None:
        if not self._running or self._task is None:
            return
        self._events.put_nowait({"type": "lifespan.shutdown"})
        try:
            await asyncio.wait_for(self._ended.wait(), self.timeout)
        except asyncio.TimeoutError:
            _mewsgi.log(
                "warning",
                "lifespan-too-slow",
                f"the app's lifespan did not shut down within {self.timeout:g} s "
                "(asgi-lifespan-timeout)",
            )

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": _VERSION.copy(), "state": self._state}
        try:
            await self.app(scope, self._events.get, self._send)
        except BaseException as error:  # noqa: BLE001 -- what an app raises is its lifespan's end
            self._raised(error)
        else:
            if not self._started.is_set():
                self._did_not_start("it returned")
        finally:
            self._running = self._running and not self._ended.is_set()
            self._started.set()
            self._ended.set()

    def _raised(self, error: BaseException) -> None:
        from mewsgi._worker import describe

        if self._started.is_set():
            if not isinstance(error, asyncio.CancelledError):
                text = f"the app's lifespan raised:\n{describe(error)}"
                _mewsgi.log("error", "lifespan-failed", text)
        elif self.wanted == "on":
            self.failure = f"the app's lifespan raised at start-up:\n{describe(error)}"
        else:
            self._did_not_start(f"{type(error).__name__}: {error}")

    def _did_not_start(self, why: str) -> None:
        text = f"the app has no lifespan ({why})"
        if self.wanted == "on":
            self.failure = text
        else:
            _mewsgi.log("debug", "no-lifespan", text)

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "lifespan.startup.complete":
            self._expect(kind, not self._started.is_set())
            self._running = True
            self._started.set()
        elif kind == "lifespan.startup.failed":
            self._expect(kind, not self._started.is_set())
            self.failure = "the app's start-up failed" + self._reason(message)
            self._started.set()
        elif kind == "lifespan.shutdown.complete":
            self._expect(kind, self._started.is_set() and not self._ended.is_set())
            self._ended.set()
        elif kind == "lifespan.shutdown.failed":
            self._expect(kind, self._started.is_set() and not self._ended.is_set())
            text = "the app's shutdown failed" + self._reason(message)
            _mewsgi.log("error", "lifespan-failed", text)
            self._ended.set()
        else:
            raise ValueError(f"{kind!r} is no message that a lifespan sends")

    @staticmethod
    def _expect(kind: str, right: bool) -> None:
        if not right:
            raise RuntimeError(f"the app sent {kind} at the wrong time")

    @staticmethod
    def _reason(message: Message) -> str:
        text = message.get("message", "")
        return f": {text}" if text else ""
