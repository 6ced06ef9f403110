"""Whether an idle tree sleeps: no process of it does anything while nobody asks. Run by
probes/quiet.

For each configuration the server is started, asked a few times, and left alone until it has come to
rest. Then all threads of all processes are watched for ten seconds twice: by the kernel's counters,
and by strace where it is installed.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from measure.activity import members, snapshot, trace, wait_until_still, watch
from measure.client import Client
from measure.launch import start
from measure.process import Tree
from measure.rows import Rows, probe_parser, run
from measure.servers import DIRECT, ROUTED, Place, Server, mewsgi
from measure.status import command

SECONDS = 10.0
REQUESTS = 60
CONNECTIONS = 6
KEPT = "kept connections"
RELOADED = "after a reload"
HEADINGS = ("configuration", "processes", "threads", "woke up", "system calls", "note")


def make_server(name: str, *options: str, processes: int = 4, way: str = DIRECT) -> Server:
    quiet = mewsgi("--disable-logging", *options, processes=processes, way=way)
    return Server(name, "", "mewsgi", quiet)


SERVERS = (
    make_server("1 worker", processes=1),
    make_server("4 workers"),
    make_server("routed", way=ROUTED),
    make_server("threads", "--threads", "4"),
    make_server("thunder-lock", "--thunder-lock"),
    make_server("reuse-port", "--reuse-port"),
    make_server("log-json", "--log-json"),
    make_server("lazy-apps", "--lazy-apps"),
    make_server(KEPT),
    # Shorter than what counts as rest, so that the old zygote's leaving is not in the window.
    make_server(RELOADED, "--reload-confirm", "1s"),
)


@contextmanager
def at_rest(server: Server, place: Place) -> Iterator[Tree]:
    tree = start(server, place, None)
    client = Client(tree.port, CONNECTIONS)
    try:
        if server.name == RELOADED:
            command(place, tree.process.pid, "reload")
        client.requests(REQUESTS)
        if server.name != KEPT:
            client.close()
        wait_until_still(tree)
        yield tree
    finally:
        with contextlib.suppress(OSError):
            client.close()
        tree.stop()


def measure(server: Server, place: Place, seconds: float) -> Rows:
    with at_rest(server, place) as tree:
        threads = len(snapshot(members(tree)))
        stirred = watch(tree, seconds)
        calls = "not traced"
        told = list(stirred)
        if shutil.which("strace"):
            seen = trace(tree, seconds, place.build / "quiet.strace")
            calls = str(sum(seen.values()))
            told += [f"{count} x {what}" for what, count in seen.most_common(5)]
        processes = str(len(members(tree)))
    return [[server.name, processes, str(threads), str(len(stirred)), calls, "; ".join(told)]]


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = probe_parser("quiet", __doc__, SERVERS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"({SECONDS:g})")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    seconds = min(max(options.seconds, 0.5), 300.0)
    return run(
        SERVERS,
        options.servers,
        lambda server, place: measure(server, place, seconds),
        (
            f"Idle trees of mewsgi, watched for {seconds:g} s",
            HEADINGS,
            "no thread of any process wakes up, so no system call",
        ),
    )
