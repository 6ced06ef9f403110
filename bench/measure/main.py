"""The command line of bench/run and the rounds: every server once per round, in rotating order."""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from measure import client, machine, report, wrk
from measure.launch import ROOT, find_place, pinned, prepare, start
from measure.process import StartError, Tree
from measure.servers import FLOOR_ENVIRON, Place, Server, choose


@dataclass(frozen=True)
class Plan:
    servers: list[Server]
    connections: list[int]
    rounds: int
    seconds: int
    cores: machine.Cores


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/run",
        description="Compares mewsgi with other servers and two floors on one hello-world app.",
    )
    parser.add_argument("--quick", action="store_true", help="a rough table in under two minutes")
    parser.add_argument("--only", default="", help="rows, by comma: mewsgi,fastwsgi,uwsgi")
    parser.add_argument("--connections", default="", help="by comma (default 1,2,8,64)")
    parser.add_argument("--rounds", type=int, help="how often each is measured (default 3)")
    parser.add_argument("--seconds", type=int, help="length of one measurement (default 2)")
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench" / "hello.json")
    parser.add_argument("--list", action="store_true", help="only print the rows and commands")
    return parser.parse_args(arguments)


def make_plan(options: argparse.Namespace) -> Plan:
    names = [name for name in options.only.split(",") if name]
    servers = choose(names)
    if FLOOR_ENVIRON not in [server.name for server in servers]:
        servers = [*choose([FLOOR_ENVIRON]), *servers]  # what the ratios refer to
    fallback = "1,64" if options.quick else "1,2,8,64"
    connections = sorted({int(count) for count in (options.connections or fallback).split(",")})
    rounds = options.rounds if options.rounds is not None else 2 if options.quick else 3
    seconds = options.seconds if options.seconds is not None else 1 if options.quick else 2
    if min(connections) < 1 or max(connections) > 1000:
        raise ValueError("--connections: give numbers from 1 to 1000")
    if not 1 <= rounds <= 50 or not 1 <= seconds <= 60:
        raise ValueError("--rounds is 1 to 50, --seconds is 1 to 60")
    return Plan(servers, connections, rounds, seconds, machine.choose_cores())


def measure(tree: Tree, server: Server, connections: int, turn: int, plan: Plan) -> report.Run:
    cores = plan.cores
    url = f"http://127.0.0.1:{tree.port}/"
    unserved = client.unserved(tree.port, connections)
    server_core, load_core = machine.busy_seconds(cores.server), machine.busy_seconds(cores.load)
    cpu, began = tree.cpu_seconds(), time.monotonic()
    load = wrk.run(url, connections, plan.seconds, cores.load)
    cpu, wall = tree.cpu_seconds() - cpu, time.monotonic() - began
    server_core = machine.busy_seconds(cores.server) - server_core - cpu
    load_core = machine.busy_seconds(cores.load) - load_core - load.cpu_seconds
    return report.Run(
        server=server.name,
        connections=connections,
        round=turn,
        requests=load.requests,
        seconds=load.seconds,
        cpu_seconds=cpu,
        errors=load.errors,
        others_on_server_core=max(0.0, server_core / wall),
        others_on_load_core=max(0.0, load_core / wall),
        unserved=unserved,
        p50_us=load.p50_us,
        p99_us=load.p99_us,
    )


