"""The module `uwsgi` that code written for uWSGI imports: made here, never a file of that name.

Values and types are uWSGI's (bytes where it has bytes). What is not there yet is absent, so that
`hasattr` and AttributeError tell the truth. `opt` shows what was given, and for what agents look
at (New Relic, Sentry, ddtrace) what is in force.
"""

from __future__ import annotations

import os
import sys
import time
from importlib.machinery import ModuleSpec, SourceFileLoader

from mewsgi import __version__, _mewsgi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import Any, Callable, Union

    from mewsgi._mewsgi import Boot

    OptionValue = Union[bytes, bool, list[Union[bytes, bool]]]

# The release whose Python API this is; agents compare it.
UWSGI_VERSION = (2, 0, 31, 0, "")

# Options of uWSGI's that are always on here, whatever was given.
ALWAYS_ON = (
    "enable-threads",
    "single-interpreter",
    "py-call-osafterfork",
    "py-call-uwsgi-fork-hooks",
)
WEBSOCKET_CALLS = (
    "websocket_handshake",
    "websocket_recv",
    "websocket_recv_nb",
    "websocket_send",
    "websocket_send_binary",
    "connection_fd",
    "request_context",
)
NUMBERS_IN_FORCE = ("processes", "listen", "buffer-size")


in_force: dict[str, Any] = {}  # the options, for what is loaded later


def install(boot: Boot) -> ModuleType:
    """Put `uwsgi` into sys.modules, and the way to `uwsgidecorators` before all others."""
    module = build(boot)
    sys.modules["uwsgi"] = module
    sys.meta_path.insert(0, DecoratorsFinder)
    return module


def build(boot: Boot) -> ModuleType:
    options = boot["options"]
    in_force.update(options)
    module = type(sys)("uwsgi", "uWSGI's Python API, served by mewsgi.")
    values: dict[str, Any] = {
        "version": ".".join(map(str, UWSGI_VERSION[:3])).encode(),
        "version_info": UWSGI_VERSION,
        "mewsgi_version": __version__,
        "opt": effective_options(boot),
        "numproc": options["processes"],
        "cores": 1,
        "has_threads": 1,
        "hostname": os.fsencode(os.uname().nodename),
        "buffer_size": options["buffer-size"],
        "started_on": boot["started"],
        "sockets": [fd for fd, _, _ in boot["listeners"] if fd >= 0],
        "applications": None,
        "is_a_reload": boot["generation"] > 1,
        "loop": None,
        "unbit": None,
        "magic_table": {},
        "SPOOL_OK": -2,
        "SPOOL_RETRY": -1,
        "SPOOL_IGNORE": 0,
        "masterpid": lambda: boot["master_pid"],
        "mule_id": lambda: 0,
        "worker_id": _mewsgi.worker_id,
        "request_id": _mewsgi.request_id,
        "total_requests": _mewsgi.total_requests,
        "workers": _mewsgi.workers,
        "log": log,
        "reload": reload,
        "stop": stop,
        "micros": micros,
        "mem": mem,
        "setprocname": setprocname,
        **{name: websocket_call(name) for name in WEBSOCKET_CALLS},
    }
    if options["pidfile"]:
        values["pidfile"] = os.fsencode(options["pidfile"])
    module.__dict__.update(values)
    return module


def effective_options(boot: Boot) -> dict[str, OptionValue]:
    opt: dict[str, OptionValue] = {}
    known = boot["options"]
    for name, text, bare, written in boot["given"]:
        value = True if bare else os.fsencode(text)
        for key in dict.fromkeys((written, name)):
            add(opt, key, value)
    aliases = {written: name for name, _, _, written in boot["given"]}
    for key in list(opt):
        # `lazy-apps = false` is b"false" in uWSGI, which every agent takes for on.
        if known.get(aliases.get(key, key)) is False:
            del opt[key]
    for name, in_force in known.items():
        if in_force is True:
            opt.setdefault(name, True)
    for name in NUMBERS_IN_FORCE:
        opt[name] = str(known[name]).encode()
    opt["workers"] = opt["processes"]
    opt["threads"] = b"1"
    for name in ALWAYS_ON:
        opt[name] = True
    return opt


def add(opt: dict[str, OptionValue], key: str, value: bytes | bool) -> None:
    """A repeated option becomes a list."""
    before = opt.get(key)
    if before is None:
        opt[key] = value
    elif isinstance(before, list):
        before.append(value)
    else:
        opt[key] = [before, value]


# ---- functions


def to_text(value: str | bytes) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


def log(text: str | bytes) -> bool:
    """One line of the server log."""
    _mewsgi.log("info", "app", to_text(text))
    return True


def reload() -> bool:
    _mewsgi.request_reload()
    return True


def stop() -> bool:
    _mewsgi.request_stop()
    return True


def micros() -> int:
    return time.time_ns() // 1000


def mem() -> tuple[int, int]:
    """Resident and virtual size of this process in bytes."""
    with open("/proc/self/statm", "rb") as file:
        size, resident = map(int, file.read().split()[:2])
    page = os.sysconf("SC_PAGESIZE")
    return resident * page, size * page


def setprocname(title: str | bytes) -> None:
    _mewsgi.set_title(to_text(title))


def websocket_call(name: str) -> Callable[..., Any]:
    """One of _websocket.py, which is loaded where it is used: in a worker, behind any patching."""

    def call(*arguments: Any, **by_name: Any) -> Any:
        from mewsgi import _websocket

        return getattr(_websocket, name)(*arguments, **by_name)

    call.__name__ = call.__qualname__ = name
    return call


# ---- uwsgidecorators


class DecoratorsFinder:
    """Finds `uwsgidecorators` in our package, whatever else is installed."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "uwsgidecorators":
            return None
        file = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".py")
        spec = ModuleSpec(name, SourceFileLoader(name, file), origin=file)
        spec.has_location = True
        return spec
