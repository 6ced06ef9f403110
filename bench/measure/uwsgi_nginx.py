"""What a request of nginx's uwsgi_pass costs mewsgi and uWSGI. Run by probes/uwsgi-nginx.

One process each, pinned to one core; nginx and wrk share the other. Over a UNIX socket, over TCP,
and over a UNIX socket without nginx, from a native load (loads/uwsgi_load.cc) that gets more out of
the servers. CPU time is that of the server's tree alone. Servers are measured in turns; the ratio
is taken inside each round. The floor (floors/floor_uwsgi.cc) is what the kernel costs any of them.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from measure import install, machine, nginx, wrk
from measure.columns import table
from measure.launch import find_place, prepare, spawn
from measure.process import StartError, Tree
from measure.servers import Command, Place, Server

GOAL = 0.6
HEADINGS = (
    "way",
    "server",
    "requests/s",
    "CPU us/req",
    "min-max",
    "busy",
    "x uWSGI",
    "above floor",
    "note",
)
WAYS = ("unix", "tcp", "native")
NAMES = ("floor", "mewsgi", "uwsgi")
SECONDS = 1
PROGRAMS = ("loads/uwsgi_load.cc", "floors/floor_uwsgi.cc")


LoadOf = Callable[[int, int], wrk.Load]  # of connections, seconds


@dataclass(frozen=True)
class Run:
    way: str
    server: str
    round: int
    load: wrk.Load
    cpu_seconds: float
    others: float  # share of the server's core that went to others

    @property
    def cpu_us(self) -> float:
        return self.cpu_seconds * 1e6 / max(1, self.load.requests)


@dataclass(frozen=True)
class Target:
    """A server that runs, and what puts load on it."""

    way: str
    name: str
    tree: Tree
    measure: LoadOf


def floor(address: str) -> Command:
    return lambda place, port: [str(place.build / "floor_uwsgi"), address or str(port)]


def mewsgi(address: str) -> Command:
    def command(place: Place, port: int) -> list[str]:
        listen = [str(place.mewsgi), "--socket", address or f"127.0.0.1:{port}"]
        return [*listen, "--wsgi-file", place.app(), "--processes", "1", "--disable-logging"]

    return command


def uwsgi(address: str) -> Command:
    def command(place: Place, port: int) -> list[str]:
        listen = [place.program("uwsgi"), "--socket", address or f"127.0.0.1:{port}"]
        quiet = ["--master", "--processes", "1", "--disable-logging", "--need-app"]
        venv = ["--virtualenv", str(place.venv), "--die-on-term", "--listen", "100"]
        return [*listen, "--wsgi-file", place.app(), *quiet, *venv]

    return command


def make_server(name: str, way: str, address: str = "") -> Server:
    """`address`: a UNIX socket's path, or nothing for TCP."""
    needs, command = {
        "floor": ("floors", floor(address)),
        "mewsgi": ("mewsgi", mewsgi(address)),
        "uwsgi": ("uWSGI", uwsgi(address)),
    }[name]
    return Server(f"{name}-socket-{way}", "", needs, command)


def begin(way: str, name: str, folder: Path, place: Place, stack: contextlib.ExitStack) -> Target:
    cores = machine.choose_cores()
    socket = str(folder / f"{way}-{name}.sock")
    tree = spawn(make_server(name, way, "" if way == "tcp" else socket), place, cores.server)
    stack.callback(tree.stop)
    address = f"127.0.0.1:{tree.port}" if way == "tcp" else f"unix:{socket}"
    front = nginx.start(folder / f"{way}-{name}", address, cores.load)
    stack.callback(front.stop)
    try:
        front.wait_until_it_answers()
    except StartError as error:
        raise StartError(f"{error}; the server: {tree.last_words()}") from error
    return Target(way, name, tree, make_load(way, front.port, socket, place, cores.load))


def make_load(way: str, port: int, socket: str, place: Place, core: int) -> LoadOf:
    def through_nginx(connections: int, seconds: int) -> wrk.Load:
        return wrk.run(f"http://127.0.0.1:{port}/", connections, seconds, core)

    def native(connections: int, seconds: int) -> wrk.Load:
        program = [str(place.build / "uwsgi_load"), socket, str(connections), str(seconds)]
        return wrk.run_program(program, seconds, core)

    return native if way == "native" else through_nginx


