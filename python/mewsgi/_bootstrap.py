"""What a zygote does between its start and its first fork, and a worker with what it inherits.

Run by _zygote.py. The app that is imported here shall find a Python as uWSGI has it: an empty
`__main__`, its own sys.argv, `uwsgi` in sys.modules, nothing of ours on sys.path, and hardly a
module that it did not import itself (tests/python/test_zygote.py has the list). Hence no
typing, no pathlib, and what is rare is imported where it is needed.
"""

from __future__ import annotations

import gc
import os
import sys
from time import perf_counter

from mewsgi import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Callable, NoReturn

    from mewsgi._apps import Apps
    from mewsgi._mewsgi import Boot

APP_FAILED = 22  # uWSGI's exit status for an app that does not load

HELD_BY_IMPORT = (
    "opened while importing, shared by all workers; open it in @postfork or use --lazy-apps"
)


def run(boot_fd: int) -> NoReturn:
    """Be a zygote until the master orders a worker or a task, then be that."""
    native = load_native(os.path.dirname(os.path.abspath(__file__)))
    boot = attach(native, boot_fd)
    prepare_interpreter(boot)
    if boot["options"]["py-autoreload"]:
        from mewsgi import _autoreload

        _autoreload.start(boot["options"])
    if boot["options"]["dev"]:
        from mewsgi import _dev

        _dev.start()
    lazy = is_lazy(boot["options"])
    from mewsgi import _apps

    apps, functions = (_apps.Apps(), []) if lazy else load_in_zygote(boot)
    if lazy:
        native.zygote_ready("the app will be imported by each worker (lazy-apps)")
    gc.freeze()  # workers share it: the collector shall not write to it
    kind, number = native.wait_for_spawn()
    if kind == "task":
        from mewsgi import _singleton

        _singleton.run(boot, number, functions)

    from mewsgi import _worker

    _worker.run(boot, number, apps, lazy)


def is_lazy(options: dict[str, Any]) -> bool:
    return bool(options["lazy-apps"]) or options["preload"] == "off"


# ---- the native half


def pip_command() -> str:
    return f"{sys.executable} -m pip install mewsgi=={__version__}"


def refuse(text: str) -> NoReturn:
    """End before there is a log: standard error leads to the same place."""
    sys.stderr.write(f"mewsgi: {text}\n")
    sys.stderr.flush()
    os._exit(1)


def load_native(folder: str) -> ModuleType:
    """The extension module beside us; that of this python's own mewsgi if its ABI is another."""
    from importlib.machinery import EXTENSION_SUFFIXES

    for place in (folder, *(os.path.join(entry, "mewsgi") for entry in sys.path)):
        for suffix in EXTENSION_SUFFIXES:
            path = os.path.join(place, "_mewsgi" + suffix)
            if os.path.isfile(path):
                return load_extension(path, own=place == folder)
    version = ".".join(map(str, sys.version_info[:3]))
    refuse(
        f"the mewsgi in {folder} has no module for {sys.executable} (Python {version}), and this "
        f"python has no mewsgi of its own; install it there: {pip_command()}"
    )


def load_extension(path: str, own: bool) -> ModuleType:
    from importlib.machinery import ExtensionFileLoader, ModuleSpec

    name = "mewsgi._mewsgi"
    loader = ExtensionFileLoader(name, path)
    spec = ModuleSpec(name, loader, origin=path)
    spec.has_location = True
    try:
        module = loader.create_module(spec)
        module.__spec__ = spec
        module.__loader__ = loader
        module.__file__ = path
        loader.exec_module(module)
    except ImportError as error:
        refuse(f"{path} does not load: {error}; install mewsgi again: {pip_command()}")
    module.__dict__["own"] = own
    sys.modules[name] = module
    sys.modules["mewsgi"].__dict__["_mewsgi"] = module
    return module


def attach(native: ModuleType, boot_fd: int) -> Boot:
    try:
        boot: Boot = native.attach(boot_fd)
    except RuntimeError as error:
        if native.own:
            refuse(str(error))
        refuse(
            f"the mewsgi that {sys.executable} has of its own is of another build than the one "
            f"that starts it; install the same there: {pip_command()}"
        )
    return boot


