"""The load: one wrk on a core of its own, and what it counted."""

from __future__ import annotations

import json
import resource
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

REPORT_SCRIPT = Path(__file__).with_name("wrk_report.lua")
# "wrong": the answer to another request, which a load of ours sees (measure/numbered.py).
ERROR_KINDS = ("connect", "read", "write", "timeout", "status", "wrong")


@dataclass(frozen=True)
class Load:
    requests: int
    seconds: float
    errors: dict[str, int]  # only the kinds that occurred; "status" is an answer above 399
    p50_us: int
    p99_us: int
    cpu_seconds: float
    max_us: int = 0
    closed: int = 0  # connections that the server ended between requests, of a load of ours
    late_us: int = 0  # the most that such a load was itself behind


class WrkError(Exception):
    pass


def parse_report(output: str) -> Load:
    lines = [line for line in output.splitlines() if line.startswith("REPORT ")]
    if len(lines) != 1:
        raise WrkError(f"wrk gave no report but: {output.strip()[-300:]!r}")
    report = json.loads(lines[0][len("REPORT ") :])
    return Load(
        requests=report["requests"],
        seconds=report["microseconds"] / 1e6,
        errors={kind: report[kind] for kind in ERROR_KINDS if report.get(kind)},
        p50_us=report["p50"],
        p99_us=report["p99"],
        cpu_seconds=0.0,
        max_us=report["max"],
        closed=report.get("closed", 0),
        late_us=report.get("late", 0),
    )


def children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(
    url: str, connections: int, seconds: float, core: int | None, headers: tuple[str, ...] = ()
) -> Load:
    """Whole seconds only: wrk takes no fractions. On any core without a number of one."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
    command += [word for header in headers for word in ("-H", header)]
    return run_program([*command, "-s", str(REPORT_SCRIPT), url], seconds, core)


def run_program(command: list[str], seconds: float, core: int | None) -> Load:
    """wrk, or a load of ours that reports as wrk does."""
    pin = [] if core is None else ["taskset", "-c", str(core)]
    name = Path(command[0]).name
    before = children_cpu()
    try:
        done = subprocess.run(
            [*pin, *command], capture_output=True, text=True, timeout=seconds + 15
        )
    except subprocess.TimeoutExpired as late:
        raise WrkError(f"{name} did not end within {late.timeout:.0f} s") from late
    if done.returncode != 0:
        raise WrkError(f"{name} failed: {(done.stderr or done.stdout).strip()[-300:]}")
    load = parse_report(done.stdout)
    return replace(load, cpu_seconds=children_cpu() - before)
