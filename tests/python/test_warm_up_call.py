"""The call before the first request: what the app sees, and what its answer means."""

from __future__ import annotations

from typing import Any, Callable
from wsgiref.validate import validator

import pytest
from fake_native import FakeNative

MakeBoot = Callable[..., Any]


def make_apps(default: Any = None, **mounts: Any) -> Any:
    from mewsgi import _apps

    apps = _apps.Apps()
    apps.default = default
    apps.mounts = list(mounts.items())
    return apps


@pytest.fixture
def warm_up(native: FakeNative, make_boot: MakeBoot) -> Callable[..., list[str]]:
    """Runs it; returns the failures."""
    native.version = "0.1.0"  # type: ignore[attr-defined]

    def run(uri: str, apps: Any, **options: Any) -> list[str]:
        from mewsgi import _warm_up

        failures: list[str] = []
        _warm_up.run(make_boot(warm_up=[uri], **options), apps, failures.append)
        return failures

    return run


class App:
    def __init__(self, status: str = "200 OK") -> None:
        self.status, self.seen, self.closed = status, {}, False
        self.read: list[int] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.seen = dict(environ)
        start_response(self.status, [("Content-Type", "text/plain")])
        return self

    def __iter__(self) -> Any:
        for part in range(3):
            self.read.append(part)
            yield b"part"

    def close(self) -> None:
        self.closed = True


def test_an_app_sees_a_request(warm_up: Any, native: FakeNative) -> None:
    app = App()
    assert warm_up("/n%C3%A9ws/%2F?page=2&x=%20", make_apps(app)) == []
    seen = app.seen
    assert seen["REQUEST_METHOD"] == "GET" and seen["HTTP_HOST"] == "localhost"
    assert seen["PATH_INFO"] == "/n\xc3\xa9ws//" and seen["SCRIPT_NAME"] == ""
    assert seen["QUERY_STRING"] == "page=2&x=%20"
    assert seen["REQUEST_URI"] == "/n%C3%A9ws/%2F?page=2&x=%20"
    assert seen["wsgi.multiprocess"] is True and seen["wsgi.multithread"] is False
    assert seen["wsgi.input"].read() == b""
    assert app.read == [0, 1, 2] and app.closed
    ((level, event, message),) = native.events
    assert (level, event) == ("info", "warmed-up")
    assert message.startswith("warm-up of /n%C3%A9ws/%2F?page=2&x=%20: answered 200 OK in 0.0")


def test_the_environ_keeps_the_rules(warm_up: Any) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"fine"]

    assert warm_up("/", make_apps(validator(app))) == []


@pytest.mark.parametrize(
    ("uri", "host", "name", "port", "scheme"),
    [
        ("http://cats.example", "cats.example", "cats.example", "80", "http"),
        ("https://cats.example/", "cats.example", "cats.example", "443", "https"),
        ("http://cats.example:8080/", "cats.example:8080", "cats.example", "8080", "http"),
        ("//odd", "localhost", "localhost", "80", "http"),
    ],
)
def test_a_host_may_be_named(
    warm_up: Any, uri: str, host: str, name: str, port: str, scheme: str
) -> None:
    app = App()
    assert warm_up(uri, make_apps(app)) == []
    keys = ("HTTP_HOST", "SERVER_NAME", "SERVER_PORT", "wsgi.url_scheme", "PATH_INFO")
    path = "//odd" if uri == "//odd" else "/"
    assert tuple(app.seen[key] for key in keys) == (host, name, port, scheme, path)


@pytest.mark.parametrize(
    ("uri", "chosen", "script_name", "path_info"),
    [
        ("/", "", "", "/"),
        ("/shop", "/shop", "/shop", ""),
        ("/shop/a", "/shop", "/shop", "/a"),
        ("/shopping", "", "", "/shopping"),
        ("/shop/cart/", "/shop/cart", "/shop/cart", "/"),
        ("/caf%C3%A9/x", "/caf\xe9", "/caf\xc3\xa9", "/x"),
    ],
)
def test_mounts_are_chosen_as_for_requests(
    warm_up: Any, uri: str, chosen: str, script_name: str, path_info: str
) -> None:
    apps = {path: App() for path in ("/shop", "/shop/cart", "/caf\xe9", "")}
    assert warm_up(uri, make_apps(**apps)) == []
    assert [path for path, app in apps.items() if app.seen] == [chosen]
    assert apps[chosen].seen["SCRIPT_NAME"] == script_name
    assert apps[chosen].seen["PATH_INFO"] == path_info


@pytest.mark.parametrize("status", ["302 Found", "401 Unauthorized", "404 Not Found"])
def test_answers_that_may_be_meant(warm_up: Any, native: FakeNative, status: str) -> None:
    assert warm_up("/", make_apps(App(status))) == []
    ((level, _, message),) = native.events
    assert status in message
    assert level == ("info" if status < "400" else "warning")


def raises(environ: Any, start_response: Any) -> Any:
    raise ValueError("not today")


def exits(environ: Any, start_response: Any) -> Any:
    raise SystemExit(3)


def answers_nothing(environ: Any, start_response: Any) -> Any:
    return [b"no status"]


def breaks_off(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    yield b"first"
    raise ValueError("no second part")


@pytest.mark.parametrize(
    ("app", "told"),
    [
        (App("503 Service Unavailable"), "answered 503 Service Unavailable"),
        (raises, "the app raised ValueError"),
        (raises, "not today"),
        (exits, "the app raised SystemExit"),
        (answers_nothing, "did not call start_response"),
        (breaks_off, "no second part"),
        (None, "the app there did not load"),
    ],
)
def test_failures(warm_up: Any, native: FakeNative, app: Any, told: str) -> None:
    (text,) = warm_up("/x", make_apps(app))
    assert text.startswith("warm-up of /x: ") and told in text
    assert "mewsgi/_warm_up.py" not in text, "a traceback begins with the app's own frames"
    assert not native.events


def test_nothing_is_mounted_there(warm_up: Any) -> None:
    (text,) = warm_up("/elsewhere", make_apps(**{"/shop": App()}))
    assert text == "warm-up of /elsewhere: no app is mounted there"


@pytest.mark.parametrize("uri", ["http://[::1/", "http://cats.example:port/"])
def test_what_is_no_uri(warm_up: Any, uri: str) -> None:
    (text,) = warm_up(uri, make_apps(App()))
    assert "write a path, or http://host/path" in text
