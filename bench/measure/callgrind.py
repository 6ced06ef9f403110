"""Reads callgrind's dumps and says to which layer an instruction belongs.

Only self cost is added up: the line after `calls=` is what a callee cost, which the callee's own
lines already hold. `fi=` and `fe=` name the file an inlined function came from, so with debug
information a layer keeps its instructions even where the optimiser moved them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

SOURCE = re.compile(r"(?:^|/)src/([a-z0-9_]+)/")
NAMESPACE = re.compile(r"\bmew::(\w+)::")
COST = re.compile(r"^(?:0x[0-9a-f]+ )?(\d+) (\d+)$")
NAMED = re.compile(r"^(ob|fl|fi|fe|fn)=(?:\(\d+\) ?)?(.*)$")
LIBRARIES = (
    ("libpython", "python"),
    ("bin/python", "python"),
    ("libc.so", "libc"),
    ("libc-2", "libc"),
    ("ld-linux", "loader"),
    ("libstdc++", "libstdc++"),
    ("libpthread", "libc"),
)


class Place(NamedTuple):
    thing: str  # program or library
    file: str
    function: str


Costs = Counter[Place]


def read_costs(lines: Iterable[str]) -> Costs:
    """Instructions by place of one dump made with --compress-strings=no --compress-pos=no."""
    costs: Costs = Counter()
    thing = file = function = ""
    called = False
    for raw in lines:
        line = raw.rstrip("\n")
        if line.startswith("calls="):
            called = True
            continue
        cost = COST.match(line)
        if cost:
            if not called:
                costs[Place(thing, file, function)] += int(cost.group(2))
            called = False
            continue
        named = NAMED.match(line)
        if not named:
            continue
        key, value = named.groups()
        if key == "ob":
            thing = value
        elif key == "fn":
            function = value
        else:
            file = value
    return costs


def layer_of(place: Place) -> str:
    """A module of ours, else a library, else the file's own name."""
    source = SOURCE.search(place.file)
    if source and ("mewsgi" in place.thing or "mew::" in place.function):
        return f"mew {source.group(1)}"
    space = NAMESPACE.search(place.function)
    if space:
        return f"mew {space.group(1)}"
    for part, layer in LIBRARIES:
        if part in place.thing:
            return layer
    return place.thing.rsplit("/", 1)[-1] or "unknown"


def by_layer(costs: Costs) -> Counter[str]:
    layers: Counter[str] = Counter()
    for place, cost in costs.items():
        layers[layer_of(place)] += cost
    return layers


def by_function(costs: Costs) -> Counter[tuple[str, str]]:
    functions: Counter[tuple[str, str]] = Counter()
    for place, cost in costs.items():
        functions[(layer_of(place), place.function)] += cost
    return functions
