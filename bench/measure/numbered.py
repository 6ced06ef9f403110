"""The native load whose answers are checked (loads/http_load.cc): each request bears a number, and
the app of these probes (apps/numbered.py) answers with it. Used by probes/mixed,
probes/flat and probes/sleepers.
"""

from __future__ import annotations

from dataclasses import dataclass

from measure import install, wrk
from measure.servers import Place

APP = "numbered"
SOURCE = "loads/http_load.cc"


@dataclass(frozen=True)
class Asking:
    connections: int
    seconds: int  # at most
    requests: int = 0  # 0: as many as there is time for
    interval: float = 0.0  # seconds between the requests of a connection; 0: none
    large_every: int = 0  # one of so many answers has `large_size` bytes
    large_size: int = 0
    path: str = "/"


def build(place: Place) -> None:
    install.build_programs(place, SOURCE)


def run(place: Place, port: int, asking: Asking) -> wrk.Load:
    words = {
        "seconds": asking.seconds,
        "requests": asking.requests,
        "interval_us": round(asking.interval * 1e6),
        "large_every": asking.large_every,
        "large_size": asking.large_size,
        "path": asking.path,
    }
    program = [str(place.build / "http_load"), str(port), str(asking.connections)]
    settings = [f"{name}={value}" for name, value in words.items() if value]
    return wrk.run_program([*program, *settings], asking.seconds, None)


def describe_errors(load: wrk.Load) -> str:
    """What was no answer of its own; nothing where all were."""
    told = [f"{count} {kind} ERRORS" for kind, count in load.errors.items()]
    told += [f"{load.closed} connections closed"] if load.closed else []
    return ", ".join(told)
