"""System calls per request by name, counted by strace. Run by probes/syscalls.

The server starts and warms up alone; strace attaches to every thread of its tree while the
connections are already open, sees exactly K requests, and lets go. So neither the start nor, where
connections are kept, the accept is in the numbers.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from measure.client import Client
from measure.launch import find_place, prepare, start
from measure.machine import CoresError, choose_cores
from measure.process import StartError, Tree
from measure.servers import choose

ATTACH_DEADLINE = 20.0
SUMMARY = ("-c", "-U", "name,calls,errors")


class TraceError(Exception):
    pass


def threads(pids: Iterable[int]) -> dict[int, list[int]]:
    return {pid: [int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()] for pid in pids}


def is_traced(pid: int, task: int, tracer: int) -> bool:
    status = Path(f"/proc/{pid}/task/{task}/status").read_text()
    return f"\nTracerPid:\t{tracer}\n" in status


def attach(pids: list[int], target: Path, *how: str) -> subprocess.Popen[bytes]:
    """Starts strace and returns once it holds every thread; `how` it writes, else a summary."""
    selected = [word for pid in pids for word in ("-p", str(pid))]
    tracer = subprocess.Popen(
        ["strace", "-f", *(how or SUMMARY), "-o", str(target), *selected],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    end = time.monotonic() + ATTACH_DEADLINE
    while time.monotonic() < end:
        if tracer.poll() is not None:
            assert tracer.stderr is not None
            words = tracer.stderr.read().decode(errors="replace").strip()
            raise TraceError(f"strace ended: {words[-300:]}")
        tasks = threads(pids)
        if all(is_traced(pid, task, tracer.pid) for pid in pids for task in tasks[pid]):
            return tracer
        time.sleep(0.01)
    tracer.kill()
    raise TraceError(f"strace did not attach to {pids} within {ATTACH_DEADLINE:.0f} s")


def parse_summary(text: str) -> dict[str, tuple[int, int]]:
    """Calls and errors by name, from `strace -c -U name,calls,errors`."""
    found = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) in (2, 3) and words[1].isdigit() and words[0] != "total":
            found[words[0]] = (int(words[1]), int(words[2]) if len(words) == 3 else 0)
    return found


def trace(tree: Tree, client: Client, requests: int, target: Path) -> dict[str, tuple[int, int]]:
    tracer = attach([stat.pid for stat in tree.members()], target)
    try:
        client.requests(requests)
    finally:
        tracer.send_signal(signal.SIGINT)  # it writes its summary and detaches
        tracer.communicate(timeout=ATTACH_DEADLINE)
    return parse_summary(target.read_text())


def report(calls: dict[str, tuple[int, int]], requests: int) -> None:
    total = sum(count for count, _ in calls.values())
    print(f"{total / requests:.2f} system calls per request")
    print(f"{'call':<20} {'per request':>12} {'failed':>10} {'in all':>10}")
    for name, (count, errors) in sorted(calls.items(), key=lambda item: -item[1][0]):
        failed = f"{errors / requests:.3f}" if errors else ""
        print(f"{name:<20} {count / requests:>12.3f} {failed:>10} {count:>10,}")


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/probes/syscalls", description=__doc__)
    parser.add_argument("server", nargs="?", default="mewsgi", help="a row of bench/run --list")
    parser.add_argument("--requests", type=int, default=2000, help="K (default 2000)")
    parser.add_argument("--connections", type=int, default=1)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    if shutil.which("strace") is None:
        print("strace is missing: apt-get install strace", file=sys.stderr)
        return 1
    place = find_place()
    server = choose([options.server])[0]
    missing = prepare(place, [server])
    if missing:
        print(f"{server.name}: {missing[server.name]}", file=sys.stderr)
        return 1
    requests = max(1, options.requests // options.connections) * options.connections
    try:
        tree = start(server, place, choose_cores().server)
    except (StartError, CoresError) as error:
        print(f"{server.name}: {error}", file=sys.stderr)
        return 1
    client = Client(tree.port, options.connections)
    try:
        client.requests(20 * options.connections)
        opened = client.opened
        calls = trace(tree, client, requests, place.build / "strace.txt")
        opened = client.opened - opened
    except (TraceError, OSError) as error:
        print(f"{server.name}: {error}", file=sys.stderr)
        return 1
    finally:
        client.close()
        tree.stop()
    print(f"{server.name}: {requests} requests on {options.connections} connection(s), ", end="")
    print(f"{opened} opened while tracing")
    report(calls, requests)
    return 0
