"""What thousands of slow clients do to the others, and whether each meets its limit. Run by
probes/slow.

One worker on one core; wrk, and the slow clients, on the other. p99 of ordinary requests while the
slow clients trouble a socket that nobody serves (they cost the load's core what they cost it), then
while they trouble the server; then it is waited until the server has closed each. The limits are
set low, so that this takes seconds: the slow heads meet http-header-timeout, the slow bodies
http-body-timeout, from which on http-min-rate is demanded.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import statistics
import sys
from dataclasses import dataclass

from measure import machine, wrk
from measure.columns import percentile
from measure.idle import raise_descriptors
from measure.launch import start
from measure.rows import Rows, measure_each, show
from measure.servers import Place, Server, mewsgi
from measure.slow_clients import Outcome, Plan, SlowClients
from measure.status import read_status

GOAL = 2.0
SECONDS = 4
LIMIT = 10
INTERVAL = 5.0
PATIENCE = 2 * LIMIT + 5.0
COUNTERS = ("head_timeouts", "body_timeouts", "slow_clients")
HEADINGS = ("round", "phase", "requests/s", "p50 ms", "p99 ms", "x quiet", "note")
CLOSED = ("round", "slow", "clients", "closed after s: least", "median", "most", "open", "answers")
CLOSED_GOAL = f"none open; each after {LIMIT} s"
SERVERS = (
    Server(
        "mewsgi",
        "",
        "mewsgi",
        mewsgi(
            "--disable-logging", "--http-header-timeout", f"{LIMIT}s",
            "--http-body-timeout", f"{LIMIT}s",
        ),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Crowd:
    heads: int
    bodies: int
    connections: int  # of the ordinary load
    rounds: int


def phase_row(turn: int, what: str, load: wrk.Load, quiet: wrk.Load | None) -> list[str]:
    errors = ", ".join(f"{count} {kind} ERRORS" for kind, count in load.errors.items())
    return [
        str(turn),
        what,
        f"{load.requests / load.seconds:,.0f}",
        f"{load.p50_us / 1000:.3f}",
        f"{load.p99_us / 1000:.3f}",
        "" if quiet is None else f"{load.p99_us / max(1, quiet.p99_us):.2f}",
        errors,
    ]


def closed_row(turn: int, kind: str, count: int, outcome: Outcome) -> list[str]:
    lives = outcome.lifetimes
    answers = ", ".join(f"{number} x {status}" for status, number in outcome.statuses.items())
    return [
        str(turn),
        kind,
        f"{count:,}",
        f"{min(lives, default=0):.1f}",
        f"{statistics.median(lives) if lives else 0:.1f}",
        f"{percentile(lives, 100):.1f}",
        str(outcome.open),
        answers,
    ]


def measure_round(port: int, turn: int, crowd: Crowd, cores: machine.Cores) -> tuple[Rows, Rows]:
    url = f"http://127.0.0.1:{port}/"
    quiet = beside_nobody(url, crowd, cores)
    plan = Plan(port, crowd.heads, crowd.bodies, INTERVAL, PATIENCE, cores.load)
    slow = SlowClients(plan)
    with contextlib.closing(slow):
        slow.receive(PATIENCE)
        beside = wrk.run(url, crowd.connections, SECONDS, cores.load)
        outcomes = slow.receive(PATIENCE + 5)
    assert isinstance(outcomes, dict)
    phases = [phase_row(turn, "quiet", quiet, None), phase_row(turn, "beside", beside, quiet)]
    counts = {"head": crowd.heads, "body": crowd.bodies}
    return phases, [closed_row(turn, kind, counts[kind], outcomes[kind]) for kind in counts]


def beside_nobody(url: str, crowd: Crowd, cores: machine.Cores) -> wrk.Load:
    """The same clients, against a socket that the kernel alone answers for."""
    sink = socket.create_server(("127.0.0.1", 0), backlog=4096)
    port = sink.getsockname()[1]
    plan = Plan(port, crowd.heads, crowd.bodies, INTERVAL, PATIENCE, cores.load)
    with contextlib.closing(sink), contextlib.closing(SlowClients(plan)) as slow:
        slow.receive(PATIENCE)
        return wrk.run(url, crowd.connections, SECONDS, cores.load)


def measure(server: Server, place: Place, crowd: Crowd, closed: Rows, counters: list[str]) -> Rows:
    cores = machine.choose_cores()
    raise_descriptors(crowd.heads + crowd.bodies)
    tree = start(server, place, cores.server)
    rows: Rows = []
    try:
        wrk.run(f"http://127.0.0.1:{tree.port}/", crowd.connections, 1, cores.load)  # warm-up
        for turn in range(1, crowd.rounds + 1):
            phases, ends = measure_round(tree.port, turn, crowd, cores)
            rows += phases
            closed += ends
        worker = read_status(place, tree.process.pid).serving()[0]
        counters += [f"{name} {worker.counters[name]:,}" for name in COUNTERS]
    finally:
        tree.stop()
    return rows


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/probes/slow", description=__doc__)
    parser.add_argument("--heads", type=int, default=2000, help="slow in the head (2000)")
    parser.add_argument("--bodies", type=int, default=500, help="slow in the body (500)")
    parser.add_argument("--connections", type=int, default=8, help="of the ordinary load (8)")
    parser.add_argument("--rounds", type=int, default=2)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    crowd = Crowd(
        heads=min(max(options.heads, 1), 20_000),
        bodies=min(max(options.bodies, 1), 20_000),
        connections=min(max(options.connections, 1), 1000),
        rounds=min(max(options.rounds, 1), 10),
    )
    closed: Rows = []
    counters: list[str] = []
    rows, missing = measure_each(
        SERVERS, "", lambda server, place: measure(server, place, crowd, closed, counters)
    )
    status = show(
        f"{crowd.heads:,} clients send a head, {crowd.bodies:,} a body, a byte per {INTERVAL:g} s",
        HEADINGS,
        rows,
        missing,
        f"p99 beside them at most {GOAL:g} x the quiet one of the same round",
    )
    if closed:
        print()
        show(
            "Their ends",
            CLOSED,
            closed,
            {},
            CLOSED_GOAL,
        )
        print("Counted by the worker: " + ", ".join(counters))
    return status
