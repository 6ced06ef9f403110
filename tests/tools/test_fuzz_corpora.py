"""Every fuzz target has its corpus, its corpus its seeds, and no corpus grows without bound."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

FUZZ = Path(__file__).resolve().parents[1] / "fuzz"
TARGETS = re.findall(r"^mew_fuzz_target\((\w+)", (FUZZ / "CMakeLists.txt").read_text(), re.M)
MOST_FILES = 300
MOST_BYTES = 64 * 1024


def test_every_part_belongs_to_a_target() -> None:
    assert TARGETS
    folders = [path.name for path in (FUZZ / "corpus").iterdir() if path.is_dir()]
    assert sorted(TARGETS) == sorted(folders)
    assert sorted(TARGETS) == sorted(path.stem for path in (FUZZ / "seeds").glob("*.py"))
    assert sorted(TARGETS) == sorted(path.stem[:-5] for path in FUZZ.glob("*_fuzz.cc"))


@pytest.mark.parametrize("target", TARGETS)
def test_corpora_are_bounded_and_hold_their_seeds(target: str) -> None:
    files = sorted((FUZZ / "corpus" / target).iterdir())
    assert 0 < len(files) <= MOST_FILES
    assert [path.name for path in files if path.stat().st_size > MOST_BYTES] == []
    seeds_of = runpy.run_path(str(FUZZ / "make_seeds.py"))["seeds_of"]
    stale = [
        name
        for name, content in seeds_of(target).items()
        if not (FUZZ / "corpus" / target / name).is_file()
        or (FUZZ / "corpus" / target / name).read_bytes() != content
    ]
    assert stale == [], "run tests/fuzz/make_seeds.py"
