"""Attacks on HTTP/2 (CVE-2019-9511 to 9518, 2023-44487, 2024-27316, 2025-8671 and their like): each
ends with GOAWAY after a bounded count, in bounded memory, and another client is answered meanwhile.

Counts are small enough for seconds; they are well above every bound that a client in good faith
could reach. Memory is the front's resident set, from /proc.
"""

from __future__ import annotations

import select
from collections.abc import Iterator
from typing import Callable

import pytest
from harness import Process, Server, wait_for
from harness import h2_frames as h2
from harness.fixtures import APPS
from harness.h2_frames import frame
from harness.h2_peer import EndedError, Peer

MIB = 1 << 20
CALM = h2.ENHANCE_YOUR_CALM
PATIENCE = 5.0  # seconds that a server which does not read is waited for
MOST_GROWTH = 16 * MIB  # of the front, whatever one attacker does


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    where = ["--chdir", str(APPS), "probe:app"]
    with Server(["--h2c", "--processes", "2", *where], way="routed") as started:
        yield started


@pytest.fixture(scope="module")
def brief() -> Iterator[Server]:
    """Gives up soon on who does not read."""
    where = ["--http-send-timeout", "1s", "--chdir", str(APPS), "probe:app"]
    with Server(["--h2c", "--processes", "2", *where], way="routed") as started:
        yield started


def front(server: Server) -> Process:
    found = Process.of(server.status()["fronts"][0]["pid"])
    assert found is not None
    return found


def resident(process: Process) -> int:
    return int(process.status["VmRSS"].split()[0]) * 1024


class Attack:
    """One connection that floods. `blocked`: the server does not take more, which is a bound too,
    where the attacker does not read (`reads`)."""

    def __init__(self, server: Server, peer: Peer, *, reads: bool = True) -> None:
        self.server, self.peer, self.reads = server, peer, reads
        self.blocked = False
        self.front = front(server)
        self.before = self.most = resident(self.front)
        self.sent = 0

    def flood(self, part: Callable[[int], bytes], count: int, *, each: int = 500) -> bool:
        """Sends part(0), part(1), ... up to `count`, some at a time; True once the server ended it.
        Others are asked now and then, and what comes is read."""
        for first in range(0, count, each):
            wire = b"".join(part(n) for n in range(first, min(first + each, count)))
            self.sent = min(first + each, count)
            self.most = max(self.most, resident(self.front))
            if not self.push(wire) or (self.reads and self.drain()):
                return True
            if first // each % 8 == 0:
                self.expect_service()
        return False

    def push(self, wire: bytes) -> bool:
        """False once the server ended the connection, or takes no more."""
        rest = memoryview(wire)
        own = [self.peer.socket]
        while rest:
            readable, writable, _ = select.select(own if self.reads else [], own, [], PATIENCE)
            if not readable and not writable:
                self.blocked = True
                return False
            if readable and self.drain():
                return False
            try:
                rest = rest[self.peer.socket.send(rest) :] if writable else rest
            except (BrokenPipeError, ConnectionResetError):
                return False
        return True

    def drain(self) -> bool:
        """What is there; True after GOAWAY or the end of the connection."""
        while self.peer.buffer or select.select([self.peer.socket], [], [], 0)[0]:
            try:
                self.peer.read_frame()
            except EndedError:
                return True
        return bool(self.peer.goaways) or self.peer.closed

    def expect_service(self) -> None:
        with Peer(self.server.port) as other:
            assert other.get("/hello").text == "hello"

    def expect_end(self, *codes: int) -> None:
        ended = self.peer.wait_end()
        self.most = max(self.most, resident(self.front))
        assert ended is not None, "the connection ended without GOAWAY"
        assert ended[0] in (codes or (CALM,)), f"GOAWAY {ended}"
        self.expect_modesty()

    def expect_modesty(self, growth: int = MOST_GROWTH) -> None:
        self.expect_service()
        assert self.front.alive, "the front died of it"
        grown = self.most - self.before
        assert grown < growth, f"the front grew by {grown / MIB:.1f} MiB"


