"""py-autoreload: which files the running code was made from.

Runs in zygotes and workers, and only with that option. The list goes to the watcher (through the
master, who does not read it), together with what each file was when it was loaded: one that was
saved while the import ran is then known to have changed. An attempt that failed names its files
too: the frames of the traceback, the file with the syntax error, and where a module that is missing
would have been found; mending any of them is a change.
"""

from __future__ import annotations

import os
import sys
from _thread import allocate_lock
from importlib.machinery import EXTENSION_SUFFIXES
from time import time_ns

from mewsgi import _mewsgi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

OURS = os.path.dirname(__file__) + os.sep
STDLIB = os.path.dirname(os.__file__) + os.sep
# Packages that were installed lie below the standard library, but are none of it.
INSTALLED = (STDLIB + "site-packages" + os.sep, STDLIB + "dist-packages" + os.sep)
SUFFIXES = tuple(EXTENSION_SUFFIXES)
CHANGED = (0, 0, 0)  # what no file is
MISSING = (-1, 0, 0)
MOST_CAUSES = 50
CLOCK_STEP = 20_000_000  # ns by which a file's time may lag behind the clock


class Files:
    """What this process has loaded so far, and what the master knows of it."""

    def __init__(self, ignored: list[str]) -> None:
        self.ignored = set(ignored)
        self.born = time_ns() - CLOCK_STEP
        self.loaded: dict[str, tuple[int, int, int]] = {}
        self.modules = 0
        self.told = 0

    def look(self) -> None:
        """Take in what was imported since the last time."""
        self.modules = len(sys.modules)
        for name, module in list(sys.modules.items()):
            if not self.is_ignored(name):
                self.add_module(module)

    def is_ignored(self, name: str) -> bool:
        return any(name == ignored or name.startswith(ignored + ".") for ignored in self.ignored)

    def add_module(self, module: Any) -> None:
        spec = getattr(module, "__spec__", None)
        path = getattr(module, "__file__", None) or getattr(spec, "origin", None)
        if not isinstance(path, str) or path.endswith(SUFFIXES) or path in ("built-in", "frozen"):
            return
        if path.endswith(".pyc"):
            path = path[:-1]
        cached = getattr(module, "__cached__", None) or getattr(spec, "cached", None)
        self.add(path, cached if isinstance(cached, str) else None)

    def add(self, path: str, cached: str | None = None) -> None:
        path = os.path.abspath(path)
        if path in self.loaded or is_foreign(path):
            return
        self.loaded[path] = self.state_of(path, cached)

    def state_of(self, path: str, cached: str | None) -> tuple[int, int, int]:
        try:
            about = os.stat(path)
        except (OSError, ValueError):
            return MISSING
        # The clock of a file's last change is the kernel's own, so this costs a read only for the
        # few files that are that young.
        if cached and about.st_ctime_ns >= self.born and not is_cache_of(cached, about):
            return CHANGED
        return about.st_mtime_ns, about.st_size, about.st_ino

    def add_failure(self, error: BaseException) -> None:
        """The files that the fault may be in."""
        for cause in causes_of(error):
            entry = cause.__traceback__
            while entry is not None:
                self.add(entry.tb_frame.f_code.co_filename)
                entry = entry.tb_next
            filename = getattr(cause, "filename", None)  # SyntaxError, OSError
            if isinstance(filename, str):
                self.add(filename)
            if isinstance(cause, ModuleNotFoundError) and cause.name:
                for path in places_of(cause.name):
                    self.add(path)

    def tell(self) -> None:
        if len(self.loaded) == self.told:
            return
        records = [
            b"m%d %d %d %b\0" % (*state, os.fsencode(path)) for path, state in self.loaded.items()
        ]
        if _mewsgi.tell_files(b"".join(records)):
            self.told = len(self.loaded)


files: Files | None = None
turn = allocate_lock()


def start(options: dict[str, Any]) -> None:
    """Once, in the zygote, before anything of the app is imported."""
    global files
    files = Files(options["py-auto-reload-ignore"])
    _mewsgi.watch_modules(look)


def look() -> None:
    """After an import: the app's first one, or one that a request brought about."""
    if files is not None:
        with turn:
            files.look()
            files.tell()


def note_failure(error: BaseException) -> None:
    if files is not None:
        files.add_failure(error)


def is_foreign(path: str) -> bool:
    """Ours, the standard library's, or no file at all ("<string>")."""
    if path.startswith(OURS) or path.rpartition(os.sep)[2].startswith("<"):
        return True
    return path.startswith(STDLIB) and not path.startswith(INSTALLED)


def is_cache_of(cached: str, about: os.stat_result) -> bool:
    """Whether the bytecode was made from the file as it is; true where that cannot be known."""
    try:
        with open(cached, "rb") as file:
            head = file.read(16)
    except OSError:
        return True
    if len(head) < 16 or head[4:8] != bytes(4):  # of a kind that has no times
        return True
    mtime = int(about.st_mtime) & 0xFFFFFFFF
    size = about.st_size & 0xFFFFFFFF
    return head[8:] == mtime.to_bytes(4, "little") + size.to_bytes(4, "little")


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it was raised from or while handling."""
    pending: list[BaseException | None] = [error]
    seen: set[int] = set()
    while pending and len(seen) < MOST_CAUSES:
        cause = pending.pop()
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        pending += [cause.__cause__, cause.__context__]


def places_of(name: str) -> list[str]:
    """Where a module that is missing would be, were it the app's."""
    package, _, last = name.rpartition(".")
    parent = sys.modules.get(package)
    folders = list(getattr(parent, "__path__", [])) if parent else sys.path
    return [
        os.path.join(folder, last + ending)
        for folder in folders
        if isinstance(folder, str) and not folder.endswith(("-packages", ".zip"))
        for ending in (".py", f"{os.sep}__init__.py")
    ]
