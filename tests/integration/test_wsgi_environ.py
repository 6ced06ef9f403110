"""What stands in environ beside the request: PEP 3333's own keys and uWSGI's, with their types."""

from __future__ import annotations

import json
import socket
from typing import Any, Callable

import pytest
from harness import Given, Server
from harness.fixtures import APPS

Serve = Callable[..., Server]

SHOW = """
    import json

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "application/json")])
        shown = {name: repr(value) for name, value in environ.items() if "." in name}
        return [json.dumps(shown).encode()]
"""


def dotted(given: Given, checked: bool = False) -> dict[str, Any]:
    shown: dict[str, Any] = given.get(SHOW, checked=checked).json
    return shown


@pytest.mark.parametrize("checked", [False, True])
def test_keys_with_a_dot(given: Given, checked: bool) -> None:
    shown = dotted(given, checked)
    for name, value in {
        "wsgi.version": "(1, 0)",
        "wsgi.url_scheme": "'http'",
        "wsgi.multithread": repr(given.threads > 1),
        "wsgi.multiprocess": "False",
        "wsgi.run_once": "False",
        "wsgi.input_terminated": "True",
        "wsgi.file_wrapper": "<class 'mewsgi.FileWrapper'>",
        "uwsgi.node": repr(socket.gethostname().encode()),
    }.items():
        assert shown.pop(name) == value, name
    assert shown.pop("uwsgi.version").startswith("b'"), "bytes, as uWSGI's"
    core = shown.pop("uwsgi.core", None)
    assert core in {1: [None], 3: ["0", "1", "2"]}[given.threads], "only where there are several"
    assert set(shown) == {"wsgi.input", "wsgi.errors"}


@pytest.mark.parametrize(("processes", "expected"), [("1", "False"), ("2", "True")])
def test_multiprocess(serve: Serve, processes: str, expected: str) -> None:
    given = Given(serve("--chdir", str(APPS), "--processes", processes, "given:app"))
    assert dotted(given)["wsgi.multiprocess"] == expected


@pytest.mark.parametrize("checked", [False, True])
def test_wsgi_errors_is_the_log(given: Given, checked: bool) -> None:
    mark = given.server.mark()
    given.get(
        """
        def app(environ, start_response):
            errors = environ["wsgi.errors"]
            errors.write("written with \\u00fc\\n")
            errors.writelines(["first of lines\\n", "second of lines\\n"])
            errors.flush()
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b""]
        """,
        checked=checked,
    )
    for line in ("written with \xfc", "first of lines", "second of lines"):
        given.server.wait_log(f"^{line}$", since=mark)


def test_types_that_cannot_be_made_or_changed(given: Given) -> None:
    """What the server hands out is whole: an app cannot make a hollow one of it, copy it, or take
    the worker down by trying."""
    tried = given.get(
        """
        import copy, json, pickle

        def app(environ, start_response):
            body, wrap = environ["wsgi.input"], environ["wsgi.file_wrapper"]
            write = start_response("200 OK", [("Content-Type", "application/json")])
            results = {}
            for name, attempt in {
                "input": lambda: type(body)(),
                "new input": lambda: object.__new__(type(body)),
                "copied input": lambda: copy.copy(body),
                "pickled input": lambda: pickle.dumps(body),
                "start_response": lambda: type(start_response)(),
                "copied start_response": lambda: copy.copy(start_response),
                "wrapper of nothing": lambda: wrap(),
                "new wrapper": lambda: next(object.__new__(wrap)),
                "subclass": lambda: type("Sub", (type(body),), {}),
            }.items():
                try:
                    attempt()
                    results[name] = "made"
                except TypeError:
                    results[name] = "TypeError"
            return [json.dumps(results).encode()]
        """
    ).json
    assert set(tried.values()) == {"TypeError"}, json.dumps(tried, indent=1)
