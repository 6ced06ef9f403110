"""The load of the probes of TLS and HTTP/2: one h2load (Debian's nghttp2-client) on a core of its
own, for so many requests, and what it counted."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass

from measure.process import StartError

DEADLINE = 120.0


@dataclass(frozen=True)
class Plan:
    connections: int
    streams: int  # of each connection at a time; 1 with `http1`
    requests: int
    http1: bool = False

    def command(self, url: str) -> list[str]:
        numbers = {"-n": self.requests, "-c": self.connections, "-m": self.streams, "-t": 1}
        words = [word for name, value in numbers.items() for word in (name, str(value))]
        return ["h2load", *words, *(["--h1"] if self.http1 else []), url]


@dataclass(frozen=True)
class Counted:
    requests: int  # that were answered with 2xx
    failed: int
    seconds: float


def parse(output: str) -> Counted:
    done = re.search(r"requests: (\d+) total", output)
    good = re.search(r"status codes: (\d+) 2xx", output)
    took = re.search(r"finished in ([\d.]+)(us|ms|s|m)\b", output)
    if not done or not good or not took:
        raise StartError(f"h2load said: {output.strip()[-300:]!r}")
    unit = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}[took[2]]
    answered = int(good[1])
    return Counted(answered, int(done[1]) - answered, float(took[1]) * unit)


def run(plan: Plan, url: str, core: int) -> Counted:
    if shutil.which("h2load") is None:
        raise StartError("h2load is missing: apt-get install nghttp2-client")
    command = ["taskset", "-c", str(core), *plan.command(url)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
    except subprocess.TimeoutExpired as late:
        raise StartError(f"h2load did not end within {DEADLINE:.0f} s") from late
    if done.returncode != 0:
        raise StartError(f"h2load failed: {(done.stderr or done.stdout).strip()[-300:]}")
    return parse(done.stdout)
