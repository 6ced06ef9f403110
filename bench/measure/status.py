"""What a running mewsgi says of itself: `mewsgi status --json`, `mewsgi reload`."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import Any

from measure.servers import Place

DEADLINE = 20.0


class StatusError(Exception):
    pass


@dataclass(frozen=True)
class Worker:
    """One row of the status."""

    id: int
    pid: int
    generation: int
    state: str
    counters: dict[str, int]  # every number of the row, by its name


@dataclass(frozen=True)
class Status:
    generation: int
    workers: list[Worker]
    zygote: int = 0  # its pid
    reserve: int = 0  # the zygote's, its pid
    reloads: int = 0  # committed
    failures: int = 0  # reloads that were rolled back

    def serving(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.generation == self.generation]


def parse_status(text: str) -> Status:
    whole: dict[str, Any] = json.loads(text)
    workers = [
        Worker(
            id=row["id"],
            pid=row["pid"],
            generation=row["generation"],
            state=row["state"],
            counters={name: value for name, value in row.items() if isinstance(value, int)},
        )
        for row in whole["workers"]
    ]
    return Status(
        whole["generation"],
        workers,
        whole["zygote_pid"],
        whole["reserve_pid"],
        whole["reloads"],
        whole["reload_failures"],
    )


def command(place: Place, pid: int, *words: str) -> str:
    try:
        done = subprocess.run(
            [str(place.mewsgi), *words, "--pid", str(pid)],
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )
    except subprocess.TimeoutExpired as late:
        raise StatusError(f"mewsgi {words[0]} did not end within {late.timeout:.0f} s") from late
    if done.returncode != 0:
        raise StatusError(f"mewsgi {words[0]}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout


def read_status(place: Place, pid: int) -> Status:
    return parse_status(command(place, pid, "status", "--json"))
