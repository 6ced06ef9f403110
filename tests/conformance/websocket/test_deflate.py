"""Groups 12 and 13 of the Autobahn list: permessage-deflate with several kinds of content and sizes
(12), and with every offer (13). The suite sends a thousand messages for each; ten show the same."""

from __future__ import annotations

import json
import random

import pytest
from frames import BINARY, CLOSE, RSV1, TEXT, Client, close, cut, deflated, fragments, inflated
from harness import Server
from test_cases import expect_close

MESSAGES = 10
# Size of the messages, and of their fragments; 0: they are whole.
SIZES = [
    *((size, 0) for size in (16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072)),
    *((size, 256) for size in (8192, 16384, 32768, 65536, 131072)),
    (131072, 1024), (131072, 4096), (131072, 32768),
]  # fmt: skip
OFFERS = {
    "13.1": "permessage-deflate",
    "13.2": "permessage-deflate; server_no_context_takeover",
    "13.3": "permessage-deflate; server_max_window_bits=9",
    "13.4": "permessage-deflate; server_max_window_bits=15",
    "13.5": "permessage-deflate; server_no_context_takeover; server_max_window_bits=9",
    "13.6": "permessage-deflate; server_no_context_takeover; server_max_window_bits=15",
    "13.7": "permessage-deflate; server_no_context_takeover; server_max_window_bits=9, "
    "permessage-deflate; server_no_context_takeover, permessage-deflate",
}
WORDS = ["lorem", "ipsum", "dolor", "sit", "amet", "consectetur", "adipiscing", "elit", "sed"]


def make_contents() -> dict[str, tuple[int, bytes]]:
    """Of each kind 128 KiB: what compresses well, badly and not at all."""
    chance = random.Random(7)
    rows = [{"id": at, "name": chance.choice(WORDS), "score": at * 7 % 101} for at in range(4000)]
    words = " ".join(chance.choice(WORDS) for _ in range(30000))
    greek = "".join(chance.choice("κόσμε λάμπει ήλιος") for _ in range(80000))
    return {
        "12.1 json": (TEXT, json.dumps(rows).encode()),
        "12.2 noise": (BINARY, chance.randbytes(131072)),
        "12.3 words": (TEXT, words.encode()),
        "12.4 greek": (TEXT, greek.encode()),
        "12.5 zeros": (BINARY, bytes(131072)),
    }


CONTENTS = make_contents()


def piece_of(content: tuple[int, bytes], at: int, size: int) -> bytes:
    """Another piece for each message; of text, whole characters."""
    opcode, whole = content
    begin = at * 97 % max(1, len(whole) - size)
    piece = whole[begin : begin + size]
    return piece.decode(errors="ignore").encode() if opcode == TEXT else piece


def converse(server: Server, offer: str, content: tuple[int, bytes], size: int, part: int) -> None:
    opcode = content[0]
    with Client(server.port, extensions=offer) as client:
        assert client.extension and client.extension.startswith("permessage-deflate")
        window = 9 if "server_max_window_bits=9" in client.extension else 15
        for at in range(MESSAGES):
            payload = piece_of(content, at, size)
            packed = deflated(payload)
            parts = cut(packed, part) if part else [packed]
            client.send(b"".join(fragments(opcode, *parts, rsv=RSV1)))
            came = client.read_frame()
            assert came.opcode == opcode and came.fin and came.rsv in (0, RSV1)
            said = inflated(came.payload, window) if came.rsv else came.payload
            assert said == payload
            assert len(came.payload) <= len(payload)
        client.send(close(1000))
        expect_close(client, 1000)


@pytest.mark.parametrize(("size", "part"), SIZES, ids=lambda number: str(number))
@pytest.mark.parametrize("kind", CONTENTS)
def test_contents(echo: Server, kind: str, size: int, part: int) -> None:
    converse(echo, "permessage-deflate; client_max_window_bits", CONTENTS[kind], size, part)


@pytest.mark.parametrize(("size", "part"), SIZES, ids=lambda number: str(number))
@pytest.mark.parametrize("number", OFFERS)
def test_offers(echo: Server, number: str, size: int, part: int) -> None:
    converse(echo, OFFERS[number], CONTENTS["12.1 json"], size, part)


def test_large_answers_are_compressed(echo: Server) -> None:
    """Not of the list, which would be content without any compression."""
    with Client(echo.port, extensions="permessage-deflate") as client:
        client.send(b"".join(fragments(TEXT, deflated(b"*" * 10000), rsv=RSV1)))
        came = client.read_frame()
        assert came.rsv == RSV1 and len(came.payload) < 1000


def test_what_is_no_deflate(echo: Server) -> None:
    with Client(echo.port, extensions="permessage-deflate") as client:
        client.send(b"".join(fragments(BINARY, b"\xff\xff\xff", rsv=RSV1)))
        expect_close(client, 1007)


def test_a_bomb(echo: Server) -> None:
    with Client(echo.port, extensions="permessage-deflate") as client:
        client.send(b"".join(fragments(BINARY, deflated(bytes(64 << 20)), rsv=RSV1)))
        came = client.read_frame()
        assert came.opcode == CLOSE and came.payload[:2] == (1009).to_bytes(2, "big")