@pytest.fixture
def attack(server: Server) -> Iterator[Attack]:
    with Peer(server.port) as peer:
        peer.wait(lambda: peer.settings_acks, "its SETTINGS")
        yield Attack(server, peer)


GET = h2.literal(h2.request_fields("/hello"))
POST = h2.literal(h2.request_fields("/echo", "POST"))
SLEEPS = h2.literal(h2.request_fields("/sleep?t=0.2"))
WHOLE = h2.END_STREAM | h2.END_HEADERS


def opened(stream: int, block: bytes = GET, flags: int = WHOLE) -> bytes:
    return frame(h2.HEADERS, flags, stream, block)


# Streams that are opened and reset


@pytest.mark.parametrize("block", [GET, SLEEPS], ids=["quick app", "slow app"])
def test_rapid_reset(attack: Attack, block: bytes) -> None:
    """CVE-2023-44487."""
    ended = attack.flood(lambda n: opened(2 * n + 1, block) + h2.rst_stream(2 * n + 1), 100_000)
    assert ended, "100,000 of them were taken"
    attack.expect_end()
    assert attack.sent <= 20_000


# What makes the server reset a stream itself (CVE-2025-8671).
FAULTS: dict[str, Callable[[int], bytes]] = {
    "credit of 0": lambda stream: opened(stream) + h2.window_update(stream, 0),
    "credit overflow": lambda stream: (
        opened(stream, POST, h2.END_HEADERS) + h2.window_update(stream, 2**31 - 1)
    ),
    "DATA after the end": lambda stream: opened(stream) + frame(h2.DATA, 0, stream, b"x"),
    "HEADERS after the end": lambda stream: opened(stream) + opened(stream),
    "PRIORITY cut short": lambda stream: opened(stream) + frame(h2.PRIORITY, 0, stream, b"1234"),
    "depends on itself": lambda stream: opened(stream) + h2.priority(stream, stream),
    "length exceeded": lambda stream: (
        opened(stream, POST + h2.literal([("content-length", "1")]), h2.END_HEADERS)
        + frame(h2.DATA, h2.END_STREAM, stream, b"two")
    ),
    "bad trailers": lambda stream: (
        opened(stream, POST, h2.END_HEADERS) + opened(stream, h2.literal([(":path", "/")]))
    ),
    "bad field": lambda stream: opened(stream, GET + h2.literal([("Upper", "x")])),
    "bad path": lambda stream: opened(stream, h2.literal(h2.request_fields("no-slash"))),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_made_you_reset(attack: Attack, fault: str) -> None:
    """Resets caused by the peer's faults count like its own. A fault that RFC 9113 has as one of
    the connection may end it as that; one that is ignored costs no more than a request."""
    ended = attack.flood(lambda n: FAULTS[fault](2 * n + 1), 60_000)
    if ended:
        attack.expect_end(CALM, h2.PROTOCOL_ERROR, h2.STREAM_CLOSED, h2.FRAME_SIZE_ERROR)
        assert attack.sent <= 20_000
    else:
        assert fault == "depends on itself", "60,000 of them were taken"
        attack.expect_modesty()


def test_resets_still_count_as_concurrent(server: Server) -> None:
    """The app goes on with what was reset, so a client cannot have more of it at work."""
    with Peer(server.port) as peer:
        attack = Attack(server, peer)
        streams = 400
        attack.flood(
            lambda n: opened(2 * n + 1, SLEEPS) + h2.rst_stream(2 * n + 1), streams, each=50
        )
        row = server.status()["fronts"][0]
        assert row["outstanding"] + row["queued"] <= 110


# Heads without an end


@pytest.mark.parametrize("size", [0, 1, 16384], ids=["empty", "a byte", "full"])
def test_continuation_flood(attack: Attack, size: int) -> None:
    """CVE-2024-27316: empty ones, and such that are one endless literal or very many fields."""
    field = h2.literal([("x-a", "y" * 8000)])
    part = {0: b"", 1: b"\x82", 16384: (field * 3)[:16384]}[size]
    attack.peer.send(frame(h2.HEADERS, h2.END_STREAM, 1, GET))
    ended = attack.flood(lambda n: frame(h2.CONTINUATION, 0, 1, part), 100_000, each=50)
    assert ended
    attack.expect_end(CALM, h2.PROTOCOL_ERROR, h2.COMPRESSION_ERROR)
    assert attack.sent <= 5_000


def test_endless_literal(attack: Attack) -> None:
    """One field whose length promises 1 GiB."""
    promise = b"\x00\x03x-a" + h2.integer(1 << 30, 7, 0)
    attack.peer.send(frame(h2.HEADERS, h2.END_STREAM, 1, GET + promise))
    ended = attack.flood(lambda n: frame(h2.CONTINUATION, 0, 1, b"y" * 16384), 3_000, each=20)
    assert ended
    attack.expect_end(CALM, h2.PROTOCOL_ERROR, h2.COMPRESSION_ERROR)
    assert attack.sent <= 100


# Small blocks that decode to much


INDEX = h2.integer(62, 7, 0x80)  # the newest of the dynamic table


@pytest.mark.parametrize("name", ["x-a", "cookie"])
@pytest.mark.parametrize("value", ["", "y" * 3900], ids=["tiny", "large"])
def test_hpack_bomb(server: Server, name: str, value: str) -> None:
    """One indexed field, referenced 16,000 times in each of many streams, which keep their answers
    waiting: fields are counted, and decoded bytes too, before they are stored."""
    with Peer(server.port, settings={h2.INITIAL_WINDOW_SIZE: 0}) as peer:
        attack = Attack(server, peer)
        learn = b"\x40" + h2.literal([(name, value)])[1:]
        stream = peer.new_stream()
        peer.send(opened(stream, GET + learn))
        peer.wait_head(stream)
        block = GET + INDEX * 16_000
        for number in range(1, 60):
            stream = peer.new_stream()
            if not peer.try_send(opened(stream, block)) or attack.drain():
                break
            attack.most = max(attack.most, resident(attack.front))
            if number % 20 == 1:
                attack.expect_service()
        if not (peer.closed or peer.goaways):
            peer.wait(lambda: all(s.heads or s.over for s in peer.streams.values()), "answers")
        taken = [s for n, s in peer.streams.items() if n > 1 and s.status == 200]
        assert not taken, "16,000 fields were taken"
        attack.expect_modesty(8 * MIB)


def test_size_of_the_table_flips(attack: Attack) -> None:
    """Each block empties the table and fills it anew."""
    filling = b"".join(b"\x40" + h2.literal([("x-a", "y" * 900)])[1:] for _ in range(4))
    flip = b"\x20" + h2.integer(4096, 5, 0x20)
    wire = flip + GET + filling
    for number in range(1_000):
        stream = attack.peer.new_stream()
        if not attack.peer.try_send(opened(stream, wire)) or attack.drain():
            break
        if number % 50 == 49 and not attack.peer.goaways:
            attack.peer.wait(
                lambda s=stream: attack.peer.streams[s].over or attack.peer.goaways, "an answer"
            )
    attack.most = max(attack.most, resident(attack.front))
    attack.expect_modesty()


# Control frames


CONTROL: dict[str, tuple[Callable[[int], bytes], int]] = {
    "PING": (lambda n: h2.ping(), 300_000),
    "SETTINGS": (lambda n: h2.settings({h2.INITIAL_WINDOW_SIZE: 65535 - n % 2}), 300_000),
    "empty SETTINGS": (lambda n: h2.settings(), 300_000),
    "PRIORITY": (lambda n: h2.priority(2 * n + 1, 0), 300_000),
    "PRIORITY_UPDATE": (
        lambda n: frame(h2.PRIORITY_UPDATE, 0, 0, (2 * n + 1).to_bytes(4, "big") + b"u=1"),
        300_000,
    ),
    "WINDOW_UPDATE of 1": (lambda n: h2.window_update(0, 1), 300_000),
    "unknown": (lambda n: frame(0x42, 0, 0, b""), 300_000),
}


@pytest.mark.parametrize("kind", CONTROL)
@pytest.mark.parametrize("reads", [True, False], ids=["reads", "does not read"])
def test_control_flood(server: Server, kind: str, reads: bool) -> None:
    """CVE-2019-9512, 9513, 9515: what is answered is queued up to a bound, whether or not the peer
    reads. What has no answer costs nothing but its own bytes, and may go on."""
    part, count = CONTROL[kind]
    with Peer(server.port, receive_buffer=0 if reads else 4096) as peer:
        peer.wait(lambda: peer.settings_acks, "its SETTINGS")
        attack = Attack(server, peer, reads=reads)
        ended = attack.flood(part, count, each=5_000)
        if ended or kind in ("PING", "SETTINGS", "empty SETTINGS"):
            # Who did not read finds the GOAWAY now, behind the answers that were queued.
            attack.expect_end(CALM, *([h2.PROTOCOL_ERROR] if kind == "PRIORITY_UPDATE" else []))
        else:
            attack.expect_modesty()


@pytest.mark.parametrize("flags", [0, h2.PADDED], ids=["empty", "padding only"])
def test_empty_data(attack: Attack, flags: int) -> None:
    """CVE-2019-9518."""
    attack.peer.send(opened(1, POST, h2.END_HEADERS))
    payload = b"\0" if flags else b""
    ended = attack.flood(lambda n: frame(h2.DATA, flags, 1, payload), 60_000)
    assert ended
    attack.expect_end(CALM)


# Windows that stay shut


@pytest.mark.parametrize("whose", ["streams", "connection"])
def test_zero_window(brief: Server, whose: str) -> None:
    """Streams with a large answer and no credit: what is kept of them is bounded, and they do not
    occupy workers for longer than the time limit of sending."""
    window = 0 if whose == "streams" else 2**31 - 1
    with Peer(brief.port, settings={h2.INITIAL_WINDOW_SIZE: window}, credit=False) as peer:
        attack = Attack(brief, peer)
        for _ in range(8):
            peer.start("GET", "/stream?size=65536&n=80")
        peer.sync()
        assert brief.get("/hello", timeout=60).text == "hello"
        attack.most = max(attack.most, resident(attack.front))
        attack.expect_modesty()


def test_window_drip(server: Server) -> None:
    """CVE-2019-9511 and 9517: answers are drawn out byte by byte."""
    with shut(server) as peer:
        attack = Attack(server, peer)
        streams = [peer.start("GET", "/stream?size=15000&n=1") for _ in range(20)]
        for stream in streams:
            peer.wait_head(stream)

        def drip(number: int) -> bytes:
            return h2.window_update(streams[number % len(streams)], 1)

        if attack.flood(drip, 40_000, each=200):
            attack.expect_end()
        attack.expect_modesty()


def shut(server: Server) -> Peer:
    return Peer(server.port, settings={h2.INITIAL_WINDOW_SIZE: 0}, credit=False)


def test_a_stalled_stream_has_a_total_life(brief: Server) -> None:
    """The HTTP/2 bomb holds its answer by a drip of credit; the limit is not per byte."""
    with shut(brief) as peer:
        stream = peer.start("GET", "/stream?size=15000&n=1")
        peer.wait_head(stream)

        def over() -> bool:
            peer.try_send(h2.window_update(stream, 1) + h2.ping())
            try:
                peer.read_frame()
            except EndedError:
                return True
            return peer.streams[stream].over or bool(peer.goaways)

        wait_for(over, "the end of the stream", 30)
        assert len(peer.streams[stream].body) < 15_000
