"""The cases of the Autobahn test suite, by its public list and written anew: its program runs on
Python 2 only.

A case is what a client sends and what must come back, in order. Numbers are the suite's. What it
calls non-strict is not accepted here: a failed connection ends with a close frame that says why.
Groups 9, 12 and 13 are in test_sizes.py and test_deflate.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close, cut, fragments, frame

WHOLE, FRAMES, OCTETS = 0, -1, 1  # how it is sent: at once, each frame, each byte; or so many bytes

Answer = tuple[int, bytes]


@dataclass
class Case:
    number: str
    sent: list[bytes]
    answers: list[Answer] = field(default_factory=list)
    # The code of the close frame that the server sends of itself, or answers with; None: the case
    # has none, and the client closes behind it.
    closes: int | None = None
    chop: int = WHOLE


PROTOCOL_ERROR, INVALID_DATA = 1002, 1007
NO_CODE = 1005
HELLO = "Hello-µ@ßöäüàá-UTF-8!!".encode()
GREEK = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"  # five letters
A_HELLO, A_PONG = (TEXT, b"hello"), (PONG, b"ping")
HI, A_PING = frame(TEXT, b"hello"), frame(PING, b"ping")


def framing() -> Iterator[Case]:
    for group, opcode, byte in ((1, TEXT, b"*"), (2, BINARY, b"\xfe")):
        for at, size in enumerate((0, 125, 126, 127, 128, 65535, 65536, 65536), 1):
            payload = byte * size
            chop = 997 if at == 8 else WHOLE
            yield Case(f"1.{group}.{at}", [frame(opcode, payload)], [(opcode, payload)], chop=chop)


def pings() -> Iterator[Case]:
    binary = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
    for number, payload in ((1, b""), (2, b"Hello, world!"), (3, binary), (4, b"\xfe" * 125)):
        yield Case(f"2.{number}", [frame(PING, payload)], [(PONG, payload)])
    yield Case("2.5", [frame(PING, b"\xfe" * 126)], closes=PROTOCOL_ERROR)
    yield Case("2.6", [frame(PING, b"\xfe" * 125)], [(PONG, b"\xfe" * 125)], chop=OCTETS)
    yield Case("2.7", [frame(PONG)])
    yield Case("2.8", [frame(PONG, b"unsolicited pong payload")])
    yield Case("2.9", [frame(PONG, b"unsolicited"), A_PING], [A_PONG])
    many = [b"payload-%d" % number for number in range(10)]
    for number, chop in ((10, WHOLE), (11, OCTETS)):
        yield Case(
            f"2.{number}", [frame(PING, one) for one in many], [(PONG, one) for one in many],
            chop=chop,
        )  # fmt: skip


def reserved() -> Iterator[Case]:
    yield Case("3.1", [frame(TEXT, b"hello", rsv=1)], closes=PROTOCOL_ERROR)
    for number, chop in ((2, WHOLE), (3, FRAMES), (4, OCTETS)):
        bad = frame(TEXT, b"hello", rsv=number)
        yield Case(f"3.{number}", [HI, bad, A_PING], [A_HELLO], PROTOCOL_ERROR, chop)
    yield Case("3.5", [frame(BINARY, b"\x00\xff", rsv=5)], closes=PROTOCOL_ERROR)
    yield Case("3.6", [frame(PING, b"hello", rsv=6)], closes=PROTOCOL_ERROR)
    yield Case("3.7", [frame(CLOSE, b"\x03\xe8", rsv=7)], closes=PROTOCOL_ERROR)


def opcodes() -> Iterator[Case]:
    for group, first in ((1, 3), (2, 11)):
        yield Case(f"4.{group}.1", [frame(first)], closes=PROTOCOL_ERROR)
        yield Case(f"4.{group}.2", [frame(first + 1, b"payload")], closes=PROTOCOL_ERROR)
        for number, payload, chop in ((3, b"", FRAMES), (4, b"payload", FRAMES), (5, b"x", OCTETS)):
            bad = frame(first + number - 1, payload)
            sent = [HI, bad, A_PING]
            yield Case(f"4.{group}.{number}", sent, [A_HELLO], PROTOCOL_ERROR, chop)


def fragmentation() -> Iterator[Case]:
    halves = fragments(TEXT, b"hel", b"lo")
    yield Case("5.1", fragments(PING, b"fragment1", b"fragment2"), closes=PROTOCOL_ERROR)
    yield Case("5.2", fragments(PONG, b"fragment1", b"fragment2"), closes=PROTOCOL_ERROR)
    for at, chop in enumerate((WHOLE, FRAMES, OCTETS)):
        yield Case(f"5.{3 + at}", halves, [A_HELLO], chop=chop)
        between = [halves[0], A_PING, halves[1]]
        yield Case(f"5.{6 + at}", between, [A_PONG, A_HELLO], chop=chop)
        for number, fin in ((9, True), (12, False)):
            stray = frame(CONTINUATION, b"nothing to continue", fin=fin)
            yield Case(f"5.{number + at}", [stray, HI], closes=PROTOCOL_ERROR, chop=chop)
    stray = frame(CONTINUATION, b"nothing to continue", fin=False)
    yield Case("5.15", [*halves, stray, HI], [A_HELLO], PROTOCOL_ERROR)
    yield Case("5.16", [stray, *halves, stray, *halves], closes=PROTOCOL_ERROR)
    last = frame(CONTINUATION, b"nothing to continue")
    yield Case("5.17", [last, *halves, last, *halves], closes=PROTOCOL_ERROR)
    twice = [frame(TEXT, b"fragment1", fin=False), frame(TEXT, b"fragment2")]
    yield Case("5.18", twice, closes=PROTOCOL_ERROR)
    parts = fragments(TEXT, *(b"fragment%d" % number for number in range(1, 6)))
    sent = [*parts[:2], A_PING, *parts[2:4], A_PING, parts[4]]
    whole = (TEXT, b"fragment1fragment2fragment3fragment4fragment5")
    for number, chop in ((19, WHOLE), (20, FRAMES)):
        yield Case(f"5.{number}", sent, [A_PONG, A_PONG, whole], chop=chop)


def closing() -> Iterator[Case]:
    bye = close(1000)
    yield Case("7.1.1", [HI, bye], [A_HELLO], 1000)
    yield Case("7.1.2", [bye, bye], closes=1000)
    yield Case("7.1.3", [bye, A_PING], closes=1000)
    yield Case("7.1.4", [bye, HI], closes=1000)
    halves = fragments(TEXT, b"hel", b"lo")
    yield Case("7.1.5", [halves[0], bye, halves[1]], closes=1000)
    large = b"BAsd7&jh23" * (256 * 1024 // 10)
    yield Case("7.1.6", [frame(TEXT, large), bye, A_PING], [(TEXT, large)], 1000)
    yield Case("7.3.1", [close()], closes=NO_CODE)
    yield Case("7.3.2", [frame(CLOSE, b"a")], closes=PROTOCOL_ERROR)
    yield Case("7.3.3", [close(1000)], closes=1000)
    yield Case("7.3.4", [close(1000, b"Hello World!")], closes=1000)
    yield Case("7.3.5", [close(1000, b"*" * 123)], closes=1000)
    yield Case("7.3.6", [close(1000, b"*" * 124)], closes=PROTOCOL_ERROR)
    yield Case("7.5.1", [close(1000, b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80")], closes=INVALID_DATA)
    valid = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
    for number, code in enumerate(valid, 1):
        yield Case(f"7.7.{number}", [close(code)], closes=code)
    invalid = (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999)
    for number, code in enumerate(invalid, 1):
        yield Case(f"7.9.{number}", [close(code, b"why")], closes=PROTOCOL_ERROR)
    for number, code in ((1, 5000), (2, 65535)):
        yield Case(f"7.13.{number}", [close(code)], closes=PROTOCOL_ERROR)


def autofragmented() -> Iterator[Case]:
    payload = b"*" * 65536
    yield Case("10.1.1", fragments(TEXT, *cut(payload, 1300)), [(TEXT, payload)])
