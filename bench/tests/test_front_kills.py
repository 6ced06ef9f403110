"""What probes/front-kills and probes/flat are made of: titles, turns, rows."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter

import pytest
from measure import flat, front_kills
from measure.blame import judge
from measure.front_kills import PHASES, Phase, Story, Wish, go_on, wait_until_back
from measure.roles import read_title, role_of
from measure.steady import Answer, Lost, Outcome
from measure.versions import Versions
from measure.victims import Death
from measure.wrk import Load
from small_server import ANSWER, server

KIB = 1024


def test_roles_are_told_by_titles():
    assert role_of("mewsgi front 2") == "front"
    assert role_of("mewsgi worker 1") == "worker"
    assert role_of("mewsgi --http :8000 app") == "other"
    assert role_of("python3 _zygote.py 14") == "other"
    assert role_of("") == "other"


def test_a_title_is_read_from_its_words_or_from_the_kernel():
    # A process that names itself as a front without a title does (PR_SET_NAME).
    code = "import sys; open('/proc/self/comm', 'w').write('mewsgi front'); print(); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout and process.stdin
        process.stdout.readline()
        assert read_title(process.pid) == "mewsgi front"
        process.stdin.write(b"\n")
        process.stdin.close()
    with subprocess.Popen(["sleep", "60"]) as process:
        os.kill(process.pid, 9)
    assert read_title(process.pid) == ""


def test_a_server_is_back_when_a_new_connection_is_answered():
    with server(ANSWER) as port:
        since = time.monotonic() - 0.5
        assert 0.5 < wait_until_back(port, since) < front_kills.BACK_DEADLINE


def test_deeds_are_done_again_and_again():
    seen = []

    def deed(restless: object, dice: random.Random, story: Story) -> None:
        seen.append(dice.random())
        story.done += 1

    phase = Phase("x", deed, 0.01)  # type: ignore[arg-type]
    wish = Wish(0.1, 1.0, 7)
    story = go_on(None, phase, wish)  # type: ignore[arg-type]
    assert story.done == len(seen) > 1
    first = list(seen)
    seen.clear()
    go_on(None, phase, wish)  # type: ignore[arg-type]
    shorter = min(len(first), len(seen))
    assert seen[:shorter] == first[:shorter], "the seed repeats the choice"


def test_only_the_killed_may_lose(tmp_path):
    versions = Versions(tmp_path)
    versions.write_good()
    outcome = Outcome(asked=4, closed=3)
    outcome.answers.append(Answer(10.0, 0.002, "v1", 7))
    outcome.lost.append(Lost(10.0, 0.01, "reset", 5001, True))
    outcome.lost.append(Lost(10.0, 0.01, "another's answer", 5002, True))
    story = Story(1, 0, [Death(10.005, 0.0, 7, frozenset({5001}))], [0.03, 0.01])
    verdict = judge(outcome, versions, [], story.deaths)
    row = front_kills.row(PHASES[1], story, outcome, verdict, "")
    assert row[:7] == ["fronts killed", "1", "4", "1", "1", "1", "3"]
    assert row[9:11] == ["10.00", "30.00"]
    assert "1 another's answer (kept connection)" in row[-1]
    row = front_kills.row(PHASES[2], Story(9, 1), outcome, verdict, "no fronts")
    assert row[9] == "-"
    assert "1 reloads FAILED" in row[-1]
    assert "connections were CLOSED" in row[-1]


# --- probes/flat


def reading(**kib: int) -> flat.Reading:
    return flat.Reading(Counter({role: size * KIB for role, size in kib.items()}))


def test_growth_is_told_by_request():
    before, after = reading(front=100, worker=200), reading(front=100, worker=3000)
    assert (
        flat.describe_growth(before, after, 1000) == "GREW by 2,800 KiB, 2867.200 bytes a request"
    )
    assert flat.describe_growth(before, before, 0) == "changed by 0 KiB"


def test_a_row_of_memory_by_role():
    load = Load(500, 0.5, {"wrong": 3}, 100, 2000, 0.0)
    row = flat.row("a", 1500, reading(front=100, worker=200, other=5), load, "n")
    assert row == ["a", "1,500", "100", "200", "-", "-", "305", "1,000", "0.10", "2.00", "3", "n"]
    assert len(row) == len(flat.HEADINGS)
    assert len(flat.row("a", 0, reading(), None, "")) == len(flat.HEADINGS)


@pytest.mark.parametrize("phase", PHASES)
def test_each_phase_has_a_server_of_its_name(phase: Phase):
    assert f"mewsgi: {phase.name}" in [server.name for server in front_kills.SERVERS]
