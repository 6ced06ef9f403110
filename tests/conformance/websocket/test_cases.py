from __future__ import annotations

import pytest
from cases import (
    FRAMES,
    NO_CODE,
    WHOLE,
    Case,
    autofragmented,
    closing,
    fragmentation,
    framing,
    opcodes,
    pings,
    reserved,
)
from frames import CLOSE, Client, close, cut
from harness import Server
from utf8_cases import utf8

GROUPS = (framing, pings, reserved, opcodes, fragmentation, utf8, closing, autofragmented)
CASES = [case for group in GROUPS for case in group()]


def pieces(case: Case) -> list[bytes]:
    if case.chop == FRAMES:
        return case.sent
    whole = b"".join(case.sent)
    return [whole] if case.chop == WHOLE else cut(whole, case.chop)


def expect_close(client: Client, code: int) -> None:
    last = client.read_frame()
    assert last.opcode == CLOSE and last.fin and last.rsv == 0
    said = int.from_bytes(last.payload[:2], "big") if last.payload else NO_CODE
    assert said == code, last.payload
    client.expect_end()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.number)
def test_case(echo: Server, case: Case) -> None:
    with Client(echo.port) as client:
        for piece in pieces(case):
            client.send(piece)
        for opcode, payload in case.answers:
            came = client.read_frame()
            assert (came.fin, came.rsv, came.opcode) == (True, 0, opcode)
            assert came.payload == payload
        if case.closes is None:
            client.send(close(1000))
        expect_close(client, case.closes or 1000)


def test_the_list_is_whole() -> None:
    """As many cases as the public list has in groups 1 to 7 and 10."""
    numbers = [case.number for case in CASES]
    assert len(set(numbers)) == len(numbers)
    counts = {str(group): 0 for group in (1, 2, 3, 4, 5, 6, 7, 10)}
    for number in numbers:
        counts[number.partition(".")[0]] += 1
    assert counts == {
        "1": 16, "2": 11, "3": 7, "4": 10, "5": 20, "6": 145, "7": 37, "10": 1,
    }  # fmt: skip
