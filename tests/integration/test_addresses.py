"""Where it listens: sockets that it is started with (systemd, standard input, by number), shared
ones, patterns of addresses."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from harness import Connection, Response, Server, run_mewsgi
from harness.activation import activated, listening

Serve = Callable[..., Server]
WriteApp = Callable[..., Path]

APP = """
import json, os

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [json.dumps({
        "pid": os.getpid(),
        "passing": sorted(name for name in os.environ if name.startswith("LISTEN_")),
        "port": environ["SERVER_PORT"],
    }).encode()]
"""


@pytest.fixture
def folder(write_app: WriteApp) -> Path:
    return write_app(APP)


@pytest.fixture
def tcp() -> Iterator[socket.socket]:
    with listening() as made:
        yield made


def port_of(made: socket.socket) -> int:
    return int(made.getsockname()[1])


def ask(address: tuple[str, int] | str) -> Any:
    with Connection(address) as connection:
        answer: Response = connection.get("/", Connection="close")
        assert answer.status == 200
        return answer.json


def ask_port(port: int) -> Any:
    return ask(("127.0.0.1", port))


def test_all_sockets_of_systemd_are_served(serve: Serve, folder: Path, tcp: socket.socket) -> None:
    path = str(folder / "web.sock")
    with listening(path) as local:
        server = serve(
            "--module", "app:app", cwd=folder, http=None, **activated([tcp, local], "web:local")
        )
        port = port_of(tcp)
        assert server.find_log(rf"http bound on 127\.0\.0\.1:{port} fd 3 \(inherited from systemd")
        assert server.find_log(r"http bound on \S*/web\.sock fd 4 \(inherited from systemd as loc")
        seen = ask_port(port)
        assert seen["passing"] == [], "they are for the master alone"
        assert seen["port"] == str(port)
        assert ask(path)["port"] == ""
        assert server.run("reload").status == 0
        again = ask_port(port)
        assert again["pid"] != seen["pid"] and ask(path)["passing"] == []
        server.stop()
        assert os.path.exists(path), "a path that is not ours is not ours to remove"
        assert tcp.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1


def test_the_short_form_serves_what_systemd_passes(
    serve: Serve, folder: Path, tcp: socket.socket
) -> None:
    server = serve("app:app", cwd=folder, http=None, **activated([tcp]))
    assert len(server.log.split("bound on")) == 2, "and nothing else"
    assert ask_port(port_of(tcp))["port"] == str(port_of(tcp))


def test_by_number(serve: Serve, folder: Path, tcp: socket.socket) -> None:
    with listening() as other:
        server = serve(
            "--http-socket", "fd://4", "app:app", cwd=folder, http=None,
            **activated([other, tcp], "other:web"),
        )  # fmt: skip
        assert server.find_log(r"http-socket bound on \S* fd 4 \(inherited from systemd as web\)")
        assert server.find_log(
            r"descriptor 3 \(inherited from systemd as other\).*http-socket = fd"
        )
        assert ask_port(port_of(tcp))["port"] == str(port_of(tcp))
        assert server.run("reload").status == 0
        ask_port(port_of(tcp))


def test_by_number_without_systemd(serve: Serve, folder: Path, tcp: socket.socket) -> None:
    number = tcp.fileno()
    server = serve("--http", f"fd://{number}", "app:app", cwd=folder, http=None, pass_fds=[number])
    assert server.find_log(rf"http bound on \S* fd {number} \(inherited\)")
    assert ask_port(port_of(tcp))


def test_by_its_address(serve: Serve, folder: Path, tcp: socket.socket) -> None:
    path = str(folder / "web.sock")
    with listening(path) as local:
        server = serve(
            "--http-socket", f"127.0.0.1:{port_of(tcp)}", "--http", "web.sock", "app:app",
            cwd=folder, http=None, **activated([local, tcp]),
        )  # fmt: skip
        assert server.find_log(r"http-socket bound on \S* fd 4 \(inherited from systemd\)")
        assert server.find_log(r"http bound on \S* fd 3 \(inherited from systemd\)")
        ask(path)
        ask_port(port_of(tcp))
        server.stop()
        assert os.path.exists(path)


def test_sockets_for_another_process_are_left_alone(
    serve: Serve, folder: Path, tcp: socket.socket
) -> None:
    server = serve("app:app", cwd=folder, **activated([tcp], pid="1"))
    assert not server.find_log("inherited")
    assert server.port != port_of(tcp)
    assert server.get("/").json["passing"] == []


def test_standard_input(serve: Serve, folder: Path, tcp: socket.socket) -> None:
    server = serve("app:app", cwd=folder, http=None, stdin=tcp.fileno())
    assert server.find_log(r"http bound on \S* fd \d+ \(inherited as standard input\)")
    assert ask_port(port_of(tcp))["port"] == str(port_of(tcp))
    assert server.run("reload").status == 0
    ask_port(port_of(tcp))


def test_standard_input_by_name(serve: Serve, folder: Path, tcp: socket.socket) -> None:
    server = serve("--http", "::", "app:app", cwd=folder, http=None, stdin=tcp.fileno())
    assert server.find_log(r"http bound on \S* fd \d+ \(inherited as standard input\)")
    assert ask_port(port_of(tcp))


def test_standard_input_can_be_skipped(serve: Serve, folder: Path, tcp: socket.socket) -> None:
    server = serve("--skip-zero", "app:app", cwd=folder, stdin=tcp.fileno())
    assert not server.find_log("standard input")
    assert server.get("/").status == 200


@pytest.mark.parametrize(
    ("address", "part"),
    [
        ("fd://9", "descriptor 9 is not open"),
        ("fd://0", "descriptor 0 is no socket"),
        ("fd://2", "is where the log goes"),
        ("fd://x", "write it as fd://3"),
        ("=0", "shared-socket = ADDRESS gives one"),
        ("240.0.0.*:80", "begins with 240.0.0."),
    ],
)
def test_no_such_socket(folder: Path, address: str, part: str) -> None:
    outcome = run_mewsgi("--http", address, "app:app", cwd=folder)
    assert outcome.status == 1 and part in outcome.text
    assert "bound on" not in outcome.text


def test_a_socket_that_cannot_be_served_is_named(serve: Serve, folder: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("127.0.0.1", 0))
        server = serve(
            "app:app", cwd=folder, http=None, wait=None, expect_status=1,
            **activated([datagrams], "dns"),
        )  # fmt: skip
        assert server.wait_end() == 1
        server.wait_log(r"descriptor 3 \(inherited from systemd as dns\).*ListenStream")


def test_shared_sockets(serve: Serve, folder: Path) -> None:
    server = serve(
        "--shared-socket", "127.0.0.1:0", "--shared-socket", str(folder / "a.sock"),
        "--shared-socket", "@never", "--http-socket", "=1", "--http-socket", "=0", "app:app",
        cwd=folder, http=None,
    )  # fmt: skip
    assert server.find_log(r"http-socket bound on \S*/a\.sock")
    assert ask_port(server.port)["port"] == str(server.port)
    assert ask(str(folder / "a.sock"))
    assert server.find_log(r"shared-socket @never is used by no option.*http-socket = =2")
    server.stop()
    assert not (folder / "a.sock").exists()


def test_a_shared_socket_may_be_inherited(serve: Serve, folder: Path, tcp: socket.socket) -> None:
    server = serve(
        "--shared-socket", "fd://3", "--http-socket", "=0", "app:app",
        cwd=folder, http=None, **activated([tcp]),
    )  # fmt: skip
    assert server.find_log(r"http-socket bound on \S* fd 3 \(inherited from systemd\)")
    assert ask_port(port_of(tcp))


def test_a_pattern_of_addresses(serve: Serve, folder: Path) -> None:
    server = serve("app:app", cwd=folder, http="127.*:0")
    assert server.find_log(rf"http-socket bound on 127\.0\.0\.1:{server.port} ")
    assert server.get("/").status == 200
    # JSON too, since people read it from there.
    assert json.loads(server.run("status", "--json").out)["addresses"] == [
        f"http://127.0.0.1:{server.port}"
    ]
