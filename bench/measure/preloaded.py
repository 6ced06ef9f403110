"""What four preloaded workers of a Django project take, after thousands of requests. Run by
probes/memory.

Each server is started on the same project with the admin, somebody logs in and walks through its
pages, and then the PSS of every process of the tree is added up, master and zygote included: each
page of memory is counted once, however many share it. `file` is the part that is of programs and
libraries; those that other processes of the machine use too count for less. The workers' private
memory is all written since they were forked, or never shared.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass

from measure import django_site, memory
from measure.columns import table
from measure.launch import find_place, knows, prepare, spawn
from measure.memory import Memory
from measure.process import StartError, Tree
from measure.rows import pick, probe_parser
from measure.servers import Command, Place, Server

WORKERS = 4
REQUESTS = 6000
VISITORS = 8
SETTLE = 1.0
BASE = "uwsgi"
WARM = "mewsgi --warm-up"
GOALS = {"mewsgi": 0.95, WARM: 0.8}
HEADINGS = (
    "server",
    "processes",
    "PSS MiB at start",
    "after",
    "of it file",
    "anonymous",
    f"x {BASE}",
    "note",
)


def on_site(place: Place, program: list[str], workers: str, folder: str) -> list[str]:
    return [*program, workers, str(WORKERS), folder, str(django_site.folder(place))]


def mewsgi(*options: str) -> Command:
    def command(place: Place, port: int) -> list[str]:
        start = on_site(place, [str(place.mewsgi)], "--processes", "--chdir")
        where = ["--http", f"127.0.0.1:{port}", "--virtualenv", str(place.venv)]
        return [*start, *where, "--disable-logging", *options, django_site.APP]

    return command


def uwsgi(place: Place, port: int) -> list[str]:
    start = on_site(place, [place.program("uwsgi"), "--master"], "--processes", "--chdir")
    where = ["--http-socket", f"127.0.0.1:{port}", "--virtualenv", str(place.venv)]
    quiet = ["--disable-logging", "--need-app", "--die-on-term", "--listen", "100"]
    return [*start, *where, *quiet, "--module", django_site.APP]


def gunicorn(place: Place, port: int) -> list[str]:
    start = on_site(place, [place.program("gunicorn"), "--preload"], "--workers", "--chdir")
    where = ["--bind", f"127.0.0.1:{port}", "--log-level", "warning"]
    return [*start, *where, django_site.APP]


def granian(place: Place, port: int) -> list[str]:
    start = on_site(place, [place.program("granian")], "--workers", "--working-dir")
    one = ["--runtime-threads", "1", "--blocking-threads", "1"]
    where = ["--host", "127.0.0.1", "--port", str(port), "--interface", "wsgi"]
    quiet = ["--no-access-log", "--log-level", "warning", "--http", "1", "--no-ws"]
    return [*start, *one, *where, *quiet, django_site.APP]


SERVERS = (
    Server(BASE, "--http-socket, preloaded", "uWSGI", uwsgi),
    Server("mewsgi", "preloaded", "mewsgi", mewsgi()),
    Server(WARM, "and asked once before the fork", "mewsgi", mewsgi("--warm-up", "/admin/login/")),
    Server("gunicorn", "--preload", "gunicorn", gunicorn),
    Server("granian", "each worker imports", "granian", granian),
)


@dataclass(frozen=True)
class Taken:
    processes: int
    start: Memory
    after: Memory
    wrong: Counter[str]


def read(tree: Tree) -> dict[int, Memory]:
    time.sleep(SETTLE)
    return memory.read_tree(tree)


def total(tree: dict[int, Memory]) -> Memory:
    return sum(tree.values(), Memory(0, 0))


def measure(server: Server, place: Place, requests: int, verbose: bool) -> Taken:
    tree = spawn(server, place, None, django_site.prepare(place))
    try:
        tree.wait_until_it_answers(django_site.LOGIN, None)
        start = total(read(tree))
        wrong = django_site.walk(tree.port, requests, VISITORS)
        after = read(tree)
        if verbose:
            print(f"{server.name}, MiB by process: {by_process(tree, after)}", flush=True)
    finally:
        tree.stop()
    return Taken(len(after), start, total(after), wrong)


def by_process(tree: Tree, sizes: dict[int, Memory]) -> str:
    """In the order of pids, the first one marked."""
    parts = []
    for pid, size in sizes.items():
        first = " (first)" if pid == tree.process.pid else ""
        parts.append(f"{mib(size.pss)}, {mib(size.pss - size.file)} anonymous{first}")
    return "; ".join(parts)


def mib(size: int) -> str:
    return f"{size / 2**20:.1f}"


def row(server: Server, taken: Taken, base: Taken | None) -> list[str]:
    ratio = f"{taken.after.pss / base.after.pss:.2f}" if base else "-"
    wrong = ", ".join(f"{count} x {what} ERRORS" for what, count in taken.wrong.items())
    return [
        server.name,
        str(taken.processes),
        mib(taken.start.pss),
        mib(taken.after.pss),
        mib(taken.after.file),
        mib(taken.after.pss - taken.after.file),
        ratio,
        "; ".join(part for part in (server.about, wrong) if part),
    ]


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = probe_parser("memory", __doc__, SERVERS)
    parser.add_argument("--requests", type=int, default=REQUESTS, help=f"each ({REQUESTS})")
    parser.add_argument("--processes", action="store_true", help="tell the memory of each process")
    return parser.parse_args(arguments)


def measure_all(
    chosen: list[Server], place: Place, options: argparse.Namespace
) -> tuple[dict[str, Taken], dict[str, str]]:
    """By name; and why a server has no figures."""
    missing = prepare(place, chosen)
    if WARM not in missing and not knows(place, "warm-up"):
        missing[WARM] = "this mewsgi has no --warm-up"
    taken: dict[str, Taken] = {}
    for server in chosen:
        if server.name in missing:
            continue
        try:
            taken[server.name] = measure(server, place, max(options.requests, 1), options.processes)
        except (StartError, OSError) as error:
            missing[server.name] = str(error)
    return taken, missing


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    try:
        chosen = pick(SERVERS, options.servers)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    taken, missing = measure_all(chosen, find_place(), options)
    base = taken.get(BASE)
    rows = [row(server, taken[server.name], base) for server in chosen if server.name in taken]
    print(f"{WORKERS} workers of a Django project with admin, after {options.requests:,} requests")
    print(table(HEADINGS, rows))
    goals = ", ".join(f"{name} at most {ratio} x {BASE}'s" for name, ratio in GOALS.items())
    print(f"Goal: {goals}")
    for name, reason in missing.items():
        print(f"Not measured: {name}: {reason}")
    return 0 if "mewsgi" in taken else 1
