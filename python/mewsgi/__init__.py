"""mewsgi, an application server for Python web apps.

Importing this package starts nothing and has no side effects, inside the server or outside of it.
Apps find here what they may catch and ask by name; code written for uWSGI finds `uwsgi` instead.
"""

__version__ = "0.1.0"

__all__ = ["RequestBodyError", "__version__"]


class RequestBodyError(OSError):
    """Raised by `wsgi.input`: the body was cut, malformed or too slow; what was read is a part."""
