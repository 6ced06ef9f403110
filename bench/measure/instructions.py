"""Instructions per request by layer, counted by valgrind's callgrind. Run by probes/instructions.

Every process of the server runs under callgrind from its start and dumps its counters on order:
after a warm-up, after N requests, after 2N more. A dump starts the counters anew, so the start is
in none of them, and (second - first) / N also cancels what a dump and an idle wait cost.
Instructions of user space only: the kernel's part is what probes/syscalls is for.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from measure import callgrind
from measure.callgrind import Costs
from measure.client import Client
from measure.launch import environment, find_place, prepare
from measure.process import StartError, Tree, free_port
from measure.servers import choose

START_DEADLINE = 180.0
DUMP_DEADLINE = 60.0


class DumpError(Exception):
    pass


def valgrind(folder: Path) -> list[str]:
    return [
        "valgrind",
        "--tool=callgrind",
        "--trace-children=yes",
        f"--callgrind-out-file={folder}/out.%p",
        "--compress-strings=no",
        "--compress-pos=no",
    ]


def dump(pid: int, folder: Path) -> Costs:
    """Lets one process write what it counted since its last dump."""
    before = set(folder.glob(f"out.{pid}.*"))
    done = subprocess.run(
        ["callgrind_control", "--dump", str(pid)],
        capture_output=True,
        text=True,
        timeout=DUMP_DEADLINE,
    )
    written = set(folder.glob(f"out.{pid}.*")) - before
    if done.returncode != 0 or len(written) != 1:
        raise DumpError(f"process {pid} wrote no dump: {(done.stdout + done.stderr).strip()}")
    with written.pop().open(errors="replace") as lines:
        return callgrind.read_costs(lines)


def dump_all(pids: dict[int, str], folder: Path) -> dict[int, Costs]:
    return {pid: dump(pid, folder) for pid in pids}


def processes(tree: Tree) -> dict[int, str]:
    """The command of each, to tell master from worker in the report."""
    names = {}
    for stat in tree.members():
        command = Path("/proc", str(stat.pid), "cmdline").read_bytes().replace(b"\0", b" ")
        names[stat.pid] = command.decode(errors="replace").strip()[-60:]
    return names


def difference(twice: Costs, once: Costs) -> Costs:
    result = Counter(twice)
    result.subtract(once)
    return result


def count(tree: Tree, folder: Path, requests: int, connections: int) -> dict[int, Costs]:
    """What `requests` of them cost each process."""
    client = Client(tree.port, connections)
    try:
        client.requests(requests)  # warm-up: caches of Python, first uses of everything
        pids = processes(tree)
        dump_all(pids, folder)
        client.requests(requests)
        once = dump_all(pids, folder)
        client.requests(2 * requests)
        twice = dump_all(pids, folder)
    finally:
        client.close()
    return {pid: difference(twice[pid], once[pid]) for pid in pids}


def show(title: str, parts: list[tuple[str, float]], total: float) -> None:
    print(f"\n{title}")
    for name, cost in parts:
        print(f"  {cost:10,.1f}  {cost / total:6.1%}  {name}")


def report(costs: dict[int, Costs], names: dict[int, str], requests: int, top: int) -> None:
    whole: Costs = Counter()
    for part in costs.values():
        whole.update(part)
    total = sum(whole.values()) / requests
    print(f"{total:,.1f} instructions per request in user space, all processes")
    each = [(f"{pid} {names[pid]}", sum(part.values()) / requests) for pid, part in costs.items()]
    show("by process", each, total)
    layers = [(name, cost / requests) for name, cost in callgrind.by_layer(whole).most_common()]
    show("by layer", [(name, cost) for name, cost in layers if abs(cost) >= 1], total)
    functions = callgrind.by_function(whole).most_common(top)
    named = [(f"[{layer}] {function}", cost / requests) for (layer, function), cost in functions]
    show(f"the {top} most expensive functions, without what they call", named, total)


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/probes/instructions", description=__doc__)
    parser.add_argument("server", nargs="?", default="mewsgi", help="a row of bench/run --list")
    parser.add_argument("--requests", type=int, default=300, help="N (default 300)")
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--top", type=int, default=25, help="functions to list (default 25)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    if shutil.which("valgrind") is None:
        print("valgrind is missing: apt-get install valgrind", file=sys.stderr)
        return 1
    place = find_place()
    server = choose([options.server])[0]
    missing = prepare(place, [server])
    if missing:
        print(f"{server.name}: {missing[server.name]}", file=sys.stderr)
        return 1
    folder = place.build / "callgrind" / server.name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("out.*"):
        old.unlink()
    port = free_port()
    command = [*valgrind(folder), *server.command(place, port)]
    settled = {**environment(place), "PYTHONHASHSEED": "0"}  # same dictionaries in every run
    requests = max(1, options.requests // options.connections) * options.connections
    log = place.build / "logs" / f"{server.name}.callgrind.log"
    tree = Tree.start(command, port, log, settled, place.bench / "apps")
    try:
        tree.wait_until_it_answers(deadline=START_DEADLINE)
        costs = count(tree, folder, requests, options.connections)
        names = processes(tree)
    except (StartError, DumpError, OSError) as error:
        print(f"{server.name}: {error}", file=sys.stderr)
        return 1
    finally:
        problem = tree.stop()
    print(f"{server.name}: {requests} requests on {options.connections} connection(s)")
    report(costs, names, requests, options.top)
    print(f"dumps are in {folder}" + (f"; {server.name} {problem}" if problem else ""))
    return 0