class Session:
    """The rounds. What happens to a server is a row of the table or a reason in `missing`."""

    def __init__(self, plan: Plan, place: Place, missing: dict[str, str]) -> None:
        self.plan = plan
        self.place = place
        self.missing = missing
        self.endings: dict[str, str] = {}
        self.runs: list[report.Run] = []
        self.running: dict[str, Tree] = {}

    def go(self) -> None:
        for turn in range(self.plan.rounds):
            try:
                self.start_all()
                for connections in self.plan.connections:
                    self.measure_all(connections, turn)
            finally:
                self.stop_all()

    def start_all(self) -> None:
        for server in self.plan.servers:
            if server.name in self.missing:
                continue
            try:
                tree = start(server, self.place, self.plan.cores.server)
                self.running[server.name] = tree
                wrk.run(f"http://127.0.0.1:{tree.port}/", 8, 1, self.plan.cores.load)  # warm-up
            except (StartError, wrk.WrkError) as error:
                self.missing[server.name] = f"did not start: {error}"

    def measure_all(self, connections: int, turn: int) -> None:
        servers = self.plan.servers
        shift = turn % len(servers)  # so that no server always follows the same one
        for server in servers[shift:] + servers[:shift]:
            if server.name in self.missing:
                continue
            tree = self.running[server.name]
            progress(f"round {turn + 1}/{self.plan.rounds}, {connections} on {server.name}")
            try:
                self.runs.append(measure(tree, server, connections, turn, self.plan))
            except wrk.WrkError as error:
                self.missing[server.name] = f"at {connections} connections: {error}"
            if tree.process.poll() is not None:
                self.missing[server.name] = f"ended while under load: {tree.last_words()}"

    def stop_all(self) -> None:
        while self.running:
            name, tree = self.running.popitem()
            problem = tree.stop()
            if problem:
                self.endings[name] = problem


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def version_of(program: list[str]) -> str:
    try:
        done = subprocess.run(program, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (done.stdout or done.stderr).strip().splitlines()[0] if done.returncode == 0 else "?"


def describe(plan: Plan, place: Place) -> dict[str, object]:
    python = [place.python, "-c", "import sys; print(sys.version)"]
    return {
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine.describe(),
        "python": version_of(python),
        "server_core": plan.cores.server,
        "load_core": plan.cores.load,
        "rounds": plan.rounds,
        "seconds": plan.seconds,
        "commands": {
            server.name: shlex.join(pinned(server, place, 8000, plan.cores.server))
            for server in plan.servers
        },
    }


def print_setting(plan: Plan, place: Place, about: dict[str, object]) -> None:
    details = machine.describe()
    print(f"{details['cpu']}, {details['cores']} cores, Linux {details['kernel']}")
    print(f"Python of the peers and of the floor: {about['python']}")
    print(f"server on core {plan.cores.server}, wrk on core {plan.cores.load}; ", end="")
    print(f"{plan.rounds} rounds of {plan.seconds} s, median and min-max of them; ", end="")
    print(f"ratios to {FLOOR_ENVIRON} of the same round")
    for server in plan.servers:
        print(f"\n{server.name}: {server.about}")
        print("  " + shlex.join(server.command(place, 8000)).replace(str(ROOT) + "/", ""))


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    try:
        plan = make_plan(options)
    except (ValueError, machine.CoresError) as error:
        print(f"bench/run: {error}", file=sys.stderr)
        return 2
    place = find_place()
    if options.list:
        print_setting(plan, place, {"python": "see a run"})
        return 0
    for tool, package in (("wrk", "wrk"), ("taskset", "util-linux")):
        if shutil.which(tool) is None:
            print(f"bench/run: {tool} is missing: apt-get install {package}", file=sys.stderr)
            return 1
    session = Session(plan, place, prepare(place, plan.servers))
    about = describe(plan, place)
    print_setting(plan, place, about)
    try:
        session.go()
    except KeyboardInterrupt:
        print("\nstopped: what was measured until now", file=sys.stderr)
    progress("")
    return conclude(session, about, options.json)


def conclude(session: Session, about: dict[str, object], target: Path) -> int:
    rows = report.make_rows(session.runs)
    order = [server.name for server in session.plan.servers]
    print(report.table(rows, order, session.missing))
    if report.ways(session.runs):
        print("\n" + report.ways(session.runs))
    for name, problem in session.endings.items():
        print(f"  {name} {problem}")
    if report.warning(rows):
        print("\n" + report.warning(rows))
    target.parent.mkdir(parents=True, exist_ok=True)
    about = {**about, "missing": session.missing, "endings": session.endings}
    target.write_text(json.dumps(report.as_json(session.runs, rows, about), indent=1) + "\n")
    print(f"\nwritten to {target}")
    ours = {name for name in session.missing if name.startswith(("floor", "mewsgi"))}
    return 1 if ours or not rows else 0
