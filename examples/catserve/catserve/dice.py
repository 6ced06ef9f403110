"""Choices that depend on a seed alone.

Only `random.Random.random()` is used below: its sequence for a given seed is promised by Python to
stay the same, while `choice` and `randrange` changed between versions. A permalink must show the
same cat on every Python.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    def __init__(self, seed: str) -> None:
        self._source = random.Random(f"catserve 1 {seed}")

    def chance(self, probability: float) -> bool:
        return self._source.random() < probability

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self._source.random()

    def pick(self, items: Sequence[T]) -> T:
        return items[int(self._source.random() * len(items))]

    def weighted(self, items: Sequence[tuple[T, float]]) -> T:
        point = self.between(0, sum(weight for _, weight in items))
        for item, weight in items:
            point -= weight
            if point < 0:
                return item
        return items[-1][0]
