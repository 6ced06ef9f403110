"""Several apps of both kinds in one process: ASGI's root_path, a lifespan for each, and WSGI on the
worker of an ASGI app."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from harness import Server
from harness.asgi import APPS, INTEGRATION, WAYS, expect_no_faults
from harness.ws_client import WebSocket

MOUNTS = ["--mount", "/shop=asgi_mount:shop", "--mount", "/old=asgi_mount:by_wsgi"]


@pytest.fixture(scope="module", params=WAYS)
def mounted(request: pytest.FixtureRequest) -> Iterator[Server]:
    where = ["--pythonpath", str(APPS), "--pythonpath", str(INTEGRATION)]
    with Server([*where, "--module", "asgi_mount:root", *MOUNTS], way=request.param) as server:
        yield server
        server.stop()
        for app in ("root", "shop"):
            assert server.find_log(f"{app} is over"), "each has a lifespan of its own"
    expect_no_faults(server)


@pytest.mark.parametrize(
    ("target", "app", "root_path", "path"),
    [
        ("/", "root", "", "/"),
        ("/other/x", "root", "", "/other/x"),
        ("/shop", "shop", "/shop", "/shop"),
        ("/shop/", "shop", "/shop", "/shop/"),
        ("/shop/a%20b", "shop", "/shop", "/shop/a b"),
        ("/shopping", "root", "", "/shopping"),
    ],
)
def test_asgi_apps(mounted: Server, target: str, app: str, root_path: str, path: str) -> None:
    """path holds root_path, as raw_path does."""
    told: dict[str, Any] = mounted.get(target).json
    assert told == {"app": app, "state": app, "root_path": root_path, "path": path, "raw": target}


def test_websockets(mounted: Server) -> None:
    for target, app in (("/", "root"), ("/shop/x", "shop")):
        with WebSocket(mounted.port, target) as ws:
            told = json.loads(ws.receive())
            assert (told["app"], told["path"]) == (app, target)
            assert ws.wait_end()[0] == 1000


def test_wsgi_beside_them(mounted: Server) -> None:
    with mounted.connect() as connection:
        told = connection.get("/old/a").json
        assert told == {"app": "by_wsgi", "root_path": "/old", "path": "/a", "size": 0}
        posted = connection.request("POST", "/old/b", b"x" * 300_000)
        assert posted.json["size"] == 300_000
        assert connection.get("/shop").json["app"] == "shop"
        assert connection.get("/").json["app"] == "root"
