"""Wheels, venvs and servers started from them: what the tests of this folder are made with."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness import Server
from harness.server import ROOT, clean_environment
from pythons import Python

SHELF = ROOT / "build/packaging"
IN_A_WHEEL = (
    "src",
    "python",
    "cmake",
    "CMakeLists.txt",
    "pyproject.toml",
    "README.md",
    "LICENSE",
)

HELLO = """
import sys

def application(environ, start_response):
    import uwsgi
    text = "hello from %d.%d, mewsgi %s" % (*sys.version_info[:2], uwsgi.version)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [text.encode()]
"""

# The task and the context of a request are its own, whatever this Python's asyncio has for it.
ASYNC_HELLO = """
import asyncio, contextvars

name = contextvars.ContextVar("name", default="nobody")

async def application(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("no lifespan")
    before, task = name.get(), asyncio.current_task()
    name.set(scope["path"])
    assert (await receive())["type"] == "http.request"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/waits":
        await asyncio.sleep(0.01)
        await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(None, int), 10)
    same = task is not None and asyncio.current_task() is task
    for piece in (before, " ", name.get(), " ", str(same)):
        await send({"type": "http.response.body", "body": piece.encode(), "more_body": True})
    await send({"type": "http.response.body"})
    await asyncio.create_task(receive())
    assert asyncio.current_task() is task
"""


def user_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """As a user's shell has it: without the venv that the tests run in."""
    environment = clean_environment()
    for name in ("VIRTUAL_ENV", "MEWSGI_PACKAGE_DIR"):
        environment.pop(name, None)
    own = str(Path(sys.executable).parent)
    environment["PATH"] = os.pathsep.join(
        folder for folder in environment["PATH"].split(os.pathsep) if folder != own
    )
    environment["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    # Objects are the same for every Python but for src/python; ccache knows it by these.
    environment.update(CCACHE_BASEDIR=str(ROOT), CCACHE_NOHASHDIR="1")
    environment.update(extra or {})
    return environment


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    timeout: float = 600.0,
) -> str:
    """Runs to the end and gives what was printed; a failure shows all of it."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=user_environment(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=timeout,
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-8000:]}"
    return done.stdout


def fingerprint() -> str:
    number = hashlib.sha256()
    for name in IN_A_WHEEL:
        top = ROOT / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and path.suffix != ".pyc":
                number.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return number.hexdigest()[:16]


def make_venv(python: str, folder: Path) -> Path:
    run([python, "-m", "venv", folder])
    return folder


def wheel_for(python: Python) -> Path:
    """The wheel of this tree for one Python; built once for each state of the sources."""
    SHELF.mkdir(parents=True, exist_ok=True)
    folder = SHELF / "wheels" / python.tag / fingerprint()
    # One build at a time, whichever test process asks: each uses every core.
    with (SHELF / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not list(folder.glob("*.whl")):
            shutil.rmtree(folder.parent, ignore_errors=True)
            where = f"build-dir=build/packaging/{python.tag}"
            # fmt: off
            run([python.path, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", folder,
                 "--config-settings", where, ROOT])
            # fmt: on
    (wheel,) = folder.glob("*.whl")
    return wheel


def base_python() -> Python:
    """The Python below the venv that the tests run in."""
    version = sysconfig.get_python_version()
    return Python(version, getattr(sys, "_base_executable", sys.executable))


class InstalledServer(Server):
    """A server by a given command, in a user's environment rather than the tests' own."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path,
        env: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__([], cwd=cwd, env=env, timeout=60.0)
        tag, _, value = self.tag.partition("=")
        self.command = [str(word) for word in command]
        self.environment = user_environment({**(env or {}), tag: value})


def hello_folder(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hello.py").write_text(HELLO)
    return folder


def expect_hello(
    command: Sequence[str | Path],
    version: str,
    folder: Path,
    env: Mapping[str, str] | None = None,
) -> str:
    """Serves the hello app by `command`, fetches it, stops it; gives the log."""
    words = [*command, "--http", "127.0.0.1:0", "--module", "hello"]
    with InstalledServer(words, cwd=hello_folder(folder), env=env) as server:
        answer = server.get("/")
        assert answer.status == 200
        assert answer.text.startswith(f"hello from {version}, mewsgi ")
        return server.log


def expect_async_hello(command: Sequence[str | Path], folder: Path) -> None:
    """The same of an ASGI app, on both ways in."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "async_hello.py").write_text(ASYNC_HELLO)
    for way in ("--http", "--http-socket"):
        words = [*command, way, "127.0.0.1:0", "async_hello:application"]
        with InstalledServer(words, cwd=folder) as server:
            for path in ("/at-once", "/waits", "/at-once"):
                assert server.get(path).text == f"nobody {path} True"
            assert "Traceback" not in server.log
