"""Short requests beside long ones: what a few clients that keep workers asleep do to the others.
Run by probes/mixed.

Four workers; two clients ask for answers that take 0.3 s, one after the other; 40 kept connections
ask for short ones, each so many times a second, and check that each answer is to their own request.
A latency counts from the moment when its request was due, so that a connection which a long request
holds up is not counted once where it should have asked fifteen times. All servers run, each is
measured once a round, in an order that rotates.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import statistics
import sys
import threading
from dataclasses import dataclass

from measure import install, numbered, wrk
from measure.client import AnswerError, Connection
from measure.columns import milliseconds, table
from measure.launch import find_place, prepare, start
from measure.numbered import APP, Asking
from measure.process import StartError, Tree
from measure.rows import Rows, pick, probe_parser
from measure.servers import DIRECT, ROUTED, Place, Server, granian, gunicorn, mewsgi, uwsgi

WORKERS = 4
SLEEPERS = 2
CONNECTIONS = 40
INTERVAL = 0.02
SECONDS = 3
ROUNDS = 3
HEADINGS = (
    "server",
    "requests/s",
    "p50 ms",
    "p99",
    "min-max of rounds",
    "worst",
    "WRONG",
    "long ones",
    "late",
    "note",
)
PEERS = ("gunicorn-gthread", "granian")

SERVERS = (
    Server(
        "mewsgi-http",
        "the routed way",
        "mewsgi",
        mewsgi("--disable-logging", app=APP, processes=WORKERS, way=ROUTED),
    ),
    Server(
        "mewsgi-http-socket",
        "the direct way",
        "mewsgi",
        mewsgi("--disable-logging", app=APP, processes=WORKERS, way=DIRECT),
    ),
    Server(
        "gunicorn-gthread",
        "1 thread each",
        "gunicorn",
        gunicorn("--worker-class", "gthread", "--threads", "1", app=APP, processes=WORKERS),
    ),
    Server(
        "gunicorn-gthread-4",
        "4 threads each",
        "gunicorn",
        gunicorn("--worker-class", "gthread", "--threads", "4", app=APP, processes=WORKERS),
    ),
    Server("granian", "1 thread each", "granian", granian(app=APP, processes=WORKERS)),
    Server(
        "granian-4", "4 threads each", "granian", granian(app=APP, processes=WORKERS, threads=4)
    ),
    Server(
        "uwsgi-http",
        "a router before the workers",
        "uWSGI",
        uwsgi("--http", "--http-keepalive", app=APP, processes=WORKERS),
    ),
)


@dataclass(frozen=True)
class Wish:
    asking: Asking
    sleepers: int
    rounds: int


class Sleeper:
    """A client that asks for long answers, one after the other, until it is stopped."""

    def __init__(self, port: int, number: int) -> None:
        self.connection = Connection(port)
        line = f"GET /sleep?{number} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"
        self.connection.request = line.encode()
        self.answers = 0
        self.errors = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self) -> None:
        while not self.over.is_set():
            try:
                self.connection.send()
                self.connection.receive()
                self.answers += 1
            except (OSError, AnswerError):
                self.errors += 1
                self.connection.close()
                self.over.wait(0.05)

    def stop(self) -> None:
        self.over.set()
        # Where its answer never comes, the end of the connection wakes it.
        self.thread.join(2)
        with contextlib.suppress(OSError, AttributeError):
            self.connection.socket.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]
        self.thread.join()
        self.connection.close()


@dataclass(frozen=True)
class Run:
    load: wrk.Load
    long_answers: int
    long_errors: int


def measure(place: Place, tree: Tree, wish: Wish) -> Run:
    sleepers = [Sleeper(tree.port, number) for number in range(wish.sleepers)]
    try:
        load = numbered.run(place, tree.port, wish.asking)
    finally:
        for sleeper in sleepers:
            sleeper.stop()
    return Run(
        load,
        sum(sleeper.answers for sleeper in sleepers),
        sum(sleeper.errors for sleeper in sleepers),
    )


def go(
    servers: list[Server], place: Place, wish: Wish, missing: dict[str, str]
) -> dict[str, list[Run]]:
    runs: dict[str, list[Run]] = {server.name: [] for server in servers}
    with contextlib.ExitStack() as stack:
        trees: dict[str, Tree] = {}
        for server in servers:
            try:
                trees[server.name] = start(server, place, None)
                stack.callback(trees[server.name].stop)
                numbered.run(place, trees[server.name].port, Asking(8, 1))  # warm-up
            except (StartError, wrk.WrkError) as error:
                missing[server.name] = str(error)
        for turn in range(wish.rounds):
            shift = turn % len(servers)
            for server in servers[shift:] + servers[:shift]:
                if server.name in missing:
                    continue
                try:
                    runs[server.name].append(measure(place, trees[server.name], wish))
                except (OSError, wrk.WrkError) as error:
                    missing[server.name] = str(error)
    return runs


def row(server: Server, runs: list[Run], interval: float) -> list[str]:
    loads = [run.load for run in runs]
    p99 = [load.p99_us / 1e6 for load in loads]
    errors = [numbered.describe_errors(load) for load in loads]
    long_errors = sum(run.long_errors for run in runs)
    late = max(load.late_us for load in loads) / 1e6
    notes = [server.about, *errors]
    notes += [f"{long_errors} ERRORS of long ones"] if long_errors else []
    return [
        server.name,
        f"{statistics.median(load.requests / load.seconds for load in loads):,.0f}",
        milliseconds(statistics.median(load.p50_us for load in loads) / 1e6),
        milliseconds(statistics.median(p99)),
        f"{milliseconds(min(p99))}-{milliseconds(max(p99))}",
        milliseconds(max(load.max_us for load in loads) / 1e6),
        str(sum(load.errors.get("wrong", 0) for load in loads)),
        str(sum(run.long_answers for run in runs)),
        milliseconds(late) if interval else "-",
        "; ".join(note for note in notes if note),
    ]


def make_rows(servers: list[Server], runs: dict[str, list[Run]], wish: Wish) -> Rows:
    interval = wish.asking.interval
    return [row(server, runs[server.name], interval) for server in servers if runs[server.name]]


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = probe_parser("mixed", __doc__, SERVERS)
    parser.add_argument("--connections", type=int, default=CONNECTIONS, help=f"({CONNECTIONS})")
    parser.add_argument("--sleepers", type=int, default=SLEEPERS, help=f"({SLEEPERS})")
    parser.add_argument(
        "--interval",
        type=float,
        default=INTERVAL * 1000,
        help=f"ms between the requests of a connection ({INTERVAL * 1000:g}); 0: none is left",
    )
    parser.add_argument("--seconds", type=int, default=SECONDS, help=f"of a run ({SECONDS})")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"({ROUNDS})")
    return parser.parse_args(arguments)


def make_wish(options: argparse.Namespace) -> Wish:
    asking = Asking(
        connections=min(max(options.connections, 1), 1000),
        seconds=min(max(options.seconds, 1), 60),
        interval=min(max(options.interval, 0.0), 10_000.0) / 1000,
    )
    return Wish(asking, min(max(options.sleepers, 0), 100), min(max(options.rounds, 1), 20))


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    wish = make_wish(options)
    place = find_place()
    try:
        chosen = pick(SERVERS, options.servers)
        missing = prepare(place, chosen)
        numbered.build(place)
    except (ValueError, install.InstallError) as error:
        print(error, file=sys.stderr)
        return 2
    able = [server for server in chosen if server.name not in missing]
    runs = go(able, place, wish, missing)
    rows = make_rows(able, runs, wish)
    asking = wish.asking
    pace = f"each every {asking.interval * 1000:g} ms" if asking.interval else "without a pause"
    print(
        f"{WORKERS} workers, {wish.sleepers} clients that ask for 0.3 s of sleep, "
        f"{asking.connections} kept connections that ask {pace}; "
        f"{wish.rounds} rounds of {asking.seconds} s, medians"
    )
    print(table(HEADINGS, rows))
    print(f"Goal: mewsgi's p99 no worse than that of {' and '.join(PEERS)}; none WRONG")
    for name, reason in missing.items():
        print(f"Not measured: {name}: {reason}")
    return 1 if any(name.startswith("mewsgi") for name in missing) or not rows else 0
