"""`mewsgi dev`: pages of errors, an app that does not load, a debugger's prompt, its own port."""

from __future__ import annotations

import re
import socket
import threading
from pathlib import Path
from typing import Callable

import pytest
from harness import Connection, Response, Server, run_mewsgi, wait_for
from harness.client import Closed
from harness.fixtures import WriteApp
from harness.terminal import Terminal

Serve = Callable[..., Server]
ANY_PORT = ("dev", "--http", "127.0.0.1:0")
SERVING = r"serving on http://127\.0\.0\.1:(\d+) - reloads when you save"
RELOADED = r"reloaded: generation \d+ serves"
BROKEN = "serving the error until a file of the app's is saved"
PROMPT = r"\(Pdb\) "
HTML = "text/html,application/xhtml+xml"

APP = """
    def application(environ, start_response):
        path = environ["PATH_INFO"]
        if path == "/raises":
            animal = "<cat>"
            raise KeyError(animal)
        if path == "/late":
            return late(start_response)
        if path == "/stops":
            animal = "tiger"
            breakpoint()
        start_response("200 OK", [])
        return [path.encode()]

    def late(start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b""
        raise ValueError("too late")
"""


def get(port: int, target: str, host: str = "localhost", **headers: str) -> Response:
    with Connection(("127.0.0.1", port)) as connection:
        return connection.get(target, **{"Host": host, "Connection": "close", **headers})


@pytest.fixture
def terminal(write_app: WriteApp) -> Terminal:
    return Terminal(*ANY_PORT, "app", cwd=write_app(APP))


class InBackground:
    """A request that goes on while the test does other things."""

    def __init__(self, port: int, target: str) -> None:
        self.answers: list[Response] = []
        self.thread = threading.Thread(target=self.run, args=(port, target), daemon=True)
        self.thread.start()

    def run(self, port: int, target: str) -> None:
        try:
            self.answers.append(get(port, target))
        except (Closed, OSError):
            return  # the server left; who wants an answer misses it

    def answer(self) -> Response:
        self.thread.join(10)
        return self.answers[0]


# ---- errors


def test_errors_are_pages(serve: Serve, write_app: WriteApp) -> None:
    server = serve("app", "--dev", cwd=write_app(APP), way="routed")
    page = get(server.port, "/raises", Accept=HTML)
    assert page.status == 500 and page.get("Content-Type") == "text/html; charset=utf-8"
    assert "<h1>KeyError: &#x27;&lt;cat&gt;&#x27;</h1>" in page.text
    assert "raise KeyError(animal)" in page.text and "GET /raises" in page.text
    text = get(server.port, "/raises")
    assert text.get("Content-Type") == "text/plain; charset=utf-8"
    assert re.match(r"Traceback .*\n.*app.py.*\n.*raise KeyError", text.text), text.text
    assert "KeyError: '<cat>'" in text.text
    # The status of start_response had not left yet.
    assert "too late" in get(server.port, "/late", Accept=HTML).text
    server.wait_log("the app failed on GET /raises\n(.*\n)+KeyError")


def test_a_foreign_name_sees_no_source(serve: Serve, write_app: WriteApp) -> None:
    """DNS rebinding: a site's name may lead here, and its script in a browser would read pages."""
    server = serve("app", "--dev", cwd=write_app(APP))
    for host in ("evil.example", "127.evil.example", "localhost.evil.example:80", "[::2]:80"):
        answer = get(server.port, "/raises", host, Accept=HTML)
        assert answer.status == 500 and "cat" not in answer.text, host
    for host in ("LOCALHOST:8000", "app.localhost", "127.0.0.1:80", "[::1]:80", "cats.test"):
        assert "cat" in get(server.port, "/raises", host, Accept=HTML).text, host


def test_without_dev_there_is_no_page(serve: Serve, write_app: WriteApp) -> None:
    server = serve("app", cwd=write_app(APP))
    assert "cat" not in get(server.port, "/raises", Accept=HTML).text


