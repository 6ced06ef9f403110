"""py-autoreload's list: which files, and what they were when they were loaded."""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from fake_native import FakeNative

State = tuple[int, int, int]
CHANGED = (0, 0, 0)
MISSING = (-1, 0, 0)


@pytest.fixture
def autoreload(native: FakeNative, site: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    from mewsgi import _autoreload

    _autoreload.start({"py-auto-reload-ignore": ["ignored_one"]})
    native.calls.clear()
    return _autoreload


def told(native: FakeNative) -> dict[str, State]:
    """The last list that went out."""
    ((name, records),) = native.calls
    native.calls.clear()
    assert name == "tell_files" and records.endswith(b"\0")
    found = {}
    for record in records[:-1].split(b"\0"):
        mtime, size, inode, path = record.split(b" ", 3)
        assert mtime.startswith(b"m")
        found[os.fsdecode(path)] = (int(mtime[1:]), int(size), int(inode))
    return found


def state(path: Path) -> State:
    about = path.stat()
    return about.st_mtime_ns, about.st_size, about.st_ino


def test_files_of_modules_as_they_are(autoreload: Any, native: FakeNative, site: Path) -> None:
    (site / "loaded_one.py").write_text("import ignored_one\n")
    (site / "ignored_one.py").write_text("")
    (site / "never_loaded.py").write_text("")
    importlib.import_module("loaded_one")
    autoreload.look()
    files = told(native)
    assert files[str(site / "loaded_one.py")] == state(site / "loaded_one.py")
    assert str(site / "ignored_one.py") not in files
    assert str(site / "never_loaded.py") not in files
    assert not [path for path in files if path.startswith(os.path.dirname(json.__file__))]
    assert not [path for path in files if not path.startswith("/") or path.endswith(".so")]
    assert str(Path(pytest.__file__)) in files, "installed packages count"


def test_told_again_only_when_there_is_more(
    autoreload: Any, native: FakeNative, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "tell_files", lambda records: native.calls.append(
        ("tell_files", records)) or True, raising=False)  # fmt: skip
    autoreload.look()
    assert told(native)
    autoreload.look()
    assert native.calls == []
    (site / "loaded_later.py").write_text("")
    importlib.import_module("loaded_later")
    autoreload.look()
    assert str(site / "loaded_later.py") in told(native)


def test_a_file_that_was_saved_after_it_was_read(
    autoreload: Any, native: FakeNative, site: Path
) -> None:
    (site / "saved_late.py").write_text("X = 1\n")
    importlib.import_module("saved_late")
    (site / "saved_late.py").write_text("X = 'longer'\n")
    autoreload.look()
    assert told(native)[str(site / "saved_late.py")] == CHANGED


def test_where_a_failure_may_be(autoreload: Any, native: FakeNative, site: Path) -> None:
    (site / "failing_one.py").write_text("def call():\n    import failing_two\n")
    (site / "failing_two.py").write_text("import failing_three\n")
    (site / "failing_three.py").write_text("def broken(:\n")
    module = importlib.import_module("failing_one")
    with pytest.raises(SyntaxError) as caught:
        module.call()
    autoreload.note_failure(caught.value)
    autoreload.look()
    files = told(native)
    for name in ("failing_one.py", "failing_two.py", "failing_three.py"):
        assert files[str(site / name)] == state(site / name), name
    assert not [path for path in files if "<" in path]


def test_where_a_missing_module_would_be(autoreload: Any, native: FakeNative, site: Path) -> None:
    (site / "some_package").mkdir()
    (site / "some_package/__init__.py").write_text("")
    try:
        try:
            importlib.import_module("some_package.gone")
        except ModuleNotFoundError:
            raise RuntimeError("told another way") from None
    except RuntimeError as error:
        autoreload.note_failure(error)
    autoreload.look()
    files = told(native)
    assert files[str(site / "some_package/gone.py")] == MISSING
    assert files[str(site / "some_package/gone/__init__.py")] == MISSING


def test_failures_that_cause_each_other_in_a_ring(autoreload: Any, native: FakeNative) -> None:
    one, two = ValueError(), ValueError()
    one.__context__, two.__context__ = two, one
    autoreload.note_failure(one)
    autoreload.look()
    assert told(native)