def measure(target: Target, turn: int, connections: int) -> Run:
    core = machine.choose_cores().server
    busy, cpu = machine.busy_seconds(core), target.tree.cpu_seconds()
    load = target.measure(connections, SECONDS)
    cpu = target.tree.cpu_seconds() - cpu
    others = (machine.busy_seconds(core) - busy - cpu) / load.seconds
    return Run(target.way, target.name, turn, load, cpu, max(0.0, others))


def ratio(runs: list[Run], way: str, name: str, above_floor: bool = False) -> float | None:
    """CPU per request over uWSGI's, or what is not the kernel's in any case over the same of
    uWSGI's: the median of the ratios of the rounds."""
    cpu = {(run.server, run.round): run.cpu_us for run in runs if run.way == way}
    ratios = []
    for turn in {turn for _, turn in cpu}:
        floor = cpu.get(("floor", turn), 0.0) if above_floor else 0.0
        one, theirs = (cpu.get((server, turn), 0.0) for server in (name, "uwsgi"))
        if one and theirs > floor:
            ratios.append((one - floor) / (theirs - floor))
    return statistics.median(ratios) if ratios else None


def ratio_text(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def row(runs: list[Run], ratios: tuple[float | None, float | None]) -> list[str]:
    cpu = [run.cpu_us for run in runs]
    errors = sum(sum(run.load.errors.values()) for run in runs)
    others = statistics.median(run.others for run in runs)
    notes = [f"{errors} ERRORS"] if errors else []
    notes += [f"others used {others:.0%} of its core"] if others > 0.1 else []
    return [
        runs[0].way,
        runs[0].server,
        f"{statistics.median(run.load.requests / run.load.seconds for run in runs):,.0f}",
        f"{statistics.median(cpu):.2f}",
        f"{min(cpu):.2f}-{max(cpu):.2f}",
        f"{statistics.median(run.cpu_seconds / run.load.seconds for run in runs):.0%}",
        *map(ratio_text, ratios),
        "; ".join(notes),
    ]


def rows(runs: list[Run], ways: list[str]) -> list[list[str]]:
    made = []
    for way in ways:
        for name in NAMES:
            own = [run for run in runs if (run.way, run.server) == (way, name)]
            above = ratio(runs, way, name, above_floor=True) if name == "mewsgi" else None
            made.append(row(own, (ratio(runs, way, name), above)))
    return made


def go(place: Place, ways: list[str], rounds: int, connections: int) -> list[Run]:
    runs = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mewsgi-bench-")))
        targets = [begin(way, name, folder, place, stack) for way in ways for name in NAMES]
        for target in targets:
            target.measure(connections, 1)  # warm-up
        for turn in range(rounds):
            for target in targets:
                runs.append(measure(target, turn, connections))
    return runs


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/probes/uwsgi-nginx", description=__doc__)
    parser.add_argument("--ways", default=",".join(WAYS), help="by comma (all)")
    parser.add_argument("--rounds", type=int, default=4, help="of 1 s for each server and way (4)")
    parser.add_argument("--connections", type=int, default=64, help="at most 100 (64)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    ways = [way for way in WAYS if way in options.ways.split(",")]
    if not ways:
        print(f"--ways takes, by comma: {', '.join(WAYS)}", file=sys.stderr)
        return 2
    connections = min(max(options.connections, 1), 100)
    place = find_place()
    missing = prepare(place, [make_server(name, ways[0]) for name in NAMES])
    for name, reason in missing.items():
        print(f"{name}: {reason}", file=sys.stderr)
    if missing:
        return 1
    try:
        install.build_programs(place, *PROGRAMS)
        runs = go(place, ways, min(max(options.rounds, 1), 20), connections)
    except (install.InstallError, StartError, machine.CoresError, wrk.WrkError) as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"uwsgi protocol, hello world, one process, one core, {connections} connections at a time"
    )
    print(table(HEADINGS, rows(runs, ways)))
    print(f"Goal: CPU per request behind nginx at most {GOAL} x uWSGI's")
    return 0
