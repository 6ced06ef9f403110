"""Behind a real nginx, by each protocol that it speaks to apps."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness import Connection, Load, Server, wait_for
from harness.fixtures import APPS, WriteApp
from harness.nginx import SHIPPED, Nginx, front
from harness.procfs import Process


@dataclass(frozen=True)
class Way:
    """How nginx reaches the program."""

    kind: str
    option: str
    tcp: bool = False
    keep: bool = False

    @property
    def streams_uploads(self) -> bool:
        """SCGI begins with the length of the body, so nginx is left to gather it."""
        return self.kind != "scgi"


WAYS = {
    "proxy": Way("proxy", "http-socket", keep=True),
    "proxy over TCP": Way("proxy", "http-socket", tcp=True, keep=True),
    "uwsgi": Way("uwsgi", "socket"),
    "uwsgi over TCP": Way("uwsgi", "uwsgi-socket", tcp=True),
    "fastcgi": Way("fastcgi", "fastcgi-socket"),
    "fastcgi kept": Way("fastcgi", "fastcgi-socket", tcp=True, keep=True),
    "scgi": Way("scgi", "scgi-socket"),
}
STREAMING = [name for name, way in WAYS.items() if way.streams_uploads]
UPLOADS = [(name, "on") for name in WAYS] + [(name, "off") for name in STREAMING]


class Behind:
    """A server and the nginx before it."""

    def __init__(self, way: Way, server: Server, nginx: Nginx) -> None:
        self.way, self.server, self.nginx = way, server, nginx

    def total(self, counter: str) -> int:
        status = json.loads(self.server.run("status", "--json").text)
        return sum(worker.get(counter, 0) for worker in status["workers"])

    def expect_quiet(self, since: int) -> None:
        """Still the same worker, which answers, and no word of an error in the log since then."""
        assert self.nginx.get("/hello").text == "hello"
        assert len(re.findall(r"spawned mewsgi worker", self.server.log)) == 1
        assert not self.server.find_log("Traceback", since=since)


@contextmanager
def behind(
    name: str, folder: Path, *options: str, lines: tuple[str, ...] = (), **how: Any
) -> Iterator[Behind]:
    """`lines`: directives of nginx's, with {kind} for the protocol's."""
    way = WAYS[name]
    path = folder / "app.sock"
    address = "127.0.0.1:0" if way.tcp else str(path)
    app = [] if "--module" in options else ["--chdir", str(APPS), "--module", "behind:app"]
    arguments = [f"--{way.option}", address, *app, *options]
    with Server(arguments, http=None) as server:
        if way.tcp:
            place = server.wait_log(rf"{way.option} bound on (127\.0\.0\.1:\d+) fd")[1]
        else:
            place = f"unix:{path}"
        more = [line.format(kind=way.kind) for line in lines]
        with Nginx(folder, front(way.kind, place, *more, keep=way.keep, **how)) as nginx:
            yield Behind(way, server, nginx)


@pytest.fixture(scope="module", params=WAYS)
def shared(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Behind]:
    """For tests that change nothing. Nothing is buffered by nginx, so that it cannot mend anything;
    and what the app is refused for is below what nginx refuses for itself."""
    gather = "off" if WAYS[request.param].streams_uploads else "on"
    lines = ("{kind}_buffering off;", f"{{kind}}_request_buffering {gather};")
    limits = ("--limit-post", "1000000", "--buffer-size", "8192")
    folder = tmp_path_factory.mktemp("front")
    with behind(request.param, folder, *limits, lines=lines) as pair:
        yield pair


def wsgi_text(text: str) -> str:
    return text.encode().decode("latin-1")


def test_environ(shared: Behind) -> None:
    told = shared.nginx.get("/a%20b/t%C3%A9%25?x=%20y&z", Host="front.example", X_Odd="v w").json
    assert told["PATH_INFO"] == wsgi_text("/a b/té%")
    assert told["SCRIPT_NAME"] == ""
    assert told["QUERY_STRING"] == "x=%20y&z"
    assert told["REQUEST_URI"] == "/a%20b/t%C3%A9%25?x=%20y&z"
    assert told["REQUEST_METHOD"] == "GET"
    assert told["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert told["HTTP_HOST"] == "front.example"
    assert told["HTTP_X_ODD"] == "v w"
    assert told["wsgi.url_scheme"] == "http"
    assert "HTTPS" not in told
    if shared.way.kind != "proxy":
        assert told["REMOTE_ADDR"] == "127.0.0.1" and told["REMOTE_PORT"].isdigit()
        assert told["SERVER_NAME"] == "front.example"
        assert told["SERVER_PORT"] == str(shared.nginx.port)
        assert told["DOCUMENT_ROOT"].startswith("/")
    else:
        assert told["REMOTE_ADDR"] == ("127.0.0.1" if shared.way.tcp else "")


def test_methods_and_answers(shared: Behind) -> None:
    with shared.nginx.connect() as connection:
        head = connection.request("HEAD", "/hello")
        assert head.status == 200 and head.get("Content-Length") == "5" and head.body == b""
        assert connection.get("/status?line=404+Gone+astray&body=x").status == 404
        assert connection.get("/status?line=204+Nothing").status == 204
        assert connection.get("/status?line=304+Same").status == 304
        cookies = connection.get("/cookies")
        assert len(cookies.all("Set-Cookie")) > 1, cookies.headers
        assert connection.get("/boom").status == 500
        assert connection.get("/hello").text == "hello"


@pytest.mark.parametrize("size", [0, 1, 70_000, 900_000])
def test_post(shared: Behind, size: int) -> None:
    body = os.urandom(size)
    answer = shared.nginx.request("POST", "/echo", body, Content_Length=str(size))
    assert answer.status == 200 and answer.body == body


def test_chunked_post(shared: Behind) -> None:
    with shared.nginx.connect() as connection:
        head = b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.send(head + b"5\r\nhello\r\n")
        connection.send(b"7\r\n, world\r\n0\r\n\r\n")
        assert connection.read_response("POST").body == b"hello, world"


def test_connections_are_kept(shared: Behind) -> None:
    """Seen from the client, whatever lies behind."""
    with shared.nginx.connect() as connection:
        for number in range(50):
            answer = connection.request("POST", "/echo", b"%d" % number)
            assert answer.body == b"%d" % number and not answer.closes


def test_refused_requests_have_their_status(shared: Behind) -> None:
    with shared.nginx.connect() as connection:
        assert connection.request("POST", "/echo", b"x" * 1_000_001).status == 413
    answer = shared.nginx.get("/", Cookie="x" * 7000, X_Other="y" * 7000)
    assert answer.status == 431
    assert shared.nginx.get("/hello").status == 200
    assert shared.total("refused") + shared.total("too_large") >= 2


def test_large_answers(shared: Behind, tmp_path: Path) -> None:
    size = 32 << 20
    file = tmp_path / "large"
    with file.open("wb") as out:
        for _ in range(size >> 20):
            out.write(os.urandom(1 << 20))
    wanted = hashlib.sha256(file.read_bytes()).digest()
    with shared.nginx.connect(timeout=60) as connection:
        connection.send(f"GET /file?path={file} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        assert connection.read_head().get("Content-Length") == str(size)
        checksum = hashlib.sha256()
        for _ in range(size >> 16):
            checksum.update(connection.read_exactly(1 << 16))
        assert checksum.digest() == wanted
    part = shared.nginx.get(f"/file?path={file}&skip={size - 1000}&length=1000")
    assert part.get("Content-Length") == "1000" and part.body == file.read_bytes()[-1000:]


def test_streaming(shared: Behind, tmp_path: Path) -> None:
    """The second piece is not made before the test has seen the first."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    with shared.nginx.connect() as connection:
        connection.send(f"GET /gated?fifo={gate} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        connection.read_until(b"began\n")
        os.close(os.open(gate, os.O_WRONLY))
        connection.read_until(b"finished\n")


def test_a_client_that_leaves_in_an_answer(shared: Behind) -> None:
    since = shared.server.mark()
    before = shared.total("aborted")
    with shared.nginx.connect() as connection:
        connection.send(b"GET /endless HTTP/1.1\r\nHost: h\r\n\r\n")
        connection.read_until(b"\0" * 1000)
    wait_for(lambda: shared.total("aborted") > before, "the end of the answer")
    shared.expect_quiet(since)


@pytest.mark.parametrize("name", STREAMING)
def test_a_client_that_leaves_in_an_upload(name: str, tmp_path: Path) -> None:
    with behind(name, tmp_path, lines=("{kind}_request_buffering off;",)) as pair:
        with pair.nginx.connect() as connection:
            connection.send(b"POST /weigh HTTP/1.1\r\nHost: h\r\nContent-Length: 500000\r\n\r\n")
            connection.send(b"x" * 100_000)
            # The app is called as soon as post-buffering is full.
            wait_for(lambda: '"busy"' in pair.server.run("status", "--json").text, "the call")
        pair.server.wait_log("POST /weigh: the client left in the middle of the body")
        pair.server.wait_log("POST /weigh => generated")
        assert pair.total("aborted") == 1
        pair.expect_quiet(since=0)


@pytest.mark.parametrize("name", WAYS)
def test_an_answer_that_breaks_never_looks_complete(name: str, tmp_path: Path) -> None:
    # Where the end of a UNIX connection is the end of the answer, silence is all that is left.
    lines = ("{kind}_buffering off;", "{kind}_read_timeout 2s;")
    with behind(name, tmp_path, lines=lines) as pair:
        answer = pair.nginx.get("/boom-in-body")
        assert answer.status == 200 and not answer.complete
        assert pair.nginx.get("/hello").text == "hello"


@pytest.mark.parametrize("name", ["uwsgi", "fastcgi", "scgi"])
def test_with_the_parameters_that_nginx_ships(name: str, tmp_path: Path) -> None:
    with behind(name, tmp_path, variables=SHIPPED[name]) as pair:
        told = pair.nginx.get("/a%20b/t%C3%A9%25?x=%20y").json
        assert told["PATH_INFO"] == wsgi_text("/a b/té%") and told["SCRIPT_NAME"] == ""
        assert told["QUERY_STRING"] == "x=%20y"


@pytest.mark.parametrize("name", WAYS)
def test_https(name: str, tmp_path: Path) -> None:
    proxy = WAYS[name].kind == "proxy"
    lines = ("proxy_set_header X-Forwarded-Proto https;",) if proxy else ()
    variables = None if proxy else {"HTTPS": "on", "REQUEST_SCHEME": "https"}
    with behind(name, tmp_path, lines=lines, variables=variables) as pair:
        told = pair.nginx.get("/x").json
        # Over TCP anybody could say so.
        believed = not (proxy and WAYS[name].tcp)
        assert told["wsgi.url_scheme"] == ("https" if believed else "http")


class Zeros:
    """A body that is made while it is sent."""

    def __init__(self, connection: Connection, size: int) -> None:
        self.connection, self.size = connection, size
        self.block = b"\0" * (1 << 20)

    def send(self) -> str:
        """Its hash."""
        checksum = hashlib.md5(usedforsecurity=False)
        for _ in range(self.size // len(self.block)):
            self.connection.send(self.block)
            checksum.update(self.block)
        return checksum.hexdigest()


def most_memory(process: Process) -> int:
    """Bytes that were resident at most."""
    return int(process.status["VmHWM"].split()[0]) * 1024


@pytest.mark.slow
@pytest.mark.parametrize(("name", "buffering"), UPLOADS)
def test_upload_of_a_gibibyte(name: str, buffering: str, tmp_path: Path) -> None:
    size = 1 << 30
    lines = (f"{{kind}}_request_buffering {buffering};",)
    with behind(name, tmp_path, lines=lines) as pair:
        pair.nginx.request("POST", "/weigh", b"x" * 1_000_000)
        (worker,) = pair.server.workers().values()
        before = most_memory(worker)
        with pair.nginx.connect(timeout=240) as connection:
            connection.send(f"POST /weigh HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n\r\n"
                            .encode())  # fmt: skip
            checksum = Zeros(connection, size).send()
            assert connection.read_response("POST").json == [size, checksum]
        assert most_memory(worker) - before < 16 << 20, "it is never held"
        pair.expect_quiet(since=0)


@pytest.mark.parametrize("name", WAYS)
def test_reload_under_load(name: str, tmp_path: Path, write_app: WriteApp) -> None:
    folder = write_app(
        """
        import os

        def app(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [str(os.getpid()).encode()]
        """
    )
    options = ("--chdir", str(folder), "--module", "app:app", "--processes", "2")
    with behind(name, tmp_path, *options) as pair, Load(pair.nginx.port) as load:
        for _ in range(3):
            load.wait_for_more(30)
            outcome = pair.server.run("reload")
            assert outcome.status == 0, outcome.text
        load.wait_for_more(30)
        load.stop()
        assert not load.errors, load.errors[:5]
        pids = set(load.answers)
        assert len(pids) >= 5, "generations took over from each other"
        assert "[error]" not in pair.nginx.errors, pair.nginx.errors


def test_the_harness_shows_why_nginx_does_not_start(tmp_path: Path) -> None:
    before = list(Nginx.living)
    with ExitStack() as stack, pytest.raises(AssertionError, match="no_such_directive"):
        stack.enter_context(Nginx(tmp_path, front("proxy", "unix:/x", "no_such_directive on;")))
    assert Nginx.living == before
