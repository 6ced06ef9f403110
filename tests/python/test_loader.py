"""Finding the app, and saying why it was not found."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

Options = dict[str, Any]

WSGI = "def application(environ, start_response):\n    return [b'application']\n"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text))
    return path


def load(options: Options, **changes: Any) -> Any:
    from mewsgi import _loader

    options.update({key.replace("_", "-"): value for key, value in changes.items()})
    return _loader.load(options)


def refusal(options: Options, **changes: Any) -> str:
    from mewsgi import _loader

    with pytest.raises(_loader.LoadError) as caught:
        load(options, **changes)
    return str(caught.value)


def failure(options: Options, **changes: Any) -> str:
    """What the log would show of an app that raises."""
    from mewsgi import _loader

    with pytest.raises(BaseException) as caught:
        load(options, **changes)
    return _loader.explain_failure(caught.value)


APPS = """
    def application(environ, start_response):
        return [b"application"]

    def app(environ, start_response):
        return [b"app"]

    def make_app():
        return app

    class Holder:
        inner = staticmethod(app)

    NUMBER = 3

    def make_nothing():
        return None
"""


@pytest.mark.parametrize(
    ("module", "callable_", "name", "answer"),
    [
        ("pkg.apps", "", "pkg.apps:application", b"application"),
        ("pkg.apps", "app", "pkg.apps:app", b"app"),
        ("pkg.apps", "make_app()", "pkg.apps:make_app()", b"app"),
        ("pkg.apps:app", "", "pkg.apps:app", b"app"),
        ("pkg.apps:app", "application", "pkg.apps:app", b"app"),
        ("pkg.apps:make_app()", "", "pkg.apps:make_app()", b"app"),
        ("pkg.apps:make_app( )", "", "pkg.apps:make_app( )", b"app"),
        ("pkg.apps:Holder.inner", "", "pkg.apps:Holder.inner", b"app"),
        ("pkg.apps:", "app", "pkg.apps:application", b"application"),
    ],
)
def test_forms_of_module(
    site: Path, options: Options, module: str, callable_: str, name: str, answer: bytes
) -> None:
    write(site / "pkg/apps.py", APPS)
    app = load(options, module=module, callable=callable_)
    assert app.name == name
    assert app.callable({}, None) == [answer]


def test_app_is_taken_where_there_is_no_application(site: Path, options: Options) -> None:
    write(site / "only_app.py", "def app(environ, start_response):\n    return [b'x']\n")
    assert load(options, module="only_app").name == "only_app:app"


def test_nothing_configured_is_no_app(site: Path, options: Options) -> None:
    assert load(options) is None


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("apps:nothing", "apps has no `nothing`"),
        ("apps:aplication", "did you mean apps:application?"),
        ("apps:NUMBER", "apps:NUMBER is not callable, it is an int"),
        ("apps:make_nothing()", "apps:make_nothing() returned None, which is not callable"),
        ("apps:make_app('x')", "called without arguments; write make_app()"),
        ("apps:Holder.nothing", "apps has no `Holder.nothing`"),
        ("apps/app.py", "is no module name"),
        ("-x", "is no module name"),
    ],
)
def test_wrong_callables_are_told(site: Path, options: Options, module: str, text: str) -> None:
    write(site / "apps.py", APPS)
    assert text in refusal(options, module=module)


def test_module_without_an_app_names_its_callables(site: Path, options: Options) -> None:
    write(site / "bare.py", "from os.path import join\ndef serve(): ...\nclass Thing: ...\n")
    text = refusal(options, module="bare")
    assert text == "bare has no `application` and no `app`; callables there: serve"


def test_factory_is_offered(site: Path, options: Options) -> None:
    write(site / "fac.py", "def create_app(): ...\n")
    assert "write fac:create_app()" in refusal(options, module="fac")


def test_empty_module_has_nothing_to_offer(site: Path, options: Options) -> None:
    write(site / "void.py", "x = 1\n")
    assert refusal(options, module="void").endswith("it has no callables at all")


def test_missing_module_names_the_path_and_a_neighbour(site: Path, options: Options) -> None:
    write(site / "catserve/wsgi.py", WSGI)
    text = refusal(options, module="catserv.wsgi", pythonpath=["extra"])
    assert "there is no module catserv (for catserv.wsgi)" in text
    assert "did you mean catserve.wsgi?" in text
    assert f"\n  {site}\n" in text and f"\n  {site}/extra\n" in text
    assert "--pythonpath" in text


def test_missing_submodule_is_looked_for_in_its_package(site: Path, options: Options) -> None:
    write(site / "cattery/wsgi.py", WSGI)
    text = refusal(options, module="cattery.wsgo")
    assert "there is no module cattery.wsgo; did you mean cattery.wsgi?" in text
    assert f"{site}/cattery" in text


def test_module_used_as_a_package(site: Path, options: Options) -> None:
    write(site / "flat.py", WSGI)
    assert "flat is a module, not a package" in refusal(options, module="flat.wsgi")


def test_missing_import_of_the_app_is_its_own_traceback(site: Path, options: Options) -> None:
    write(site / "needs.py", "import does_not_exist_anywhere\n")
    text = failure(options, module="needs")
    assert text.startswith("the app did not load: ModuleNotFoundError while it was imported\n")
    assert "needs.py" in text and "does_not_exist_anywhere" in text


def test_traceback_holds_no_frame_of_ours(site: Path, options: Options) -> None:
    write(site / "broken.py", "def f():\n    raise ValueError('because')\nf()\n")
    text = failure(options, module="broken")
    assert "_loader" not in text and "importlib" not in text
    assert text.index('broken.py", line 3') < text.index('broken.py", line 2')
    assert text.endswith("ValueError: because")


def test_factory_that_raises(site: Path, options: Options) -> None:
    write(site / "bad_factory.py", "def make():\n    raise KeyError('k')\n")
    text = failure(options, module="bad_factory:make()")
    assert "_loader" not in text and "bad_factory.py" in text and text.endswith("KeyError: 'k'")


def test_syntax_error_shows_the_line(site: Path, options: Options) -> None:
    write(site / "syntax.py", "x = (\n")
    text = failure(options, module="syntax")
    assert "SyntaxError" in text and 'syntax.py", line 1' in text and "_loader" not in text


@pytest.mark.parametrize(
    ("call", "shown"), [("sys.exit(3)", "sys.exit(3)"), ("sys.exit()", "sys.exit()")]
)
def test_sys_exit_at_import(site: Path, options: Options, call: str, shown: str) -> None:
    write(site / "leaver.py", f"import sys\n{call}\n")
    text = failure(options, module="leaver")
    assert text.startswith(f"the app called {shown} while it was imported")
    assert "leaver.py" in text


def test_wsgi_file_has_the_name_that_apps_compare(site: Path, options: Options) -> None:
    write(site / "deep/my.app.wsgi", WSGI + "NAME = __name__\nFILE = __file__\n")
    app = load(options, wsgi_file="deep/my.app.wsgi")
    assert app.name == "deep/my.app.wsgi:application"
    module = sys.modules["uwsgi_file_deep_my_app"]
    assert module.NAME == "uwsgi_file_deep_my_app"
    assert str(site / "deep/my.app.wsgi") == module.FILE
    assert not list(site.rglob("*.pyc")), "a cached app.wsgi would be taken for app.py"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("server.py", "uwsgi_file_server"),
        ("./server.py", "uwsgi_file_server"),
        ("/srv/www/app.py", "uwsgi_file__srv_www_app"),
        ("a/b.wsgi", "uwsgi_file_a_b"),
    ],
)
def test_names_of_files(path: str, name: str) -> None:
    from mewsgi import _loader

    assert _loader.file_module_name(path) == name


def test_file_and_callable_in_one(site: Path, options: Options) -> None:
    write(site / "a.py", APPS)
    assert load(options, wsgi_file="a.py:app").callable({}, None) == [b"app"]
    write(site / "b:c.py", WSGI)
    assert load(options, wsgi_file="b:c.py").callable({}, None) == [b"application"]


def test_missing_file_names_where_it_was_looked_for(site: Path, options: Options) -> None:
    text = refusal(options, wsgi_file="none.py")
    assert "No such file" in text and str(site / "none.py") in text


def test_file_with_a_neighbour_it_cannot_import(site: Path, options: Options) -> None:
    write(site / "sub/neighbour.py", "")
    write(site / "sub/main.py", "import neighbour\n")
    text = failure(options, wsgi_file="sub/main.py")
    assert text.endswith(f"add --pythonpath {site / 'sub'}")
    assert "uwsgi_file_sub_main" not in sys.modules


def test_file_with_other_encodings(site: Path, options: Options) -> None:
    file = site / "latin.py"
    file.write_bytes(b"# -*- coding: latin-1 -*-\nTEXT = '\xe9'\ndef app(e, s): ...\n")
    load(options, wsgi_file="latin.py")
    assert sys.modules["uwsgi_file_latin"].TEXT == "\u00e9"


def test_path_has_uwsgis_order(site: Path, options: Options) -> None:
    for name in ("one", "glob_a", "glob_b"):
        (site / name).mkdir()
    before = list(sys.path)
    load(options, pythonpath=["one", "glob_*", "not*there"])
    assert sys.path == ["not*there", "glob_b", "glob_a", "one", ".", *before]


def test_chdir_comes_first(site: Path, options: Options) -> None:
    write(site / "inner/late.py", WSGI)
    assert load(options, chdir="inner", module="late").name == "late:application"
    assert os.getcwd() == str(site / "inner")


def test_chdir_to_nowhere(site: Path, options: Options) -> None:
    assert refusal(options, chdir="gone") == "chdir = gone: No such file or directory"


def test_imports_run_before_the_app(site: Path, options: Options) -> None:
    write(site / "first.py", "import sys\nsys.first_ran = True\n")
    write(site / "second.py", "import sys\nassert sys.first_ran\n" + WSGI)
    load(options, **{"import": ["first", "./first.py"]}, module="second")
    del sys.first_ran  # type: ignore[attr-defined]


def test_virtualenv_of_this_python_adds_nothing(site: Path, options: Options) -> None:
    before = [".", *sys.path]
    load(options, virtualenv=sys.prefix)
    assert sys.path == before


def test_virtualenv_beside_another_interpreter(
    site: Path, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    packages = site / "venv/lib" / version / "site-packages"
    write(packages / "only_there.py", WSGI)
    write(packages / "more.pth", f"{site}/by_pth\n")
    (site / "by_pth").mkdir()
    for name in ("prefix", "exec_prefix"):
        monkeypatch.setattr(sys, name, getattr(sys, name))
    monkeypatch.setenv("VIRTUAL_ENV", "")
    assert load(options, virtualenv="venv", module="only_there").name == "only_there:application"
    assert sys.prefix == str(site / "venv") == os.environ["VIRTUAL_ENV"]
    own = next(i for i, entry in enumerate(sys.path) if entry.endswith("-packages"))
    assert sys.path[own] == str(packages)
    assert str(site / "by_pth") in sys.path


def test_virtualenv_of_another_version(site: Path, options: Options) -> None:
    (site / "venv/lib/python2.7/site-packages").mkdir(parents=True)
    text = refusal(options, virtualenv="venv")
    assert "holds no packages for" in text and "leave interpreter out" in text
