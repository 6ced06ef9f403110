"""An app that sleeps 50 ms, asked by a thousand clients at once: who keeps them all waiting no
longer than that, and at what price. Run by probes/sleepers.

One worker process each. gevent where a server has it, threads, and ASGI, whose app sleeps by
asyncio. The native load asks again as soon as it is answered, and checks each answer; twenty
requests of each client in a second would be perfect. Servers are measured in turns.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from dataclasses import dataclass

from measure import install, machine, numbered, wrk
from measure.columns import table
from measure.launch import find_place, prepare, start
from measure.numbered import Asking, describe_errors
from measure.process import StartError, Tree
from measure.rows import pick, probe_parser
from measure.servers import (
    ROUTED,
    UVICORN,
    Command,
    Place,
    Server,
    gunicorn,
    mewsgi,
    mewsgi_asgi,
    uvicorn,
    uwsgi,
)

CLIENTS, SECONDS, ROUNDS = 1000, 3, 3
NAP = 0.05
APP, ASGI_APP = numbered.APP, "numbered_asgi"
HEADINGS = (
    "server",
    "requests/s",
    "of the perfect",
    "CPU us/req",
    "busy",
    "p50 ms",
    "p99 ms",
    "worst",
    "note",
)


def gevent(*options: str, way: str = "--http-socket") -> Command:
    """On the peers' Python, which has gevent."""

    def command(place: Place, port: int) -> list[str]:
        venv = ["--virtualenv", str(place.venv), "--disable-logging"]
        return mewsgi("--gevent", str(CLIENTS), *venv, *options, app=APP, way=way)(place, port)

    return command


SERVERS = (
    Server("mewsgi --gevent", "", "gevent", gevent()),
    Server("mewsgi-http --gevent", "the routed way", "gevent", gevent(way=ROUTED)),
    Server(
        "mewsgi --threads",
        "",
        "mewsgi",
        mewsgi("--threads", str(CLIENTS), "--disable-logging", app=APP),
    ),
    Server("mewsgi-asgi", "", "uvloop", mewsgi_asgi(app=ASGI_APP)),
    Server("mewsgi-asgi-http", "", "uvloop", mewsgi_asgi(app=ASGI_APP, way=ROUTED)),
    Server(
        "uwsgi --gevent",
        "a connection per request, as it has it",
        "uWSGI",
        uwsgi(
            "--http-socket", "--gevent", str(CLIENTS), "--gevent-monkey-patch",
            "--listen", "1024", "--add-header", "Connection: close", app=APP,
        ),
    ),
    Server(
        "gunicorn gevent",
        "",
        "gunicorn",
        gunicorn("--worker-class", "gevent", "--worker-connections", str(CLIENTS), app=APP),
    ),
    Server(
        "uwsgi --threads",
        "a connection per request, as it has it",
        "uWSGI",
        uwsgi(
            "--http-socket", "--enable-threads", "--threads", str(CLIENTS),
            "--listen", "1024", "--add-header", "Connection: close", app=APP,
        ),
    ),
    Server(
        "gunicorn gthread",
        "",
        "gunicorn",
        gunicorn(
            "--worker-class", "gthread", "--threads", str(CLIENTS),
            "--worker-connections", str(2 * CLIENTS), app=APP,
        ),
    ),
    Server(UVICORN, "ASGI", UVICORN, uvicorn(ASGI_APP)),
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    server: str
    load: wrk.Load
    cpu_seconds: float


def measure(tree: Tree, place: Place, asking: Asking) -> tuple[wrk.Load, float]:
    cpu = tree.cpu_seconds()
    load = numbered.run(place, tree.port, asking)
    return load, tree.cpu_seconds() - cpu


def go(
    servers: list[Server], place: Place, asking: Asking, rounds: int, missing: dict[str, str]
) -> list[Run]:
    """One server at a time: a thousand idle threads or connections are a load of their own."""
    cores = machine.choose_cores()
    runs = []
    for turn in range(rounds):
        for server in servers[turn % len(servers) :] + servers[: turn % len(servers)]:
            if server.name in missing:
                continue
            try:
                tree = start(server, place, cores.server)
            except StartError as error:
                missing[server.name] = f"did not start: {error}"
                continue
            try:
                runs.append(Run(server.name, *measure(tree, place, asking)))
            except wrk.WrkError as error:
                missing[server.name] = str(error)
            finally:
                tree.stop()
    return runs


def row(server: Server, runs: list[Run]) -> list[str]:
    loads = [run.load for run in runs]
    rate = statistics.median(load.requests / load.seconds for load in loads)
    notes = sorted({describe_errors(load) for load in loads if describe_errors(load)})
    return [
        server.name,
        f"{rate:,.0f}",
        f"{rate * NAP / CLIENTS:.0%}",
        f"{statistics.median(r.cpu_seconds * 1e6 / max(1, r.load.requests) for r in runs):.1f}",
        f"{statistics.median(run.cpu_seconds / run.load.seconds for run in runs):.0%}",
        f"{statistics.median(load.p50_us for load in loads) / 1000:,.1f}",
        f"{statistics.median(load.p99_us for load in loads) / 1000:,.1f}",
        f"{max(load.max_us for load in loads) / 1000:,.0f}",
        "; ".join([*([server.about] if server.about else []), *notes]),
    ]


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = probe_parser("sleepers", __doc__, SERVERS)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"({ROUNDS})")
    parser.add_argument("--seconds", type=int, default=SECONDS, help=f"of a run ({SECONDS})")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    place = find_place()
    try:
        chosen = pick(SERVERS, options.servers)
        missing = prepare(place, chosen)
        numbered.build(place)
    except (ValueError, install.InstallError) as error:
        print(error, file=sys.stderr)
        return 2
    asking = Asking(CLIENTS, min(max(options.seconds, 1), 60), path="/nap")
    runs = go(chosen, place, asking, min(max(options.rounds, 1), 20), missing)
    by_server = {s.name: [run for run in runs if run.server == s.name] for s in chosen}
    rows = [row(server, by_server[server.name]) for server in chosen if by_server[server.name]]
    print(f"{CLIENTS:,} clients, an app that sleeps {NAP * 1000:g} ms, one worker; medians")
    print(table(HEADINGS, rows))
    print("Goal: mewsgi's p99 and CPU no worse than those of uWSGI and gunicorn, of the same kind")
    for name, reason in missing.items():
        print(f"Not measured: {name}: {reason}")
    return 1 if any(name.startswith("mewsgi") for name in missing) or not rows else 0
