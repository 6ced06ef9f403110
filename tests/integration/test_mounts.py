"""Several apps in one server, each at its path, over HTTP."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from harness import Server, run_mewsgi
from harness.fixtures import APPS
from harness.load import Load
from harness.nginx import Nginx, front

Serve = Callable[..., Server]
WriteApp = Callable[..., Path]

MOUNTS = [
    "--mount", "/shop=shows_mount:shop",
    "--mount", "/shop/cart/=shows_mount:cart",
    "--mount", "/café=shows_mount:cafe",
]  # fmt: skip


@pytest.fixture(scope="module")
def mounted() -> Iterator[Server]:
    with Server(["--chdir", str(APPS), "--module", "shows_mount:root", *MOUNTS]) as server:
        yield server


def ask(server: Server | Nginx, target: str) -> tuple[str, str, str]:
    answer = server.get(target)
    assert answer.status == 200
    told = answer.json
    assert told["REQUEST_URI"] == target
    return told["app"], told["SCRIPT_NAME"], told["PATH_INFO"]


def wsgi_text(text: str) -> str:
    return text.encode().decode("latin-1")


@pytest.mark.parametrize(
    ("target", "app", "script_name", "path_info"),
    [
        ("/", "root", "", "/"),
        ("/shop", "shop", "/shop", ""),
        ("/shop/", "shop", "/shop", "/"),
        ("/shop/a?x=/shop/cart", "shop", "/shop", "/a"),
        ("/shop/cart", "cart", "/shop/cart", ""),
        ("/shop/cart/1/", "cart", "/shop/cart", "/1/"),
        ("/shop/cartoon", "shop", "/shop", "/cartoon"),
        ("/shopping", "root", "", "/shopping"),
        ("//shop", "root", "", "//shop"),
        ("/sh%6fp/%63art/%7e", "cart", "/shop/cart", "/~"),
        ("/shop%2Fcart/x", "cart", "/shop/cart", "/x"),
        ("/shop/100%25", "shop", "/shop", "/100%"),
        ("/caf%C3%A9/t%C3%A9", "cafe", wsgi_text("/café"), wsgi_text("/té")),
        ("/caf%C3/x", "root", "", "/caf\xc3/x"),
    ],
)
def test_the_longest_path_wins(
    mounted: Server, target: str, app: str, script_name: str, path_info: str
) -> None:
    assert ask(mounted, target) == (app, script_name, path_info)


def test_options_of_the_server_as_a_whole(mounted: Server) -> None:
    with mounted.connect() as connection:
        answer = connection.request("OPTIONS", "*")
        assert answer.json["app"] == "root" and answer.json["SCRIPT_NAME"] == ""


def test_what_no_app_takes_is_404(serve: Serve) -> None:
    server = serve("--chdir", str(APPS), *MOUNTS, http="127.0.0.1:0")
    assert server.find_log(r"apps shows_mount:shop at /shop, shows_mount:cart at /shop/cart/, ")
    with server.connect() as connection:
        assert connection.get("/elsewhere").status == 404
        assert connection.request("POST", "/elsewhere", b"a body").status == 404
        answer = connection.get("/shop")
        assert answer.status == 200 and answer.json["calls"] == {"shop": 1}, "and it is called once"
    server.wait_log(r"from 127\.0\.0\.1 with 404: no app is mounted for the path /elsewhere")
    assert "Traceback" not in server.log


def test_404s_do_not_fill_the_log(serve: Serve) -> None:
    server = serve("--chdir", str(APPS), *MOUNTS)
    with server.connect(timeout=30) as connection:
        # The rest is told of by the first one of a later second.
        while not server.find_log(r"\d+ more requests were refused within a second"):
            for _ in range(100):
                assert connection.get("/" + "x" * 500).status == 404
    assert not server.find_log("x{201}.*no app"), "nor does a long path"


def test_reload_mounts_anew(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(
        "[uwsgi]\nmount = /old=shows_mount:shop\nmanage-script-name = true\n", "app.ini"
    )
    server = serve("--chdir", str(APPS), "--ini", str(folder / "app.ini"))
    assert server.get("/old").json["app"] == "shop"
    assert server.get("/new").status == 404
    write_app("[uwsgi]\nmount = /new=shows_mount:cart\n", "app.ini")
    assert server.run("reload").status == 0
    assert server.get("/new").json["app"] == "cart"
    assert server.get("/old").status == 404
    write_app("[uwsgi]\nmount = /new=shows_mount:gone\n", "app.ini")
    outcome = server.run("reload")
    assert outcome.status == 1 and "the app mounted at /new did not load" in outcome.text
    with Load(server.port, "/new", kept=1, new=1) as load:
        while load.count < 5 and not load.errors:
            pass
    assert not load.errors, "the old apps serve on"


@pytest.mark.parametrize("lazy", [[], ["--lazy-apps"]])
def test_a_mount_that_does_not_load(serve: Serve, lazy: list[str]) -> None:
    broken = ["--chdir", str(APPS), *MOUNTS, "--mount", "/broken=no_such_module", *lazy]
    outcome = run_mewsgi("--http", "127.0.0.1:0", *broken)
    assert outcome.status == 22 and "the app mounted at /broken did not load" in outcome.text
    server = serve(*broken, "--need-app=false")
    assert server.get("/broken/x").status == 500
    assert server.get("/shop").json["app"] == "shop"
    assert server.get("/none").status == 404


def test_applications_by_code(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(
        f"""
        import sys
        sys.path.append({str(APPS)!r})
        import shows_mount
        applications = {{"/": shows_mount.root, "/shop": "shows_mount:shop"}}
        """
    )
    server = serve("app", cwd=folder)
    assert ask(server, "/shop/1") == ("shop", "/shop", "/1")
    assert ask(server, "/x") == ("root", "", "/x")


def behind_uwsgi_pass(tmp_path: Path, script_name: str, *options: str) -> tuple[Server, Nginx]:
    server = Server(
        ["--chdir", str(APPS), "--socket", str(tmp_path / "a.sock"), *MOUNTS, *options], http=None
    )
    names = {"SCRIPT_NAME": script_name} if script_name else {}
    return server, Nginx(tmp_path, front("uwsgi", f"unix:{tmp_path}/a.sock", variables=names))


@pytest.mark.parametrize(
    ("script_name", "app"),
    [
        ("/shop", "shop"),
        ("/shop/", "shop"),
        ("/shop/cart", "cart"),
        ("/none", "root"),
        ("", "root"),
    ],
)
def test_a_web_server_may_choose(tmp_path: Path, script_name: str, app: str) -> None:
    server, nginx = behind_uwsgi_pass(tmp_path, script_name, "--module", "shows_mount:root")
    with server, nginx:
        told = nginx.get("/caf%C3%A9/x").json
        assert told["app"] == app
        # What it says of the path is the app's business, as with uWSGI.
        assert told["SCRIPT_NAME"] == script_name
        assert told["PATH_INFO"] == wsgi_text("/café/x")


def test_what_a_web_server_chose_and_is_not_there(tmp_path: Path) -> None:
    server, nginx = behind_uwsgi_pass(tmp_path, "/none")
    with server, nginx:
        assert nginx.get("/shop").status == 404
        server.wait_log(r"no app is mounted for SCRIPT_NAME = '/none'; with manage-script-name")


@pytest.mark.parametrize("script_name", ["", "/caf%C3%A9", "/elsewhere"])
def test_manage_script_name_goes_by_the_path(tmp_path: Path, script_name: str) -> None:
    server, nginx = behind_uwsgi_pass(tmp_path, script_name, "--manage-script-name")
    with server, nginx:
        assert ask(nginx, "/shop/cart/1") == ("cart", "/shop/cart", "/1")
        assert ask(nginx, "/caf%C3%A9/%25") == ("cafe", wsgi_text("/café"), "/%")
        assert nginx.get("/elsewhere").status == 404


@pytest.mark.parametrize(
    ("mounts", "part"),
    [
        (["/x"], "names no app"),
        (["/x="], "names no app"),
        (["example.com/x=app"], "does not begin with a path"),
        (["/x=app", "/x/=app"], "another app serves that path already"),
        (["/=app"], "(module and wsgi-file serve /)"),
    ],
)
def test_mistakes(tmp_path: Path, mounts: list[str], part: str) -> None:
    options: list[Any] = [word for mount in mounts for word in ("--mount", mount)]
    outcome = run_mewsgi("--http", "127.0.0.1:0", "--module", "app", *options, cwd=tmp_path)
    assert outcome.status == 1 and part in outcome.text, outcome.text
    assert "bound on" not in outcome.text and not os.listdir(tmp_path)
