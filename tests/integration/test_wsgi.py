"""PEP 3333 as the app sees it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Callable

import pytest
from harness import Server, wait_for
from harness.client import Closed
from harness.fixtures import APPS, WriteApp

Serve = Callable[..., Server]


def test_environ(probe: Server) -> None:
    with probe.connect() as connection:
        connection.send(
            b"POST /environ?a=1&b=%2F HTTP/1.1\r\nHost: Example.org:81\r\nContent-Type: text/x\r\n"
            b"Content-Length: 3\r\nX-Some-Thing:  with blanks \t\r\nCookie: a=1\r\nCookie: b=2\r\n"
            b"Accept: one\r\nAccept: two\r\nX-Latin: \xe9\r\n\r\nabc"
        )
        environ = connection.read_response().json
        peer = connection.socket.getsockname()
    expected = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/environ",
        "QUERY_STRING": "a=1&b=%2F",
        "CONTENT_TYPE": "text/x",
        "CONTENT_LENGTH": "3",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": str(peer[1]),
        "HTTP_HOST": "Example.org:81",
        "HTTP_X_SOME_THING": "with blanks",
        "HTTP_X_LATIN": "\xe9",
        "HTTP_ACCEPT": "one, two",
        "HTTP_COOKIE": "a=1; b=2",
        "wsgi.version": [1, 0],
        "wsgi.url_scheme": "http",
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "REQUEST_URI": "/environ?a=1&b=%2F",
        "SERVER_PORT": str(probe.port),
    }
    for name, value in expected.items():
        assert environ.get(name) == value, (name, environ.get(name))
    assert environ["SERVER_NAME"]
    assert {"wsgi.input", "wsgi.errors", "wsgi.file_wrapper"} <= set(environ)
    assert "HTTP_CONTENT_TYPE" not in environ and "HTTP_CONTENT_LENGTH" not in environ


def test_types_of_environ(probe: Server) -> None:
    seen = probe.get("/types").json
    assert seen["plain dict"] and seen["all names str"] and seen["http values str"]
    assert seen["input"] == ["read", "readline", "readlines", "__iter__"]
    assert seen["errors"] == ["write", "writelines", "flush"]


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/environ", "/environ", ""),
        (b"/environ?", "/environ", ""),
        (b"/%65nviron", "/environ", ""),
        (b"http://other.example:9/environ?x", "/environ", "x"),
        (b"/environ?a?b", "/environ", "a?b"),
    ],
)
def test_targets(probe: Server, target: bytes, path: str, query: str) -> None:
    with probe.connect() as connection:
        connection.send(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        environ = connection.read_response().json
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == (path, query)
    if target.startswith(b"http://"):
        assert environ["HTTP_HOST"] == "other.example:9", "the authority replaces Host"


def test_path_is_bytes_as_latin_1(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(
        """
        def app(environ, start_response):
            start_response("200 OK", [])
            return [environ["PATH_INFO"].encode("latin-1")]
        """
    )
    server = serve("app", cwd=folder)
    assert server.get("/caf%C3%A9/%2e%2F%00%ff").body == b"/caf\xc3\xa9/./\x00\xff"


@pytest.mark.parametrize(
    "method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "PURGE", "get", "M-X"]
)
def test_methods_reach_the_app(probe: Server, method: str) -> None:
    assert probe.request(method, "/environ").json["REQUEST_METHOD"] == method


def test_input_methods(probe: Server) -> None:
    body = b"abcdef\nsecond line\nthird\nfourth\nlast"
    for coding in ("length", "chunked"):
        with probe.connect() as connection:
            if coding == "length":
                answer = connection.request("POST", "/read-parts", body)
            else:
                connection.send(
                    b"POST /read-parts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + b"".join(b"1\r\n%c\r\n" % byte for byte in body)
                    + b"0\r\n\r\n"
                )
                answer = connection.read_response()
        assert answer.json == {
            "nothing": "",
            "three": "abc",
            "line": "def\n",
            "short line": "se",
            "iterated": "cond line\n",
            "lines": ["third\n", "fourth\n", "last"],
            "after the end": "",
            "and again": "",
        }


def test_input_without_a_body(probe: Server) -> None:
    assert probe.get("/echo").body == b""
    assert probe.request("POST", "/echo").body == b""


def test_unread_body_is_skipped(probe: Server) -> None:
    """Small ones are drained, large ones end the connection; never are they run as a request."""
    hidden = b"GET /exit HTTP/1.1\r\nHost: x\r\n\r\n"
    worker = probe.workers()[1]
    with probe.connect() as connection:
        assert connection.request("POST", "/ignore-body", hidden).body == b"did not look"
        assert connection.get("/hello").body == b"hello"
    with probe.connect() as connection:
        size = 100_000_000  # more than a front awaits
        connection.send(
            f"POST /ignore-body HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode()
            + hidden * 5000
        )
        assert connection.read_response().status == 200
        rest = b""
        try:
            rest = connection.read_to_end()
        except TimeoutError:
            pass
        assert b"HTTP/1.1" not in rest
    assert worker.alive


def test_empty_parts_do_not_end_the_answer(probe: Server) -> None:
    answer = probe.get("/with-empty-parts")
    assert answer.body == b"one,two" and answer.complete


def test_write(probe: Server) -> None:
    assert probe.get("/write").body == b"written, twice, and returned"


def test_close_is_called(probe: Server) -> None:
    assert probe.get("/closing?name=plain").body == b"aa"
    assert probe.get("/was-closed?name=plain").json == 1
    with probe.connect() as connection:
        connection.get("/closing?name=broken&fails=1")
    assert probe.get("/was-closed?name=broken").json == 1
    with probe.connect() as connection:
        connection.send(b"HEAD /closing?name=head HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.read_response("HEAD")
    assert probe.get("/was-closed?name=head").json == 1


def test_close_is_called_when_the_client_left(probe: Server) -> None:
    with probe.connect() as connection:
        connection.send(b"GET /closing-large?name=gone HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.read_until(b"zz")
    wait_for(lambda: probe.get("/was-closed?name=gone").json == 1, "close()")


def test_file_wrapper(probe: Server, tmp_path: Path) -> None:
    content = bytes(range(256)) * 2000
    path = tmp_path / "file.bin"
    path.write_bytes(content)
    with probe.connect() as connection:
        answer = connection.get(f"/file?path={path}&length={len(content)}")
        assert answer.body == content
        assert connection.get(f"/file?path={path}").body == content
        offset = connection.get(f"/file?path={path}&skip=1000&length={len(content) - 1000}")
        assert offset.body == content[1000:]
        part = connection.get(f"/file?path={path}&skip=5&length=10")
        assert part.body == content[5:15], "never beyond Content-Length"
        assert connection.get("/file-memory").body == b"from memory"
        assert connection.get(f"/file?path={path}&length={len(content)}").body == content
        connection.send(
            f"HEAD /file?path={path}&length={len(content)} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        )
        assert connection.read_response("HEAD").get("Content-Length") == str(len(content))
        assert connection.get("/hello").body == b"hello"
    empty = tmp_path / "empty"
    empty.touch()
    assert probe.get(f"/file?path={empty}").body == b""
    worker = probe.workers()[1]
    wait_for(
        lambda: not [t for t in worker.descriptors.values() if str(tmp_path) in t], "closed files"
    )


def test_file_wrapper_to_a_slow_reader(probe: Server, tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(b"0123456789abcdef" * (1 << 18))
    with probe.connect() as slow:
        slow.send(f"GET /file?path={path}&length={4 << 20} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert probe.get("/hello", timeout=3).status == 200
        assert len(slow.read_response().body) == 4 << 20


@pytest.mark.breaks_rules("each answer breaks one, and the server must see it")
@pytest.mark.parametrize(
    ("path", "trace"),
    [
        ("/boom", "ValueError: boom before the head"),
        ("/boom-after-start", "ValueError: boom after start_response"),
        ("/no-start", "start_response"),
        ("/not-bytes", "bytes|str"),
        ("/twice", "start_response"),
    ],
)
def test_errors_are_500_and_logged(probe: Server, path: str, trace: str) -> None:
    mark = probe.mark()
    with probe.connect() as connection:
        answer = connection.get(path)
        assert answer.status == 500
        assert b"boom" not in answer.body and b"Traceback" not in answer.body, (
            "nothing to strangers"
        )
        probe.wait_log(trace, since=mark)
        if not answer.closes:
            assert connection.get("/hello").body == b"hello"
        else:
            connection.expect_end()
    if "boom" in path:
        probe.wait_log(r"Traceback \(most recent call last\)", since=mark)
        probe.wait_log(r"probe\.py", since=mark)
    assert probe.get("/hello").status == 200


def test_an_error_in_the_body_cuts_the_answer(probe: Server) -> None:
    """No last chunk: the client can tell. And nothing like a second answer follows."""
    mark = probe.mark()
    with probe.connect() as connection:
        answer = connection.get("/boom-in-body")
        if answer.status == 200:
            assert not answer.complete and b"part of it".startswith(answer.body)
        else:
            assert answer.status == 500
        connection.expect_end()
    probe.wait_log("ValueError: boom in the body", since=mark)


def test_exc_info_replaces_the_head(probe: Server) -> None:
    answer = probe.get("/replaced")
    assert (answer.status, answer.reason, answer.body) == (503, "Busy", b"busy")


@pytest.mark.breaks_rules("each head breaks one, and the server must see it")
@pytest.mark.parametrize(
    "kind",
    [
        "value-crlf",
        "value-lf",
        "value-nul",
        "name-blank",
        "name-colon",
        "name-empty",
        "status-crlf",
        "status-text",
        "status-low",
        "status-int",
        "header-int",
    ],
)
def test_bad_heads_are_500(probe: Server, kind: str) -> None:
    mark = probe.mark()
    answer = probe.get(f"/bad-head?kind={kind}")
    assert answer.status == 500
    assert answer.get("X-A") is None and answer.get("Set-Cookie") is None
    assert b"must not be seen" not in answer.body
    probe.wait_log(r"(?i)(error|traceback)", since=mark)
    assert probe.get("/hello").status == 200


def test_body_longer_than_its_length(probe: Server) -> None:
    with probe.connect() as connection:
        assert connection.get("/too-long").body == b"12345"
        try:
            again = connection.get("/hello")
        except (Closed, OSError):
            return
        assert again.body == b"hello", "the surplus was taken for the next answer"


def test_body_shorter_than_its_length(probe: Server) -> None:
    with probe.connect() as connection:
        answer = connection.get("/too-short")
        assert not answer.complete and answer.body == b"only this"
        connection.expect_end()


def test_hop_by_hop_headers_of_the_app_are_dropped(probe: Server) -> None:
    mark = probe.mark()
    with probe.connect() as connection:
        answer = connection.get("/hop-by-hop")
        assert answer.get("X-Kept") == "yes" and answer.body == b"clean"
        assert "X-Secret" not in (answer.get("Connection") or "")
        assert answer.get("Keep-Alive") is None and answer.get("Upgrade") is None
        assert connection.get("/hello").status == 200
    probe.wait_log(r"(?i)(connection|hop-by-hop|keep-alive)", since=mark)


def test_repeated_headers_stay(probe: Server) -> None:
    assert probe.get("/cookies").all("Set-Cookie") == ["a=1", "b=2"]


def test_environ_is_fresh_for_each_request(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(
        """
        def app(environ, start_response):
            found = environ.get("left.behind", "nothing")
            environ["left.behind"] = "something"
            environ.pop("wsgi.url_scheme")
            environ["REQUEST_METHOD"] = "changed"
            start_response("200 OK", [])
            return [found.encode()]
        """
    )
    server = serve("app", cwd=folder)
    with server.connect() as connection:
        for _ in range(3):
            assert connection.get("/").text == "nothing"


def test_app_that_is_an_object_or_raises_system_exit(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(
        """
        import sys

        class App:
            def __call__(self, environ, start_response):
                if environ["PATH_INFO"] == "/exit":
                    sys.exit(3)
                start_response("200 OK", [])
                return (part for part in (b"an ", b"object"))

        application = App()
        """
    )
    server = serve("app", cwd=folder)
    assert server.get("/").text == "an object"
    with server.connect() as connection:
        connection.send(b"GET /exit HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        rest = connection.read_to_end()
    assert rest == b"" or re.match(rb"HTTP/1\.1 50\d ", rest)
    wait_for(lambda: server.get("/").status == 200, "service after SystemExit")


def test_no_leak_of_objects(serve: Serve, write_app: WriteApp) -> None:
    """The number of live objects stays the same over a thousand requests of each kind."""
    folder = write_app(
        """
        import gc, json, sys
        sys.path.insert(0, APPS)
        from probe import app as probe

        def application(environ, start_response):
            if environ["PATH_INFO"] == "/objects":
                gc.collect()
                body = json.dumps(len(gc.get_objects())).encode()
                start_response("200 OK", [("Content-Length", str(len(body)))])
                return [body]
            return probe(environ, start_response)
        """.replace("APPS", repr(str(APPS)))
    )
    server = serve("--disable-logging", "app", cwd=folder)
    kinds = [
        "/hello",
        "/stream?n=3",
        "/write",
        "/boom",
        "/closing?name=x",
        "/environ",
        "/nothing",
        "/bad-head?kind=status-text",
        "/file-memory",
        "/too-short",
    ]

    def round_of(count: int) -> int:
        for _ in range(count):
            for target in kinds:
                server.get(target)
            server.request("POST", "/echo", b"abc")
        return int(server.get("/objects").text)

    round_of(20)
    before = round_of(5)
    after = round_of(60)
    assert after - before < 60, f"{after - before} objects more after 660 requests"
