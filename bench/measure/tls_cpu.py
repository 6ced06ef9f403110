"""What TLS and HTTP/2 cost: CPU of the server's tree for a request, and for a handshake. Run by
probes/tls.

Each server has one core and one certificate, h2load the other core. Servers are measured in turns,
and ratios are taken inside each round. Over HTTP/2: 16 connections of 16 streams. HTTP/1.1 is asked
on 16 kept connections, over TLS and (of those that have a port for it) in cleartext. Handshakes are
those of one client after the other, without a request.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass

from measure import h2load, handshakes, machine, secure
from measure.columns import table
from measure.handshakes import KINDS, Kind
from measure.launch import find_place, prepare
from measure.process import StartError, Tree
from measure.secure import STARTS, Ports
from measure.servers import Server

MEWSGI, GRANIAN, NGINX = STARTS
GOALS = (
    "HTTP/2 over TLS at most 0.65 x granian's; HTTP/1.1 over TLS at most 1.15 x cleartext's; "
    "no fewer handshakes a second of CPU than nginx"
)
H2, H1S, H1 = "HTTP/2 over TLS", "HTTP/1.1 over TLS", "HTTP/1.1 in cleartext"
REQUESTS = 40_000
HEADINGS = (
    "what",
    "server",
    "a second",
    "CPU us each",
    "min-max",
    "per CPU second",
    "ratio",
    "note",
)


@dataclass(frozen=True)
class Target:
    name: str
    tree: Tree
    ports: Ports


@dataclass(frozen=True)
class Run:
    what: str
    server: str
    round: int
    count: int
    seconds: float
    cpu_seconds: float
    failed: int = 0

    @property
    def cpu_us(self) -> float:
        return self.cpu_seconds * 1e6 / max(1, self.count)


def plan_of(what: str, requests: int) -> h2load.Plan:
    if what == H2:
        return h2load.Plan(16, 16, requests)
    return h2load.Plan(16, 1, requests, http1=True)


def asked(target: Target, what: str, turn: int, requests: int) -> Run:
    core = machine.choose_cores().load
    scheme, port = ("http", target.ports.plain) if what == H1 else ("https", target.ports.secure)
    before = target.tree.cpu_seconds()
    counted = h2load.run(plan_of(what, requests), f"{scheme}://127.0.0.1:{port}/", core)
    cpu = target.tree.cpu_seconds() - before
    return Run(what, target.name, turn, counted.requests, counted.seconds, cpu, counted.failed)


def shaken(target: Target, kind: Kind, turn: int, seconds: float) -> Run:
    core = machine.choose_cores().load
    before = target.tree.cpu_seconds()
    done = handshakes.run(target.ports.secure, kind, seconds, core)
    cpu = target.tree.cpu_seconds() - before
    return Run(kind.name, target.name, turn, done, seconds, cpu)


def against(what: str, server: str) -> tuple[str, str] | None:
    """What a row of mewsgi's is compared with."""
    if server != MEWSGI or what == H1:
        return None
    return {H2: (H2, GRANIAN), H1S: (H1, MEWSGI)}.get(what, (what, NGINX))


def ratio(runs: list[Run], what: str, server: str) -> str:
    other = against(what, server)
    if other is None:
        return ""
    cpu = {(run.what, run.server, run.round): run.cpu_us for run in runs}
    turns = {run.round for run in runs}
    both = [(cpu.get((what, server, turn)), cpu.get((*other, turn))) for turn in turns]
    ratios = [own / theirs for own, theirs in both if own and theirs]
    if not ratios:
        return ""
    name = "cleartext's" if other == (H1, MEWSGI) else other[1].split(",")[0]
    return f"{statistics.median(ratios):.2f} x {name}"


def rows(runs: list[Run]) -> list[list[str]]:
    made = []
    for what, server in dict.fromkeys((run.what, run.server) for run in runs):
        own = [run for run in runs if (run.what, run.server) == (what, server)]
        cpu = [run.cpu_us for run in own]
        failed = sum(run.failed for run in own)
        made.append(
            [
                what,
                server,
                f"{statistics.median(run.count / run.seconds for run in own):,.0f}",
                f"{statistics.median(cpu):.2f}",
                f"{min(cpu):.2f}-{max(cpu):.2f}",
                f"{1e6 / max(0.001, statistics.median(cpu)):,.0f}",
                ratio(runs, what, server),
                f"{failed} FAILED" if failed else "",
            ]
        )
    return made


Task = Callable[[Target, int], Run]


def tasks(requests: int, seconds: float) -> dict[str, tuple[Task, tuple[str, ...]]]:
    """Each measurement, and whose it is."""
    made: dict[str, tuple[Task, tuple[str, ...]]] = {}
    for what, whose in ((H2, tuple(STARTS)), (H1S, tuple(STARTS)), (H1, (MEWSGI, NGINX))):
        made[what] = (lambda t, n, what=what: asked(t, what, n, requests), whose)  # type: ignore[misc]
    for kind in KINDS:
        made[kind.name] = (
            lambda t, n, kind=kind: shaken(t, kind, n, seconds),  # type: ignore[misc]
            (MEWSGI, NGINX),
        )
    return made


def go(rounds: int, requests: int, seconds: float) -> tuple[list[Run], dict[str, str]]:
    place = find_place()
    needed = [
        Server(name, "", needs, lambda _place, _port: []) for name, (needs, _) in STARTS.items()
    ]
    missing = prepare(place, needed)
    files = secure.make_files(place)
    core = machine.choose_cores().server
    runs: list[Run] = []
    with contextlib.ExitStack() as stack:
        targets = []
        for name in STARTS:
            if name in missing:
                continue
            try:
                tree, ports = secure.start(name, place, files, core)
            except StartError as error:
                missing[name] = str(error)
                continue
            stack.callback(tree.stop)
            targets.append(Target(name, tree, ports))
        for target in targets:
            asked(target, H2, 0, max(1000, requests // 10))  # warm-up
        for task, whose in tasks(requests, seconds).values():
            for turn in range(rounds):
                runs += [task(target, turn) for target in targets if target.name in whose]
    return runs, missing


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/probes/tls", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="(5)")
    parser.add_argument("--requests", type=int, default=REQUESTS, help=f"of a round ({REQUESTS})")
    parser.add_argument("--seconds", type=float, default=1.5, help="of handshakes in a round (1.5)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    try:
        runs, missing = go(max(1, options.rounds), max(1000, options.requests), options.seconds)
    except (StartError, machine.CoresError) as error:
        print(error, file=sys.stderr)
        return 1
    print("hello world, one core, one certificate of EC P-256")
    print(table(HEADINGS, rows(runs)))
    print(f"Goal: {GOALS}")
    for name, reason in missing.items():
        print(f"Not measured: {name}: {reason}")
    return 1 if MEWSGI in missing else 0
