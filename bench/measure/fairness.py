"""How evenly the workers of mewsgi take connections, and who takes them after a reload's commit.
Run by probes/fairness.

Shares: four workers under wrk, with a connection per request and with kept ones; what each worker
counted as accepted, the least against an equal share. Reload: the same load, and in each old worker
an answer that its client does not read, so that none can leave; how many connections the old
generation accepted after the first moment at which the new one was seen to be committed.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from measure import wrk
from measure.launch import start
from measure.process import StartError, Tree
from measure.rows import Rows, measure_each, probe_parser, show
from measure.servers import Place, Server, mewsgi
from measure.status import Status, StatusError, command, read_status

GOAL = 0.5
WORKERS = 4
SECONDS = 3
CLOSE = "Connection: close"
RELOAD_AFTER = 0.5
WATCH = 2.0  # after the commit, until the old workers may leave
COMMIT_DEADLINE = 15.0
DEADLINE = 10.0
LOAD_SECONDS = 5
MOST_HELD = 60
HELD_REQUEST = b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
HELD_LENGTH = 8 << 20
# The app is done with a held answer, and its worker free for others.
KEEPS_ANSWERS = ("--response-buffer", "16777216")
SHARES = ("server", "load", "requests", "accepted by each worker", "least/equal share", "note")
RELOADS = (
    "server",
    "requests",
    "old accepted until commit",
    "after it",
    "late, handed on",
    "old workers seen",
    "looks",
    "note",
)


def make_server(name: str, *options: str) -> Server:
    return Server(
        name,
        "",
        "mewsgi",
        mewsgi("--disable-logging", *KEEPS_ANSWERS, *options, app="busy", processes=WORKERS),
    )


SERVERS = (
    make_server("mewsgi"),
    make_server("mewsgi --thunder-lock", "--thunder-lock"),
    make_server("mewsgi --reuse-port", "--reuse-port"),
)


def counts(status: Status, name: str) -> dict[int, int]:
    """By worker, of the generation that serves."""
    return {worker.id: worker.counters[name] for worker in status.serving()}


def least_share(accepted: list[int]) -> float:
    """1.00 is perfectly even, 0.50 half of an equal share."""
    whole = sum(accepted)
    return min(accepted) * len(accepted) / whole if whole else 0.0


def errors(load: wrk.Load) -> str:
    return ", ".join(f"{count} {kind} ERRORS" for kind, count in load.errors.items())


def shares(server: Server, place: Place, connections: int) -> Rows:
    rows: Rows = []
    tree = start(server, place, None)
    try:
        url = f"http://127.0.0.1:{tree.port}/"
        for what, count, headers in (
            ("new connections", connections, (CLOSE,)),
            ("kept", 4 * connections, ()),
        ):
            before = counts(read_status(place, tree.process.pid), "accepted")
            load = wrk.run(url, count, SECONDS, None, headers)
            after = counts(read_status(place, tree.process.pid), "accepted")
            accepted = [after[worker] - before[worker] for worker in sorted(after)]
            listing = " ".join(f"{number:,}" for number in accepted)
            share = f"{least_share(accepted):.2f}"
            name = server.name if not rows else ""
            rows.append([name, what, f"{load.requests:,}", listing, share, errors(load)])
    finally:
        tree.stop()
    return rows


@dataclass
class Watch:
    """What the old generation was seen to count, look by look, while a new one takes over."""

    old: int
    looks: int = 0
    first: dict[int, int] = field(default_factory=dict)  # accepted by worker, first after commit
    last: dict[int, int] = field(default_factory=dict)
    late: dict[int, int] = field(default_factory=dict)

    def see(self, status: Status) -> bool:
        """False: nothing of the old generation is left, or it still serves."""
        if status.generation == self.old:
            return False
        rows = [worker for worker in status.workers if worker.generation == self.old]
        for worker in rows:
            self.first.setdefault(worker.id, worker.counters["accepted"])
            self.last[worker.id] = worker.counters["accepted"]
            self.late[worker.id] = worker.counters["accepted_late"]
        self.looks += bool(rows)
        return bool(rows)

    @property
    def after_commit(self) -> int:
        return sum(self.last.values()) - sum(self.first.values())


def hold(tree: Tree, place: Place, stack: contextlib.ExitStack) -> list[socket.socket]:
    """Answers that nobody reads, until each worker has one: it cannot leave before."""
    held: list[socket.socket] = []
    while min(counts(read_status(place, tree.process.pid), "connections").values()) == 0:
        if len(held) == MOST_HELD:
            raise StartError(f"a worker accepts nothing: {len(held)} connections went to others")
        connection = stack.enter_context(socket.socket())
        connection.settimeout(DEADLINE)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", tree.port))
        connection.sendall(HELD_REQUEST)
        connection.recv(1)  # the app has been called
        held.append(connection)
    return held


def read_whole(connection: socket.socket) -> bool:
    """The rest of a held answer; whether nothing of it was lost."""
    size = 0
    head = b"H"  # read by hold()
    with contextlib.suppress(OSError):
        while b"\r\n\r\n" not in head:
            data = connection.recv(4096)
            if not data:
                return False
            head += data
        size = len(head.split(b"\r\n\r\n", 1)[1])
        while data := connection.recv(1 << 20):
            size += len(data)
    return head.startswith(b"HTTP/1.1 200 ") and size == HELD_LENGTH


def watch(tree: Tree, place: Place, old: int) -> Watch:
    """Looks as often as it can until the reload has been committed for a while."""
    seen = Watch(old)
    end = time.monotonic() + COMMIT_DEADLINE
    committed = None
    while time.monotonic() < (end if committed is None else committed + WATCH):
        if seen.see(read_status(place, tree.process.pid)) and committed is None:
            committed = time.monotonic()
    if committed is None:
        raise StatusError(f"no commit was seen within {COMMIT_DEADLINE:.0f} s of the reload")
    return seen


def reload(server: Server, place: Place, connections: int) -> Rows:
    tree = start(server, place, None)
    try:
        # The pool is left before the connections are closed, and both before the server stops.
        with contextlib.ExitStack() as stack, ThreadPoolExecutor() as pool:
            held = hold(tree, place, stack)
            old = read_status(place, tree.process.pid)
            url = f"http://127.0.0.1:{tree.port}/"
            loading = pool.submit(wrk.run, url, connections, LOAD_SECONDS, None, (CLOSE,))
            time.sleep(RELOAD_AFTER)
            reloading = pool.submit(command, place, tree.process.pid, "reload")
            seen = watch(tree, place, old.generation)
            whole = sum(read_whole(connection) for connection in held)
            reloading.result()
            load = loading.result()
    finally:
        tree.stop()
    unread = f"{whole} of {len(held)} held answers came whole"
    late = sum(seen.late.values()) - sum(counts(old, "accepted_late").values())
    return [
        [
            server.name,
            f"{load.requests:,}",
            f"{sum(seen.first.values()) - sum(counts(old, 'accepted').values()):,}",
            f"{seen.after_commit:,}",
            f"{late:,}",
            f"{len(seen.first)} of {WORKERS}",
            f"{seen.looks:,}",
            "; ".join(part for part in (unread, errors(load)) if part),
        ]
    ]


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = probe_parser("fairness", __doc__, SERVERS)
    parser.add_argument("--connections", type=int, default=64, help="64; four times that, kept")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    connections = min(max(options.connections, 1), 1000)
    try:
        rows, missing = measure_each(
            SERVERS, options.servers, lambda server, place: shares(server, place, connections)
        )
        reloads, failed = measure_each(
            SERVERS, options.servers, lambda server, place: reload(server, place, connections)
        )
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    status = show(
        f"{WORKERS} workers at saturation, {SECONDS} s of wrk on {connections} connections",
        SHARES,
        rows,
        missing,
        f"with new connections, no worker under {GOAL} of an equal share of accepts",
    )
    print()
    return status | show(
        "A reload under the load with new connections",
        RELOADS,
        reloads,
        failed,
        "the old generation accepts nothing after the commit; no errors",
    )
