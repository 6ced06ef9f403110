"""The C++ sources as the checks see them: which files there are, and what each includes."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)


def native_sources(root: Path = ROOT) -> list[Path]:
    """Every .h and .cc below src/, sorted."""
    return sorted(p for p in (root / "src").rglob("*") if p.suffix in {".h", ".cc"})


def includes(text: str) -> list[tuple[str, int, bool]]:
    """Each include of a file: what, on which line, and whether in quotes (ours) or in <>."""
    found = []
    for match in _INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start(1)) + 1
        found.append((match[2], line, match[1] == '"'))
    return found
