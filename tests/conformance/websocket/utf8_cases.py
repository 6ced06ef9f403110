"""Group 6 of the Autobahn list: UTF-8. Most of its sequences are those of Markus Kuhn's decoder
stress test, which is public too."""

from __future__ import annotations

from collections.abc import Iterator

from cases import GREEK, HELLO, INVALID_DATA, OCTETS, WHOLE, Case
from frames import TEXT, cut, fragments, frame

BROKEN = GREEK + b"\xed\xa0\x80" + b"edited"  # a surrogate inside


def start(*ranges: tuple[int, int]) -> list[str]:
    """Each first byte of a range, followed by a blank."""
    return ["".join(f"{byte:02x}20" for byte in range(low, high + 1)) for low, high in ranges]


MISSING_LAST = [
    "c0", "e080", "f08080", "f8808080", "fc80808080", "df", "efbf", "f7bfbf", "fbbfbfbf",
    "fdbfbfbfbf",
]  # fmt: skip
STRAY = ["80", "bf", "80bf", "80bf80", "80bf80bf", "80bf80bf80", "80bf80bf80bf"]

VALID = {
    5: [text.encode().hex() for text in ("hello$world", "hello¢world", "hello€world",
                                         "hello𤭢world")] + [GREEK.hex()],
    7: ["00", "c280", "e0a080", "f0908080"],
    9: ["7f", "dfbf", "efbfbf", "f48fbfbf"],
    22: [chr(plane << 16 | last).encode().hex() for plane in range(17)
         for last in (0xFFFE, 0xFFFF)],
    23: [chr(0xFFF0 + last).encode().hex() for last in range(9, 16)],
}  # fmt: skip
INVALID = {
    8: ["f888808080", "fc8480808080"],
    10: ["f7bfbfbf", "fbbfbfbfbf", "fdbfbfbfbfbf"],
    12: [*STRAY, "".join(f"{byte:02x}" for byte in range(0x80, 0xBF))],
    13: start((0xC0, 0xDF), (0xE0, 0xEF), (0xF0, 0xF7), (0xF8, 0xFB), (0xFC, 0xFD)),
    14: MISSING_LAST,
    15: ["".join(MISSING_LAST)],
    16: ["fe", "ff", "fefeffff"],
    17: ["c0af", "e080af", "f08080af", "f8808080af", "fc80808080af"],
    18: ["c1bf", "e09fbf", "f08fbfbf", "f887bfbfbf", "fc83bfbfbfbf"],
    19: ["c080", "e08080", "f0808080", "f880808080", "fc8080808080"],
    20: ["eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf"],
    21: [high + low for high in ("eda080", "edadbf", "edae80", "edafbf")
         for low in ("edb080", "edbfbf")],
}  # fmt: skip
BOUNDARIES = {"ed9fbf": True, "ee8080": True, "efbfbd": True, "f48fbfbf": True, "f4908080": False}


def judged(number: str, payload: bytes, valid: bool, chop: int = WHOLE) -> Case:
    if valid:
        return Case(number, [frame(TEXT, payload)], [(TEXT, payload)], chop=chop)
    return Case(number, [frame(TEXT, payload)], closes=INVALID_DATA, chop=chop)


def utf8() -> Iterator[Case]:
    yield Case("6.1.1", [frame(TEXT)], [(TEXT, b"")])
    yield Case("6.1.2", fragments(TEXT, b"", b"", b""), [(TEXT, b"")])
    middle = b"middle frame payload"
    yield Case("6.1.3", fragments(TEXT, b"", middle, b""), [(TEXT, middle)])
    yield judged("6.2.1", HELLO, True)
    yield Case("6.2.2", fragments(TEXT, HELLO[:12], HELLO[12:]), [(TEXT, HELLO)])
    yield Case("6.2.3", fragments(TEXT, *cut(HELLO, 1)), [(TEXT, HELLO)])
    yield Case("6.2.4", fragments(TEXT, *cut(GREEK, 1)), [(TEXT, GREEK)])
    yield judged("6.3.1", BROKEN, False)
    yield Case("6.3.2", fragments(TEXT, *cut(BROKEN, 1)), closes=INVALID_DATA)
    yield from failing_fast()
    for number in range(1, 12):
        prefix = GREEK[:number]
        yield judged(f"6.6.{number}", prefix, number in (2, 5, 7, 9, 11))
    for table, valid in ((VALID, True), (INVALID, False)):
        for group, sequences in table.items():
            for at, digits in enumerate(sequences, 1):
                yield judged(f"6.{group}.{at}", bytes.fromhex(digits), valid)
    for at, (digits, valid) in enumerate(BOUNDARIES.items(), 1):
        yield judged(f"6.11.{at}", bytes.fromhex(digits), valid)


def failing_fast() -> Iterator[Case]:
    """The message is never finished: what has come of it must be enough."""
    first, bad = GREEK, b"\xf4\x90\x80\x80"
    yield Case("6.4.1", fragments(TEXT, first, bad, b"edited")[:2], closes=INVALID_DATA)
    yield Case("6.4.2", fragments(TEXT, first + b"\xf4", b"\x90", b"")[:2], closes=INVALID_DATA)
    whole = frame(TEXT, first + bad + b"edited")
    head = 2 + 4 + len(first)
    yield Case("6.4.3", [whole[: head + 4]], closes=INVALID_DATA, chop=OCTETS)
    yield Case("6.4.4", [whole[: head + 2]], closes=INVALID_DATA, chop=OCTETS)
