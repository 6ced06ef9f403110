"""Where people put mewsgi other than into a venv of the app: --user, --target, another venv."""

from __future__ import annotations

from pathlib import Path

import pytest
from installs import (
    InstalledServer,
    base_python,
    expect_hello,
    hello_folder,
    make_venv,
    run,
    wheel_for,
)
from pythons import SUPPORTED, find_python

PYTHON = base_python()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A venv that has mewsgi."""
    venv = make_venv(PYTHON.path, tmp_path / "home")
    run([venv / "bin/pip", "install", "--no-index", wheel_for(PYTHON)])
    return venv


def test_pip_user(tmp_path: Path) -> None:
    # Debian's pip wants to be told that a folder of one's own is meant; others ignore the wish.
    env = {"PYTHONUSERBASE": str(tmp_path / "user"), "PIP_BREAK_SYSTEM_PACKAGES": "1"}
    # fmt: off
    run([PYTHON.path, "-m", "pip", "install", "--user", "--no-index", "--no-deps",
         "--ignore-installed", wheel_for(PYTHON)], env=env)
    # fmt: on
    program = tmp_path / "user/bin/mewsgi"
    expect_hello([program], PYTHON.version, tmp_path / "site", env=env)
    # A shell that has --user installations needs no variable, but then HOME says where they are.
    expect_hello([PYTHON.path, "-m", "mewsgi"], PYTHON.version, tmp_path / "site", env=env)


def test_pip_target(tmp_path: Path) -> None:
    folder = tmp_path / "target"
    run([PYTHON.path, "-m", "pip", "install", "--no-index", "--target", folder, wheel_for(PYTHON)])
    env = {"PYTHONPATH": str(folder)}
    expect_hello([folder / "bin/mewsgi"], PYTHON.version, tmp_path / "site", env=env)
    expect_hello([PYTHON.path, "-m", "mewsgi"], PYTHON.version, tmp_path / "site", env=env)


def test_target_without_any_path(tmp_path: Path) -> None:
    """The native program alone finds its package, whatever Python's path is."""
    folder = tmp_path / "target"
    run([PYTHON.path, "-m", "pip", "install", "--no-index", "--target", folder, wheel_for(PYTHON)])
    command = [folder / "mewsgi/bin/mewsgi", "--interpreter", PYTHON.path]
    expect_hello(command, PYTHON.version, tmp_path / "site")


WITNESS = """
import sys

def application(environ, start_response):
    import only_in_other
    start_response("200 OK", [])
    return ["\\n".join(sys.path).encode()]
"""


def test_a_venv_that_never_had_mewsgi(home: Path, tmp_path: Path) -> None:
    other = make_venv(PYTHON.path, tmp_path / "other")
    (packages,) = other.glob("lib/python*/site-packages")
    (packages / "only_in_other.py").write_text("")
    site = hello_folder(tmp_path / "site")
    (site / "witness.py").write_text(WITNESS)
    # fmt: off
    command = [home / "bin/mewsgi", "--virtualenv", other, "--http", "127.0.0.1:0",
               "--module", "witness"]
    # fmt: on
    with InstalledServer(command, cwd=site) as server:
        path = server.get("/").text.splitlines()
        log = server.log
    assert str(packages) in path
    assert not [folder for folder in path if folder.startswith(str(home))], (
        "libraries of the venv that mewsgi is installed in reach the app"
    )
    assert str(other) in log and "virtualenv" in log


def test_an_active_venv_is_taken(home: Path, tmp_path: Path) -> None:
    """mewsgi from one venv, VIRTUAL_ENV says another: the app's is the active one."""
    other = make_venv(PYTHON.path, tmp_path / "other")
    env = {"VIRTUAL_ENV": str(other)}
    log = expect_hello([home / "bin/mewsgi"], PYTHON.version, tmp_path / "site", env=env)
    assert f"{other}/bin/python" in log and "VIRTUAL_ENV" in log


def test_a_python_of_another_version_is_refused_with_the_command_that_helps(
    home: Path, tmp_path: Path
) -> None:
    others = [find_python(version) for version in SUPPORTED if version != PYTHON.version]
    found = next((python for python in others if python), None)
    if found is None:
        pytest.skip("this machine has one Python only")
    other = make_venv(found.path, tmp_path / "other")
    # fmt: off
    command = [home / "bin/mewsgi", "--virtualenv", other, "--http", "127.0.0.1:0",
               "--module", "hello"]
    # fmt: on
    server = InstalledServer(command, cwd=hello_folder(tmp_path / "site"))
    server.wait = None
    with server:
        assert server.wait_end(30) != 0
        server.wait_log(rf"{other}/bin/python\S* -m pip install ")
    assert "Traceback" not in server.log
