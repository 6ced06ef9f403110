"""What an idle kept connection costs in memory. Run by probes/idle.

One worker, and one front where there are any; so many connections, each of which has asked once and
stays. The memory of the server's processes before and after, divided by the connections: of the one
that holds them (a worker, a front, a router), and of all; the kernel's apart, which is the same for
every server (and here holds the client's end as well). In the end each connection asks once more:
one that the server gave up, or forgot, is counted.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import socket
import sys
import time
from dataclasses import dataclass

from measure import memory
from measure.client import AnswerError, Connection
from measure.launch import if_known, start
from measure.memory import Memory
from measure.process import StartError, Tree
from measure.rows import Rows, probe_parser, run
from measure.servers import ROUTED, Place, Server, gunicorn, mewsgi, uwsgi

GOAL = 10 * 1024
WARM_UP = 200
SETTLE = 1.0
SPARE_DESCRIPTORS = 500
ADDRESSES = 8  # 127.0.0.2 and on: no address runs out of ports
DEADLINE = 10.0
HEADINGS = (
    "server",
    "kept",
    "holder RSS MiB",
    "after",
    "tree PSS MiB",
    "after",
    "bytes each (RSS)",
    "(tree PSS)",
    "kernel, both ends",
    "note",
)


def one_front(place: Place, port: int) -> list[str]:
    command = mewsgi("--disable-logging", "--http-keepalive", "600s", way=ROUTED)
    return [*command(place, port), *if_known(place, "--http-processes", "1")]


SERVERS = (
    Server("mewsgi", "", "mewsgi", mewsgi("--disable-logging", "--http-keepalive", "600s")),
    Server("mewsgi-http", "the routed way", "mewsgi", one_front),
    Server(
        "gunicorn-gthread",
        "",
        "gunicorn",
        gunicorn(
            "--worker-class", "gthread", "--threads", "4", "--keep-alive", "600",
            "--worker-connections", "100000",
        ),
    ),
    Server(
        "uwsgi-http",
        "the router keeps them",
        "uWSGI",
        uwsgi("--http", "--http-keepalive=600", "--http-timeout", "600"),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Reading:
    tree: dict[int, Memory]
    kernel: int

    @property
    def whole(self) -> Memory:
        return sum(self.tree.values(), Memory(0, 0))


class Kept(Connection):
    """From an address of its own, so that ten thousand of them find ports."""

    def __init__(self, port: int, place: int) -> None:
        super().__init__(port)
        self.source = f"127.0.0.{2 + place % ADDRESSES}"

    def send(self) -> None:
        if self.socket is None:
            self.socket = socket.socket()
            self.socket.settimeout(DEADLINE)
            # The port is chosen at connect, where only the pair of addresses must be unique.
            self.socket.setsockopt(
                socket.IPPROTO_IP, getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24), 1
            )
            self.socket.bind((self.source, 0))
            self.socket.connect(("127.0.0.1", self.port))
            self.opened += 1
        self.socket.sendall(self.request)


def raise_descriptors(connections: int) -> None:
    """For us and for the servers, which inherit it."""
    wanted = connections + SPARE_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    except (ValueError, OSError) as error:
        raise StartError(
            f"{connections} connections need {wanted} open files, the limit is {hard}: "
            "raise it (ulimit -Hn), or give --connections"
        ) from error


def ask_all(connections: list[Kept]) -> int:
    """How many of them were answered; the others are closed."""
    answered = 0
    for connection in connections:
        try:
            connection.send()
            connection.receive()
            answered += 1
        except (OSError, AnswerError):
            connection.close()
    return answered


def read(tree: Tree) -> Reading:
    return Reading(memory.read_tree(tree), memory.read_kernel() + memory.read_tcp_buffers())


def grown_most(before: Reading, after: Reading) -> tuple[Memory, Memory]:
    """The process that holds the connections: worker or router."""
    pids = [pid for pid in after.tree if pid in before.tree]
    pid = max(pids, key=lambda pid: (after.tree[pid] - before.tree[pid]).rss)
    return before.tree[pid], after.tree[pid]


def row(name: str, before: Reading, after: Reading, kept: int, note: str) -> list[str]:
    def mib(size: int) -> str:
        return f"{size / 2**20:.1f}"

    holder, holder_after = grown_most(before, after)
    count = max(1, kept)
    return [
        name,
        f"{kept:,}",
        mib(holder.rss),
        mib(holder_after.rss),
        mib(before.whole.pss),
        mib(after.whole.pss),
        f"{(holder_after.rss - holder.rss) / count:,.0f}",
        f"{(after.whole.pss - before.whole.pss) / count:,.0f}",
        f"{(after.kernel - before.kernel) / count:,.0f}",
        note,
    ]


def measure(server: Server, place: Place, count: int) -> Rows:
    raise_descriptors(count)
    tree = start(server, place, None)
    connections = [Kept(tree.port, number) for number in range(count)]
    try:
        ask_all(connections[:1] * WARM_UP)
        before = read(tree)
        kept = ask_all(connections)
        time.sleep(SETTLE)
        after = read(tree)
        opened = sum(connection.opened for connection in connections)
        again = ask_all(connections)
        anew = sum(connection.opened for connection in connections) - opened
    finally:
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.close()
        tree.stop()
    note = f"asked again: {again - anew:,} of {kept:,} answered on the same connection"
    return [row(server.name, before, after, kept, note)]


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = probe_parser("idle", __doc__, SERVERS)
    parser.add_argument("--connections", type=int, default=10_000)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    count = min(max(options.connections, 1), 100_000)
    return run(
        SERVERS,
        options.servers,
        lambda server, place: measure(server, place, count),
        (
            f"{count:,} kept connections, idle after one request each, on one worker",
            HEADINGS,
            f"mewsgi under {GOAL:,} bytes each, the kernel's memory apart",
        ),
    )
