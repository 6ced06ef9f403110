"""All apps of a server: that of module or wsgi-file, and those of `mount`, by their paths.

Runs where _loader does. Where an app fails, the others still load: with need-app = false they are
served, and the paths of the failed one answer 500.
"""

from __future__ import annotations

import sys

from mewsgi import _loader
from mewsgi._bootstrap import note_failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Application = Callable[..., Any]


class Apps:
    """What a worker serves. With mounts, `mounts` has them all, the default one as ""."""

    def __init__(self) -> None:
        self.default: Application | None = None
        self.mounts: list[tuple[str, Application | None]] = []
        self.names: list[str] = []
        self.failed = False

    @property
    def about(self) -> str:
        """The subject of a sentence for the log."""
        return f"app{'s' if len(self.names) > 1 else ''} {', '.join(self.names)}"


def load(options: dict[str, Any], report: Callable[[str], None]) -> Apps:
    """`report` gets the text of each failure, and need not return."""
    return _Load(options, report).run()


class _Load:
    def __init__(self, options: dict[str, Any], report: Callable[[str], None]) -> None:
        self.options = options
        self.report = report
        self.apps = Apps()
        self.known: dict[str, _loader.App] = {}  # an app at two paths is loaded once

    def run(self) -> Apps:
        found, failed = self.attempt("the app", lambda: _loader.load(self.options))
        if isinstance(found, _loader.App):
            self.apps.default = found.callable
            if not failed:
                self.apps.names.append(found.name)
        named = found is not None or failed
        if isinstance(found, _loader.Applications):
            named = False
            self.mount_all(found.name, found.by_path)
        self.mount_all(
            "uwsgi.applications", getattr(sys.modules.get("uwsgi"), "applications", None)
        )
        for text in self.options["mount"]:
            path, _, target = text.partition("=")
            self.mount("mount", path, target)
        if self.apps.mounts and named:
            self.apps.mounts.append(("", self.apps.default))
        return self.apps

    def attempt(self, what: str, call: Callable[[], Any]) -> tuple[Any, bool]:
        """What the call gives, and whether it failed: then nothing, or in `mewsgi dev` an app that
        shows why."""
        try:
            return call(), False
        except BaseException as error:  # noqa: BLE001 -- sys.exit() in an app is one of them
            self.apps.failed = True
            note_failure(error)
            self.report(_loader.explain_failure(error, what) + explain_holder(error))
            if self.options["dev"]:
                from mewsgi import _dev

                return _loader.App(f"the error of {what}", _dev.Broken(what, error)), True
            return None, True

    def mount_all(self, where: str, by_path: Any) -> None:
        """What code said by a dict of paths."""
        if isinstance(by_path, dict):
            for path, target in by_path.items():
                self.mount(where, path, target)

    def mount(self, where: str, path: Any, target: Any) -> None:
        what = f"the app mounted at {path}"
        found, failed = self.attempt(what, lambda: self.find(where, path, target))
        self.apps.mounts.append((prefix_of(path), found.callable if found else None))
        if not failed:
            self.apps.names.append(f"{found.name} at {path or '/'}")

    def find(self, where: str, path: Any, target: Any) -> _loader.App:
        prefix = prefix_of(path)
        if prefix and not prefix.startswith("/"):
            raise _loader.LoadError(f"{where}: {path!r} does not begin with a slash")
        if prefix in dict(self.apps.mounts):
            raise _loader.LoadError(f"{where}: {path} has an app already")
        if not isinstance(target, str):
            if callable(target):
                return _loader.App(getattr(target, "__name__", type(target).__name__), target)
            raise _loader.LoadError(f"{where}: {path} is not callable: {_loader.describe(target)}")
        if target not in self.known:
            wanted = self.options["callable"]
            self.known[target] = _loader.load_named(target, wanted, where)
        return self.known[target]


def explain_holder(error: BaseException) -> str:
    """For what the app could not get since another process of this server has it."""
    from mewsgi import _held

    reloading = getattr(sys.modules.get("uwsgi"), "is_a_reload", False)
    text = _held.explain(error, reloading)
    return "\n" + text if text else ""


def prefix_of(path: Any) -> str:
    """Without the slash at its end: the path of the app itself and all below it."""
    return str(path).rstrip("/")
