"""Whether an app is an ASGI or a WSGI app. Imports neither's machinery: every worker asks it."""

from __future__ import annotations

import functools
import inspect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NAMES = ["scope", "receive", "send"]


def is_asgi(app: Any, wanted: str) -> bool:
    """By `asgi`, or by what the app takes: an async function of (scope, receive, send)."""
    if getattr(app, "mewsgi_is_wsgi", False):
        return False
    if app is None or wanted != "auto":
        return app is not None and wanted == "on"
    while isinstance(app, functools.partial):
        app = app.func
    if inspect.iscoroutinefunction(app):
        return True
    if not inspect.isroutine(app) and not inspect.isclass(app):
        call = getattr(type(app), "__call__", None)  # noqa: B004 -- it is looked at, not called
        if inspect.iscoroutinefunction(call):
            return True
    try:
        names = list(inspect.signature(app).parameters)
    except (TypeError, ValueError):
        return False
    return names[:3] == _NAMES
