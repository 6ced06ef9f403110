"""How the probes print: one small table, and percentiles by the nearest rank."""

from __future__ import annotations

import math
from collections.abc import Sequence


def percentile(values: Sequence[float], percent: float) -> float:
    """The least value that at least so many percent of all do not exceed; 0 of nothing."""
    if not values:
        return 0.0
    ordered = sorted(values)
    rank = math.ceil(len(ordered) * percent / 100)
    return ordered[max(0, rank - 1)]


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.2f}"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first and the last column to the left (a name, a note), numbers between to the right."""
    lines = [list(headings), *(list(row) for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(headings))]
    last = len(headings) - 1
    texts = []
    for line in lines:
        cells = [
            cell.ljust(width) if place in (0, last) else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths))
        ]
        texts.append("  ".join(cells).rstrip())
    return "\n".join(texts)
