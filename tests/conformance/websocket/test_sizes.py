"""Group 9 of the Autobahn list: large messages, whole, in fragments and in pieces, and many small
ones. The suite asks for a thousand round trips; a hundred show the same."""

from __future__ import annotations

import pytest
from cases import Answer
from frames import BINARY, TEXT, Client, close, cut, fragments, frame
from harness import Server
from test_cases import expect_close

KIB, MIB = 1024, 1024 * 1024
KINDS = pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "binary"])


def converse(server: Server, sent: list[bytes], answer: Answer) -> None:
    with Client(server.port, timeout=60) as client:
        for piece in sent:
            client.send(piece)
        came = client.read_frame()
        assert (came.fin, came.rsv, came.opcode, len(came.payload)) == (
            True, 0, answer[0], len(answer[1]),
        )  # fmt: skip
        assert came.payload == answer[1]
        client.send(close(1000))
        expect_close(client, 1000)


@KINDS
@pytest.mark.parametrize("size", [64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB])
def test_message(echo: Server, opcode: int, size: int) -> None:
    """9.1 and 9.2."""
    payload = b"BAsd7&jh" * (size // 8)
    converse(echo, [frame(opcode, payload)], (opcode, payload))


@KINDS
@pytest.mark.parametrize(
    "size", [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB]
)
def test_fragments(echo: Server, opcode: int, size: int) -> None:
    """9.3 and 9.4."""
    payload = b"*" * (4 * MIB)
    sent = b"".join(fragments(opcode, *cut(payload, size)))
    converse(echo, [sent], (opcode, payload))


@KINDS
@pytest.mark.parametrize("size", [64, 128, 256, 512, KIB, 2 * KIB])
def test_pieces(echo: Server, opcode: int, size: int) -> None:
    """9.5 and 9.6."""
    payload = b"*" * MIB
    converse(echo, cut(frame(opcode, payload), size), (opcode, payload))


@KINDS
@pytest.mark.parametrize("size", [0, 16, 64, 256, KIB, 4 * KIB])
def test_round_trips(echo: Server, opcode: int, size: int) -> None:
    """9.7 and 9.8."""
    payload = b"*" * size
    with Client(echo.port) as client:
        for _ in range(100):
            client.send(frame(opcode, payload))
            came = client.read_frame()
            assert (came.opcode, came.payload) == (opcode, payload)
        client.send(close(1000))
        expect_close(client, 1000)


def test_beyond_the_limit(echo: Server) -> None:
    """Not of the list: 1009 as soon as the head of the frame says so."""
    with Client(echo.port) as client:
        client.send(frame(BINARY, b"*" * (16 * MIB + 1))[:14])
        expect_close(client, 1009)
