"""WebSocket messages that an ASGI app sends back: how many for a second of CPU. Run by
probes/websockets.

One worker on one core, the native load (loads/websocket_load.cc) on the other; every message that
comes back is compared. Servers are measured in turns; ratios to uvicorn are taken inside each
round. Messages per second say what the load could ask for; the CPU time is the server's tree's.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import dataclass

from measure import install, machine, wrk
from measure.columns import table
from measure.launch import find_place, prepare, start
from measure.process import StartError, Tree
from measure.rows import pick, probe_parser
from measure.servers import (
    ROUTED,
    UVICORN,
    Place,
    Server,
    granian_asgi,
    mewsgi_asgi,
    uvicorn,
)

GOAL = 1.5
APP = "echo_asgi"
SOURCE = "loads/websocket_load.cc"
ROUNDS, SECONDS, CONNECTIONS = 3, 2, 64
HEADINGS = (
    "messages",
    "server",
    "messages/s",
    "per CPU s",
    "min-max",
    "x uvicorn",
    "busy",
    "load busy",
    "p50 us",
    "note",
)


@dataclass(frozen=True)
class Kind:
    """`window`: messages of a connection on their way at once."""

    name: str
    size: int
    window: int
    binary: bool = False


KINDS = (
    Kind("64 B text", 64, 1),
    Kind("64 B text, 16 at once", 64, 16),
    Kind("16 KiB binary", 16 << 10, 1, binary=True),
)


SERVERS = (
    Server("mewsgi", "the direct way", "uvloop", mewsgi_asgi(app=APP)),
    Server("mewsgi-http", "the routed way", "uvloop", mewsgi_asgi(app=APP, way=ROUTED)),
    Server(UVICORN, "uvloop, its fastest WebSockets", UVICORN, uvicorn(APP)),
    Server("granian", "", "granian", granian_asgi(APP, websockets=True)),
)


@dataclass(frozen=True)
class Run:
    server: str
    kind: str
    round: int
    load: wrk.Load
    cpu_seconds: float

    @property
    def per_cpu_second(self) -> float:
        return self.load.requests / self.cpu_seconds if self.cpu_seconds else 0.0


def measure(
    tree: Tree, kind: Kind, place: Place, seconds: int, core: int
) -> tuple[wrk.Load, float]:
    settings = [f"seconds={seconds}", f"size={kind.size}", f"window={kind.window}"]
    settings += ["binary=1"] if kind.binary else []
    program = [str(place.build / "websocket_load"), str(tree.port), str(CONNECTIONS)]
    cpu = tree.cpu_seconds()
    load = wrk.run_program([*program, *settings], seconds, core)
    return load, tree.cpu_seconds() - cpu


def go(
    servers: list[Server], place: Place, rounds: int, seconds: int, missing: dict[str, str]
) -> list[Run]:
    cores = machine.choose_cores()
    runs: list[Run] = []
    running: dict[str, Tree] = {}
    try:
        for server in servers:
            try:
                running[server.name] = start(server, place, cores.server)
            except StartError as error:
                missing[server.name] = f"did not start: {error}"
        for turn in range(rounds):
            for kind in KINDS:
                for name in rotated(list(running), turn):
                    load, cpu = measure(running[name], kind, place, seconds, cores.load)
                    runs.append(Run(name, kind.name, turn, load, cpu))
    finally:
        for tree in running.values():
            tree.stop()
    return runs


def rotated(names: list[str], turn: int) -> list[str]:
    """So that no server always follows the same one."""
    shift = turn % len(names) if names else 0
    return names[shift:] + names[:shift]


def ratio(runs: list[Run], base: list[Run]) -> float | None:
    """Inside each round, the median of them."""
    of_base = {run.round: run.per_cpu_second for run in base}
    found = [run.per_cpu_second / of_base[run.round] for run in runs if of_base.get(run.round)]
    return statistics.median(found) if found else None


def row(kind: str, server: str, runs: list[Run]) -> list[str]:
    own = [run for run in runs if run.kind == kind and run.server == server]
    base = [run for run in runs if run.kind == kind and run.server == UVICORN]
    values = [run.per_cpu_second for run in own]
    against = ratio(own, base)
    seconds = [run.load.seconds for run in own]
    errors = {name for run in own for name in run.load.errors}
    return [
        kind,
        server,
        f"{statistics.median(run.load.requests / run.load.seconds for run in own):,.0f}",
        f"{statistics.median(values):,.0f}",
        f"{min(values):,.0f}-{max(values):,.0f}",
        "-" if against is None else f"{against:.2f}",
        f"{sum(run.cpu_seconds for run in own) / sum(seconds):.0%}",
        f"{sum(run.load.cpu_seconds for run in own) / sum(seconds):.0%}",
        f"{statistics.median(run.load.p50_us for run in own):,.0f}",
        ", ".join(f"{name} ERRORS" for name in sorted(errors)),
    ]


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = probe_parser("websockets", __doc__, SERVERS)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"({ROUNDS})")
    parser.add_argument("--seconds", type=int, default=SECONDS, help=f"of a run ({SECONDS})")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    place = find_place()
    try:
        chosen = pick(SERVERS, options.servers)
        missing = prepare(place, chosen)
        install.build_programs(place, SOURCE)
    except (ValueError, install.InstallError) as error:
        print(error, file=sys.stderr)
        return 2
    able = [server for server in chosen if server.name not in missing]
    rounds, seconds = min(max(options.rounds, 1), 20), min(max(options.seconds, 1), 60)
    runs = go(able, place, rounds, seconds, missing)
    names = [server.name for server in able if any(run.server == server.name for run in runs)]
    print(f"{CONNECTIONS} WebSockets that echo, {rounds} rounds of {seconds} s, medians")
    print(table(HEADINGS, [row(kind.name, name, runs) for kind in KINDS for name in names]))
    print(f"Goal: mewsgi's messages per CPU second at least {GOAL:g} x uvicorn's")
    for name, reason in missing.items():
        print(f"Not measured: {name}: {reason}")
    return 1 if any(name.startswith("mewsgi") for name in missing) or not runs else 0
