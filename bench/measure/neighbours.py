"""What one long request does to all others, and what the death of its worker does. Run by
probes/neighbours.

Two workers; connections that are kept and asked on all the time; then one request that occupies a
worker for seconds, on a connection of its own. Measured three times: without it, beside it, and
beside it with the busy worker killed (SIGKILL) after a second.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from measure.askers import Askers, Phase
from measure.columns import milliseconds
from measure.launch import start
from measure.rows import Rows, probe_parser, run
from measure.servers import ROUTED, Place, Server, gunicorn, mewsgi, uwsgi

GOAL = 0.050
QUIET_SECONDS = 2.0
KILL_AFTER = 1.0
HEADINGS = ("server", "phase", "count", "p50 ms", "p99", "worst", "no answer", "errors", "closed")

SERVERS = (
    Server("mewsgi", "inline", "mewsgi", mewsgi("--disable-logging", app="busy", processes=2)),
    Server(
        "mewsgi-http",
        "the routed way",
        "mewsgi",
        mewsgi("--disable-logging", app="busy", processes=2, way=ROUTED),
    ),
    Server("uwsgi-http11", "", "uWSGI", uwsgi("--http11-socket", app="busy", processes=2)),
    Server(
        "gunicorn-gthread",
        "1 thread each",
        "gunicorn",
        gunicorn("--worker-class", "gthread", "--threads", "1", app="busy", processes=2),
    ),
    Server("gunicorn-sync", "", "gunicorn", gunicorn(app="busy", processes=2)),
)


@dataclass(frozen=True)
class Plan:
    path: str
    seconds: float
    connections: int
    interval: float


class BusyRequest:
    """The one long request. Its worker writes its pid where `pid` looks."""

    def __init__(self, port: int, plan: Plan, pid_file: Path) -> None:
        self.pid_file = pid_file
        pid_file.unlink(missing_ok=True)
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        line = f"GET {plan.path}?{plan.seconds} HTTP/1.1\r\n"
        self.socket.sendall(f"{line}Host: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())

    def pid(self) -> int | None:
        with contextlib.suppress(OSError, ValueError):
            return int(self.pid_file.read_text())
        return None

    def end(self, deadline: float) -> str:
        """What became of it."""
        self.socket.settimeout(deadline)
        try:
            data = self.socket.recv(65536)
        except OSError as error:
            return f"got no answer ({type(error).__name__})"
        finally:
            self.socket.close()
        words = data.split(b"\r\n")[0].decode("latin-1").split(" ")
        return f"answered {words[1]}" if len(words) > 1 else "was cut"


def kill_worker(request: BusyRequest, killed: list[int]) -> None:
    pid = request.pid()
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
        killed.append(pid)


def row(name: str, what: str, phase: Phase, note: str) -> list[str]:
    # Where this client was itself behind, its figures say little.
    late = f"client late by {milliseconds(phase.late)} ms" if phase.late > GOAL / 5 else ""
    errors = "".join(f" ({count} x {what})" for what, count in phase.errors.items())
    return [
        name,
        what,
        f"{len(phase.latencies):,}",
        milliseconds(phase.at(50)),
        milliseconds(phase.at(99)),
        milliseconds(phase.worst),
        str(len(phase.unanswered)),
        str(sum(phase.errors.values())),
        str(phase.closed),
        "; ".join(part for part in (note, errors.strip(), late) if part),
    ]


def beside(port: int, askers: Askers, plan: Plan, pid_file: Path, kill: bool) -> tuple[Phase, str]:
    request = BusyRequest(port, plan, pid_file)
    killed: list[int] = []
    orders = {KILL_AFTER: lambda: kill_worker(request, killed)} if kill else {}
    phase = askers.run(plan.seconds, orders)
    began = request.pid() is not None
    ending = request.end(plan.seconds + 2) if began else "had not begun when the time was over"
    if kill and not killed:
        ending += "; nothing was killed"
    return phase, f"the long request {ending}"


def measure(server: Server, place: Place, plan: Plan) -> Rows:
    pid_file = place.build / "busy.pid"
    tree = start(server, place, None, {"BENCH_PID_FILE": str(pid_file)})
    try:
        askers = Askers(tree.port, plan.connections, plan.interval)
        with contextlib.closing(askers):
            askers.run(0.5)
            rows = [row(server.name, "quiet", askers.run(QUIET_SECONDS), "")]
            for what, kill in (("beside it", False), ("worker killed", True)):
                phase, note = beside(tree.port, askers, plan, pid_file, kill)
                rows.append(row("", what, phase, note))
                time.sleep(0.5)
    finally:
        tree.stop()
    return rows


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = probe_parser("neighbours", __doc__, SERVERS)
    parser.add_argument("--seconds", type=float, default=3.0, help="of the long request (3)")
    parser.add_argument("--connections", type=int, default=12)
    parser.add_argument("--interval", type=float, default=5.0, help="ms between requests (5)")
    parser.add_argument("--spin", action="store_true", help="it computes instead of sleeping")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    plan = Plan(
        path="/spin" if options.spin else "/busy",
        seconds=min(max(options.seconds, KILL_AFTER + 0.5), 30.0),
        connections=min(max(options.connections, 1), 500),
        interval=max(options.interval, 0.1) / 1000,
    )
    title = (
        f"2 workers, {plan.connections} kept connections that each ask every "
        f"{plan.interval * 1000:g} ms, one request of {plan.seconds:g} s on another"
    )
    goal = f"mewsgi's worst at most {GOAL * 1000:.0f} ms in every phase, no errors"
    return run(
        SERVERS,
        options.servers,
        lambda server, place: measure(server, place, plan),
        (title, (*HEADINGS, "note"), goal),
    )
