"""What an idle WebSocket of an ASGI app costs in memory. Run by probes/idle-websockets.

So many WebSockets, each of which has sent one message and had it back, and stays. What is read, and
of whom, is as in probes/idle. The same app driven by a stub without sockets or a protocol
(floors/asgi_stub.py) says what is the app's own; the server's is what goes beyond it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import time

from measure.client import AnswerError
from measure.idle import (
    SETTLE,
    WARM_UP,
    Kept,
    Reading,
    ask_all,
    grown_most,
    raise_descriptors,
    read,
)
from measure.launch import environment, if_known, start
from measure.process import StartError
from measure.rows import Rows, probe_parser, run
from measure.servers import DIRECT, ROUTED, UVICORN, Command, Place, Server, mewsgi_asgi, uvicorn
from measure.websockets import APP

GOAL = 12 * 1024
COUNT = 5_000
STUB_DEADLINE = 120.0
PING, PONG_FRAME = 0x89, b"\x8a\x80\0\0\0\0"
ECHO = b"\x81\x03mew"
MESSAGE = b"\x81\x83\0\0\0\0mew"
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
HEADINGS = (
    "server",
    "kept",
    "bytes each (RSS)",
    "beyond the stub",
    "(tree PSS)",
    "beyond the stub",
    "kernel, both ends",
    "note",
)


def ours(way: str) -> Command:
    """No pings, which nobody would answer while we count."""

    def command(place: Place, port: int) -> list[str]:
        limits = if_known(place, "--asgi-concurrency", str(2 * COUNT))
        pings = if_known(place, "--websocket-ping-freq", "0")
        fronts = if_known(place, "--http-processes", "1") if way == ROUTED else []
        return mewsgi_asgi(*limits, *pings, *fronts, app=APP, way=way)(place, port)

    return command


SERVERS = (
    Server("mewsgi", "the direct way", "uvloop", ours(DIRECT)),
    Server("mewsgi-http", "the routed way", "uvloop", ours(ROUTED)),
    Server(UVICORN, "", UVICORN, uvicorn(APP, "--ws-ping-interval", "3600")),
)


class Idle(Kept):
    """Shakes hands when it is first asked, and each time has one message back."""

    def __init__(self, port: int, place: int) -> None:
        super().__init__(port, place)
        self.shaken = False

    def send(self) -> None:
        if self.socket is None:
            self.shaken = False
        self.request = MESSAGE if self.shaken else HANDSHAKE
        super().send()

    def receive(self) -> None:
        if not self.shaken:
            self.shake_hands()
            self.send()
        got = b""
        while len(got) < len(ECHO):
            got += self.more()
            if got[:1] == bytes([PING]) and len(got) >= 2 and self.socket:
                got = got[2 + got[1] :]
                self.socket.sendall(PONG_FRAME)
        if got != ECHO:
            raise AnswerError(f"not its message but {got[:20]!r}")

    def shake_hands(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.more()
        if not head.startswith(b"HTTP/1.1 101 "):
            raise AnswerError(f"answered {head[:40]!r}")
        self.shaken = True


def stub(place: Place, count: int) -> dict[str, float]:
    """Bytes for each WebSocket of the app alone."""
    program = [place.python, str(place.bench / "floors" / "asgi_stub.py"), str(count), APP]
    done = subprocess.run(
        program, capture_output=True, text=True, timeout=STUB_DEADLINE, env=environment(place)
    )
    if done.returncode != 0:
        raise StartError(f"the stub: {done.stderr.strip()[-300:]}")
    return {name: size / count for name, size in json.loads(done.stdout).items()}


def row(
    name: str, readings: tuple[Reading, Reading], kept: int, app: dict[str, float], note: str
) -> list[str]:
    before, after = readings
    holder, holder_after = grown_most(before, after)
    count = max(1, kept)
    rss = (holder_after.rss - holder.rss) / count
    pss = (after.whole.pss - before.whole.pss) / count
    return [
        name,
        f"{kept:,}",
        f"{rss:,.0f}",
        f"{rss - app['rss']:,.0f}",
        f"{pss:,.0f}",
        f"{pss - app['pss']:,.0f}",
        f"{(after.kernel - before.kernel) / count:,.0f}",
        note,
    ]


def measure(server: Server, place: Place, count: int) -> Rows:
    raise_descriptors(count)
    app = stub(place, count)
    tree = start(server, place, None)
    connections = [Idle(tree.port, number) for number in range(count)]
    try:
        ask_all([Idle(tree.port, 0)] * WARM_UP)
        before = read(tree)
        kept = ask_all(connections)
        time.sleep(SETTLE)
        after = read(tree)
        opened = sum(connection.opened for connection in connections)
        again = ask_all(connections)
        anew = sum(connection.opened for connection in connections) - opened
    finally:
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.close()
        tree.stop()
    note = f"stub {app['rss']:,.0f}; asked again: {again - anew:,} of {kept:,} answered"
    return [row(server.name, (before, after), kept, app, note)]


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = probe_parser("idle-websockets", __doc__, SERVERS)
    parser.add_argument("--connections", type=int, default=COUNT, help=f"({COUNT:,})")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    count = min(max(options.connections, 1), 2 * COUNT)
    return run(
        SERVERS,
        options.servers,
        lambda server, place: measure(server, place, count),
        (
            f"{count:,} WebSockets, idle after one message each, on one worker",
            HEADINGS,
            f"mewsgi at most {GOAL:,} bytes each beyond the stub (tree), the kernel's apart",
        ),
    )
