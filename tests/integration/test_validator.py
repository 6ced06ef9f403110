"""wsgiref's validator around every app of ours, and nothing for it to find.

Most apps are run once more with it where they are tested, by a parameter called "validated"; the
others are here, and so is the list of those that it cannot be around, with the reason."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from harness import Given, Server
from harness.fixtures import APPS, serve_validated

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"

CATS = {
    "plain WSGI": ("catserve.wsgi:application", EXAMPLES / "catserve"),
    "Flask": ("app:app", EXAMPLES / "catserve_flask"),
    "Django": ("catserve_django.wsgi:application", EXAMPLES / "catserve_django"),
}


@pytest.mark.parametrize("form", CATS)
def test_cats(form: str) -> None:
    app, folder = CATS[form]
    with serve_validated(app, "--chdir", str(folder)) as server, server.connect() as connection:
        for target, status in (("/", 200), ("/herd", 200), ("/cat/mew", 200), ("/cat/%3C", 404)):
            for method in ("GET", "HEAD"):
                answer = connection.request(method, target)
                assert answer.status == status
                assert answer.get("Content-Type"), "and not the server's own answer"
        assert connection.get("/cat/mew.svg").get("Content-Type") == "image/svg+xml"
        assert connection.request("POST", "/", b"x=1").status == 405


@pytest.mark.parametrize(
    ("file", "body"),
    [
        ("bench/apps/hello.py", b"Hello, World!"),
        ("bench/apps/busy.py", b"Hello, World!"),
        ("bench/apps/numbered.py", b"Hello, World!"),
        ("tests/integration/configs/hello.py", b"['', '/', '', 'http', '127.0.0.1', '', True]"),
    ],
)
def test_small_apps(file: str, body: bytes) -> None:
    """One answer is all that they have."""
    where = ["--chdir", str((ROOT / file).parent), "--processes", "2"]
    with serve_validated(f"{Path(file).stem}:application", *where) as server:
        assert server.get("/").body == body


def test_the_app_behind_web_servers() -> None:
    with serve_validated("behind:app", "--threads", "2") as server:
        assert server.request("POST", "/weigh", b"x" * 200_000).json[0] == 200_000
        assert server.get("/anything?x").json["PATH_INFO"] == "/anything"
        assert server.request("HEAD", "/endless").status == 200
        with server.connect() as connection:
            connection.send(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.read_head().status == 200 and connection.read_chunk()


def test_it_finds_what_breaks_the_rules(given: Given) -> None:
    """So that its silence means something."""
    mark = given.server.mark()
    source = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'']"
    assert given.get(source).status == 200
    assert given.get(source, checked=True).status == 500
    given.server.wait_log("^AssertionError: No Content-Type header found", since=mark)


def test_methods_and_targets_that_it_warns_of_or_refuses(probe: Server) -> None:
    for method, target in (("OPTIONS", "*"), ("GET", "/?"), ("GET", "//"), ("BREW", "/")):
        assert probe.request(method, target).status in (200, 404)


# Files with WSGI apps in them. Those in VALIDATED are also run with the validator.
VALIDATED = {
    "bench/apps/busy.py": "above",
    "bench/apps/hello.py": "above",
    "bench/apps/numbered.py": "above",
    "examples/catserve/catserve/wsgi.py": "above",
    "examples/catserve_django/catserve_django/wsgi.py": "above",
    "examples/catserve_flask/app.py": "above",
    "tests/conformance/http1/counting_app.py": "fixture counting",
    "tests/integration/apps/behind.py": "above",
    "tests/integration/apps/django_site/site_with_admin/wsgi.py": "test_real_apps.py",
    "tests/integration/apps/flask_site/app.py": "test_real_apps.py",
    "tests/integration/apps/given.py": "Given.get(checked=True)",
    "tests/integration/apps/probe.py": "fixture probe",
    "tests/integration/apps/validated.py": "the validator itself",
    "tests/integration/configs/hello.py": "above",
}
NOT_VALIDATED = {
    "tests/conformance/http1/answering_app.py": "its answers break the rules on purpose",
    "tests/conformance/http1/large_app.py": "calls read() without a size, which it does not know",
    "tests/python/test_warm_up_call.py": "its apps fail on purpose; one is called by the validator",
    "tests/integration/apps/waits.py": "is about when it answers, not how",
    "tests/integration/apps/hints.py": "calls what the validator does not know",
    "tests/integration/apps/body.py": "calls seek, tell and read1, which its input has not",
    "tests/integration/apps/greenlets.py": "is about greenlets that wait, with calls of uWSGI's",
    "tests/conformance/websocket/uwsgi_echo.py": "takes its client's connection over",
    **{
        f"tests/integration/apps/{name}.py": "an ASGI app; the checker of test_asgi_* is its own"
        for name in (
            "asgi_mount",
            "asgi_sites/fastapi_site",
            "asgi_sites/quart_site",
            "asgi_sites/starlette_site",
            "checked",
            "django_async/async_site/asgi",
            "django_site/site_with_admin/asgi",
        )
    },
}


def has_an_app(path: Path) -> bool:
    """A module whose own name is bound to something that is called with a start_response, or made
    by a framework. Apps in the strings of a test are the test's: they are about loading and dying,
    or, in Given, say `checked` where they keep the rules."""
    tree = ast.parse(path.read_text())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            names = [argument.arg for argument in node.args.args]
            if names == ["environ", "start_response"]:
                return True
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            made = {getattr(target, "id", "") for target in node.targets}
            if made & {"app", "application"}:
                return True
    return False


def test_every_app_is_validated_or_says_why_not() -> None:
    folders = [ROOT / "tests", ROOT / "examples", ROOT / "bench"]
    files = [path for folder in folders for path in folder.rglob("*.py") if has_an_app(path)]
    assert APPS / "probe.py" in files
    found = {str(path.relative_to(ROOT)) for path in files}
    assert found == set(VALIDATED) | set(NOT_VALIDATED), "test a new one here, or say why not"