def test_flask_lets_errors_through(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(
        """
        import flask
        app = flask.Flask(__name__)

        @app.route("/")
        def index():
            return flask.render_template_string("{{ 1 // 0 }}")
        """
    )
    server = serve("app", "--dev", cwd=folder)
    page = get(server.port, "/", Accept=HTML).text
    assert "ZeroDivisionError" in page and "calls in libraries" in page
    assert "return flask.render_template_string" in page


@pytest.mark.parametrize("way", ["direct", "routed"])
def test_errors_of_asgi_apps(serve: Serve, write_app: WriteApp, way: str) -> None:
    folder = write_app(
        """
        async def app(scope, receive, send):
            animal = "lynx"
            raise KeyError(animal)
        """
    )
    server = serve("app", "--dev", "--asgi-lifespan", "off", cwd=folder, way=way)
    page = get(server.port, "/cats", Accept=HTML)
    assert page.status == 500 and "raise KeyError(animal)" in page.text
    assert "GET /cats" in page.text
    foreign = get(server.port, "/cats", "evil.example", Accept=HTML)
    assert foreign.status == 500 and "lynx" not in foreign.text


def test_a_lifespan_that_does_not_start(serve: Serve, write_app: WriteApp) -> None:
    source = """
        async def app(scope, receive, send):
            if scope["type"] == "lifespan":
                await receive()
                await send({{"type": "lifespan.startup.{}"}})
                await receive()
            await send({{"type": "http.response.start", "status": 204}})
            await send({{"type": "http.response.body"}})
        """
    folder = write_app(source.format('failed", "message": "no cats'))
    server = serve("app", "--dev", cwd=folder)
    server.wait_log("no cats")
    assert "no cats" in get(server.port, "/", Accept=HTML).text
    since = server.mark()
    write_app(source.format("complete"))
    server.wait_log(RELOADED, since)
    assert get(server.port, "/").status == 204


def test_asgi_by_order_and_an_app_that_does_not_load(serve: Serve, write_app: WriteApp) -> None:
    server = serve("app", "--dev", "--asgi", cwd=write_app("import no_such_module\n"))
    assert "no_such_module" in get(server.port, "/").text
    since = server.mark()
    write_app(
        """
        async def app(scope, receive, send):
            assert scope["type"] == "http"
            await send({"type": "http.response.start", "status": 204})
            await send({"type": "http.response.body"})
        """
    )
    server.wait_log(RELOADED, since)
    assert get(server.port, "/").status == 204


# ---- an app that does not load


def test_the_error_stays_until_the_file_is_mended(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app("import no_such_module\n" + APP.replace("\n    ", "\n"))
    server = serve("app", "--dev", cwd=folder, way="routed")
    server.wait_log(BROKEN)
    assert "No module named &#x27;no_such_module&#x27;" in get(server.port, "/", Accept=HTML).text
    assert "no_such_module" not in get(server.port, "/", "evil.example").text

    since = server.mark()
    write_app("def application(:\n")
    server.wait_log(RELOADED, since)
    page = get(server.port, "/", Accept=HTML).text
    assert "SyntaxError" in page and "def application(:" in page and "app.py:1" in page
    assert "_loader.py" not in page

    since = server.mark()
    write_app(APP)
    server.wait_log(RELOADED, since)
    assert get(server.port, "/mended").text == "/mended"

    since = server.mark()
    write_app("cat = 1\n")
    server.wait_log(RELOADED, since)
    assert "app has no `application` and no `app`" in get(server.port, "/").text


def test_a_start_without_a_module_waits_for_it(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app("", name="other.py")
    server = serve("app", "--dev", cwd=folder)
    assert "there is no module app" in get(server.port, "/").text
    since = server.mark()
    write_app(APP)
    server.wait_log(RELOADED, since)
    assert get(server.port, "/here").text == "/here"


def test_a_singleton_that_does_not_load(serve: Serve, write_app: WriteApp) -> None:
    write_app("1 / 0\n", name="jobs.py")
    server = serve("app", "--dev", "--singleton", "jobs:run", cwd=write_app(APP))
    assert "ZeroDivisionError" in server.log
    assert get(server.port, "/served").text == "/served"
    since = server.mark()
    write_app("def run():\n    print('it runs', flush=True)\n", name="jobs.py")
    server.wait_log("it runs", since)


# ---- on a terminal


def test_breakpoint(terminal: Terminal) -> None:
    with terminal:
        port = int(terminal.read_until(SERVING)[1])
        request = InBackground(port, "/stops")
        terminal.read_until(PROMPT)
        terminal.type("p animal * 2\n")
        terminal.read_until("'tigertiger'")
        # Others are served meanwhile.
        assert get(port, "/other").text == "/other"
        terminal.type("c\n")
        assert request.answer().text == "/stops"
        terminal.type("\x03")
        terminal.expect_end()


def test_breakpoint_of_an_asgi_app(write_app: WriteApp) -> None:
    folder = write_app(
        """
        async def app(scope, receive, send):
            animal = "tiger"
            breakpoint()
            await send({"type": "http.response.start", "status": 204})
            await send({"type": "http.response.body"})
        """
    )
    with Terminal(*ANY_PORT, "--asgi-lifespan", "off", "app", cwd=folder) as terminal:
        request = InBackground(int(terminal.read_until(SERVING)[1]), "/")
        terminal.read_until(PROMPT)
        terminal.type("p animal * 2\n")
        terminal.read_until("'tigertiger'")
        terminal.type("c\n")
        assert request.answer().status == 204
        terminal.type("\x03")
        terminal.expect_end()


def test_the_end_at_a_prompt(terminal: Terminal) -> None:
    with terminal:
        port = int(terminal.read_until(SERVING)[1])
        InBackground(port, "/stops")
        terminal.read_until(PROMPT)
        terminal.type("\x03")
        terminal.read_until("stopped")
        terminal.expect_end()
        assert terminal.echoes, "the terminal was left as the debugger had it"


def test_a_reload_at_a_prompt(terminal: Terminal, tmp_path: Path) -> None:
    with terminal:
        port = int(terminal.read_until(SERVING)[1])
        InBackground(port, "/stops")
        terminal.read_until(PROMPT)
        app = tmp_path / "app.py"
        app.write_text(app.read_text() + "\n# another one\n")
        terminal.read_until(RELOADED)
        wait_for(lambda: terminal.echoes, "the terminal to be as it was")
        # The prompt is the new worker's alone.
        again = InBackground(port, "/stops")
        terminal.read_until(PROMPT)
        terminal.type("c\n")
        assert again.answer().text == "/stops"
        terminal.type("\x03")
        terminal.expect_end()


def test_breakpoint_in_an_import(write_app: WriteApp) -> None:
    folder = write_app("breakpoint()\n" + APP.replace("\n    ", "\n"))
    with Terminal(*ANY_PORT, "app", cwd=folder) as terminal:
        terminal.read_until(PROMPT)
        terminal.type("c\n")
        terminal.read_until(SERVING)
        terminal.type("\x03")
        terminal.expect_end()


def test_it_ends_with_its_terminal(terminal: Terminal) -> None:
    with terminal:
        terminal.read_until(SERVING)
        terminal.hang_up()
        terminal.expect_end()


# ---- where it listens


def test_the_next_port_if_the_usual_one_is_taken(write_app: WriteApp) -> None:
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind(("127.0.0.1", 8000))
            holder.listen()
        except OSError:
            pass  # somebody else has it, which is as good
        with Terminal("dev", "app", cwd=write_app(APP)) as terminal:
            said = terminal.read_until(r"port 8000 is taken by .*; serving on port (\d+)")
            port = int(terminal.read_until(SERVING)[1])
            assert port == int(said[1]) != 8000
            assert get(port, "/there").text == "/there"
            write_app(APP + "\n    # changed\n")
            # The configuration is read again, and names the port that it has.
            terminal.read_until(RELOADED)
            assert get(port, "/there").text == "/there"
            terminal.type("\x03")
            terminal.expect_end()


@pytest.mark.parametrize("address", [":0", "0.0.0.0:0", "[::]:0"])
def test_others_cannot_reach_it(write_app: WriteApp, address: str) -> None:
    outcome = run_mewsgi("dev", "--http", address, "app", cwd=write_app(APP))
    assert outcome.status == 1
    assert "this machine's own addresses only" in outcome.err


def test_an_inherited_socket_must_be_local_too(write_app: WriteApp) -> None:
    folder = write_app(APP)
    for host, refused in (("0.0.0.0", True), ("127.0.0.1", False)):
        with socket.create_server((host, 0)) as inherited:
            number = inherited.fileno()
            server = Server(
                ["--dev", "--http-socket", f"fd://{number}", "app"],
                http=None,
                cwd=folder,
                pass_fds=[number],
                wait=None,
                expect_status=1 if refused else 0,
            )
            with server:
                server.wait_log("others can reach this address" if refused else "serving on")
                if refused:
                    assert server.wait_end() == 1
