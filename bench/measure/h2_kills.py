"""The phases of probes/front-kills over HTTP/2 in cleartext: 200 requests a second on the streams
of four connections, which no worker's death and no reload may touch. Run by probes/h2-kills.

The load is h2load's: GETs of the server's app, each client at its own pace. A request that is not
answered with 2xx is LOST; a connection that ends would lose all that are left for it.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys

from measure import h2load
from measure.front_kills import (
    KILL_EVERY,
    RELOAD_EVERY,
    WORKERS,
    Phase,
    Wish,
    go_on,
    kill_worker,
    mewsgi,
    reload,
)
from measure.restless import Restless, folder_of
from measure.rows import Rows, measure_each, probe_parser, show
from measure.servers import Place, Server
from measure.versions import Versions

CONNECTIONS = 4
STREAMS = 10
RATE = 200.0
SECONDS = 60.0
GRACE = 60.0  # for a load that falls behind
HEADINGS = ("phase", "done", "asked", "answered", "LOST", "took s", "note")

PHASES = (
    Phase("workers killed", kill_worker, KILL_EVERY),
    Phase("reloads", reload, RELOAD_EVERY),
)


def h2_mewsgi(place: Place, port: int) -> list[str]:
    return [*mewsgi(place, port), "--h2c"]


SERVERS = tuple(Server(f"mewsgi: {phase.name}", "", "mewsgi", h2_mewsgi) for phase in PHASES)


def load_command(port: int, wish: Wish) -> list[str]:
    plan = h2load.Plan(CONNECTIONS, STREAMS, round(wish.rate * wish.seconds))
    pace = f"--rps={wish.rate / CONNECTIONS:g}"
    return [*plan.command(f"http://127.0.0.1:{port}/"), pace]


def measure(phase: Phase, server: Server, place: Place, wish: Wish) -> Rows:
    versions = Versions(folder_of(place))
    versions.write_good()
    restless = Restless(server, place, versions)
    try:
        load = subprocess.Popen(
            load_command(restless.port, wish),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            story = go_on(restless, phase, wish)
            output, _ = load.communicate(timeout=GRACE)
        finally:
            load.kill()
    finally:
        restless.tree.stop()
    counted = h2load.parse(output)
    note = f"{story.failed} reloads FAILED" if story.failed else ""
    asked = round(wish.rate * wish.seconds)
    lost = asked - counted.requests
    numbers = [f"{asked:,}", f"{counted.requests:,}", f"{lost:,}", f"{counted.seconds:.1f}"]
    return [[phase.name, str(story.done), *numbers, note]]


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = probe_parser("h2-kills", __doc__, SERVERS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of a phase ({SECONDS:g})")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30), help="of the choice")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    wish = Wish(min(max(options.seconds, 1.0), 3600.0), RATE, options.seed)
    phases = {server.name: phase for server, phase in zip(SERVERS, PHASES)}
    try:
        rows, missing = measure_each(
            SERVERS,
            options.servers,
            lambda server, place: measure(phases[server.name], server, place, wish),
        )
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return show(
        f"{WORKERS} workers under {RATE:g} requests/s on {CONNECTIONS} HTTP/2 connections of "
        f"{STREAMS} streams, {wish.seconds:g} s each; a worker killed every "
        f"{KILL_EVERY * 1000:g} ms, a reload every {RELOAD_EVERY:g} s; seed {wish.seed}",
        HEADINGS,
        rows,
        missing,
        "none is LOST",
    )
