"""Real frameworks through the real program: what people will run first."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable
from xml.etree import ElementTree

import pytest
from harness import Server
from harness.browser import Browser, csrf_token, multipart
from harness.fixtures import APPS, serve_validated

Serve = Callable[..., Server]
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

CATS = {
    "plain WSGI": ["--chdir", str(EXAMPLES / "catserve"), "catserve.wsgi"],
    "Flask": ["--chdir", str(EXAMPLES / "catserve_flask"), "app:app"],
    "Django": ["--chdir", str(EXAMPLES / "catserve_django"), "catserve_django.wsgi"],
}


@pytest.mark.parametrize("form", CATS)
def test_cats(serve: Serve, form: str) -> None:
    server = serve("--processes", "2", *CATS[form])
    with server.connect() as connection:
        page = connection.get("/")
        assert page.status == 200 and form in page.text
        found = re.search(r'<img src="(/cat/\w+\.svg)"', page.text)
        assert found
        picture = connection.get(found[1])
        assert picture.get("Content-Type") == "image/svg+xml"
        assert ElementTree.fromstring(picture.text).tag.endswith("svg")
        assert connection.get("/").text != page.text, "a new cat"
        assert connection.get(found[1]).body == picture.body, "the same cat"
        connection.send(f"HEAD {found[1]} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head = connection.read_response("HEAD")
        assert head.status == 200 and head.get("Content-Length") == str(len(picture.body))
        assert connection.get("/herd").text.count("<img") == 24
        assert connection.get("/cat/%3Cscript%3E").status == 404
        assert connection.request("POST", "/").status == 405


def test_one_seed_is_one_cat_in_every_form(serve: Serve) -> None:
    pictures = {serve(*arguments).get("/cat/mew-42.svg").body for arguments in CATS.values()}
    assert len(pictures) == 1


def test_catserve_ini(serve: Serve) -> None:
    server = serve("--ini", str(EXAMPLES / "catserve/catserve.ini"), cwd="/")
    assert "Cats as a Service" in server.get("/").text


# Django


@pytest.fixture(scope="module", params=["plain", "validated"])
def django(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = APPS / "django_site"
    database = tmp_path_factory.mktemp("django") / "site.sqlite3"
    environment = {
        "SITE_DATABASE": str(database),
        "DJANGO_SETTINGS_MODULE": "site_with_admin.settings",
        "DJANGO_SUPERUSER_PASSWORD": "let me in",
    }
    for command in (
        ["migrate", "--verbosity", "0"],
        ["createsuperuser", "--noinput", "--username", "boss", "--email", "boss@example.org"],
    ):
        subprocess.run(
            [sys.executable, "-m", "django", *command],
            cwd=folder,
            env={**os.environ, **environment, "PYTHONPATH": str(folder)},
            check=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
    app, where = "site_with_admin.wsgi:application", ["--chdir", str(folder), "--processes", "2"]
    own = {"SITE_DATABASE": str(database)}
    validated = request.param == "validated"
    with (
        serve_validated(app, *where, env=own) if validated else Server([*where, app], env=own)
    ) as server:
        yield server


def test_django_admin_login(django: Server) -> None:
    browser = Browser(django)
    assert browser.ask("GET", "/admin/").status == 302
    page = browser.ask("GET", "/admin/login/?next=/admin/")
    assert page.status == 200 and "csrftoken" in browser.cookies
    token = csrf_token(page.text)

    refused = browser.post_form("/admin/login/?next=/admin/", username="boss", password="let me in")
    assert refused.status == 403, "CSRF protection is on"
    wrong = browser.post_form(
        "/admin/login/?next=/admin/", username="boss", password="wrong", csrfmiddlewaretoken=token
    )
    assert wrong.status == 200 and "errornote" in wrong.text

    good = browser.post_form(
        "/admin/login/?next=/admin/",
        username="boss",
        password="let me in",
        csrfmiddlewaretoken=token,
    )
    assert good.status == 302 and good.get("Location") == "/admin/"
    assert "sessionid" in browser.cookies
    for _ in range(6):  # whichever worker answers
        index = browser.ask("GET", "/admin/")
        assert index.status == 200 and "boss" in index.text

    form = browser.ask("GET", "/admin/auth/group/add/")
    added = browser.post_form(
        "/admin/auth/group/add/", name="mouse hunters", csrfmiddlewaretoken=csrf_token(form.text)
    )
    assert added.status == 302
    assert "mouse hunters" in browser.ask("GET", "/admin/auth/group/").text


def test_django_streams_files_and_uploads(django: Server) -> None:
    browser = Browser(django)
    stream = browser.ask("GET", "/stream")
    assert stream.text == "".join(f"part {number}\n" for number in range(1000))
    source = (APPS / "django_site/site_with_admin/urls.py").read_bytes()
    assert browser.ask("GET", "/file").body == source
    content = os.urandom(5_000_000)  # beyond what Django keeps in memory
    body, kind = multipart("big.bin", content)
    answer = browser.ask("POST", "/upload", body, Content_Type=kind)
    assert answer.json == {
        "name": "big.bin",
        "size": 5_000_000,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    mark = django.mark()
    assert browser.ask("GET", "/fails").status == 500
    django.wait_log("RuntimeError: a view that fails", since=mark)


@pytest.mark.parametrize("by", ["body", "form", "file", "read", "lines"])
def test_django_sees_that_an_upload_was_cut(django: Server, by: str) -> None:
    """Never half an upload that looks whole, and never an error of the app's: Django has a name
    for this one."""
    if by == "file":
        content, kind = multipart("a.bin", b"x" * 3_000_000)
        size = 3_000_000
    elif by == "form":
        content, kind = b"a=" + b"b" * 3_000_000, "application/x-www-form-urlencoded"
        size = 3_000_001
    else:
        content, kind = b"line\n" * 600_000, "application/octet-stream"
        size = len(content)
    target = f"/take?by={by}"
    whole = django.request("POST", target, content, Content_Type=kind)
    assert whole.json == {"size": size}
    for sent in (70_000, len(content) - 1):
        with django.connect() as connection:
            connection.send(
                f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
                f"Content-Length: {len(content)}\r\n\r\n".encode()
                + content[:sent]
            )
            connection.finish_sending()
            answer = connection.read_response()
            connection.expect_end()
        assert answer.json["cause"] == "RequestBodyError"
        assert "not complete" in answer.json["unreadable"]


def test_django_refuses_foreign_hosts(django: Server) -> None:
    assert django.get("/admin/login/", Host="evil.example").status == 400
    assert django.get("/admin/login/", Host="localhost").status == 200


# Flask


@pytest.fixture(scope="module", params=["plain", "validated"])
def flask(request: pytest.FixtureRequest) -> Iterator[Server]:
    where = ["--chdir", str(APPS / "flask_site")]
    validated = request.param == "validated"
    with serve_validated("app:app", *where) if validated else Server([*where, "app:app"]) as server:
        yield server


@pytest.mark.parametrize("size", [0, 10, 300_000, 8_000_000])
def test_flask_upload(flask: Server, size: int) -> None:
    content = os.urandom(size)
    body, kind = multipart("cat.png", content, note="sch\xf6n")
    with flask.connect(timeout=20) as connection:
        answer = connection.request("POST", "/upload", body, Content_Type=kind)
        assert answer.json == {
            "name": "cat.png",
            "size": size,
            "sha256": hashlib.sha256(content).hexdigest(),
            "note": "sch\xf6n",
        }


def test_flask_chunked_upload(flask: Server) -> None:
    """By the standard library's client, which frames it by itself."""
    parts = [os.urandom(123_457) for _ in range(30)]
    client = http.client.HTTPConnection("127.0.0.1", flask.port, timeout=20)
    client.request(
        "POST",
        "/raw",
        body=iter(parts),
        encode_chunked=True,
        headers={"Transfer-Encoding": "chunked"},
    )
    answer: Any = client.getresponse()
    import json

    assert json.load(answer) == {
        "size": 30 * 123_457,
        "sha256": hashlib.sha256(b"".join(parts)).hexdigest(),
    }
    client.close()


