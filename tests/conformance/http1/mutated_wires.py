"""Random connections to compare parsers with: requests made by the grammar and seeds of the fuzzer,
in pipelines, mostly a little broken. All from one random.Random, so a seed names a run."""

from __future__ import annotations

import random
import runpy
from collections.abc import Iterator
from pathlib import Path

SEEDS = Path(__file__).resolve().parents[2] / "fuzz" / "seeds"
LONGEST = 900

CHUNKED = b"Transfer-Encoding: chunked"
METHODS = (b"GET", b"GET", b"POST", b"HEAD", b"PUT", b"OPTIONS", b"DELETE", b"PATCH", b"BREW")
TARGETS = (
    b"/",
    b"/a/b?c=d",
    b"/%41?",
    b"*",
    b"http://x",
    b"http://x:81/p?q",
    b"//x",
    b"HTTPS://x/",
)
ODD_LINES = (
    *(b"GET /a#b HTTP/1.1", b"GET /x HTTP/2.0", b"GET /x HTTP/0.9", b"GET /x", b"GET  /x HTTP/1.1"),
    *(b"GET ftp://x/ HTTP/1.1", b"CONNECT h:1 HTTP/1.1", b"OPTIONS *a HTTP/1.1"),
)
ODD_FIELDS = (
    *(b"Content-Length: 9223372036854775808", b"Content-Length: 00000000000000000000"),
    *(b"Content-Length: 9223372036854775807", b"Content-Length: 18446744073709551615"),
)
FIELDS = (
    *(b"Accept: */*", b"X: y", b"x:", b"Cookie: a=b; c=d", b"Content-Type: a/b", b"A_B: c"),
    *(b"Connection: close", b"Connection: keep-alive", b"Connection: x , CLOSE", b"TE: trailers"),
    *(b"Expect: 100-continue", b"User-Agent: \xc3\xa9", b"X: y\t z", b"Connection: Upgrade"),
    *(b"Upgrade: websocket", b"Keep-Alive: 5", b"Proxy-Connection: close", b"Content-Length: 0"),
    *(b"Connection: close, keep-alive", b"X: y ", b"X:\ty\t"),
)
# Put in, or over what is there.
WORDS = (
    *(b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b"\0", b"\x7f", b"\x80", b"  ", b"\r\n\r\n"),
    *(b"GET ", b"HEAD ", b"CONNECT ", b"BREW ", b"get ", b"/", b"*", b"ftp://x/", b"u@", b"#"),
    *(b" HTTP/1.1\r\n", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/0.9", b" HTTP/1.1", b"http/1.1"),
    *(b"Host: a\r\n", b"Host:", b"Host: a b\r\n", b"Content-Type: x\r\n", b"Expect: tea\r\n"),
    *(b"Content-Length: 3\r\n", b"Content-Length: 5\r\n", b"Content-Length:", b"3", b"5,5", b"+"),
    *(b"00000000000000003\r\nabc\r\n", b"8000000000000000", b"-", b"0x", b"_"),
    *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding:", b"chunked", b", ", b"gzip, "),
    *(b"Connection: close\r\n", b"Connection: Upgrade\r\nUpgrade: x\r\n", b"X: y\r\n", b" z\r\n"),
    *(b"5\r\nhello\r\n", b"0\r\n\r\n", b"0", b"f", b";a=b", b";", b"; a", b'"', b"Host: t\r\n"),
)


def body(dice: random.Random) -> bytes:
    return bytes(dice.choice(b"ab\r\n0:; GET") for _ in range(dice.randrange(12)))


def chunks(dice: random.Random, text: bytes) -> bytes:
    wire = b""
    while text:
        size = dice.randrange(1, len(text) + 1)
        extension = dice.choice((b"", b"", b";a", b';a=b;c="d"'))
        line = dice.choice((b"%x", b"%X", b"0%x")) % size
        wire += line + extension + b"\r\n" + text[:size] + b"\r\n"
        text = text[size:]
    trailers = dice.choice((b"", b"", b"X-T: v\r\n", b"A:\r\nB: c\r\n"))
    return wire + b"0\r\n" + trailers + b"\r\n"


def request(dice: random.Random) -> bytes:
    """Whole and mostly right."""
    version = dice.choice((b"1.1", b"1.1", b"1.1", b"1.0"))
    line = b"%s %s HTTP/%s" % (dice.choice(METHODS), dice.choice(TARGETS), version)
    if dice.random() < 0.03:
        line = dice.choice(ODD_LINES)
    fields = [dice.choice(FIELDS) for _ in range(dice.choice((0, 0, 1, 1, 2, 3)))]
    fields.insert(
        dice.randrange(len(fields) + 1), b"Host: " + dice.choice((b"h", b"h:80", b"[::1]"))
    )
    sent = b""
    framing = dice.randrange(4)
    if dice.random() < 0.01:
        framing = 0
        fields.append(dice.choice(ODD_FIELDS))
    if framing == 1:
        sent = body(dice)
        fields.insert(dice.randrange(len(fields) + 1), b"Content-Length: %d" % len(sent))
    elif framing == 2:
        blank = dice.choice((b"",) * 20 + (b" ", b"\t"))
        fields.insert(dice.randrange(len(fields) + 1), CHUNKED + blank)
        sent = chunks(dice, body(dice))
    return b"\r\n".join([line, *fields, b"", b""]) + sent


def seeds() -> list[bytes]:
    def of(name: str, table: str) -> dict[str, bytes]:
        found: dict[str, bytes] = runpy.run_path(str(SEEDS / f"{name}.py"))[table]
        return found

    head = b"POST /c HTTP/1.1\r\nHost: h\r\n" + CHUNKED + b"\r\n\r\n"
    wires = [*of("http1", "SEEDS").values()]
    wires += [head + coded for coded in of("http1_chunks", "BODIES").values()]
    return [wire for wire in wires if len(wire) <= LONGEST]


def mutated(dice: random.Random, wire: bytes) -> bytes:
    data = bytearray(wire)
    for _ in range(dice.choice((0, 1, 1, 1, 2, 2, 3))):
        at = dice.randrange(len(data) + 1)
        kind = dice.randrange(7)
        if kind == 0:
            data[at:at] = dice.choice(WORDS)
        elif kind == 1:
            data[at : at + 1] = bytes([dice.randrange(256)])
        elif kind == 2:
            del data[at : at + dice.randrange(1, 5)]
        elif kind == 3:
            word = dice.choice(WORDS)
            data[at : at + len(word)] = word
        elif kind == 4:
            del data[at:]
        else:
            lines = bytes(data).split(b"\r\n")
            line = lines[dice.randrange(len(lines))]
            if kind == 5:
                lines.insert(dice.randrange(len(lines) + 1), line)
            else:
                lines.remove(line)
            data = bytearray(b"\r\n".join(lines))
    return bytes(data)


def wires(seed: int, count: int) -> Iterator[bytes]:
    dice = random.Random(seed)
    known = seeds()
    for _ in range(count):
        parts = [
            dice.choice(known) if dice.random() < 0.4 else request(dice)
            for _ in range(dice.choice((1, 1, 1, 2, 2, 3)))
        ]
        yield mutated(dice, b"".join(parts))
