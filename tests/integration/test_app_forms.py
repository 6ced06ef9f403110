"""Every way to say which app to serve, in both forms of the command."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest
from harness import Server, run_mewsgi
from harness.fixtures import APPS, WriteApp

Serve = Callable[..., Server]

PACKAGE = """
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"application"]

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"app"]

    def make_app(word="factory"):
        def made(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [word.encode()]
        return made

    class Holder:
        inner = staticmethod(app)
"""


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["pkg.mod"], "application"),
        (["pkg.mod:app"], "app"),
        (["pkg.mod:make_app()"], "factory"),
        (["pkg/mod.py"], "application"),
        (["pkg/mod.py", "--callable", "app"], "app"),
        (["--module", "pkg.mod"], "application"),
        (["--master", "--module", "pkg.mod:app"], "app"),
        (["--module", "pkg.mod", "--callable", "app"], "app"),
        (["--module=pkg.mod:make_app()"], "factory"),
        (["--wsgi-file", "pkg/mod.py"], "application"),
        (["--wsgi-file", "pkg/mod.py", "--callable", "app"], "app"),
        (["-w", "pkg.mod"], "application"),
    ],
    ids=" ".join,
)
def test_form(serve: Serve, write_app: WriteApp, arguments: list[str], answer: str) -> None:
    folder = write_app(PACKAGE, "pkg/mod.py")
    write_app("", "pkg/__init__.py")
    server = serve(*arguments, cwd=folder)
    assert server.get("/").text == answer


def test_an_absolute_file(serve: Serve, write_app: WriteApp, tmp_path: Path) -> None:
    folder = write_app(PACKAGE, "some app.py")
    server = serve(str(folder / "some app.py"), cwd="/")
    assert server.get("/").text == "application"


def test_app_alone_is_found(serve: Serve, write_app: WriteApp) -> None:
    """No `application` in the module: `app` is the second name that is tried."""
    folder = write_app(
        """
        def app(environ, start_response):
            start_response("200 OK", [])
            return [b"found"]
        """
    )
    assert serve("app", cwd=folder).get("/").text == "found"


def test_ini_file(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(PACKAGE, "pkg/mod.py")
    (folder / "site.ini").write_text(
        "[uwsgi]\n; a comment\nname = pkg\nhttp = 127.0.0.1:0\nchdir = %d\n"
        "module = %(name).mod\ncallable = $(WHICH)\nprocesses = 2\n"
    )
    server = serve("--ini", str(folder / "site.ini"), http=None, cwd="/", env={"WHICH": "app"})
    assert server.get("/").text == "app"
    server.wait_log(r"spawned mewsgi worker 2")


def test_ini_file_in_the_short_form(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(PACKAGE, "pkg/mod.py")
    (folder / "site.ini").write_text("[mewsgi]\nhttp = 127.0.0.1:0\nmodule = pkg.mod\n")
    assert serve("site.ini", http=None, cwd=folder).get("/").text == "application"


def test_the_talk_command(serve: Serve) -> None:
    """`mewsgi --master --http :PORT --module catserve.wsgi`, run in the folder of the example."""
    catserve = Path(__file__).resolve().parents[2] / "examples/catserve"
    server = serve("--master", "--module", "catserve.wsgi", http=":0", way="routed", cwd=catserve)
    answer = server.get("/")
    assert answer.status == 200 and "Cats as a Service" in answer.text
    server.wait_log(r"http bound on :\d+ fd \d+")
    server.wait_log(r"spawned mewsgi worker 1 \(and the only\) \(pid: \d+, cores: 1\)")


def test_chdir_pythonpath_env_pyargv(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app("VALUE = 'from a pythonpath'", "lib/extra_module.py")
    (folder / "work").mkdir()
    server = serve(
        "--chdir",
        str(folder / "work"),
        "--pythonpath",
        str(APPS),
        "--pythonpath",
        str(folder / "lib"),
        "--env",
        "COLOUR=green",
        "--env",
        "GONE",
        "--import",
        "extra_module",
        "--pyargv",
        "one two",
        "--module",
        "probe:app",
        env={"GONE": "was here"},
    )
    seen = server.get("/tell").json
    assert seen["cwd"] == str(folder / "work")
    assert seen["argv"][1:] == ["one", "two"]
    assert seen["environment"]["COLOUR"] == "green" and "GONE" not in seen["environment"]
    assert str(folder / "lib") in seen["path"] and str(APPS) in seen["path"]


def test_python_looks_as_it_should(probe: Server) -> None:
    """An empty __main__, no folder of ours on sys.path, stdin null, a process group of its own."""
    seen = probe.get("/tell").json
    assert not [name for name in seen["main"] if not name.startswith("__")], seen["main"]
    assert not [folder for folder in seen["path"] if folder.rstrip("/").endswith("mewsgi")]
    assert seen["stdin"] == "/dev/null"
    assert seen["group"]


@pytest.mark.parametrize(
    ("source", "arguments", "says"),
    [
        (None, ["nothing.here"], r"nothing"),
        ("x = 1", ["app"], r"application|app\b"),
        ("application = 5", ["app"], r"call"),
        ("import no_such_thing_at_all", ["app"], r"ModuleNotFoundError.*no_such_thing_at_all"),
        ("def application(:\n", ["app"], r"SyntaxError"),
        ("raise SystemExit(7)", ["app"], r"SystemExit"),
        ("def make(): raise KeyError('inside the factory')", ["app:make()"], r"inside the factory"),
        ("import os; os._exit(9)", ["app"], r"9"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", ["app"], r"SIGSEGV|signal 11"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_an_app_that_does_not_load(
    write_app: WriteApp, tmp_path: Path, source: str | None, arguments: list[str], says: str
) -> None:
    import re

    if source:
        write_app(source)
    outcome = run_mewsgi("--http", "127.0.0.1:0", *arguments, cwd=tmp_path)
    assert outcome.status == 22, outcome.text
    assert re.search(says, outcome.text, re.DOTALL), outcome.text


def test_need_app_off(serve: Serve, write_app: WriteApp) -> None:
    """Without need-app the server runs and says 500; uWSGI's "no python application found"."""
    folder = write_app("raise RuntimeError('not today')")
    server = serve("--need-app=false", "app", cwd=folder)
    server.wait_log("not today")
    assert server.get("/").status == 500
