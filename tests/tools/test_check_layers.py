"""The layer check refuses what the table and the DEPS forbid, on small trees made for the case."""

from pathlib import Path

import pytest

from tools import check_layers


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def module(name: str, deps: str = "") -> str:
    return f"mew_module({name}\n    SOURCES a.cc\n    DEPS {deps} fmt::fmt-header-only)\n"


def test_an_orderly_tree_passes(tmp_path: Path) -> None:
    files = {
        "os/fd.h": '#include "base/result.h"\n#include <unistd.h>\n',
        "os/CMakeLists.txt": module("os", "base"),
        "net/a.cc": '#include "net/a.h"\n#include "os/fd.h"\n',
        "net/CMakeLists.txt": module("net", "os"),
    }
    assert check_layers.check(write(tmp_path, files)) == []


@pytest.mark.parametrize(
    ("source", "included"),
    [
        ("base", "log"),  # upwards
        ("net", "http"),
        ("http1", "net"),  # a protocol never touches sockets
        ("http", "http1"),
        ("http1", "os"),
        ("worker", "master"),  # a role sees no other role
        ("master", "python"),
        ("worker", "python"),
        ("mailbox", "cache"),
        ("log", "app"),
    ],
)
def test_what_the_table_forbids(tmp_path: Path, source: str, included: str) -> None:
    write(tmp_path, {f"{source}/x.cc": f'\n#include "{included}/y.h"\n'})
    (mistake,) = check_layers.check(tmp_path)
    assert mistake.startswith(f"src/{source}/x.cc:2: ")
    assert f"may not include {included}" in mistake


@pytest.mark.parametrize(
    ("source", "included"),
    [
        ("log", "os"),
        ("net", "log"),
        ("http1", "http"),
        ("http1", "base"),
        ("control", "net"),
        ("master", "control"),
        ("python", "worker"),
        ("app", "master"),
    ],
)
def test_what_the_table_allows(tmp_path: Path, source: str, included: str) -> None:
    write(tmp_path, {f"{source}/x.cc": f'#include "{included}/y.h"\n'})
    assert check_layers.check(tmp_path) == []


def test_an_include_without_deps(tmp_path: Path) -> None:
    files = {"net/a.cc": '#include "os/fd.h"\n', "net/CMakeLists.txt": module("net", "base")}
    mistakes = check_layers.check(write(tmp_path, files))
    assert mistakes == [
        "src/net/a.cc:1: src/net/CMakeLists.txt lacks DEPS os",
        "src/net/CMakeLists.txt: nothing here includes DEPS base",
    ]


def test_deps_in_a_comment_do_not_count(tmp_path: Path) -> None:
    cmake = "mew_module(net\n    SOURCES a.cc\n    # DEPS os\n)\n"
    files = {"net/a.cc": '#include "os/fd.h"\n', "net/CMakeLists.txt": cmake}
    (mistake,) = check_layers.check(write(tmp_path, files))
    assert "lacks DEPS os" in mistake


def test_a_ring_within_a_layer(tmp_path: Path) -> None:
    files = {
        "log/a.h": '#include "stats/b.h"\n',
        "stats/b.h": '#include "net/c.h"\n',
        "net/c.h": '#include "log/a.h"\n',
    }
    (mistake,) = check_layers.check(write(tmp_path, files))
    assert mistake.endswith("log > stats > net > log")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("python/object.h", True),
        ("app/module.cc", True),
        ("app/main.cc", False),
        ("worker/loop.cc", False),
        ("python_like/x.cc", False),
    ],
)
def test_who_sees_python_h(tmp_path: Path, path: str, allowed: bool) -> None:
    write(tmp_path, {path: "#define PY_SSIZE_T_CLEAN\n#include <Python.h>\n"})
    found = any("Python.h" in mistake for mistake in check_layers.check(tmp_path))
    assert found is not allowed


def test_a_folder_without_a_layer_and_an_include_without_a_module(tmp_path: Path) -> None:
    write(tmp_path, {"stuff/x.cc": '#include "y.h"\n', "net/x.cc": '#include "lost/y.h"\n'})
    text = "\n".join(check_layers.check(tmp_path))
    assert "src/stuff: this folder has no layer" in text
    assert '"y.h" names no module' in text
    assert "'lost' is no module" in text
