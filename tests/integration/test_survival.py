"""Reloads and deaths at random moments under load: nothing is lost but what a killed process had in
its hands, no code that failed ever answers, and in the end all is as it was. These are
bench/probes/reloads and bench/probes/kills, small."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path
from typing import Callable

import harness.bench  # noqa: F401 (makes `measure` importable)
import pytest
from harness import Server, wait_for
from measure.blame import Commit, Verdict, judge
from measure.steady import Load, Plan
from measure.versions import Versions
from measure.victims import Death, kill

Serve = Callable[..., Server]

RATE = 150.0
PATIENCE = 30.0  # a machine may be slow; what is lost is told at once
WORKERS = 2


# The old code's zygote stays for a moment, to come back; what else the versions' app offers.
OPTIONS = ["--reload-confirm", "1s", "--singleton", "app:loop", "--reload-check", "/"]
EVERYBODY = 4 + WORKERS  # master, zygote, its reserve, the singleton


class Killer:
    """Kills anybody but the master, and keeps what died with whom."""

    def __init__(self, server: Server, seed: int) -> None:
        self.server = server
        self.dice = random.Random(seed)
        self.deaths: list[Death] = []

    def strike(self) -> None:
        pids = [p.pid for p in self.server.processes() if p.pid != self.server.process.pid]
        death = kill(self.dice.choice(pids)) if pids else None
        if death:
            self.deaths.append(death)

    def later(self) -> threading.Timer:
        timer = threading.Timer(self.dice.uniform(0, 0.2), self.strike)
        timer.start()
        return timer


def expect_well(verdict: Verdict, seed: int) -> None:
    told = f"seed {seed}: {verdict.told}\n" + "\n".join(map(str, verdict.lost[:20]))
    assert verdict.answered > 20
    assert not verdict.lost, told
    assert verdict.answered + verdict.in_killed == verdict.asked, told
    assert verdict.by_failed_code == 0 and verdict.by_old_code == 0, told


def settled(server: Server) -> int:
    """Waits until everybody is there and nobody else; the descriptors of the master."""
    wait_for(lambda: server.status()["reserve_pid"], "the zygote's reserve", timeout=30)
    wait_for(
        lambda: len(server.processes_but_fronts()) == EVERYBODY,
        f"{EVERYBODY} processes",
        timeout=30,
    )
    wait_for(lambda: not any(one.zombie for one in server.master.descendants), "no zombies")
    return len(server.master.descriptors)


@pytest.mark.slow
@pytest.mark.parametrize("kills", [False, True], ids=["left alone", "with kills"])
def test_reloads_under_load(serve: Serve, tmp_path: Path, kills: bool) -> None:
    versions = Versions(tmp_path)
    versions.write_good()
    server = serve("--processes", str(WORKERS), "--disable-logging", *OPTIONS, "app", cwd=tmp_path)
    versions.write_good()
    assert server.run("reload").status == 0
    before = settled(server)
    seed = random.randrange(1 << 30)
    killer = Killer(server, seed)
    commits: list[Commit] = []
    with Load(Plan(server.port, RATE, PATIENCE)) as load:
        for number in range(10):
            timer = killer.later() if kills else None
            broken = number in (3, 7)
            version = versions.write_broken() if broken else versions.write_good()
            outcome = server.run("reload")
            if timer:
                timer.join()
            if broken:
                assert outcome.status == 1, outcome.text
            elif outcome.status == 0:
                commits.append(Commit(time.monotonic(), version))
            else:
                assert kills, f"good code was refused: {outcome.text}"
        result = load.stop()
    verdict = judge(result, versions, commits, killer.deaths)
    expect_well(verdict, seed)
    if not kills:
        assert len(commits) == 8 and verdict.in_killed == 0
        assert verdict.closed == 0, "a kept connection was closed"
    # A client of the command socket may just be leaving.
    wait_for(lambda: settled(server) <= before, "no more descriptors than before", timeout=30)
    first, second = versions.owners()
    assert first > 1 and second == 0, "two owners of the singleton"
    assert server.run("reload").status == 0


@pytest.mark.slow
def test_kills_under_load(serve: Serve, tmp_path: Path) -> None:
    """Anybody but the master, one after the other and two at once."""
    versions = Versions(tmp_path)
    versions.write_good()
    server = serve("--processes", str(WORKERS), "--disable-logging", *OPTIONS, "app", cwd=tmp_path)
    before = settled(server)
    seed = random.randrange(1 << 30)
    killer = Killer(server, seed)
    with Load(Plan(server.port, RATE, PATIENCE)) as load:
        for number in range(20):
            killer.strike()
            if number % 4 == 0:
                killer.strike()
            wait_for(lambda: len(server.workers()) == WORKERS, "all workers")
            wait_for(lambda: server.get("/").status == 200, "an answer")
        result = load.stop()
    assert len(killer.deaths) >= 20
    expect_well(judge(result, versions, [], killer.deaths), seed)
    # A client of the command socket may just be leaving.
    wait_for(lambda: settled(server) <= before, "no more descriptors than before", timeout=30)
    assert versions.owners()[1] == 0, "two owners of the singleton"
