"""An import that cannot have what the running generation holds: the failure names the holder."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Callable

import pytest
from harness import Server, run_mewsgi
from harness.activation import listening
from harness.fixtures import WriteApp

Serve = Callable[..., Server]

APP = """
import errno, fcntl, os, socket, socketserver
{opens}

def application(environ, start_response):
    start_response("200 OK", [])
    return [b"%d" % os.getpid()]
"""

# Each takes PORT, a free one, or a file beside the app.
OPENS = {
    "tcp": (
        "kept = socketserver.TCPServer(('127.0.0.1', PORT), socketserver.BaseRequestHandler)",
        "the TCP address 127.0.0.1:PORT",
    ),
    "tcp on all addresses": (
        "kept = socket.create_server(('::', PORT), family=socket.AF_INET6)",
        r"the TCP address \[::\]:PORT",
    ),
    "udp": (
        "kept = socket.socket(type=socket.SOCK_DGRAM); kept.bind(('127.0.0.1', PORT))",
        "the UDP address 127.0.0.1:PORT",
    ),
    "unix": (
        "kept = socket.socket(socket.AF_UNIX); kept.bind('own.sock'); kept.listen()",
        r"own\.sock",
    ),
    "flock": (
        "kept = open('own.lock', 'w'); fcntl.flock(kept, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        r"the lock on \S+own\.lock",
    ),
    "lockf": (
        "kept = open('own.lock', 'w'); fcntl.lockf(kept, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        r"the lock on \S+own\.lock",
    ),
    "an error of a library's own": (
        "class LockTaken(Exception): pass\n"
        "kept = open('own.lock', 'w')\n"
        "try:\n"
        "    fcntl.flock(kept, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "except OSError:\n"
        "    raise LockTaken('try later') from None\n",
        r"the lock on \S+own\.lock",
    ),
}


@pytest.fixture
def port() -> int:
    with listening() as found:
        return int(found.getsockname()[1])


@pytest.mark.parametrize("kind", OPENS)
def test_a_reload_says_who_holds_it(
    serve: Serve, write_app: WriteApp, port: int, kind: str
) -> None:
    opens, held = (text.replace("PORT", str(port)) for text in OPENS[kind])
    server = serve("app", cwd=write_app(APP.format(opens=opens)))
    zygote = server.zygotes()[0].pid
    worker = server.get("/").text
    outcome = server.run("reload")
    assert outcome.status == 1
    hint = outcome.text.splitlines()[-1]
    assert "held by our own generation" in hint and "--reload-strategy stop-start" in hint
    found = re.search(rf"{held} is held by our own generation \(pid (\d+)\)", hint)
    assert found, hint
    assert int(found[1]) in (zygote, int(worker))
    assert server.get("/").text == worker


def test_with_several_it_is_the_one_that_the_error_names(
    serve: Serve, write_app: WriteApp, port: int
) -> None:
    opens = (
        "first = socket.create_server(('127.0.0.1', 0))\n"
        f"try:\n    kept = socket.create_server(('127.0.0.1', {port}))\n"
        f"except OSError as error:\n    raise OSError(error.errno, 'in use: port {port}')\n"
    )
    server = serve("app", cwd=write_app(APP.format(opens=opens)))
    text = server.run("reload").text
    assert f"the TCP address 127.0.0.1:{port} is held by our own generation" in text


def test_lazy_workers_stand_in_each_others_way(write_app: WriteApp, port: int) -> None:
    opens = OPENS["tcp"][0].replace("PORT", str(port))
    outcome = run_mewsgi(
        "--http", "127.0.0.1:0", "--lazy-apps", "--processes", "2", "app",
        cwd=write_app(APP.format(opens=opens)),
    )  # fmt: skip
    assert outcome.status == 22
    assert f"127.0.0.1:{port} is held by another process of this server (pid " in outcome.text


def test_what_strangers_hold_is_not_ours(serve: Serve, write_app: WriteApp, tmp_path: Path) -> None:
    folder = write_app(APP.format(opens=""))
    server = serve("app", cwd=folder)
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        opens = OPENS["tcp"][0].replace("PORT", str(port))
        (folder / "other.py").write_text(APP.format(opens=opens))
        outcome = run_mewsgi("--http", "127.0.0.1:0", "other", cwd=folder)
        (folder / "app.py").write_text("# of another size\n" + APP.format(opens=opens))
        reload = server.run("reload")
    for text in (outcome.text, reload.text):
        assert "Address already in use" in text and "held by" not in text
