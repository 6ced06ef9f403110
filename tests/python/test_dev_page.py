"""`mewsgi dev`: who may see the page of an error, and what is on it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Callable

import pytest
from fake_native import FakeNative


def raised(call: Callable[[], Any]) -> BaseException:
    try:
        call()
    except BaseException as error:  # noqa: BLE001 -- that is what is wanted
        return error
    raise AssertionError("it raised nothing")


def environ(host: str = "localhost", accept: str = "text/html") -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "REQUEST_URI": "/cats?q=<b>",
        "HTTP_HOST": host,
        "HTTP_ACCEPT": accept,
    }


def html_of(error: BaseException) -> str:
    from mewsgi import _dev

    kind, body = _dev.page(error, environ()) or (b"", b"")
    assert kind.startswith(b"text/html")
    return body.decode()


def divide(by: int) -> float:
    return 1 / by


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("localhost", True),
        ("localhost:8000", True),
        ("LOCALHOST.", True),
        ("shop.localhost", True),
        ("shop.test:1", True),
        ("127.0.0.1:8000", True),
        ("[::1]:8000", True),
        ("", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("127.a", False),
        ("[::2]", False),
        ("10.0.0.1", False),
        ("localhost.evil.example", False),
        ("test", False),
    ],
)
def test_whose_name_it_is(host: str, own: bool) -> None:
    from mewsgi import _dev

    assert _dev.is_own_name(host) is own
    page = _dev.page(ValueError("cats"), environ(host))
    assert (page is not None) is own


def test_html_for_browsers_and_text_for_others() -> None:
    from mewsgi import _dev

    error = raised(lambda: divide(0))
    kind, body = _dev.page(error, environ(accept="*/*")) or (b"", b"")
    assert kind == b"text/plain; charset=utf-8"
    assert body.decode().endswith("ZeroDivisionError: division by zero\n")
    page = html_of(error)
    assert "<h1>ZeroDivisionError: division by zero</h1>" in page
    assert "return 1 / by" in page and "<td>by</td><td>0</td>" in page
    assert "GET /cats?q=&lt;b&gt;" in page


def test_of_an_asgi_scope_it_is_the_same() -> None:
    from mewsgi import _dev

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/cats",
        "raw_path": b"/cats",
        "query_string": b"a=1",
        "headers": [(b"host", b"localhost:1"), (b"accept", b"text/html")],
    }
    _, body = _dev.page(ValueError("x"), scope) or (b"", b"")
    assert b"POST /cats?a=1" in body
    scope["headers"] = [(b"host", b"evil.example")]
    assert _dev.page(ValueError("x"), scope) is None
    websocket = {"type": "websocket", "path": "/ws", "headers": [(b"host", b"localhost")]}
    assert _dev.page(ValueError("x"), websocket) is not None


def test_causes_are_told_once_each() -> None:
    def fail() -> None:
        try:
            divide(0)
        except ZeroDivisionError as error:
            raise LookupError("no cat") from error

    error = raised(fail)
    assert error.__cause__
    error.__cause__.__context__ = error  # a circle
    page = html_of(error)
    assert page.count("<h2>") == 1 and "Its cause: ZeroDivisionError" in page


def test_hidden_contexts_stay_hidden() -> None:
    def fail() -> None:
        try:
            divide(0)
        except ZeroDivisionError:
            raise LookupError("no cat") from None

    assert "<h2>" not in html_of(raised(fail))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups came with 3.11")
def test_groups_show_their_parts() -> None:
    group = ExceptionGroup("two", [ValueError("one"), raised(lambda: divide(0))])  # noqa: F821
    page = html_of(group)
    assert "Part of it: ValueError: one" in page
    assert "Part of it: ZeroDivisionError" in page and "return 1 / by" in page


def test_values_that_resist() -> None:
    class Cat:
        def __repr__(self) -> str:
            raise RuntimeError("scratches")

    class LoudError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("hisses")

    def fail() -> None:
        cat, long = Cat(), "m" * 5000
        assert cat and long
        raise LoudError

    page = html_of(raised(fail))
    assert "its repr raised RuntimeError" in page and "LoudError" in page
    assert "m" * 600 not in page


def test_surrogates_do_not_break_it() -> None:
    assert "\\udce9" in html_of(ValueError("caf\udce9"))


def test_library_frames_are_folded() -> None:
    import json

    page = html_of(raised(lambda: json.loads("{")))
    assert "calls in libraries</summary>" in page and "test_dev.py" in page


def test_source_that_is_gone() -> None:
    code = compile("def f():\n    raise KeyError(1)\n", "/gone/away.py", "exec")
    names: dict[str, Any] = {}
    exec(code, names)
    assert "/gone/away.py:2" in html_of(raised(names["f"]))


def test_a_syntax_error_shows_its_line(site: Path) -> None:
    (site / "bent.py").write_text("one = 1\ndef two(:\n")
    page = html_of(raised(lambda: __import__("bent")))
    assert "bent.py:2" in page and "def two(:" in page


def test_a_broken_app_answers_with_its_error(
    native: FakeNative, options: dict[str, Any], site: Path
) -> None:
    from mewsgi import _apps

    (site / "broken_app.py").write_text("1 / 0\n")
    options.update(module="broken_app", dev=True)
    said: list[str] = []
    apps = _apps.load(options, said.append)
    assert apps.failed and not apps.names and "ZeroDivisionError" in said[0]
    assert apps.default is not None
    started: list[Any] = []
    (body,) = apps.default(environ(), lambda status, headers: started.append(status))
    assert started == ["500 Internal Server Error"]
    assert b"the app did not load" in body and b"1 / 0" in body
    (plain,) = apps.default(environ("evil.example"), lambda status, headers: None)
    assert plain == b"the app did not load; the terminal says why.\n"


def test_a_broken_mount_leaves_the_others(options: dict[str, Any], site: Path) -> None:
    from mewsgi import _apps

    (site / "good_app.py").write_text("def app(environ, start_response):\n    return [b'good']\n")
    options.update(mount=["/good=good_app", "/bad=no_such_app"], dev=True)
    apps = _apps.load(options, lambda text: None)
    by_path = dict(apps.mounts)
    assert by_path["/good"]({}, None) == [b"good"]
    (body,) = by_path["/bad"](environ(accept=""), lambda status, headers: None)
    assert b"there is no module no_such_app" in body
