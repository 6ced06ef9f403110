"""The module `uwsgidecorators`, as far as it goes here: `postfork` and `thread`.

Served by a finder of ours under its plain name (see _uwsgi.py), so that one which a pip-installed
uWSGI left behind is never taken. Importing it takes over `uwsgi.post_fork_hook`, as uWSGI's does.
"""

from __future__ import annotations

import sys
from functools import wraps
from threading import Thread
from typing import Any, Callable, TypeVar, Union

Function = TypeVar("Function", bound=Callable[..., Any])

uwsgi: Any = sys.modules.get("uwsgi")
if uwsgi is None:
    raise ImportError("uwsgidecorators works only inside a mewsgi server")

# (0 or the one worker id to run in, function), in the order of definition
postfork_chain: list[tuple[int, Callable[[], Any]]] = []


def postfork_chain_hook() -> None:
    from mewsgi._worker import guard

    for worker, function in list(postfork_chain):
        if worker in (0, uwsgi.worker_id()):
            guard(f"@postfork {getattr(function, '__qualname__', function)}", function)


def postfork(
    target: Union[Callable[[], Any], int],  # noqa: UP007 -- evaluated by nobody, read by people
) -> Any:
    """Run a function in each worker after its fork: `@postfork`, or `@postfork(2)` for one."""
    if callable(target):
        postfork_chain.append((0, target))
        return target

    def register(function: Callable[[], Any]) -> Callable[[], Any]:
        postfork_chain.append((target, function))
        return function

    return register


def thread(function: Function) -> Callable[..., Function]:
    """Each call runs the function in a daemon thread of its own."""

    @wraps(function)
    def start(*args: Any, **kwargs: Any) -> Function:
        Thread(target=function, args=args, kwargs=kwargs, daemon=True).start()
        return function

    return start


uwsgi.post_fork_hook = postfork_chain_hook
