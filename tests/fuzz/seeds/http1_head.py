"""Heads of the codec's seeds, in pieces that the input chooses, some with tight limits."""

from __future__ import annotations

import runpy
from pathlib import Path

WIRES: dict[str, bytes] = runpy.run_path(str(Path(__file__).with_name("http1.py")))["SEEDS"]
LIMITS = bytes([0])
TIGHT = bytes([7])


def pieces(*sizes: int) -> bytes:
    return bytes([len(sizes), *sizes])


SEEDS: dict[str, bytes] = {}
for number, (name, wire) in enumerate(WIRES.items()):
    head = wire[:400]
    SEEDS[name] = LIMITS + pieces(number % 7 + 1) + head
    if number % 4 == 0:
        SEEDS[f"{name}_tight"] = TIGHT + pieces(1, 0, 30) + head
