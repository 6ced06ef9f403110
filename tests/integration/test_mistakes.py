"""What is wrong is said at once, all of it, and before a socket is bound."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Callable

import pytest
from harness import Server, run_mewsgi
from harness.fixtures import APPS, WriteApp
from harness.procfs import listening_ports

Serve = Callable[..., Server]


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    (tmp_path / "site.ini").write_text(
        "[mewsgi]\nprocesses = many\nthis line is nothing\nlisten = -5\nproceses = 2\n"
    )
    outcome = run_mewsgi(
        "--ini",
        str(tmp_path / "site.ini"),
        "--http",
        "127.0.0.1:99999",
        "--modul",
        "x",
        "--buffer-size",
        "lots",
        "--uid",
        "no-such-user-here",
        cwd=tmp_path,
    )
    assert outcome.status == 1, outcome.text
    for part in (
        "site.ini:2",
        "many",
        "site.ini:4",
        "site.ini:5",
        "proceses",
        "processes",
        "99999",
        "--modul",
        "module",
        "lots",
        "no-such-user-here",
    ):
        assert part in outcome.text, f"{part!r} is not in:\n{outcome.text}"
    assert "bound on" not in outcome.text


def test_mistakes_come_before_binding(tmp_path: Path) -> None:
    """A taken port is not even looked at while the configuration is wrong."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        outcome = run_mewsgi("--http", f"127.0.0.1:{port}", "--no-such-option", "app", cwd=tmp_path)
    assert outcome.status == 1 and "no-such-option" in outcome.text
    assert str(port) not in outcome.text


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--proceses", "4", "app"], "processes"),
        (["--processes", "0", "app"], "processes"),
        (["--http", "nonsense:port", "app"], "'port' in the address 'nonsense:port' is no port"),
        (["--http-keepalive=soon", "app"], "soon"),
        (["--chdir", "/no/such/folder", "app"], "/no/such/folder"),
        (["missing.py"], "missing.py"),
        (["--virtualenv", "/no/such/venv", "app"], "/no/such/venv"),
        (["--interpreter", "/no/such/python", "app"], "/no/such/python"),
        (["--ini", "/no/such/file.ini"], "/no/such/file.ini"),
        (["--log-level", "loud", "app"], "loud"),
        (["--chmod-socket=999", "app"], "999"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_mistake(tmp_path: Path, arguments: list[str], part: str) -> None:
    http = [] if "--http" in arguments else ["--http", "127.0.0.1:0"]
    outcome = run_mewsgi(*http, *arguments, cwd=tmp_path)
    assert outcome.status == 1, outcome.text
    assert part in outcome.text
    assert "Traceback" not in outcome.text
    assert "bound on" not in outcome.text


def test_nothing_to_serve(tmp_path: Path) -> None:
    outcome = run_mewsgi(cwd=tmp_path)
    assert outcome.status == 1
    assert "mewsgi" in outcome.text and "module" in outcome.text


def test_a_taken_port_names_its_holder(serve: Serve) -> None:
    server = serve("--chdir", str(APPS), "probe:app")
    outcome = run_mewsgi("--chdir", str(APPS), "--http", f"127.0.0.1:{server.port}", "probe:app")
    assert outcome.status == 1
    assert str(server.port) in outcome.text and str(server.process.pid) in outcome.text
    assert server.get("/hello").status == 200


def test_unknown_names_in_a_uwsgi_section_only_warn(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "app.ini").write_text(
        f"[uwsgi]\nbasis = {APPS}\nchdir = %(basis)\nmodule = probe:app\nproceses = 4\n"
    )
    server = serve("--ini", str(tmp_path / "app.ini"))
    assert server.get("/hello").status == 200
    server.wait_log(r"proceses.*processes")
    assert not server.find_log(r"warn.*\bbasis\b"), "a placeholder that is used is no mistake"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["-h"]], ids=" ".join)
def test_help_and_version(arguments: list[str]) -> None:
    outcome = run_mewsgi(*arguments)
    assert outcome.status == 0 and "mewsgi" in outcome.out


def test_a_failed_start_leaves_no_port(write_app: WriteApp) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = write_app("1 / 0")
    outcome = run_mewsgi("--http", f"127.0.0.1:{port}", "app", cwd=folder)
    assert outcome.status == 22 and "ZeroDivisionError" in outcome.text
    assert port not in listening_ports()


def test_options_from_the_environment(serve: Serve) -> None:
    """MEWSGI_NAME and UWSGI_NAME; what Kubernetes injects under our name is no option."""
    server = serve(
        env={
            "UWSGI_MODULE": "probe:app",
            "MEWSGI_CHDIR": str(APPS),
            "MEWSGI_PROCESSES": "2",
            "MEWSGI_HTTP": "127.0.0.1:0",
            "MEWSGI_SERVICE_HOST": "10.0.0.1",
            "MEWSGI_PORT": "tcp://10.0.0.1:80",
            "MEWSGI_PORT_80_TCP_ADDR": "10.0.0.1",
            "MEWSGI_PROCESSSES": "9",
        },
        http=None,
    )
    assert server.get("/hello").status == 200
    assert sorted(server.workers()) == [1, 2]
    server.wait_log(r"(?i)warn.*processses")
    assert not server.find_log(r"10\.0\.0\.1|SERVICE")
