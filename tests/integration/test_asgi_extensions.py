"""ASGI's extensions of http: trailers, early hints, files by their path. And what an app that has
no use for them sees: they are offered, and change nothing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Server
from harness.asgi import REFERENCE, serve_checked
from harness.h2_client import Client

pytestmark = pytest.mark.skipif(REFERENCE, reason="uvicorn has none of them")
CHECKSUM = hashlib.sha256(b"one,two").hexdigest()


@pytest.fixture(scope="module")
def h2c() -> Iterator[Server]:
    with serve_checked("asgi_probe:app", "--h2c", way="routed") as server:
        yield server


def test_what_is_offered(asgi: Server) -> None:
    offered = asgi.get("/scope").json["extensions"]
    assert {"http.response.trailers", "http.response.pathsend"} <= set(offered)
    assert all(about == {} for about in offered.values())


def test_trailers(asgi: Server) -> None:
    with asgi.connect() as connection:
        connection.send(b"GET /trailers HTTP/1.1\r\nHost: x\r\nTE: trailers\r\n\r\n")
        answer = connection.read_head()
        assert answer.get("Transfer-Encoding") == "chunked"
        raw = connection.read_until(b"tabby\r\n\r\n").lower()
        assert f"\r\n0\r\nx-checksum: {CHECKSUM}\r\nx-cat: tabby\r\n\r\n".encode() in raw
        assert connection.get("/").body == b"hello", "the connection is still in step"


def test_trailers_for_whom_they_are_not(asgi: Server) -> None:
    """HTTP/1.0 knows none; the answer is whole without."""
    with asgi.connect() as connection:
        connection.send(b"GET /trailers HTTP/1.0\r\nHost: x\r\n\r\n")
        answer = connection.read_response()
        assert answer.body == b"one,two" and not answer.get("x-checksum")
        connection.expect_end()


def test_trailers_on_http2(h2c: Server) -> None:
    with Client(h2c.port) as client:
        answer = client.get("/trailers", [("te", "trailers")])
        assert answer.text == "one,two" and answer.whole
        assert answer.trailers == [("x-checksum", CHECKSUM), ("x-cat", "tabby")]


def test_early_hints(h2c: Server) -> None:
    with Client(h2c.port) as client:
        answer = client.get("/hints")
    assert answer.text == "hinted"
    first, second = answer.interim
    assert first == [(":status", "103"), ("link", "</style.css>; rel=preload; as=style")]
    assert [name for name, _ in second] == [":status", "link", "link"]


def test_early_hints_on_http1(asgi: Server) -> None:
    """Nobody but HTTP/2 is sent any, and the app's answer is the same."""
    with asgi.connect() as connection:
        connection.send(b"GET /hints HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = connection.read_response(interim=True)
        assert answer.status == 200 and answer.body in (b"none", b"hinted")


@pytest.mark.parametrize("size", [0, 10, 70_000, 3_000_000])
def test_files(asgi: Server, tmp_path: Path, size: int) -> None:
    file = tmp_path / "file"
    file.write_bytes(os.urandom(size))
    with asgi.connect() as connection:
        for length in ("", f"&length={size}"):
            answer = connection.get(f"/pathsend?path={file}{length}")
            assert answer.complete and answer.body == file.read_bytes()
        assert answer.get("Content-Length") == str(size)
        connection.send(f"HEAD /pathsend?path={file} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert connection.read_response("HEAD").status == 200
        assert connection.get("/").body == b"hello"


def test_a_file_on_http2(h2c: Server, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(os.urandom(1_000_000))
    with Client(h2c.port) as client:
        answer = client.get(f"/pathsend?path={file}")
        assert answer.whole and bytes(answer.body) == file.read_bytes()


def test_a_file_that_is_not_there(asgi: Server, tmp_path: Path) -> None:
    """The head has not left yet: 500, and the reason in the log."""
    mark = asgi.mark()
    assert asgi.get(f"/pathsend?path={tmp_path}/none").status == 500
    asgi.wait_log("FileNotFoundError.*none", since=mark)
    assert asgi.get(f"/pathsend?path={tmp_path}").status == 500, "nor is a folder one"
    assert asgi.get("/").body == b"hello"
