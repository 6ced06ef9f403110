#!/usr/bin/env python3
"""Writes the seeds of every fuzz target: what seeds/NAME.py holds in SEEDS, to corpus/NAME.

The files are committed too; run this after a change there. Findings of the fuzzer lie in the same
folders under names of their own (tools/fuzz) and are left alone.
"""

from __future__ import annotations

import runpy
from pathlib import Path

HERE = Path(__file__).resolve().parent


def seeds_of(target: str) -> dict[str, bytes]:
    """File name to content."""
    seeds: dict[str, bytes] = runpy.run_path(str(HERE / "seeds" / f"{target}.py"))["SEEDS"]
    return seeds


def targets() -> list[str]:
    return sorted(path.stem for path in (HERE / "seeds").glob("*.py"))


def main() -> None:
    for target in targets():
        folder = HERE / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in seeds_of(target).items():
            (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
