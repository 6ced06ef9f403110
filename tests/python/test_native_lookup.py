"""Which extension module a zygote takes, and what it says when none fits."""

from __future__ import annotations

import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fake_native import Ended

NAME = "_mewsgi" + EXTENSION_SUFFIXES[0]


@pytest.fixture
def bootstrap(monkeypatch: pytest.MonkeyPatch) -> Any:
    from mewsgi import _bootstrap

    def end(status: int) -> None:
        raise Ended(status)

    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr(sys, "path", [])
    return _bootstrap


@pytest.fixture
def loaded(bootstrap: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Records what would be loaded, as none of these files is a real extension."""
    record: list[tuple[str, bool]] = []
    monkeypatch.setattr(bootstrap, "load_extension", lambda path, own: record.append((path, own)))
    return record


def put(folder: Path, name: str = NAME) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"not an extension")
    return folder / name


def test_our_own_comes_first(bootstrap: Any, loaded: Any, tmp_path: Path) -> None:
    ours = put(tmp_path / "ours")
    put(tmp_path / "site/mewsgi")
    sys.path.append(str(tmp_path / "site"))
    bootstrap.load_native(str(tmp_path / "ours"))
    assert loaded == [(str(ours), True)]


def test_pythons_own_if_ours_is_for_another(bootstrap: Any, loaded: Any, tmp_path: Path) -> None:
    put(tmp_path / "ours", "_mewsgi.cpython-299-x86_64-linux-gnu.so")
    theirs = put(tmp_path / "site/mewsgi")
    sys.path.extend([str(tmp_path / "nothing"), str(tmp_path / "site")])
    bootstrap.load_native(str(tmp_path / "ours"))
    assert loaded == [(str(theirs), False)]


def command() -> str:
    import mewsgi

    return f"{sys.executable} -m pip install mewsgi=={mewsgi.__version__}\n"


def test_none_at_all_is_one_sentence_with_the_command(
    bootstrap: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Ended) as ended:
        bootstrap.load_native(str(tmp_path))
    assert ended.value.args == (1,)
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.endswith(command())


def test_damaged_extension_is_one_sentence(
    bootstrap: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path)
    with pytest.raises(Ended):
        bootstrap.load_native(str(tmp_path))
    said = capsys.readouterr().err
    assert "does not load" in said and said.count("\n") == 1 and said.endswith(command())


@pytest.mark.parametrize("own", [True, False])
def test_another_build_is_refused(
    bootstrap: Any, capsys: pytest.CaptureFixture[str], own: bool
) -> None:
    native: Any = ModuleType("mewsgi._mewsgi")
    native.own = own

    def attach(fd: int) -> None:
        raise RuntimeError("come from different builds")

    native.attach = attach
    with pytest.raises(Ended) as ended:
        bootstrap.attach(native, 3)
    assert ended.value.args == (1,)
    said = capsys.readouterr().err
    assert said.endswith("different builds\n" if own else command())
