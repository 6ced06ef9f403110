"""The machine: which cores are used, and how busy others kept them while we measured."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class CoresError(Exception):
    pass


@dataclass(frozen=True)
class Cores:
    server: int
    load: int


def choose_cores() -> Cores:
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise CoresError("two cores are needed, one for the server and one for wrk; this has one")
    return Cores(server=allowed[-1], load=allowed[0])


def busy_seconds(core: int, stat: str | None = None) -> float:
    """CPU time that anything used of this core, plus what the hypervisor took, since boot."""
    text = Path("/proc/stat").read_text() if stat is None else stat
    for line in text.splitlines():
        name, *values = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, values[:8])
            return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND
    raise CoresError(f"/proc/stat has no core {core}")


def describe() -> dict[str, str]:
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model")):
            model = line.split(":", 1)[1].strip()
            break
    return {
        "cpu": model,
        "cores": str(os.cpu_count()),
        "kernel": platform.release(),
        "machine": platform.machine(),
    }
