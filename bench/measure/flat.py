"""Whether memory stays flat over millions of requests, and each answer is its own request's. Run by
probes/flat.

One worker, and one front where there are any; kept connections that ask without a pause, each
request with a number that its answer must bear, one of a hundred with a large answer. The memory of
each role is read after a warm-up and after every tenth part of the requests: PSS without the pages
of files, which count less the more other processes map them.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass

from measure import install, memory, numbered, wrk
from measure.columns import milliseconds
from measure.launch import find_place, if_known, start
from measure.numbered import APP, Asking
from measure.process import StartError, Tree
from measure.roles import OTHER, TITLED, read_roles
from measure.rows import Rows, measure_each, probe_parser, show
from measure.servers import DIRECT, ROUTED, Place, Server, mewsgi

REQUESTS = 10_000_000
WARM_UP = 0.02  # of the requests
CONNECTIONS = 16
PARTS = 10
SECONDS = 600  # at most, of a part
LARGE_EVERY = 100
LARGE_SIZE = 100_000
SETTLE = 1.0
GOAL = 1 << 20
ROLES = ("front", "worker", "zygote", "master")
HEADINGS = (
    "server",
    "answered",
    *(f"{role} KiB" for role in ROLES),
    "whole",
    "requests/s",
    "p50 ms",
    "p99",
    "WRONG",
    "note",
)


def one_front(place: Place, port: int) -> list[str]:
    command = mewsgi("--disable-logging", *TITLED, app=APP, way=ROUTED)
    return [*command(place, port), *if_known(place, "--http-processes", "1")]


SERVERS = (
    Server("mewsgi-http", "", "mewsgi", one_front),
    Server(
        "mewsgi-http-socket",
        "",
        "mewsgi",
        mewsgi("--disable-logging", *TITLED, app=APP, way=DIRECT),
    ),
)


@dataclass(frozen=True)
class Reading:
    by_role: Counter[str]

    @property
    def whole(self) -> int:
        return sum(self.by_role.values())


def read(tree: Tree) -> Reading:
    time.sleep(SETTLE)
    roles = read_roles(tree)
    sizes: Counter[str] = Counter()
    for pid, size in memory.read_tree(tree).items():
        sizes[roles.get(pid, OTHER)] += size.pss - size.file
    return Reading(sizes)


def row(name: str, answered: int, reading: Reading, load: wrk.Load | None, note: str) -> list[str]:
    def kib(size: int) -> str:
        return f"{size // 1024:,}" if size else "-"

    speed = ["", "", "", ""]
    if load is not None:
        speed = [
            f"{load.requests / load.seconds:,.0f}",
            milliseconds(load.p50_us / 1e6),
            milliseconds(load.p99_us / 1e6),
            str(load.errors.get("wrong", 0)),
        ]
    parts = [kib(reading.by_role[role]) for role in ROLES]
    return [name, f"{answered:,}", *parts, kib(reading.whole), *speed, note]


def describe_growth(before: Reading, after: Reading, requests: int) -> str:
    grown = after.whole - before.whole
    each = f", {grown / requests:.3f} bytes a request" if requests else ""
    mark = "GREW by" if grown > GOAL else "changed by"
    return f"{mark} {grown // 1024:,} KiB{each}"


def make_asking(connections: int, requests: int) -> Asking:
    return Asking(connections, SECONDS, requests, large_every=LARGE_EVERY, large_size=LARGE_SIZE)


def measure(server: Server, place: Place, requests: int, connections: int) -> Rows:
    part = max(requests // PARTS, connections)
    tree = start(server, place, None)
    rows: Rows = []
    try:
        warm_up = max(round(requests * WARM_UP), connections)
        numbered.run(place, tree.port, make_asking(connections, warm_up))
        before = after = read(tree)
        rows.append(row(server.name, 0, before, None, "after the warm-up"))
        answered = 0
        while answered < requests:
            asking = make_asking(connections, min(part, requests - answered))
            load = numbered.run(place, tree.port, asking)
            after = read(tree)
            answered += load.requests
            rows.append(row("", answered, after, load, numbered.describe_errors(load)))
            tell(server, rows[-1])
            if load.requests < asking.requests:
                rows[-1][-1] += "; stopped here"
                break
    finally:
        tree.stop()
    rows[-1][-1] = "; ".join(filter(None, [rows[-1][-1], describe_growth(before, after, answered)]))
    return rows


def tell(server: Server, cells: list[str]) -> None:
    if sys.stderr.isatty():
        print(f"{server.name}: {cells[1]} answered", file=sys.stderr, flush=True)


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = probe_parser("flat", __doc__, SERVERS, default=SERVERS[0].name)
    parser.add_argument("--requests", type=int, default=REQUESTS, help=f"({REQUESTS:,})")
    parser.add_argument("--connections", type=int, default=CONNECTIONS, help=f"({CONNECTIONS})")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    requests = min(max(options.requests, PARTS), 1_000_000_000)
    connections = min(max(options.connections, 1), 1000)
    try:
        numbered.build(find_place())
        rows, missing = measure_each(
            SERVERS,
            options.servers,
            lambda server, place: measure(server, place, requests, connections),
        )
    except (ValueError, StartError, install.InstallError) as error:
        print(error, file=sys.stderr)
        return 2
    return show(
        f"{requests:,} requests on {connections} kept connections, one of {LARGE_EVERY} answered "
        f"with {LARGE_SIZE:,} bytes",
        HEADINGS,
        rows,
        missing,
        f"no growth after the warm-up (under {GOAL >> 10:,} KiB), none WRONG, no ERRORS",
    )
