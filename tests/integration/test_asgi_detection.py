"""Which apps are ASGI: seen by their signature, or said with --asgi."""

from __future__ import annotations

from typing import Callable

import pytest
from harness import Server
from harness.fixtures import APPS, WriteApp

Serve = Callable[..., Server]

AROUND = """
import functools

async def plain(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("only http")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"by ASGI"})

class App:
    async def __call__(self, scope, receive, send):
        await plain(scope, receive, send)

class Holder:
    async def serve(self, scope, receive, send):
        await plain(scope, receive, send)

def decorate(app):
    @functools.wraps(app)
    async def wrapped(*given):
        return await app(*given)
    return wrapped

def passes_on(scope, receive, send):
    return plain(scope, receive, send)

class PassesOn:
    def __init__(self, app):
        self.app = app
    def __call__(self, *given):
        return self.app(*given)

def by_wsgi(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"by WSGI"]

class ByWsgi:
    def __call__(self, environ, start_response):
        return by_wsgi(environ, start_response)

def make(kind="asgi"):
    return plain if kind == "asgi" else by_wsgi

"""
FOUND = {
    "a function": "plain",
    "an object": "App()",
    "a method": "Holder().serve",
    "a partial": "functools.partial(plain)",
    "decorated": "decorate(plain)",
    "three named parameters": "passes_on",
}


@pytest.mark.parametrize("kind", FOUND)
def test_found(serve: Serve, write_app: WriteApp, kind: str) -> None:
    folder = write_app(AROUND + f"\napplication = {FOUND[kind]}\n")
    assert serve("app", cwd=folder).get("/").text == "by ASGI"


@pytest.mark.parametrize("app", ["by_wsgi", "ByWsgi()", "functools.partial(by_wsgi)"])
def test_wsgi_stays_wsgi(serve: Serve, write_app: WriteApp, app: str) -> None:
    folder = write_app(AROUND + f"\napplication = {app}\n")
    assert serve("app", cwd=folder).get("/").text == "by WSGI"


def test_said(serve: Serve, write_app: WriteApp) -> None:
    """What no signature tells, and what one tells wrongly."""
    folder = write_app(AROUND + "\napplication = PassesOn(plain)\n")
    for word in ("--asgi", "--asgi=on"):
        assert serve(word, "--module", "app", cwd=folder).get("/").text == "by ASGI"
    write_app(
        """
        def app(scope, receive, send=None):
            receive("200 OK", [("Content-Type", "text/plain")])
            return [b"by WSGI"]
        """
    )
    assert serve("--asgi=off", "app", cwd=folder).get("/").text == "by WSGI"


def test_a_factory(serve: Serve, write_app: WriteApp) -> None:
    assert serve("app:make()", cwd=write_app(AROUND)).get("/").text == "by ASGI"


FRAMEWORKS = {
    "Flask": ("flask_site", "app:app", "/visits", "1"),
    "Starlette": ("asgi_sites", "starlette_site:app", "/", "hello from Starlette"),
    "FastAPI": ("asgi_sites", "fastapi_site:app", "/", "hello from FastAPI"),
    "Quart": ("asgi_sites", "quart_site:app", "/", "hello from Quart"),
    "Django": ("django_async", "async_site.asgi", "/", "hello from Django"),
}


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_frameworks_by_their_name_alone(serve: Serve, name: str) -> None:
    folder, argument, target, answer = FRAMEWORKS[name]
    server = serve(argument, cwd=APPS / folder, timeout=30)
    assert server.get(target).text == answer
