"""mewsgi, an application server for Python web apps.

Importing this package starts nothing and has no side effects, inside the server or outside of it.
Apps find here what they may catch and ask by name; code written for uWSGI finds `uwsgi` instead.
"""

__version__ = "0.1.0"

__all__ = ["RequestBodyError", "__version__", "stopping", "wait_for_stop"]


class RequestBodyError(OSError):
    """Raised by `wsgi.input`: the body was cut, malformed or too slow; what was read is a part."""


def stopping() -> bool:
    """In a singleton: whether it was told to end. Who asks is not interrupted by SystemExit."""
    import sys

    singleton = sys.modules.get("mewsgi._singleton")
    return bool(singleton and singleton.stopping())


def wait_for_stop(timeout: "float | None" = None) -> bool:
    """In a singleton: sleep so many seconds, or until it was told to end; then True.

    Elsewhere, as in a test of the function: just sleep. Without a timeout, sleep for good.
    """
    import sys
    import time

    singleton = sys.modules.get("mewsgi._singleton")
    if singleton:
        return bool(singleton.wait_for_stop(timeout))
    while timeout is None:
        time.sleep(3600)
    time.sleep(max(timeout, 0))
    return False
