"""Adds up the JUnit reports of ctest and pytest: one line 'N passed, N failed, N skipped'.

Called by tools/test and .ci/run with the folder of reports. The exit status is 1 where nothing
failed because nothing ran; failures themselves have already set the caller's status.
"""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def count(report: Path) -> tuple[int, int, int]:
    """How many tests of one report passed, failed and were skipped."""
    passed = failed = skipped = 0
    for case in ElementTree.parse(report).iter("testcase"):  # our own file
        outcomes = {child.tag for child in case}
        if outcomes & {"failure", "error"}:
            failed += 1
        elif "skipped" in outcomes:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def main(folder: str) -> int:
    passed = failed = skipped = 0
    for report in sorted(Path(folder).glob("*.xml")):
        try:
            one = count(report)
        except ElementTree.ParseError as mistake:
            print(f"{report}: unreadable ({mistake}); counted as one failure", file=sys.stderr)
            one = (0, 1, 0)
        passed, failed, skipped = passed + one[0], failed + one[1], skipped + one[2]
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    if passed + failed == 0:
        print("no test was run", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
