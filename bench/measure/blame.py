"""What became of the requests of a steady load, told from answers, commits and deaths: which were
lost inside a killed process, which by the server; which answers came from code that must not serve.
Used by probes/reloads, probes/kills and the tests.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from measure.columns import percentile
from measure.steady import Lost, Outcome
from measure.versions import Versions
from measure.victims import Death

# A client may ask on a connection of the dead until it has heard of its end.
NOT_YET_HEARD = 0.5


@dataclass(frozen=True)
class Commit:
    """From this moment on (monotonic) no older version may answer what is asked."""

    at: float
    version: str


@dataclass
class Verdict:
    asked: int
    answered: int
    in_killed: int
    lost: list[Lost]  # the others
    by_failed_code: int
    by_old_code: int  # asked after the commit of a newer version
    closed: int
    p99: float
    worst: float
    late: float
    empty_seconds: int  # whole seconds of the load without an answer
    kinds: Counter[str] = field(default_factory=Counter)  # of `lost`

    @property
    def told(self) -> str:
        return ", ".join(f"{count} {how}" for how, count in self.kinds.most_common())


def was_inside(lost: Lost, deaths: Sequence[Death]) -> bool:
    return any(
        lost.port in death.ports
        and lost.asked <= death.at + NOT_YET_HEARD
        and lost.asked + lost.after >= death.at
        for death in deaths
    )


def count_old(outcome: Outcome, versions: Versions, commits: Sequence[Commit]) -> int:
    ages = {version: age for age, version in enumerate(versions.good)}
    times = [commit.at for commit in commits]
    old = 0
    for answer in outcome.answers:
        place = bisect.bisect_left(times, answer.asked) - 1
        if place >= 0:
            old += ages.get(answer.version, 0) < ages[commits[place].version]
    return old


def count_empty_seconds(outcome: Outcome) -> int:
    if not outcome.answers:
        return 0
    ends = [answer.asked + answer.latency for answer in outcome.answers]
    first = min(ends)
    seconds = {int(end - first) for end in ends}
    return max(seconds) + 1 - len(seconds)


def judge(
    outcome: Outcome, versions: Versions, commits: Sequence[Commit], deaths: Sequence[Death]
) -> Verdict:
    inside = [lost for lost in outcome.lost if was_inside(lost, deaths)]
    others = [lost for lost in outcome.lost if lost not in inside]
    waits = [answer.latency for answer in outcome.answers]
    broken = set(versions.broken)
    return Verdict(
        asked=outcome.asked,
        answered=len(outcome.answers),
        in_killed=len(inside),
        lost=others,
        by_failed_code=sum(answer.version in broken for answer in outcome.answers),
        by_old_code=count_old(outcome, versions, commits),
        closed=outcome.closed,
        p99=percentile(waits, 99),
        worst=max(waits, default=0.0),
        late=outcome.late,
        empty_seconds=count_empty_seconds(outcome),
        kinds=Counter(
            f"{lost.how} ({'kept' if lost.kept else 'new'} connection)" for lost in others
        ),
    )