def test_flask_never_takes_a_cut_upload_for_a_whole_one(flask: Server) -> None:
    content = os.urandom(300_000)
    body, kind = multipart("cat.png", content, note="x")
    for target, sent in (("/raw", len(body) - 1), ("/upload", len(body) - 1), ("/raw", 70_000)):
        mark = flask.mark()
        with flask.connect() as connection:
            connection.send(
                f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body[:sent]
            )
            connection.finish_sending()
            assert connection.read_response().status in (400, 500)
            connection.expect_end()
        if target == "/raw":
            flask.wait_log("RequestBodyError: the request body is not complete", since=mark)


def test_flask_streams(flask: Server, tmp_path: Path) -> None:
    fifo = tmp_path / "gate"
    os.mkfifo(fifo)
    with flask.connect() as connection:
        assert connection.get("/stream").text == "".join(f"part {n}\n" for n in range(5))
        connection.send(f"GET /gate?fifo={fifo} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        connection.read_head()
        assert connection.read_chunk() == b"before\n"
        with open(fifo, "wb"):
            pass
        assert connection.read_chunk() == b"after\n"
        assert connection.read_chunk() == b""


def test_flask_files_sessions_errors(flask: Server) -> None:
    browser = Browser(flask)
    source = (APPS / "flask_site/app.py").read_bytes()
    assert browser.ask("GET", "/file").body == source
    part = browser.ask("GET", "/file", Range="bytes=10-19")
    assert part.status == 206 and part.body == source[10:20]
    assert [browser.ask("GET", "/visits").text for _ in range(3)] == ["1", "2", "3"]
    mark = flask.mark()
    assert browser.ask("GET", "/fails").status == 500
    flask.wait_log("RuntimeError: a view that fails", since=mark)
    assert browser.ask("GET", "/visits").text == "4"
