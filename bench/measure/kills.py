"""Workers, zygotes and their reserves killed by the hundred (SIGKILL) under a steady load: does the
service stay, and how soon is there another. Run by probes/kills.

After most kills the replacement is waited for, after some it is not, so that the next one meets a
tree that is still mending. Times are from the kill to the line of the log that says a replacement
is ready (to serve, or to fork), read after the end.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from measure.blame import Verdict, judge
from measure.columns import milliseconds, percentile
from measure.process import StartError
from measure.restless import Holds, Restless, folder_of
from measure.rows import Rows, measure_each, probe_parser, show
from measure.servers import Command, Place, Server
from measure.status import read_status
from measure.steady import Load, Plan
from measure.versions import Versions
from measure.victims import Death, kill

KILLS = 1000
RATE = 500.0
WORKERS = 4
GOAL = 0.100
PAUSE = 0.02
HASTE = 0.2  # share of kills after which nothing is waited for
OF_ZYGOTES = 0.15
MEND_DEADLINE = 20.0
HEADINGS = (
    "server",
    "kills",
    "asked",
    "of the killed",
    "LOST",
    "seconds without answer",
    "processes",
    "descriptors",
    "RSS KiB",
    "note",
)
TIMES = ("killed", "count", "median ms", "p99", "worst", "since noticed: p99", "worst", "note")
STAMP = r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) "
SPAWNED = re.compile(STAMP + r".*spawned mewsgi worker (\d+).*\(pid: (\d+)", re.MULTILINE)
NOTICED = re.compile(STAMP + r".*\(pid (\d+)\).* killed by SIGKILL", re.MULTILINE)
# By its reserve; or, without one, by a zygote that imports anew.
FORKS = re.compile(STAMP + r".*(?:takes the zygote's place|\bapp app\S* loaded in )", re.MULTILINE)


def mewsgi(*options: str) -> Command:
    def command(place: Place, port: int) -> list[str]:
        start = [str(place.mewsgi), "--http", f"127.0.0.1:{port}", "--processes", str(WORKERS)]
        app = ["--disable-logging", "--chdir", str(folder_of(place)), *options, "app"]
        return [*start, *app]

    return command


SERVERS = (
    Server("mewsgi", "inline", "mewsgi", mewsgi()),
    Server("mewsgi --threads", "4 threads each", "mewsgi", mewsgi("--threads", "4")),
)


@dataclass(frozen=True)
class Plague:
    kills: int
    rate: float
    seed: int


@dataclass(frozen=True)
class Spawn:
    at: float
    slot: int
    pid: int


@dataclass
class Log:
    """What the log says of replacements, in seconds since the epoch."""

    spawned: list[Spawn]
    forks: list[float]  # there is a zygote again
    noticed: dict[int, float]  # the deaths, by pid

    @classmethod
    def read(cls, path: Path) -> Log:
        text = path.read_text(errors="replace")
        spawned = [Spawn(epoch(at), int(slot), int(pid)) for at, slot, pid in SPAWNED.findall(text)]
        noticed = {int(pid): epoch(at) for at, pid in NOTICED.findall(text)}
        return cls(spawned, [epoch(at) for at in FORKS.findall(text)], noticed)

    def worker_back(self, pid: int) -> float | None:
        """When the slot of this process was filled the next time."""
        slot = None
        for spawn in self.spawned:
            if slot is not None and spawn.slot == slot:
                return spawn.at
            if spawn.pid == pid:
                slot = spawn.slot
        return None

    def zygote_back(self, killed_at: float) -> float | None:
        # The log's stamps are whole milliseconds, cut off.
        return next((at for at in self.forks if at > killed_at - 0.001), None)


def epoch(stamp: str) -> float:
    return datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S.%f").timestamp()


@dataclass
class Fallen:
    workers: list[Death]
    zygotes: list[Death]
    reserves: list[Death]

    @property
    def everybody(self) -> list[Death]:
        return [*self.workers, *self.zygotes, *self.reserves]


def strike(restless: Restless, dice: random.Random, fallen: Fallen) -> None:
    status = read_status(restless.place, restless.pid)
    kinds = [
        (fallen.zygotes, [status.zygote], OF_ZYGOTES / 2),
        (fallen.reserves, [status.reserve], OF_ZYGOTES / 2),
        (fallen.workers, [worker.pid for worker in status.serving()], 1 - OF_ZYGOTES),
    ]
    (chosen,) = dice.choices(kinds, [share for _, _, share in kinds])
    dead, pids, _ = chosen
    living = [pid for pid in pids if pid]
    death = kill(dice.choice(living)) if living else None
    if death:
        dead.append(death)


def wait_until_mended(restless: Restless) -> None:
    end = time.monotonic() + MEND_DEADLINE
    while time.monotonic() < end:
        if restless.has_ended():
            raise StartError(f"it ended: {restless.tree.last_words()}")
        status = read_status(restless.place, restless.pid)
        states = [worker.state for worker in status.serving() if worker.pid]
        if (
            status.zygote
            and status.reserve
            and len(states) == WORKERS
            and set(states) <= {"idle", "busy"}
        ):
            return
    raise StartError(f"not all of it was there {MEND_DEADLINE:.0f} s after a kill")


def plague(restless: Restless, wish: Plague) -> Fallen:
    dice = random.Random(wish.seed)
    fallen = Fallen([], [], [])
    while len(fallen.everybody) < wish.kills:
        strike(restless, dice, fallen)
        if dice.random() >= HASTE:
            wait_until_mended(restless)
            time.sleep(dice.uniform(0, PAUSE))
    wait_until_mended(restless)
    return fallen


def measure(server: Server, place: Place, wish: Plague, times: Rows) -> Rows:
    versions = Versions(folder_of(place))
    versions.write_good()
    restless = Restless(server, place, versions)
    try:
        before = restless.at_rest()
        with Load(Plan(restless.port, wish.rate)) as load:
            fallen = plague(restless, wish)
            outcome = load.stop()
        after = restless.at_rest(before.processes)
        log = Log.read(restless.tree.log)
    finally:
        restless.tree.stop()
    times += time_rows(server, fallen, log)
    verdict = judge(outcome, versions, [], fallen.everybody)
    return [row(server, fallen, verdict, before, after)]


def time_rows(server: Server, fallen: Fallen, log: Log) -> Rows:
    zygotes = [(death, log.zygote_back(death.wall)) for death in fallen.zygotes]
    gaps = [(death.wall, back) for death, back in zygotes if back is not None]
    workers = [(death, log.worker_back(death.pid)) for death in fallen.workers]
    orphaned = [end for end in workers if in_gap(end[0].wall, end[1], gaps)]
    kinds = {
        "worker": [end for end in workers if end not in orphaned],
        "worker, while there was no zygote": orphaned,
        "zygote": zygotes,
    }
    return [time_row(f"{server.name}: {kind}", ends, log) for kind, ends in kinds.items()]


def in_gap(killed: float, back: float | None, gaps: Sequence[tuple[float, float]]) -> bool:
    """Whether some of the time until the replacement passed without a zygote to fork it."""
    return back is not None and any(began < back and killed < ended for began, ended in gaps)


def time_row(name: str, ends: Sequence[tuple[Death, float | None]], log: Log) -> list[str]:
    """On a busy machine the master may have to wait for a core before it notices a death."""
    replaced = [(death, back) for death, back in ends if back is not None]
    waits = [max(0.0, back - death.wall) for death, back in replaced]
    since = [max(0.0, back - log.noticed.get(death.pid, death.wall)) for death, back in replaced]
    missing = len(ends) - len(replaced)
    figures = [percentile(waits, 50), percentile(waits, 99), max(waits, default=0.0)]
    figures += [percentile(since, 99), max(since, default=0.0)]
    note = f"{missing} WERE NOT REPLACED" if missing else ""
    return [name, str(len(ends)), *map(milliseconds, figures), note]


def row(server: Server, fallen: Fallen, verdict: Verdict, before: Holds, after: Holds) -> list[str]:
    late = f"client late by {milliseconds(verdict.late)} ms" if verdict.late > GOAL else ""
    return [
        server.name,
        str(len(fallen.everybody)),
        f"{verdict.asked:,}",
        f"{verdict.in_killed:,}",
        f"{len(verdict.lost):,}",
        str(verdict.empty_seconds),
        f"{before.processes} > {after.processes}",
        f"{before.descriptors} > {after.descriptors}",
        f"{before.rss // 1024:,} > {after.rss // 1024:,}",
        "; ".join(part for part in (server.about, verdict.told, late) if part),
    ]


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = probe_parser("kills", __doc__, SERVERS)
    parser.add_argument("--kills", type=int, default=KILLS, help=f"({KILLS})")
    parser.add_argument("--rate", type=float, default=RATE, help=f"requests/s ({RATE:g})")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30), help="of the choice")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    wish = Plague(
        kills=min(max(options.kills, 1), 20_000),
        rate=min(max(options.rate, 1.0), 5000.0),
        seed=options.seed,
    )
    times: Rows = []
    try:
        rows, missing = measure_each(
            SERVERS, options.servers, lambda server, place: measure(server, place, wish, times)
        )
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    status = show(
        f"kill -9 of {WORKERS} workers and their zygote under {wish.rate:g} requests/s; "
        f"seed {wish.seed}",
        HEADINGS,
        rows,
        missing,
        "lost is only what was inside a killed process, every second has answers, nothing grows",
    )
    if times:
        print()
        show(
            "From the kill to the replacement",
            TIMES,
            times,
            {},
            f"a worker's within {GOAL * 1000:.0f} ms",
        )
    return status
