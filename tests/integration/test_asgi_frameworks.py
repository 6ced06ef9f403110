"""Frameworks of ASGI for real, one site by each, behind the checker: Starlette with sse-starlette,
FastAPI, Quart, and Django's async views with Channels' consumers."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Server, wait_for
from harness.asgi import APPS, WAYS, serve_checked
from harness.browser import Browser, csrf_token, multipart
from harness.ws_client import WebSocket

SITES = {
    "Starlette": ("starlette_site:app", "asgi_sites"),
    "FastAPI": ("fastapi_site:app", "asgi_sites"),
    "Quart": ("quart_site:app", "asgi_sites"),
    "Django": ("async_site.asgi:application", "django_async"),
}
EACH = [(name, way) for way in WAYS for name in SITES]
# Django has no lifespan, and Channels raises an error where there is no such socket.
with_lifespan = pytest.mark.parametrize(
    "site",
    [one for one in EACH if one[0] != "Django"],
    indirect=True,
    scope="module",
    ids="-".join,
)
FORGIVEN = {"Django": ["header case"]}


@pytest.fixture(scope="module", params=EACH, ids="-".join)
def site(request: pytest.FixtureRequest) -> Iterator[Server]:
    name, way = request.param
    app, folder = SITES[name]
    with serve_checked(
        app, folder=APPS / folder, forgives=FORGIVEN.get(name, ()), way=way, timeout=30
    ) as server:
        server.site = name  # type: ignore[attr-defined]
        yield server


def name_of(site: Server) -> str:
    return site.site  # type: ignore[attr-defined, no-any-return]


def noted(site: Server, name: str) -> Any:
    return site.get(f"/note?name={name}").json


def test_pages(site: Server) -> None:
    with site.connect() as connection:
        assert connection.get("/").text == f"hello from {name_of(site)}"
        assert connection.get("/data/mew%20mew?q=%C3%BC").json == {"name": "mew mew", "q": "\xfc"}
        assert connection.get("/nowhere").status == 404
        connection.send(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert not connection.read_response("HEAD").body
        assert connection.get("/").status == 200


@pytest.mark.parametrize("size", [0, 10, 300_000, 8_000_000])
def test_forms_with_files(site: Server, size: int) -> None:
    content = os.urandom(size)
    body, kind = multipart("cat.png", content, note="sch\xf6n")
    with site.connect(timeout=30) as connection:
        answer = connection.request("POST", "/upload", body, Content_Type=kind)
    assert answer.json == {
        "name": "cat.png",
        "size": size,
        "sha256": hashlib.sha256(content).hexdigest(),
        "note": "sch\xf6n",
    }


def test_a_large_upload(site: Server) -> None:
    """30 MB, as chunks of odd sizes."""
    parts = [os.urandom(123_457)] * 250
    head = b"POST /raw HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with site.connect(timeout=60) as connection:
        connection.send(head)
        for one in parts:
            connection.send(b"%x\r\n%s\r\n" % (len(one), one))
        connection.send(b"0\r\n\r\n")
        answer = connection.read_response().json
    content = b"".join(parts)
    assert answer == {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def test_streams_and_files(site: Server) -> None:
    with site.connect() as connection:
        stream = connection.get("/stream")
        assert stream.text == "".join(f"part {number}\n" for number in range(1000))
        folder = SITES[name_of(site)][1]
        page = connection.get("/file")
        assert page.status == 200 and page.complete
        sources = [file.read_bytes() for file in (APPS / folder).rglob("*.py")]
        assert page.body in sources


def test_an_answer_in_gzip(site: Server) -> None:
    """By Starlette's middleware; the others have none, and answer as ever."""
    answer = site.get("/stream", Accept_Encoding="gzip")
    assert answer.complete and answer.status == 200
    assert (answer.get("Content-Encoding") == "gzip") == (name_of(site) == "Starlette")


