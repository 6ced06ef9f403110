"""Connections that outlive what serves them: workers killed without a pause, fronts killed now and
then, a reload every second, under a steady load on kept connections. Run by probes/front-kills.

Each phase has a server of its own. Whoever is killed is stopped first (measure/victims.py), so that
what it held is known by its clients' ports: what is lost on these is "of the killed", all else is
LOST. After a front was killed, a new connection asks at once: the time until its answer is how long
the server was not there. Where no process is a front (`--http` is then the direct way), that phase
is left out.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from measure.blame import Verdict, judge
from measure.client import AnswerError, Connection
from measure.columns import milliseconds, percentile
from measure.launch import if_known
from measure.restless import Restless, folder_of
from measure.roles import TITLED, pids_of
from measure.rows import Rows, measure_each, probe_parser, show
from measure.servers import ROUTED, Place, Server
from measure.status import read_status
from measure.steady import Load, Outcome, Plan
from measure.versions import Versions
from measure.victims import Death, kill

WORKERS = 4
RATE = 200.0
KEPT = 40
SECONDS = 60.0
KILL_EVERY = 0.1
FRONT_EVERY = 2.0
RELOAD_EVERY = 1.0
BACK_GOAL = 0.100
BACK_DEADLINE = 20.0
LATE = 0.05  # of the client itself, from which on it is told
HEADINGS = (
    "phase",
    "done",
    "asked",
    "answered",
    "of the killed",
    "LOST",
    "closed",
    "p99 ms",
    "worst",
    "back ms: median",
    "worst",
    "note",
)


def mewsgi(place: Place, port: int) -> list[str]:
    start = [str(place.mewsgi), ROUTED, f"127.0.0.1:{port}", "--processes", str(WORKERS)]
    # Where one front is the only one, nobody covers for it.
    fronts = if_known(place, "--http-processes", "1")
    app = ["--disable-logging", *TITLED, "--chdir", str(folder_of(place)), "app"]
    return [*start, *fronts, *app]


@dataclass(frozen=True)
class Wish:
    seconds: float
    rate: float
    seed: int


@dataclass
class Story:
    """What was done to the server."""

    done: int = 0
    failed: int = 0
    deaths: list[Death] = field(default_factory=list)
    back: list[float] = field(default_factory=list)  # seconds, after the death of a front


Deed = Callable[[Restless, random.Random, Story], None]


def kill_one(pids: list[int], dice: random.Random, story: Story) -> Death | None:
    death = kill(dice.choice(pids)) if pids else None
    if death is not None:
        story.deaths.append(death)
        story.done += 1
    return death


def kill_worker(restless: Restless, dice: random.Random, story: Story) -> None:
    status = read_status(restless.place, restless.pid)
    kill_one([worker.pid for worker in status.serving() if worker.pid], dice, story)


def kill_front(restless: Restless, dice: random.Random, story: Story) -> None:
    death = kill_one(pids_of(restless.tree, "front"), dice, story)
    if death is not None:
        story.back.append(wait_until_back(restless.port, death.at))


def reload(restless: Restless, _: random.Random, story: Story) -> None:
    good = restless.reload()
    story.done += good
    story.failed += not good


def wait_until_back(port: int, since: float) -> float:
    """Until a new connection is answered."""
    end = since + BACK_DEADLINE
    while time.monotonic() < end:
        connection = Connection(port)
        connection.set_deadline(end - time.monotonic())
        try:
            connection.send()
            connection.receive()
            break
        except (OSError, AnswerError):
            continue
        finally:
            connection.close()
    return time.monotonic() - since


@dataclass(frozen=True)
class Phase:
    name: str
    deed: Deed
    every: float
    needs_front: bool = False
    closes_nothing: bool = False  # what the goal says of connections


PHASES = (
    Phase("workers killed", kill_worker, KILL_EVERY),
    Phase("fronts killed", kill_front, FRONT_EVERY, needs_front=True),
    Phase("reloads", reload, RELOAD_EVERY, closes_nothing=True),
)
SERVERS = tuple(Server(f"mewsgi: {phase.name}", "", "mewsgi", mewsgi) for phase in PHASES)


def go_on(restless: Restless, phase: Phase, wish: Wish) -> Story:
    """Does it again and again, at its pace where the machine keeps up."""
    dice = random.Random(wish.seed)
    story = Story()
    due = time.monotonic()
    end = due + wish.seconds
    while time.monotonic() < end:
        phase.deed(restless, dice, story)
        due = max(due + phase.every, time.monotonic() - phase.every)
        time.sleep(max(0.0, min(due, end) - time.monotonic()))
    return story


def measure(phase: Phase, server: Server, place: Place, wish: Wish) -> Rows:
    versions = Versions(folder_of(place))
    versions.write_good()
    restless = Restless(server, place, versions)
    try:
        has_front = bool(pids_of(restless.tree, "front"))
        if phase.needs_front and not has_front:
            return [
                [phase.name, *["-"] * (len(HEADINGS) - 2), "this mewsgi has no front processes"]
            ]
        with Load(Plan(restless.port, wish.rate, kept=KEPT)) as load:
            story = go_on(restless, phase, wish)
            outcome = load.stop()
    finally:
        restless.tree.stop()
    note = "" if has_front else "no fronts: connections are the workers' own"
    return [row(phase, story, outcome, judge(outcome, versions, [], story.deaths), note)]


def row(phase: Phase, story: Story, outcome: Outcome, verdict: Verdict, note: str) -> list[str]:
    notes = [note, verdict.told]
    notes += [f"{story.failed} reloads FAILED"] if story.failed else []
    notes += [f"client late by {milliseconds(verdict.late)} ms"] if verdict.late > LATE else []
    if phase.closes_nothing and outcome.closed:
        notes.append("connections were CLOSED")
    back = [percentile(story.back, 50), max(story.back, default=0.0)]
    return [
        phase.name,
        str(story.done),
        f"{verdict.asked:,}",
        f"{verdict.answered:,}",
        f"{verdict.in_killed:,}",
        f"{len(verdict.lost):,}",
        f"{verdict.closed:,}",
        milliseconds(verdict.p99),
        milliseconds(verdict.worst),
        *[milliseconds(seconds) if story.back else "-" for seconds in back],
        "; ".join(part for part in notes if part),
    ]


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = probe_parser("front-kills", __doc__, SERVERS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of a phase ({SECONDS:g})")
    parser.add_argument("--rate", type=float, default=RATE, help=f"requests/s ({RATE:g})")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30), help="of the choice")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    wish = Wish(
        seconds=min(max(options.seconds, 1.0), 3600.0),
        rate=min(max(options.rate, 1.0), 5000.0),
        seed=options.seed,
    )
    phases = {server.name: phase for server, phase in zip(SERVERS, PHASES)}
    try:
        rows, missing = measure_each(
            SERVERS,
            options.servers,
            lambda server, place: measure(phases[server.name], server, place, wish),
        )
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return show(
        f"{WORKERS} workers under {wish.rate:g} requests/s on {KEPT} kept connections, "
        f"{wish.seconds:g} s each; a worker killed every {KILL_EVERY * 1000:g} ms, a front every "
        f"{FRONT_EVERY:g} s, a reload every {RELOAD_EVERY:g} s; seed {wish.seed}",
        HEADINGS,
        rows,
        missing,
        "with fronts none is LOST, none at all where workers are killed; a front is back within "
        f"{BACK_GOAL * 1000:.0f} ms; reloads close no connection",
    )
