"""Reloads under connections that last: 500 open WebSockets and 50 answers that are being streamed.
Run by probes/open-reload.

Before each reload all are opened, and each has had a message; behind it each is asked how it ended:
a WebSocket by the close code 1012 (service restart) and a proper end of its connection, a stream by
its last piece. Whoever comes anew is answered by a worker of the new generation. The stop in the
end does the same, with 1001 or 1012.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from measure.idle import raise_descriptors
from measure.launch import start
from measure.long_clients import GOING_AWAY, SERVICE_RESTART, Socket, Stream
from measure.process import StartError, Tree
from measure.rows import Rows, probe_parser, run
from measure.servers import ROUTED, Place, Server, mewsgi_asgi

APP = "long_asgi"
WORKERS = 2
SOCKETS, STREAMS, RELOADS = 500, 50, 5
PIECES = 60  # three seconds
DEADLINE = 30.0
PROPER = {str(SERVICE_RESTART)}
PROPER_AT_STOP = {str(SERVICE_RESTART), str(GOING_AWAY)}
HEADINGS = (
    "server",
    "event",
    "WebSockets",
    "1012 or 1001",
    "their other ends",
    "streams",
    "complete",
    "their other ends",
    "last close ms",
    "note",
)

SERVERS = (
    Server("mewsgi", "the direct way", "uvloop", mewsgi_asgi(app=APP, processes=WORKERS)),
    Server(
        "mewsgi-http",
        "the routed way",
        "uvloop",
        mewsgi_asgi(app=APP, processes=WORKERS, way=ROUTED),
    ),
)


@dataclass
class Ends:
    sockets: Counter[str] = field(default_factory=Counter)
    streams: Counter[str] = field(default_factory=Counter)
    last_close: float = 0.0  # seconds from the end of the reload
    by_old_code: int = 0

    def proper(self, codes: set[str]) -> int:
        return sum(count for code, count in self.sockets.items() if code in codes)


@dataclass
class Crowd:
    sockets: list[Socket]
    streams: list[Stream]
    pids: set[int]

    @classmethod
    def open(cls, port: int, sockets: int, streams: int) -> Crowd:
        crowd = cls([], [], set())
        for number in range(sockets):
            each = Socket(port, number, DEADLINE)
            crowd.pids.add(each.open())
            crowd.sockets.append(each)
        for number in range(streams):
            stream = Stream(port, number, DEADLINE)
            stream.open(PIECES)
            crowd.streams.append(stream)
        return crowd

    def see_the_end(self, ends: Ends) -> None:
        began = time.monotonic()
        for each in self.sockets:
            ends.sockets[each.end()] += 1
            each.close()
        ends.last_close = max(ends.last_close, time.monotonic() - began)
        for stream in self.streams:
            ends.streams[stream.end()] += 1
            stream.close()


def reload(place: Place, tree: Tree) -> None:
    command = [str(place.mewsgi), "reload", str(tree.process.pid)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=2 * DEADLINE)
    if done.returncode != 0:
        raise StartError(f"the reload failed: {(done.stderr or done.stdout).strip()[-300:]}")


def row(name: str, event: str, ends: Ends, codes: set[str], note: str) -> list[str]:
    def others(found: Counter[str], proper: set[str]) -> str:
        told = [f"{count} {how}" for how, count in found.items() if how not in proper]
        return ", ".join(told).upper() or "-"

    return [
        name,
        event,
        f"{sum(ends.sockets.values()):,}",
        f"{ends.proper(codes):,}",
        others(ends.sockets, codes),
        f"{sum(ends.streams.values()):,}",
        f"{ends.streams['complete']:,}",
        others(ends.streams, {"complete"}),
        f"{ends.last_close * 1000:,.0f}",
        note,
    ]


def measure(server: Server, place: Place, wish: argparse.Namespace) -> Rows:
    raise_descriptors(wish.sockets + wish.streams)
    tree = start(server, place, None)
    reloads, stop = Ends(), Ends()
    try:
        for _ in range(wish.reloads):
            crowd = Crowd.open(tree.port, wish.sockets, wish.streams)
            reload(place, tree)
            crowd.see_the_end(reloads)
            fresh = Crowd.open(tree.port, 20, 0)
            reloads.by_old_code += len(fresh.pids & crowd.pids)
        crowd = Crowd.open(tree.port, wish.sockets, wish.streams)
        tree.process.terminate()
        crowd.see_the_end(stop)
    finally:
        problem = tree.stop()
    note = f"{reloads.by_old_code} BY OLD CODE" if reloads.by_old_code else ""
    return [
        row(server.name, f"{wish.reloads} reloads", reloads, PROPER, note),
        row(server.name, "stop", stop, PROPER_AT_STOP, problem),
    ]


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = probe_parser("open-reload", __doc__, SERVERS)
    parser.add_argument("--sockets", type=int, default=SOCKETS, help=f"WebSockets ({SOCKETS})")
    parser.add_argument("--streams", type=int, default=STREAMS, help=f"({STREAMS})")
    parser.add_argument("--reloads", type=int, default=RELOADS, help=f"({RELOADS})")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    options.sockets = min(max(options.sockets, 1), 10_000)
    options.streams = min(max(options.streams, 0), 400)  # each is a request that runs
    options.reloads = min(max(options.reloads, 1), 100)
    return run(
        SERVERS,
        options.servers,
        lambda server, place: measure(server, place, options),
        (
            f"Reloads under {options.sockets:,} WebSockets and {options.streams:,} streams, "
            f"{WORKERS} workers",
            HEADINGS,
            "each WebSocket ends with 1012, each stream is completed, none is reset",
        ),
    )
