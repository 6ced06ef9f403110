"""What apps see of requests by uwsgi, FastCGI and SCGI, and web servers of answers: raw bytes on
the real program. What a real nginx makes of it is in test_nginx.py."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from harness import Connection, Server
from harness.gateways import (
    END,
    KINDS,
    PROBE,
    SOCKETS,
    Gateway,
    calls,
    fastcgi_body,
    gateway_of,
    read_fastcgi,
    record,
    uwsgi_header,
    uwsgi_packet,
    variables,
)

Serve = Callable[..., Server]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server([*SOCKETS, *PROBE]) as running:
        yield running


@pytest.fixture(params=KINDS)
def gateway(request: pytest.FixtureRequest, server: Server) -> Gateway:
    return gateway_of(server, request.param)


# --- what the app sees


def test_hello(gateway: Gateway) -> None:
    answer = gateway.get("/hello")
    assert (answer.status, answer.body) == (200, b"hello")
    assert answer.get("Content-Length") == "5"
    for name in ("Date", "Server", "Connection", "Transfer-Encoding"):
        assert answer.get(name) is None, "the web server's to say"


def environ(gateway: Gateway, target: str = "/environ", **more: str) -> dict[str, Any]:
    seen: dict[str, Any] = gateway.get(target, **more).json
    return seen


def test_environ(gateway: Gateway) -> None:
    seen = environ(
        gateway,
        "/environ?a=%20b",
        REQUEST_URI="/environ?a=%20b",
        HTTP_X_MY_HEADER="caf\xe9",
        HTTP_USER_AGENT="agent/1",
        HTTP_COOKIE="a=1",
        DOCUMENT_ROOT="/srv/www",
        REMOTE_USER="kim",
        SSL_CLIENT_CERT="-----BEGIN\n\tAA",
    )
    expected = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/environ",
        "QUERY_STRING": "a=%20b",
        "REQUEST_URI": "/environ?a=%20b",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "front.example",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "192.0.2.7",
        "REMOTE_PORT": "4321",
        "HTTP_HOST": "front.example",
        "HTTP_X_MY_HEADER": "caf\xe9",
        "HTTP_USER_AGENT": "agent/1",
        "HTTP_COOKIE": "a=1",
        "DOCUMENT_ROOT": "/srv/www",
        "REMOTE_USER": "kim",
        "SSL_CLIENT_CERT": "-----BEGIN\n\tAA",
        "CONTENT_TYPE": "",
        "wsgi.url_scheme": "http",
    }
    assert {name: seen.get(name) for name in expected} == expected
    assert seen["CONTENT_LENGTH"] in ("", "0")


def test_path_is_not_decoded_again(gateway: Gateway) -> None:
    assert gateway.get("/x", PATH_INFO="/hello").body == b"hello"
    assert gateway.get("/x", PATH_INFO="/h%65llo").status == 404


def test_path_of_what_was_asked_for_where_there_is_no_other(gateway: Gateway) -> None:
    pairs = variables("GET", "/h%65llo?x", None, {})
    del pairs["PATH_INFO"]
    with gateway.connect() as connection:
        connection.send(gateway.pack(pairs) + gateway.body(None))
        assert gateway.read(connection).body == b"hello"


def test_script_name(gateway: Gateway) -> None:
    seen = environ(gateway, SCRIPT_NAME="/mounted")
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"]) == ("/mounted", "/environ")


def test_script_name_that_is_still_in_the_path(server: Server) -> None:
    gateway = gateway_of(server, "uwsgi")
    pairs = variables("GET", "/m/environ", None, {"SCRIPT_NAME": "/m"})
    with gateway.connect() as connection:
        connection.send(uwsgi_packet(pairs, 30))
        seen = connection.read_response().json
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"]) == ("/m", "/environ")


@pytest.mark.parametrize(
    "more",
    [
        {"HTTPS": "on"},
        {"REQUEST_SCHEME": "https"},
        {"UWSGI_SCHEME": "https"},
        {"HTTP_X_FORWARDED_PROTO": "https"},
        {"HTTP_X_FORWARDED_PROTO": "https, http"},
        {"HTTP_X_FORWARDED_SSL": "on"},
    ],
    ids=lambda more: "".join(more),
)
def test_scheme_is_the_web_servers_word(gateway: Gateway, more: dict[str, str]) -> None:
    assert environ(gateway, **more)["wsgi.url_scheme"] == "https"


def test_scheme_of_strangers_is_not_believed(server: Server, serve: Serve, tmp_path: Path) -> None:
    assert server.get("/environ", X_Forwarded_Proto="https").json["wsgi.url_scheme"] == "http"
    # Who can write to a UNIX socket is a web server of this machine.
    path = str(tmp_path / "http.sock")
    serve("--http-socket", path, *PROBE, http=None)
    with Connection(path) as connection:
        told = connection.get("/environ", X_Forwarded_Proto="https").json
    assert told["wsgi.url_scheme"] == "https"


def test_names_that_never_reach_the_app(gateway: Gateway) -> None:
    more = {
        "HTTP_PROXY": "http://evil/",
        "UWSGI_FILE": "/etc/passwd",
        "UWSGI_CHDIR": "/",
        "wsgi.errors": "x",
        "wsgi.url_scheme": "gopher",
        "uwsgi.version": "x",
        "HTTP_X.Y": "x",
        "HTTP_TRANSFER_ENCODING": "chunked",
        "HTTP_CONTENT_LENGTH": "99",
    }
    seen = environ(gateway, **more)
    for name in more:
        if name.startswith(("wsgi.", "uwsgi.")):
            assert seen[name] != more[name]
        else:
            assert name not in seen


def test_headers_that_repeat_are_one_list(server: Server) -> None:
    gateway = gateway_of(server, "uwsgi")
    pairs = variables("GET", "/environ", None, {"HTTP_X_A": "1", "HTTP_COOKIE": "a=1"})
    block = uwsgi_packet(pairs)[4:] + uwsgi_packet({"HTTP_X_A": "2", "HTTP_COOKIE": "b=2"})[4:]
    with gateway.connect() as connection:
        connection.send(uwsgi_header(0, len(block)) + block)
        seen = connection.read_response().json
    assert (seen["HTTP_X_A"], seen["HTTP_COOKIE"]) == ("1, 2", "a=1; b=2")


def test_access_log_shows_the_client(gateway: Gateway, server: Server) -> None:
    mark = server.mark()
    assert gateway.get("/hello?log", REMOTE_ADDR="198.51.100.9").status == 200
    server.wait_log(r"\] 198\.51\.100\.9 \(\) .* GET /hello\?log => ", since=mark)


# --- bodies


@pytest.mark.parametrize("size", [0, 1, 1000, 70_000, 3_000_000])
def test_body(gateway: Gateway, size: int) -> None:
    body = os.urandom(size)
    answer = gateway.request("POST", "/digest", body)
    assert answer.json == [size, hashlib.sha256(body).hexdigest()]


def test_body_byte_by_byte(gateway: Gateway) -> None:
    wire = gateway.head("POST", "/echo", b"hello") + gateway.body(b"hello")
    with gateway.connect() as connection:
        for at in range(len(wire)):
            connection.send(wire[at : at + 1])
        assert gateway.read(connection, "POST").body == b"hello"


def test_body_that_the_app_does_not_read(gateway: Gateway) -> None:
    assert gateway.request("POST", "/ignore-body", b"x" * 200_000).body == b"did not look"
    assert gateway.get("/hello").body == b"hello"


def test_cut_body_raises_in_the_app(gateway: Gateway, server: Server) -> None:
    body = b"x" * 100_000  # more than is awaited before the app is called
    mark = server.mark()
    with gateway.connect() as connection:
        connection.send(gateway.head("POST", "/read-or-error", body) + gateway.body(body)[:80_000])
        connection.finish_sending()
        connection.read_to_end()
    server.wait_log("body failed: ", since=mark)
    assert not server.find_log("body came", since=mark)


def test_cut_small_body_never_reaches_the_app(gateway: Gateway, server: Server) -> None:
    before = calls(server)
    with gateway.connect() as connection:
        connection.send(gateway.head("POST", "/echo", b"hello") + gateway.body(b"hello")[:4])
        connection.finish_sending()
        answer = connection.read_to_end()
    assert b"400" in answer and b"hell" not in answer
    assert calls(server) == before + 1


@pytest.mark.parametrize("body", [b"hell", b"hello!"])
def test_fastcgi_body_of_another_length(server: Server, body: bytes) -> None:
    gateway = gateway_of(server, "fastcgi")
    before = calls(server)
    with gateway.connect() as connection:
        connection.send(gateway.head("POST", "/echo", b"hello") + gateway.body(body))
        assert read_fastcgi(connection).status == 400
    assert calls(server) == before + 1


def test_fastcgi_body_without_a_length(server: Server) -> None:
    gateway = gateway_of(server, "fastcgi")
    with gateway.connect() as connection:
        head = gateway.head("POST", "/echo-length", CONTENT_LENGTH="")
        connection.send(head + fastcgi_body(b"as it comes"))
        assert read_fastcgi(connection).body == b"as it comes"


# --- answers


def test_streaming(gateway: Gateway) -> None:
    answer = gateway.get("/stream?n=300&size=1000")
    assert answer.get("Content-Length") is None
    assert answer.body == b"x" * 300_000


def test_pieces_leave_before_the_answer_is_complete(gateway: Gateway, tmp_path: Path) -> None:
    fifo = tmp_path / "gate"
    os.mkfifo(fifo)
    with gateway.connect() as connection:
        connection.send(gateway.head("GET", f"/gated?fifo={fifo}") + gateway.body(None))
        connection.read_until(b"began\n")
        fifo.open("wb").close()
        connection.read_until(b"finished\n")


def test_large_answers(gateway: Gateway, tmp_path: Path) -> None:
    assert len(gateway.get("/stream?n=2&size=5000000").body) == 10_000_000
    file = tmp_path / "file"
    file.write_bytes(os.urandom(1_000_000))
    answer = gateway.get(f"/file?path={file}")
    assert answer.body == file.read_bytes()


def test_head_and_statuses_without_a_body(gateway: Gateway) -> None:
    head = gateway.request("HEAD", "/hello")
    assert (head.status, head.body, head.get("Content-Length")) == (200, b"", "5")
    for line in ("204+No+Content", "304+Not+Modified"):
        answer = gateway.get(f"/status?line={line}&body=never")
        assert (str(answer.status), answer.body) == (line[:3], b"")


def test_app_that_fails(gateway: Gateway) -> None:
    assert gateway.get("/boom").status == 500


def test_broken_answer_never_looks_complete(gateway: Gateway) -> None:
    """Where the end of the connection is all that ends it, TCP is reset."""
    with gateway.connect() as connection:
        connection.send(gateway.head("GET", "/boom-in-body") + gateway.body(None))
        with pytest.raises(ConnectionResetError):
            while connection.socket.recv(65536):
                pass


@pytest.mark.parametrize("kind", ["uwsgi", "scgi"])
def test_broken_answer_on_a_unix_socket_has_no_end(serve: Serve, tmp_path: Path, kind: str) -> None:
    path = str(tmp_path / "sock")
    serve(f"--{kind}-socket", path, *PROBE, http=None)
    gateway = Gateway(kind, path)
    with gateway.connect() as connection:
        connection.send(gateway.head("GET", "/boom-in-body"))
        connection.read_until(b"part of it")
        connection.expect_silence()
        connection.finish_sending()
    assert gateway.get("/hello").body == b"hello"


def test_answer_shorter_than_its_length(gateway: Gateway) -> None:
    with gateway.connect() as connection:
        connection.send(gateway.head("GET", "/too-short") + gateway.body(None))
        text = connection.read_to_end()
    assert b"Content-Length: 50\r\n" in text and b"only this" in text
    if gateway.kind == "fastcgi":
        assert not text.endswith(record(END, 1, bytes(8)))
