"""gevent = N in Python: what is patched and when, and how waits and wake-ups meet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fake_native import PACKAGE

pytest.importorskip("gevent")

# A process of its own each: a patched library stays patched.
START = """
import sys
sys.path.insert(0, {package!r})
from types import ModuleType
sys.modules["mewsgi._mewsgi"] = ModuleType("mewsgi._mewsgi")
from mewsgi import _gevent
options = {{"gevent": 2, "gevent-monkey-patch": {patched}}}
"""


def run(code: str, patched: bool = True) -> str:
    start = START.format(package=str(PACKAGE), patched=patched)
    done = subprocess.run(
        [sys.executable, "-c", start + code], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_patching_makes_no_hub() -> None:
    code = """
_gevent.patch(options)
_gevent.patch(options)
import socket, threading, time
from gevent.hub import _get_hub
print(socket.socket.__module__, _get_hub())
"""
    assert run(code) == "gevent._socket3 None"


def test_patching_is_optional() -> None:
    code = "_gevent.patch(options)\nimport socket\nprint(socket.socket.__module__)"
    assert run(code, patched=False) == "socket"


def test_without_gevent_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from mewsgi import _gevent, _loader

    for name in [name for name in sys.modules if name.partition(".")[0] == "gevent"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "gevent", None)
    with pytest.raises(_loader.LoadError, match="-m pip install gevent"):
        _gevent.patch({"gevent": 1, "gevent-monkey-patch": True})


def test_it_comes_before_the_options_imports(site: Path, options: dict[str, Any]) -> None:
    (site / "early.py").write_text("import socket\nprint(socket.socket.__module__)\n")
    (site / "late_app.py").write_text("import early\ndef app(environ, start): ...\n")
    code = f"""
sys.path.insert(0, {str(site)!r})
from mewsgi import _loader
options = {options!r}
options.update({{"module": "late_app", "gevent": 3}})
print(_loader.load(options).name)
"""
    assert run(code).splitlines() == ["gevent._socket3", "late_app:app"]


def test_waits_and_wakes() -> None:
    code = """
_gevent.start_worker()
import gevent
seen = []
waiting = []
def waiter(name):
    _gevent.wait(waiting)
    seen.append(name)
both = [gevent.spawn(waiter, name) for name in "ab"]
gevent.sleep(0)
assert len(waiting) == 2
_gevent.wake(waiting)
_gevent.wake(waiting)  # twice is once
gevent.joinall(both, timeout=5)
_gevent.wake(waiting)  # nobody
print("".join(seen), waiting)
"""
    assert run(code) == "ab []"


def test_a_late_wake_up_disturbs_nobody() -> None:
    """The wait was left by a timeout in the same turn in which its news came."""
    code = """
_gevent.start_worker()
import gevent
waiting, times = [], []
def waiter():
    try:
        with gevent.Timeout(0.01):
            _gevent.wait(waiting)
    except gevent.Timeout:
        _gevent.wake(kept)
        gevent.sleep(0.05)
        times.append("slept")
greenlet = gevent.spawn(waiter)
gevent.sleep(0)
kept = list(waiting)
before = gevent.get_hub().loop.now()
greenlet.get(timeout=5)
print(times, gevent.get_hub().loop.now() - before >= 0.05, waiting)
"""
    assert run(code) == "['slept'] True []"


DRIVER = """
import os
_gevent.start_worker()
reads, writes = os.pipe()
turns = []
def turn():
    turns.append(1)
    if len(turns) == 2:
        os.write(writes, b"x")
        return -1
    if len(turns) == 3:
        os.read(reads, 1)
        return 5
    return 0 if len(turns) == 1 else None
driver = _gevent.Driver(reads, turn)
driver.run(False)
print(len(turns))
"""


def test_the_driver_turns_at_news_and_when_due() -> None:
    assert run(DRIVER) == "4"


def test_the_end_may_wait_for_the_hub() -> None:
    code = DRIVER.replace(
        "driver.run(False)",
        "import gevent\nlate = []\ngevent.spawn_later(0.01, late.append, 1)\ndriver.run(True)",
    )
    assert run(code + "\nprint(late)") == "4\n[1]"
