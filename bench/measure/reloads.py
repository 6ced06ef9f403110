"""Reloads under a steady load: what was lost, who answered, what the server holds in the end. Run
by probes/reloads.

The app is written anew before each reload, every tenth time broken (a syntax error, an import that
fails, an exception), and every answer says which version made it. Twice for mewsgi: as it is, and
with processes of its tree killed at random moments. Its peers are reloaded the same way, fewer
times; one that ends is started again by the probe, which is counted.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time
from dataclasses import dataclass, field

from measure.blame import Commit, Verdict, judge
from measure.columns import milliseconds, table
from measure.launch import find_place, knows, prepare
from measure.process import StartError
from measure.restless import SEEN_DEADLINE, WORKERS, Holds, Restless, folder_of
from measure.rows import pick, probe_parser
from measure.servers import Command, Place, Server
from measure.status import StatusError
from measure.steady import Load, Plan
from measure.versions import Versions
from measure.victims import Death, candidates, kill

RELOADS = 200
RELOADS_OF_PEERS = 20
RATE = 500.0
KILLS = 40
BROKEN_EVERY = 10
BROKEN_SHOWS = 2.0  # how long a peer with broken code is watched
PAUSE = 0.1
FIRST = 2  # reloads before what is held is read the first time
WITH_KILLS = "mewsgi --kills"
OPTIONS = {"singleton": ("--singleton", "app:loop"), "reload-check": ("--reload-check", "/")}
REQUESTS = (
    "server",
    "asked",
    "answered",
    "of the killed",
    "LOST",
    "by failed code",
    "by old code",
    "p99 ms",
    "worst",
    "late",
    "what was lost",
)
SERVERS_TABLE = (
    "server",
    "good",
    "failed",
    "broken",
    "taken",
    "ended",
    "kills",
    "processes",
    "descriptors",
    "RSS KiB",
    "owners",
    "second",
    "note",
)


def mewsgi(place: Place, port: int) -> list[str]:
    start = [str(place.mewsgi), "--http", f"127.0.0.1:{port}", "--processes", str(WORKERS)]
    known = [word for name, words in OPTIONS.items() if knows(place, name) for word in words]
    return [*start, "--disable-logging", "--chdir", str(folder_of(place)), *known, "app"]


def uwsgi(socket: str, *options: str) -> Command:
    def command(place: Place, port: int) -> list[str]:
        start = [place.program("uwsgi"), socket, f"127.0.0.1:{port}", "--master", "--die-on-term"]
        app = ["--chdir", str(folder_of(place)), "--module", "app", "--listen", "100"]
        quiet = ["--processes", str(WORKERS), "--disable-logging", *options]
        return [*start, *app, *quiet, "--virtualenv", str(place.venv)]

    return command


def gunicorn(place: Place, port: int) -> list[str]:
    start = [place.program("gunicorn"), "--bind", f"127.0.0.1:{port}", "--workers", str(WORKERS)]
    app = ["--chdir", str(folder_of(place)), "--worker-class", "gthread", "--threads", "4"]
    return [*start, *app, "--log-level", "warning", "app:application"]


def granian(place: Place, port: int) -> list[str]:
    start = [place.program("granian"), "--interface", "wsgi", "--host", "127.0.0.1"]
    quiet = ["--no-access-log", "--log-level", "warning", "--http", "1", "--no-ws"]
    # 3.5 s pass between the two workers without.
    app = ["--working-dir", str(folder_of(place)), "--workers", str(WORKERS)]
    app += ["--respawn-interval", "0.5"]
    return [*start, "--port", str(port), *app, *quiet, "app:application"]


def uvicorn(place: Place, port: int) -> list[str]:
    start = [place.program("uvicorn"), "--host", "127.0.0.1", "--port", str(port)]
    app = ["--app-dir", str(folder_of(place)), "--workers", str(WORKERS)]
    return [*start, *app, "--no-access-log", "--log-level", "warning", "app:asgi"]


SERVERS = (
    Server("mewsgi", "", "mewsgi", mewsgi),
    Server(WITH_KILLS, "", "mewsgi", mewsgi),
    Server("uwsgi-http", "", "uWSGI", uwsgi("--http", "--http-keepalive")),
    Server(
        "uwsgi-http-socket",
        "",
        "uWSGI",
        # It closes after each answer without a word; so that nobody asks on a closed connection.
        uwsgi("--http-socket", "--add-header", "Connection: close"),
    ),
    Server("gunicorn", "", "gunicorn", gunicorn),
    Server("granian", "", "granian", granian),
    Server("uvicorn", "ASGI", "uvicorn", uvicorn),
)


@dataclass(frozen=True)
class Wish:
    reloads: int
    rate: float
    kills: int
    seed: int


@dataclass
class Story:
    """What happened beside the load."""

    good: int = 0
    failed: int = 0  # with good code: rolled back, or not to be seen within the deadline
    broken: int = 0
    taken: int = 0  # broken code that was reported to have taken over
    commits: list[Commit] = field(default_factory=list)
    deaths: list[Death] = field(default_factory=list)


def kill_one(restless: Restless, dice: random.Random, deaths: list[Death]) -> None:
    pids = candidates(restless.tree)
    death = kill(dice.choice(pids)) if pids else None
    if death:
        deaths.append(death)


def reload_mewsgi(restless: Restless, number: int, story: Story, dice: random.Random) -> None:
    broken = number % BROKEN_EVERY == 0
    version = restless.versions.write_broken() if broken else restless.versions.write_good()
    done = restless.reload_by_signal() if number % 5 == 3 else restless.reload()
    if broken:
        story.broken += 1
        story.taken += done
    elif done:
        story.good += 1
        story.commits.append(Commit(time.monotonic(), version))
    else:
        story.failed += 1
    time.sleep(dice.uniform(0, PAUSE))


def reload_peer(restless: Restless, number: int, story: Story, dice: random.Random) -> None:
    """By SIGHUP, which tells nothing: seen when the new version answers."""
    broken = number % BROKEN_EVERY == 0
    version = restless.versions.write_broken() if broken else restless.versions.write_good()
    restless.hang_up()
    if broken:
        story.broken += 1
        story.taken += restless.wait_until_it_says(version, BROKEN_SHOWS)
        version = restless.versions.write_good()
        restless.hang_up()
    seen = restless.wait_until_it_says(version, SEEN_DEADLINE)
    if restless.has_ended():
        restless.restart()
    story.good += seen
    story.failed += not seen
    time.sleep(dice.uniform(0, PAUSE))


def run_reloads(restless: Restless, wish: Wish, story: Story) -> None:
    dice = random.Random(wish.seed)
    moments = sorted(dice.randrange(wish.reloads) for _ in range(wish.kills))
    for number in range(1, wish.reloads + 1):
        killers = [
            threading.Timer(dice.uniform(0, 0.25), kill_one, (restless, dice, story.deaths))
            for moment in moments
            if moment == number - 1
        ]
        for killer in killers:
            killer.start()
        if restless.server.needs == "mewsgi":
            reload_mewsgi(restless, number, story, dice)
        else:
            reload_peer(restless, number, story, dice)
        for killer in killers:
            killer.join()


@dataclass(frozen=True)
class Result:
    verdict: Verdict
    story: Story
    before: Holds
    after: Holds
    restarts: int
    owners: tuple[int, int]


def measure(server: Server, place: Place, wish: Wish) -> Result:
    versions = Versions(folder_of(place))
    versions.write_good()
    restless = Restless(server, place, versions)
    story = Story()
    try:
        quiet = restless.at_rest()
        run_reloads(restless, Wish(FIRST, 0, 0, 0), Story())
        before = restless.at_rest(quiet.processes)
        with Load(Plan(restless.port, wish.rate)) as load:
            run_reloads(restless, wish, story)
            outcome = load.stop()
        after = restless.at_rest(before.processes)
    finally:
        restless.tree.stop()
    verdict = judge(outcome, versions, story.commits, story.deaths)
    return Result(verdict, story, before, after, restless.restarts, versions.owners())


def request_row(server: Server, verdict: Verdict) -> list[str]:
    return [
        server.name,
        f"{verdict.asked:,}",
        f"{verdict.answered:,}",
        f"{verdict.in_killed:,}",
        f"{len(verdict.lost):,}",
        str(verdict.by_failed_code),
        str(verdict.by_old_code),
        milliseconds(verdict.p99),
        milliseconds(verdict.worst),
        milliseconds(verdict.late),
        verdict.told,
    ]


def server_row(server: Server, result: Result, singleton: bool) -> list[str]:
    story, before, after = result.story, result.before, result.after
    owners = [str(number) if singleton else "-" for number in result.owners]
    return [
        server.name,
        str(story.good),
        str(story.failed),
        str(story.broken),
        str(story.taken),
        str(result.restarts),
        str(len(story.deaths)),
        f"{before.processes} > {after.processes}",
        f"{before.descriptors} > {after.descriptors}",
        f"{before.rss // 1024:,} > {after.rss // 1024:,}",
        *owners,
        server.about,
    ]


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = probe_parser("reloads", __doc__, SERVERS)
    parser.add_argument("--reloads", type=int, default=RELOADS, help=f"of mewsgi ({RELOADS})")
    parser.add_argument(
        "--peers", type=int, default=RELOADS_OF_PEERS, help=f"of each peer ({RELOADS_OF_PEERS})"
    )
    parser.add_argument("--rate", type=float, default=RATE, help=f"requests/s ({RATE:g})")
    parser.add_argument("--kills", type=int, default=KILLS, help=f"in '{WITH_KILLS}' ({KILLS})")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30), help="of the kills")
    return parser.parse_args(arguments)


def wish_for(server: Server, options: argparse.Namespace) -> Wish:
    reloads = options.reloads if server.needs == "mewsgi" else options.peers
    return Wish(
        reloads=min(max(reloads, 1), 2000),
        rate=min(max(options.rate, 1.0), 5000.0),
        kills=min(max(options.kills, 0), 2000) if server.name == WITH_KILLS else 0,
        seed=options.seed,
    )


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    place = find_place()
    try:
        chosen = pick(SERVERS, options.servers)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    missing = prepare(place, chosen)
    results: list[tuple[Server, Result]] = []
    for server in chosen:
        if server.name in missing:
            continue
        try:
            results.append((server, measure(server, place, wish_for(server, options))))
        except (StartError, StatusError, OSError) as error:
            missing[server.name] = str(error)
    report(results, place, options)
    for name, reason in missing.items():
        print(f"Not measured: {name}: {reason}")
    return 1 if any(name.startswith("mewsgi") for name in missing) or not results else 0


def report(results: list[tuple[Server, Result]], place: Place, options: argparse.Namespace) -> None:
    print(
        f"Reloads under {options.rate:g} requests/s, half on new connections; seed {options.seed}"
    )
    print(table(REQUESTS, [request_row(server, result.verdict) for server, result in results]))
    print("Goal: mewsgi loses none but a killed worker's own, and failed code answers none")
    print()
    print("Their reloads, and what they hold before and after")
    singleton = knows(place, "singleton")
    rows = [
        server_row(server, result, singleton and server.needs == "mewsgi")
        for server, result in results
    ]
    print(table(SERVERS_TABLE, rows))
    print("Goal: no broken code taken, no growth, never a second owner of the singleton")
