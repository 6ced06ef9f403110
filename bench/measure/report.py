"""From runs to the table: medians over the rounds, ratios to the floor with environ, marks, JSON.

A ratio is taken inside each round, between runs that are seconds apart, and the median of those is
shown: on a shared machine a neighbour slows both alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median

from measure.servers import (
    FLOOR_ENVIRON,
    MEWSGI,
    MEWSGI_ASGI,
    MEWSGI_ASGI_HTTP,
    MEWSGI_HTTP,
    UVICORN,
)

NOISY = 0.10  # share of a core that others used, from which a row is marked
TOO_NOISY = 0.30  # and from which the table as a whole says less


@dataclass(frozen=True)
class Run:
    server: str
    connections: int
    round: int
    requests: int
    seconds: float
    cpu_seconds: float  # of the server's whole tree
    errors: dict[str, int]
    others_on_server_core: float  # share of the time
    others_on_load_core: float
    unserved: int  # connections, of so many open ones, that got no answer in a second
    p50_us: int
    p99_us: int

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    @property
    def cpu_us(self) -> float:
        return self.cpu_seconds * 1e6 / max(1, self.requests)

    @property
    def busy(self) -> float:
        return self.cpu_seconds / self.seconds


@dataclass(frozen=True)
class Row:
    server: str
    connections: int
    rate: tuple[float, float, float]  # median, least, most
    cpu_us: tuple[float, float, float]
    p50_us: float  # median latency
    rate_ratio: float | None
    cpu_ratio: float | None
    busy: float
    others: float
    errors: dict[str, int]
    unserved: int
    requests: int


def spread(values: list[float]) -> tuple[float, float, float]:
    return median(values), min(values), max(values)


def ratio_to(runs: list[Run], base: list[Run], value: Callable[[Run], float]) -> float | None:
    """Inside each round, the median of them."""
    by_round = {run.round: value(run) for run in base}
    ratios = [value(run) / by_round[run.round] for run in runs if by_round.get(run.round)]
    return median(ratios) if ratios else None


def add_up(runs: list[Run]) -> dict[str, int]:
    total: dict[str, int] = {}
    for run in runs:
        for kind, count in run.errors.items():
            total[kind] = total.get(kind, 0) + count
    return total


def make_row(runs: list[Run], floor: list[Run]) -> Row:
    return Row(
        server=runs[0].server,
        connections=runs[0].connections,
        rate=spread([run.rate for run in runs]),
        cpu_us=spread([run.cpu_us for run in runs]),
        p50_us=median(run.p50_us for run in runs),
        rate_ratio=ratio_to(runs, floor, lambda run: run.rate),
        cpu_ratio=ratio_to(runs, floor, lambda run: run.cpu_us),
        busy=median(run.busy for run in runs),
        others=median(max(run.others_on_server_core, run.others_on_load_core) for run in runs),
        errors=add_up(runs),
        unserved=max(run.unserved for run in runs),
        requests=sum(run.requests for run in runs),
    )


def make_rows(runs: list[Run]) -> list[Row]:
    """One row per connections and server, both in the order in which they were measured."""
    groups: dict[tuple[int, str], list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.connections):
        groups.setdefault((run.connections, run.server), []).append(run)
    rows = []
    for (connections, _), group in groups.items():
        rows.append(make_row(group, groups.get((connections, FLOOR_ENVIRON), [])))
    return rows


COLUMNS = (
    ("server", 15),
    ("requests/s", 11),
    ("min-max", 17),
    ("x floor", 8),
    ("CPU us/req", 11),
    ("min-max", 13),
    ("x floor", 8),
    ("busy", 5),
    ("p50 us", 6),
)


def marks(row: Row) -> str:
    found = []
    if row.errors:
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(row.errors.items()))
        found.append(f"ERRORS: {counts} in {row.requests} requests")
    if row.unserved:
        found.append(f"STARVES: {row.unserved} of {row.connections} connections wait over 1 s")
    if row.others > NOISY:
        found.append(f"others used {row.others:.0%} of a core")
    return "; ".join(found)


def cells(row: Row) -> tuple[str, ...]:
    def ratio(value: float | None) -> str:
        return "-" if value is None else f"{value:.2f}"

    return (
        row.server,
        f"{row.rate[0]:,.0f}",
        f"{row.rate[1]:,.0f}-{row.rate[2]:,.0f}",
        ratio(row.rate_ratio),
        f"{row.cpu_us[0]:.2f}",
        f"{row.cpu_us[1]:.2f}-{row.cpu_us[2]:.2f}",
        ratio(row.cpu_ratio),
        f"{row.busy:.0%}",
        f"{row.p50_us:,.0f}",
    )


def line(values: tuple[str, ...], note: str = "") -> str:
    widths = [width for _, width in COLUMNS]
    text = values[0].ljust(widths[0])
    text += "".join(" " + value.rjust(width) for value, width in zip(values[1:], widths[1:]))
    return f"{text}  {note}".rstrip()


def table(rows: list[Row], order: list[str], missing: dict[str, str]) -> str:
    parts = []
    for connections in sorted({row.connections for row in rows}):
        parts += ["", f"{connections} connection{'s' if connections > 1 else ''}"]
        parts.append(line(tuple(heading for heading, _ in COLUMNS)))
        by_name = {row.server: row for row in rows if row.connections == connections}
        for name in order:
            if name in by_name:
                parts.append(line(cells(by_name[name]), marks(by_name[name])))
            elif name in missing:
                parts.append(f"{name.ljust(COLUMNS[0][1])} not measured, see below")
    if missing:
        parts += ["", "Not measured:"]
        parts += [f"  {name}: {reason}" for name, reason in missing.items()]
    return "\n".join(parts)


PAIRS = (
    (MEWSGI_HTTP, MEWSGI, ""),
    (MEWSGI_ASGI, UVICORN, " (goal: CPU us/req at most 0.5 x)"),
    (MEWSGI_ASGI_HTTP, UVICORN, " (goal: CPU us/req at most 0.5 x)"),
)


def ways(runs: list[Run]) -> str:
    """What one way costs beside the other, and ASGI beside uvicorn; nothing without both."""
    texts = [compare(runs, ours, base, goal) for ours, base, goal in PAIRS]
    return "\n\n".join(text for text in texts if text)


def compare(runs: list[Run], ours: str, base: str, goal: str) -> str:
    lines = []
    for connections in sorted({run.connections for run in runs}):
        own = [run for run in runs if run.connections == connections]
        compared = [run for run in own if run.server == ours]
        bases = [run for run in own if run.server == base]
        latency = ratio_to(compared, bases, lambda run: run.p50_us)
        cpu = ratio_to(compared, bases, lambda run: run.cpu_us)
        if latency is not None and cpu is not None:
            count = f"{connections} connection{'s' if connections > 1 else ''}"
            lines.append(f"  {count}: median latency {latency:.2f} x, CPU us/req {cpu:.2f} x")
    return "\n".join([f"{ours} against {base}{goal}:", *lines]) if lines else ""


def warning(rows: list[Row]) -> str:
    """What to say of a table measured beside other work; nothing on a quiet machine."""
    others = median(row.others for row in rows) if rows else 0.0
    if others <= TOO_NOISY:
        return ""
    return (
        f"The machine was busy: others used {others:.0%} of a measured core. Requests/s then says "
        "nothing about a server, and CPU us/req is too high for all; its ratios hold roughly."
    )


def as_json(runs: list[Run], rows: list[Row], about: dict[str, object]) -> dict[str, object]:
    return {**about, "rows": [asdict(row) for row in rows], "runs": [asdict(run) for run in runs]}