# ---- the interpreter as the app shall find it


def prepare_interpreter(boot: Boot) -> None:
    from mewsgi import _uwsgi

    options = boot["options"]
    sys.argv[:] = ["uwsgi", *options["pyargv"].split()]
    sys.modules["__main__"] = type(sys)("__main__")
    sys.modules["__main__"].__dict__["__builtins__"] = sys.modules["builtins"]
    # Whole lines also under PYTHONUNBUFFERED: pieces of two workers' lines would mix.
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(line_buffering=True, write_through=False)  # type: ignore[union-attr]
    for change in options["env"]:
        name, given, value = change.partition("=")
        if given:
            os.environ[name] = value
        else:
            os.environ.pop(name, None)
    if options["log-json"]:
        from mewsgi import _hooks

        _hooks.send_tracebacks_as_events()
    _uwsgi.install(boot)


def load_in_zygote(boot: Boot) -> tuple[Apps, list[Callable[[], Any]]]:
    """Import the apps once for all workers, and the functions of singletons; what they leave open
    is told by name."""
    from mewsgi import _apps, _mewsgi

    before = {fd for fd, _ in _mewsgi.open_connections()}
    started = perf_counter()
    report = refuse_app if boot["options"]["need-app"] else log_failure
    apps = _apps.load(boot["options"], report)
    took = perf_counter() - started
    warm_up(boot, apps, report)
    functions: list[Callable[[], Any]] = []
    if boot["options"]["singleton"]:
        from mewsgi import _singleton

        functions = _singleton.load(
            boot["options"], log_failure if boot["options"]["dev"] else refuse_app
        )
    tell_files()
    # Garbage is not worth sharing. Its connections close, and threads of the import had their time
    # to open some: those are seen now.
    gc.collect()
    if apps.names and boot["options"]["preload"] != "on":  # else it was asked for
        warn_of_leftovers(before)
    if apps.failed and boot["options"]["dev"]:
        _mewsgi.zygote_ready("serving the error until a file of the app's is saved")
    elif apps.names:
        _mewsgi.zygote_ready(f"{apps.about} loaded in {took:.2f} s")
    elif apps.failed:
        _mewsgi.zygote_ready("serving without an app (need-app is off)")
    else:
        _mewsgi.zygote_ready("no app is configured: every request gets a 500")
    return apps, functions


def warm_up(boot: Boot, apps: Apps, report: Callable[[str], None]) -> None:
    if boot["options"]["warm-up"] and apps.names:
        from mewsgi import _warm_up

        _warm_up.run(boot, apps, report)


def refuse_app(text: str) -> NoReturn:
    from mewsgi import _mewsgi

    flush()
    tell_files()
    _mewsgi.zygote_failed(APP_FAILED, text)


def log_failure(text: str) -> None:
    from mewsgi import _mewsgi

    _mewsgi.log("error", "app-failed", text)


def tell_files() -> None:
    """With py-autoreload: what has been imported by now."""
    autoreload = sys.modules.get("mewsgi._autoreload")
    if autoreload:
        autoreload.look()


def note_failure(error: BaseException) -> None:
    """With py-autoreload: where it came from shall be watched."""
    autoreload = sys.modules.get("mewsgi._autoreload")
    if autoreload:
        autoreload.note_failure(error)


def warn_of_leftovers(before: set[int]) -> None:
    from mewsgi import _mewsgi

    threading = sys.modules.get("threading")
    threads = threading.enumerate() if threading else []
    for thread in threads:
        if thread is not threading.main_thread():  # type: ignore[union-attr]
            _mewsgi.log(
                "warning",
                "thread-at-import",
                f'thread "{thread.name}" was started while importing and runs in no worker; '
                "start it in @postfork or use --lazy-apps",
            )
    for fd, peer in _mewsgi.open_connections():
        if fd not in before:
            _mewsgi.log(
                "warning",
                "connection-at-import",
                f"a connection to {peer} (fd {fd}) was {HELD_BY_IMPORT}",
            )


def flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # noqa: BLE001, S110 -- the app may have put anything there
            pass
