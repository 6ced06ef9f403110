"""What the probes with a table of their own share: the servers asked for, started one at a time.

A server that cannot be installed, started or measured costs its rows and no other's; the reason is
printed below the table. Only what concerns mewsgi makes the exit status 1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from measure.columns import table
from measure.launch import find_place, prepare
from measure.machine import CoresError
from measure.process import StartError
from measure.servers import Place, Server
from measure.status import StatusError
from measure.wrk import WrkError

Rows = list[list[str]]


def probe_parser(
    probe: str, about: str | None, servers: Sequence[Server], default: str = ""
) -> argparse.ArgumentParser:
    """Of a probe that asks for servers by their names, which some have blanks in."""
    parser = argparse.ArgumentParser(prog=f"bench/probes/{probe}", description=about)
    names = ", ".join(
        f"'{server.name}'" if " " in server.name else server.name for server in servers
    )
    parser.add_argument("servers", nargs="?", default=default, help=f"by comma, of: {names}")
    return parser


def pick(servers: Sequence[Server], names: str) -> list[Server]:
    """By comma; all without a name."""
    wanted = [name for name in names.split(",") if name]
    known = [server.name for server in servers]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ValueError(f"no server is called {', '.join(unknown)}; there are: {', '.join(known)}")
    return [server for server in servers if not wanted or server.name in wanted]


def measure_each(
    servers: Sequence[Server], names: str, measure: Callable[[Server, Place], Rows]
) -> tuple[Rows, dict[str, str]]:
    """All rows, and why a server has none."""
    place = find_place()
    chosen = pick(servers, names)
    missing = prepare(place, chosen)
    rows: Rows = []
    for server in chosen:
        if server.name in missing:
            continue
        try:
            rows += measure(server, place)
        except (StartError, StatusError, WrkError, CoresError, OSError) as error:
            missing[server.name] = str(error)
    return rows, missing


def show(
    title: str, headings: Sequence[str], rows: Rows, missing: dict[str, str], goal: str
) -> int:
    """Prints it all; the exit status."""
    print(title)
    print(table(headings, rows))
    print(f"Goal: {goal}")
    for name, reason in missing.items():
        print(f"Not measured: {name}: {reason}")
    return 1 if any(name.startswith("mewsgi") for name in missing) or not rows else 0


def run(
    servers: Sequence[Server],
    names: str,
    measure: Callable[[Server, Place], Rows],
    words: tuple[str, Sequence[str], str],
) -> int:
    """The whole of a probe: measure, print. `words`: title, headings, goal."""
    title, headings, goal = words
    try:
        rows, missing = measure_each(servers, names, measure)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return show(title, headings, rows, missing, goal)
