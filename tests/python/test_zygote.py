"""The zygote's start: the interpreter as an app finds it, and what it tells the master."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Callable

import pytest
from fake_native import PACKAGE, Ended, FakeNative

MakeBoot = Callable[..., Any]


def load_in_zygote(boot: Any) -> Any:
    from mewsgi import _bootstrap

    return _bootstrap.load_in_zygote(boot)[0]


def test_ready_names_the_app(native: FakeNative, make_boot: MakeBoot, site: Path) -> None:
    (site / "fine.py").write_text("def app(e, s): ...\n")
    apps = load_in_zygote(make_boot(module="fine"))
    ((name, about),) = native.calls
    assert name == "zygote_ready"
    assert re.fullmatch(r"app fine:app loaded in \d+\.\d\d s", about)  # however slow the machine
    # Other tests of this process may have threads of their own.
    assert callable(apps.default) and not apps.mounts
    assert [event for event in native.events if event[1] != "thread-at-import"] == []


def test_failure_goes_to_the_master_only(
    native: FakeNative, make_boot: MakeBoot, site: Path
) -> None:
    (site / "broken_one.py").write_text("1 / 0\n")
    with pytest.raises(Ended):
        load_in_zygote(make_boot(module="broken_one"))
    ((name, status, text),) = native.calls
    assert (name, status) == ("zygote_failed", 22)
    assert "ZeroDivisionError" in text and not native.events


def test_need_app_off(native: FakeNative, make_boot: MakeBoot, site: Path) -> None:
    assert load_in_zygote(make_boot(module="gone_app", need_app=False)).default is None
    assert native.calls[0][0] == "zygote_ready"
    assert native.events[0][:2] == ("error", "app-failed")


def test_threads_left_by_the_import_are_named(
    native: FakeNative, make_boot: MakeBoot, site: Path
) -> None:
    (site / "threaded.py").write_text(
        "import threading\n"
        "stop = threading.Event()\n"
        "threading.Thread(target=stop.wait, args=(60,), name='refresher', daemon=True).start()\n"
        "def app(e, s): ...\n"
    )
    try:
        load_in_zygote(make_boot(module="threaded"))
        told = [message for _, event, message in native.events if event == "thread-at-import"]
        assert any('"refresher"' in message and "--lazy-apps" in message for message in told)
    finally:
        sys.modules["threaded"].stop.set()


def test_only_new_connections_are_named(
    native: FakeNative, make_boot: MakeBoot, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [[(3, "ours")], [(3, "ours"), (9, "127.0.0.1:5432")]]
    monkeypatch.setattr(native, "open_connections", lambda: answers.pop(0))
    (site / "connected.py").write_text("def app(e, s): ...\n")
    load_in_zygote(make_boot(module="connected"))
    told = [message for _, event, message in native.events if event == "connection-at-import"]
    assert told == [
        "a connection to 127.0.0.1:5432 (fd 9) was opened while importing, shared by all "
        "workers; open it in @postfork or use --lazy-apps"
    ]


def test_preload_on_is_asked_for_and_warns_of_nothing(
    native: FakeNative, make_boot: MakeBoot, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [[], [(9, "127.0.0.1:5432")]]
    monkeypatch.setattr(native, "open_connections", lambda: answers.pop(0))
    (site / "asked_for.py").write_text("def app(e, s): ...\n")
    load_in_zygote(make_boot(module="asked_for", preload="on"))
    assert not native.events


@pytest.mark.parametrize(
    ("lazy", "preload", "expected"),
    [(False, "auto", False), (False, "on", False), (True, "auto", True), (False, "off", True)],
)
def test_when_it_is_lazy(lazy: bool, preload: str, expected: bool) -> None:
    from mewsgi import _bootstrap

    assert _bootstrap.is_lazy({"lazy-apps": lazy, "preload": preload}) is expected


# A zygote in a process of its own: fake native half, real start.
FAKE_START = """
import sys, types, json
sys.argv = ["_zygote.py", "9"]
script = {script!r}
import mewsgi_fake
code = open(script).read().replace(
    "from mewsgi._bootstrap import run",
    "import mewsgi_fake; mewsgi_fake.install(); from mewsgi._bootstrap import run",
)
sys.path.insert(0, "the folder of the script")
exec(compile(code, script, "exec"), {{"__name__": "__main__", "__file__": script}})
"""

FAKE_NATIVE = """
import sys, types, json, os

BOOT = json.loads(os.environ["FAKE_BOOT"])

def install():
    from mewsgi import _bootstrap
    native = types.ModuleType("mewsgi._mewsgi")
    native.attach = lambda fd: BOOT
    native.open_connections = lambda: []
    for name in ("worker_id", "request_id", "total_requests", "workers", "log"):
        setattr(native, name, lambda *a: None)
    native.zygote_ready = lambda about: print(json.dumps({
        "about": about, "argv": sys.argv, "path": sys.path,
        "main": sorted(vars(sys.modules["__main__"])),
        "modules": sorted(sys.modules),
    }))
    native.wait_for_spawn = lambda: (sys.stdout.flush(), os._exit(0))
    def fail(status, text):
        print(json.dumps({"status": status, "text": text}), flush=True)
        os._exit(status)
    native.zygote_failed = fail
    def load(folder):
        sys.modules["mewsgi._mewsgi"] = sys.modules["mewsgi"]._mewsgi = native
        return native
    _bootstrap.load_native = load
