"""Adds up the reports of CTest, GoogleTest and pytest: one line 'N passed, N failed, N skipped'.

Called by tools/test and .ci/run with the folder of reports. GoogleTest's report of a program (in a
folder named after the preset) stands for CTest's line on it, unless the program failed while all of
its tests passed (a leak, a crash at the end), which is one failure more. The exit status is 1 where
nothing failed because nothing ran; failures themselves have already set the caller's status.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

Counts = tuple[int, int, int]  # passed, failed, skipped


def outcome(case: ElementTree.Element) -> Counts:
    found = {child.tag for child in case}
    if found & {"failure", "error"}:
        return (0, 1, 0)
    # GoogleTest also lists what a filter left out.
    if case.get("status") == "notrun" and not found:
        return (0, 0, 0)
    return (0, 0, 1) if "skipped" in found else (1, 0, 0)


def add(left: Counts, right: Counts) -> Counts:
    return (left[0] + right[0], left[1] + right[1], left[2] + right[2])


def count_case(case: ElementTree.Element, details: Path) -> Counts:
    """One test, or, where a GoogleTest program left a report of its own, each test of that."""
    own = outcome(case)
    if not details.is_dir():  # and a name of pytest's may be longer than any file's
        return own
    inner = details / f"{case.get('name')}.xml"
    if not inner.is_file():
        return own
    counts = count(inner)
    if own[1] and not counts[1]:
        return add(counts, own)
    return counts


def count(report: Path) -> Counts:
    """How many tests of one report passed, failed and were skipped; unreadable is one failure."""
    total = (0, 0, 0)
    try:
        cases = list(ElementTree.parse(report).iter("testcase"))
    except ElementTree.ParseError as mistake:
        print(f"{report}: unreadable ({mistake}); counted as one failure", file=sys.stderr)
        return (0, 1, 0)
    for case in cases:
        total = add(total, count_case(case, report.with_suffix("")))
    return total


def main(folder: str) -> int:
    total = (0, 0, 0)
    for report in sorted(Path(folder).glob("*.xml")):
        total = add(total, count(report))
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped", flush=True)
    if total[0] + total[1] == 0:
        print("no test was run", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
