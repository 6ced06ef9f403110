"""Our codec and llhttp (through httptools) read the same random connections, most of them a little
broken. Where they differ, a row of docs/conformance.md says why; a row without a case is a fault of
the table. What both accept has one reading: the same heads, bodies and places where they end."""

from __future__ import annotations

import fcntl
import json
import re
import struct
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest
from llhttp_differences import OURS_ALONE, ROWS, Difference, rows_of, trimmed
from llhttp_reader import Seen, read
from mutated_wires import wires

ROOT = Path(__file__).resolve().parents[3]
SEED, CASES = 9112, 20_000


@pytest.fixture(scope="module")
def codec() -> Path:
    """codec_events, built from what is there now."""
    with open(ROOT / "build" / "codec_events.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [str(ROOT / "tools/build"), "dev", "codec_events"]
        built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return ROOT / "build/dev/tests/conformance/codec_events"


def ours(codec: Path, cases: Sequence[bytes]) -> list[Seen]:
    sent = b"".join(struct.pack("<I", len(case)) + case for case in cases)
    done = subprocess.run([str(codec)], input=sent, capture_output=True, timeout=100)
    assert done.returncode == 0, done.stderr.decode()
    lines = done.stdout.decode().splitlines()
    assert len(lines) == len(cases)
    return [seen_in(json.loads(line), case) for line, case in zip(lines, cases)]


def seen_in(told: dict[str, object], wire: bytes) -> Seen:
    seen = Seen(end=str(told["end"]), reason=str(told["reason"]), body=str(told["body"]))
    seen.at = len(wire) - len(str(told["left"]))
    for event in told["events"]:  # type: ignore[attr-defined]
        if "head" in event:
            head = event["head"]
            fields = tuple((name, value) for name, value in head["fields"])
            line = (head["method"], head["target"], head["version"])
            seen.events.append(("head", (*line, fields), event["at"]))
        else:
            seen.events.append(("body", event["body"], event["at"]))
    if seen.end == "closed" and seen.at == len(wire):
        seen.end = "more"  # nothing came behind it
    return seen


def differing(wire: bytes, mine: Seen, theirs: Seen) -> Iterator[Difference]:
    """Up to the first after which the two readings no longer speak of the same."""
    our, their = [*mine.events, mine.outcome()], [*theirs.events, theirs.outcome()]
    for index, (a, b) in enumerate(zip(our, their)):
        if a != b:
            d = Difference(wire, mine, theirs, index)
            yield d
            if not trimmed(d):
                return


def differences(codec: Path, cases: Sequence[bytes]) -> Iterator[Difference]:
    """One refuses by the byte, the other by the line: where one waits and the other refuses, both
    are shown the end of the line, and more of what they would wait for."""
    half = []
    for case, mine in zip(cases, ours(codec, cases)):
        for d in differing(case, mine, read(case)):
            if {d.our, d.their} == {"more", "refused"}:
                half.append(d)
            else:
                yield d
    completed = [d.wire + b"\r\n\r\n" for d in half]
    for d, wire, mine in zip(half, completed, ours(codec, completed)):
        again = [later for later in differing(wire, mine, read(wire)) if later.index >= d.index]
        d.same_refusal = not again
        yield from again or [d]


def explained(found: Iterable[Difference]) -> dict[str, int]:
    """How often each row occurred."""
    count = dict.fromkeys(ROWS, 0)
    for d in found:
        rows = rows_of(d)
        assert len(rows) == 1, f"{rows or 'no row'} for\n{d}"
        assert d.our not in ("head", "body") or rows[0] in OURS_ALONE, f"{rows[0]} for\n{d}"
        count[rows[0]] += 1
    return count


def test_every_difference_has_its_reason(codec: Path) -> None:
    count = explained(differences(codec, list(wires(SEED, CASES))))
    assert [row for row, times in count.items() if times == 0] == []


def test_the_table_has_the_same_rows() -> None:
    text = (ROOT / "docs/conformance.md").read_text()
    section = text.partition("## Differences from llhttp")[2].partition("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| ")]
    assert rows[1:] == list(ROWS)
    for line in section.splitlines():
        if line.startswith("| ") and not line.startswith("| input"):
            assert re.fullmatch(r"\d+(, \d+)*", line.rstrip("| ").split("|")[-1].strip()), line