"""


@pytest.fixture
def start(site: Path, make_boot: MakeBoot) -> Callable[..., Any]:
    """Runs _zygote.py in an interpreter of its own; returns what it said as JSON."""
    import json

    (site / "fake").mkdir()
    (site / "fake/mewsgi_fake.py").write_text(FAKE_NATIVE)
    script = str(PACKAGE / "mewsgi/_zygote.py")
    (site / "fake/start.py").write_text(FAKE_START.format(script=script))

    def run(**changes: Any) -> Any:
        environment = {
            **os.environ,
            "FAKE_BOOT": json.dumps(make_boot(**changes)),
            "PYTHONPATH": str(site / "fake"),
        }
        done = subprocess.run(
            [sys.executable, "-S", "fake/start.py"],
            cwd=site,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    return run


def test_interpreter_as_uwsgi_has_it(start: Callable[..., Any], site: Path) -> None:
    (site / "plain.py").write_text("def application(e, s): ...\n")
    said = start(module="plain", pyargv="--one two")
    assert said["argv"] == ["uwsgi", "--one", "two"]
    assert said["path"][0] == "."
    assert not [entry for entry in said["path"] if entry.startswith(str(PACKAGE))]
    assert "the folder of the script" not in said["path"]
    assert [name for name in said["main"] if not name.startswith("__")] == []
    assert {"uwsgi", "mewsgi", "mewsgi._mewsgi"} <= set(said["modules"])


def test_env_is_set_before_the_import(start: Callable[..., Any], site: Path) -> None:
    (site / "environ.py").write_text(
        "import os\n"
        "assert os.environ['ONE'] == 'a=b' and os.environ['EMPTY'] == ''\n"
        "assert 'HOME' not in os.environ\n"
        "def application(e, s): ...\n"
    )
    said = start(module="environ", env=["ONE=a=b", "EMPTY=", "HOME"])
    assert said.get("about", said).startswith("app environ:application")


# What an app finds in sys.modules that it did not import: ours, and what ours needs. Everything
# else comes with the interpreter. A longer list hides missing imports of the app, which then
# work here and fail elsewhere.
ALLOWED = {
    "importlib", "importlib._bootstrap", "importlib._bootstrap_external", "importlib.machinery",
    "warnings", "_warnings", "gc", "time", "__future__",
    "mewsgi", "mewsgi._apps", "mewsgi._bootstrap", "mewsgi._loader", "mewsgi._mewsgi",
    "mewsgi._uwsgi", "uwsgi",
}  # fmt: skip


def test_hardly_a_module_is_loaded_by_us(start: Callable[..., Any], site: Path) -> None:
    (site / "bare_app.py").write_text("def application(e, s): ...\n")
    loaded = set(start(module="bare_app")["modules"])
    command = "import sys, types, json, os; print(sorted(sys.modules))"
    bare = subprocess.run(
        [sys.executable, "-S", "-c", command], capture_output=True, text=True, check=True
    )
    ours = loaded - set(eval(bare.stdout)) - {"bare_app", "mewsgi_fake"}
    assert ours - ALLOWED == set()


def test_old_pythons_get_a_sentence(site: Path) -> None:
    """With the version check made to fail, as there is no old Python to count on."""
    source = (PACKAGE / "mewsgi/_zygote.py").read_text().replace("(3, 9)", "(9, 9)")
    (site / "_zygote.py").write_text(source)
    done = subprocess.run(
        [sys.executable, "_zygote.py", "3"],
        cwd=site,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("mewsgi needs Python 3.9 or newer, but ")
    assert "Traceback" not in done.stderr


def test_version_is_the_projects() -> None:
    import re

    import mewsgi

    cmake = (PACKAGE.parent / "CMakeLists.txt").read_text()
    found = re.search(r"project\(mewsgi VERSION ([0-9.]+)", cmake)
    assert found and mewsgi.__version__ == found[1]


def test_importing_the_package_has_no_side_effects() -> None:
    command = (
        "import sys, threading; before = set(sys.modules); import mewsgi;"
        "print(sorted(set(sys.modules) - before), threading.active_count())"
    )
    done = subprocess.run(
        [sys.executable, "-c", command],
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "['mewsgi'] 1"
    assert threading.active_count() >= 1


def test_missing_program_is_a_sentence(site: Path) -> None:
    folder = site / "mewsgi"
    folder.mkdir()
    for name in ("__init__.py", "__main__.py"):
        (folder / name).write_text((PACKAGE / "mewsgi" / name).read_text())
    done = subprocess.run(
        [sys.executable, "-m", "mewsgi", "--version"],
        cwd=site,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "bin/mewsgi is missing" in done.stderr and "-m pip install" in done.stderr
