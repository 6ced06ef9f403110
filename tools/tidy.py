"""Runs clang-tidy on each C++ source whose last verdict is not known any more.

A source that passed is remembered under a number made of its bytes, those of our headers it
includes (and they include), the settings and the tool's version; so a developer pays for what
changed and CI, which remembers nothing, for everything. Run by tools/check, which configured
build/dev for its compile_commands.json and made the headers that are generated.
"""

import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from tools.sources import ROOT, includes

TOOL = ROOT / ".venv/bin/clang-tidy"
BUILD = ROOT / "build/dev"
PASSED = ROOT / "build/tidy"
# GCC's own flags are no news; Clang finds GCC's library by itself.
EXTRA = [
    "--extra-arg=-Wno-unknown-warning-option",
    "--extra-arg=-Wno-ignored-optimization-argument",
]


@cache
def read_header(name: str) -> tuple[bytes, tuple[str, ...]]:
    """The bytes of one of our headers, and which of ours it includes."""
    path = ROOT / "src" / name
    if not path.exists():
        return b"", ()
    data = path.read_bytes()
    return data, tuple(n for n, _, ours in includes(data.decode()) if ours)


def verdict_key(source: Path, settings: bytes) -> str:
    data = source.read_bytes()
    number = hashlib.sha256(settings + data)
    waiting = [name for name, _, ours in includes(data.decode()) if ours]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            data, more = read_header(name)
            waiting.extend(more)
    for name in sorted(seen):
        number.update(read_header(name)[0])
    return number.hexdigest()


def run_tidy(source: Path) -> tuple[int, str]:
    command = [str(TOOL), "-p", str(BUILD), "--quiet", *EXTRA, str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    return done.returncode, done.stdout + (done.stderr if done.returncode else "")


def waiting_sources() -> list[tuple[Path, Path]]:
    """Sources of ours that CMake compiles, each with the file that will remember its passing."""
    version = subprocess.run([str(TOOL), "--version"], capture_output=True, check=True).stdout
    settings = version + (ROOT / ".clang-tidy").read_bytes()
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    sources = {Path(entry["directory"], entry["file"]).resolve() for entry in commands}
    ours = sorted(
        s for s in sources if s.is_relative_to(ROOT) and not s.is_relative_to(ROOT / "build")
    )
    pairs = [(source, PASSED / verdict_key(source, settings)) for source in ours]
    return [(source, mark) for source, mark in pairs if not mark.exists()]


def main() -> int:
    waiting = waiting_sources()
    if waiting:
        print(f"clang-tidy on {len(waiting)} sources", file=sys.stderr)
    PASSED.mkdir(parents=True, exist_ok=True)
    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda pair: run_tidy(pair[0]), waiting)
        for (source, mark), (status, text) in zip(waiting, results):
            if text.strip():
                print(text.rstrip(), flush=True)
            if status == 0:
                mark.touch()
            else:
                failed += 1
                print(f"clang-tidy refuses {source.relative_to(ROOT)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
