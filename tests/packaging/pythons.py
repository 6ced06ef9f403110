"""Which CPythons this machine has: pyenv's, and those on PATH as pythonX.Y."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SUPPORTED = ("3.9", "3.10", "3.11", "3.12", "3.13")
LEAST = 4  # of SUPPORTED; a machine with fewer proves too little

# Headers and venv are part of the question: without them nobody can build for this Python.
_PROBE = """
import importlib.util as find, json, os, platform, sys, sysconfig
print(json.dumps([
    "%d.%d" % sys.version_info[:2],
    platform.python_implementation() == "CPython"
    and os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h"))
    and find.find_spec("ensurepip") is not None,
]))
"""


@dataclass(frozen=True)
class Python:
    version: str  # "3.11"
    path: str

    @property
    def tag(self) -> str:
        return "cp" + self.version.replace(".", "")


def _candidates(version: str) -> Iterator[Path]:
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for folder in sorted((pyenv / "versions").glob(f"{version}.*"), reverse=True):
        yield folder / "bin/python3"
    found = shutil.which(f"python{version}")
    if found:
        yield Path(found)
    yield Path("/usr/bin") / f"python{version}"


def _usable(path: Path, version: str) -> bool:
    try:
        done = subprocess.run(
            [str(path), "-c", _PROBE], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return bool(json.loads(done.stdout) == [version, True])


@cache
def find_python(version: str) -> Python | None:
    """A CPython of that version that can build and install, or None."""
    for path in _candidates(version):
        if path.exists() and _usable(path, version):
            return Python(version, str(path))
    return None