def test_server_sent_events(site: Server) -> None:
    """As they are made; the generator ends when the client has left."""
    with site.connect() as connection:
        connection.send(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = connection.read_head()
        assert (answer.get("Content-Type") or "").startswith("text/event-stream")
        for number in range(5):
            event = connection.read_until(f"data: tick {number}\r\n".encode())
            assert b"event: tick" in event
        assert noted(site, "events") is None, "it goes on"
    wait_for(lambda: noted(site, "events") == "over", "the end of the generator")


def test_requests_meet(site: Server) -> None:
    waiting = [site.connect() for _ in range(20)]
    for connection in waiting:
        connection.send(b"GET /gated?name=crowd HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert site.get("/open?name=crowd").text == "open"
    for connection in waiting:
        assert connection.read_response().text == "let in"
        connection.close()


def test_sessions_threads_errors(site: Server) -> None:
    browser = Browser(site)
    assert [browser.ask("GET", "/visits").text for _ in range(3)] == ["1", "2", "3"]
    assert browser.ask("GET", "/in-a-thread").text == "another thread"
    mark = site.mark()
    assert browser.ask("GET", "/fails").status == 500
    site.wait_log("RuntimeError: a view that fails", since=mark)
    assert site.get("/").status == 200


@with_lifespan
def test_background_tasks_and_state(site: Server) -> None:
    assert site.get("/later").text == "at once"
    wait_for(lambda: noted(site, "later") == "done", "the task behind the answer")
    assert site.get("/state").text == "a pool"


def test_chat(site: Server) -> None:
    members = [WebSocket(site.port, "/chat/cats", headers=[("Origin", "http://x")]) for _ in "abc"]
    other = WebSocket(site.port, "/chat/dogs", headers=[("Origin", "http://x")])
    said = {"text": "mew \U0001f408", "number": 1}
    # All have joined when the first hears itself, for each joins before it reads.
    for member in (*members, other):
        member.send(json.dumps("here"))
        member.receive()
    for member in members[:-1]:
        while json.loads(member.receive()) != {"room": "cats", "said": "here"}:
            pass
    members[0].send(json.dumps(said))
    for member in members:
        wait_until_it_says(member, {"room": "cats", "said": said})
    other.send(json.dumps(said))
    wait_until_it_says(other, {"room": "dogs", "said": said})
    for member in (*members, other):
        with member:
            pass
        assert member.code == 1000
    wait_for(lambda: noted(site, "chat") == 1000, "the consumers to hear of it")


def wait_until_it_says(member: WebSocket, expected: Any) -> None:
    for _ in range(20):
        if json.loads(member.receive()) == expected:
            return
    raise AssertionError(f"never said {expected}")


@with_lifespan
def test_unknown_sockets_are_refused(site: Server) -> None:
    with WebSocket(site.port, "/nowhere") as ws:
        assert ws.refusal and ws.refusal.status in (403, 404)


@with_lifespan
def test_their_lifespan_ends(site: Server) -> None:
    """A worker that leaves shuts its app down."""
    app, folder = SITES[name_of(site)]
    with serve_checked(app, folder=APPS / folder, way=site.way) as server:
        assert server.get("/").status == 200
        server.stop()
        assert server.find_log("the site's lifespan is over")


# Django's admin: views that are not async, under ASGI


@pytest.fixture(scope="module", params=WAYS)
def admin(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = APPS / "django_site"
    database = {"SITE_DATABASE": str(tmp_path_factory.mktemp("django") / "site.sqlite3")}
    environment = {
        **database,
        "DJANGO_SETTINGS_MODULE": "site_with_admin.settings",
        "DJANGO_SUPERUSER_PASSWORD": "let me in",
    }
    for command in (
        ["migrate", "--verbosity", "0"],
        ["createsuperuser", "--noinput", "--username", "boss", "--email", "boss@example.org"],
    ):
        manage(folder, command, environment)
    with serve_checked(
        "site_with_admin.asgi:application",
        folder=folder,
        forgives=["header case"],
        env=database,
        way=request.param,
        timeout=30,
    ) as server:
        yield server


def manage(folder: Path, command: list[str], environment: dict[str, str]) -> None:
    subprocess.run(
        [sys.executable, "-m", "django", *command],
        cwd=folder,
        env={**os.environ, **environment, "PYTHONPATH": str(folder)},
        check=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


def test_django_admin_under_asgi(admin: Server) -> None:
    browser = Browser(admin)
    assert browser.ask("GET", "/admin/").status == 302
    page = browser.ask("GET", "/admin/login/?next=/admin/")
    good = browser.post_form(
        "/admin/login/?next=/admin/",
        username="boss",
        password="let me in",
        csrfmiddlewaretoken=csrf_token(page.text),
    )
    assert good.status == 302 and "sessionid" in browser.cookies
    form = browser.ask("GET", "/admin/auth/group/add/")
    added = browser.post_form(
        "/admin/auth/group/add/", name="mouse hunters", csrfmiddlewaretoken=csrf_token(form.text)
    )
    assert added.status == 302
    assert "mouse hunters" in browser.ask("GET", "/admin/auth/group/").text


def test_django_streams_and_uploads_under_asgi(admin: Server) -> None:
    browser = Browser(admin)
    assert browser.ask("GET", "/stream").text.endswith("part 999\n")
    content = os.urandom(5_000_000)
    body, kind = multipart("big.bin", content)
    answer = browser.ask("POST", "/upload", body, Content_Type=kind)
    assert answer.json["sha256"] == hashlib.sha256(content).hexdigest()


def test_django_never_takes_a_cut_upload_for_a_whole_one(admin: Server) -> None:
    content = b"x" * 300_000
    with admin.connect() as connection:
        connection.send(
            b"POST /take?by=body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\n\r\n"
            + content[:200_000]
        )
        connection.finish_sending()
        rest = connection.read_to_end()
    assert b'"size"' not in rest
    assert admin.get("/stream").status == 200
