"""Coat patterns on a body: whatever the pose, drawn over a rectangle and clipped to the shape."""

from __future__ import annotations

from dataclasses import dataclass

from catserve.coats import Pattern
from catserve.dice import Dice
from catserve.shapes import blob, darker, gradient, group, line, num, path, rect
from catserve.traits import Cat


@dataclass(frozen=True)
class Area:
    """The box that a body fills, and how tabby stripes run in it."""

    left: float
    top: float
    right: float
    bottom: float
    stripes: tuple[str, ...]  # path data, drawn as thick strokes


def body_marks(cat: Cat, dice: Dice, area: Area, clip_name: str) -> str:
    coat = cat.coat
    parts: list[str] = []
    width, height = area.right - area.left, area.bottom - area.top
    if coat.pattern is Pattern.tabby:
        thick = dice.between(8, 12)
        parts = [line(stripe, coat.marks[0], thick) for stripe in area.stripes]
    elif coat.pattern is Pattern.spotted:
        for row in range(5):
            for column in range(7):
                x = area.left + width * (column + 0.5 + (row % 2) / 2 + dice.between(-0.2, 0.2)) / 7
                y = area.top + height * (row + 0.5 + dice.between(-0.25, 0.25)) / 5
                size = dice.between(6, 10)
                parts.append(
                    path(
                        blob(dice, x, y, size * 1.2, size, 0.3),
                        fill=darker(coat.base, 0.12),
                        stroke=coat.marks[0],
                        stroke_width=4,
                    )
                )
    elif coat.pattern is Pattern.patched:
        for _ in range(4 if coat.base > "#e" else 16):
            size = dice.between(0.16, 0.3) if coat.base > "#e" else dice.between(0.05, 0.14)
            x = dice.pick(
                (
                    area.left + width * dice.between(0, 0.3),
                    area.right - width * dice.between(0, 0.3),
                    area.left + width * dice.between(0.2, 0.8),
                )
            )
            y = area.top + height * dice.between(0.1, 0.95)
            parts.append(
                path(blob(dice, x, y, width * size, height * size), fill=dice.pick(coat.marks))
            )
    shadow = gradient(
        "body-shade",
        "linear",
        [(0.45, coat.outline, 0), (1, coat.outline, 0.26)],
        x1=0,
        y1=0,
        x2=0,
        y2=1,
    )
    parts.append(
        shadow
        + rect(area.left - 40, area.top - 40, width + 80, height + 80, fill="url(#body-shade)")
    )
    return group(*parts, clip_path=f"url(#{clip_name})")


def limb_colour(cat: Cat) -> str:
    """Paws: socks, points, or as the rest."""
    if cat.white_parts:
        return cat.white
    if cat.coat.pattern is Pattern.points:
        return cat.coat.marks[0]
    return cat.coat.base


def tail(cat: Cat, d: str, width: float) -> str:
    """A tail along `d`, root first: outline, fur, then rings or tip."""
    coat = cat.coat
    if cat.long_hair:
        width *= 1.45
    elif coat.hairless:
        width *= 0.55
    fur = coat.base
    if coat.pattern in (Pattern.points, Pattern.van):
        fur = coat.marks[0]
    parts = [line(d, coat.outline, width + 10), line(d, fur, width)]
    if coat.pattern in (Pattern.tabby, Pattern.spotted):
        parts.append(
            path(
                d,
                fill="none",
                stroke=coat.marks[0],
                stroke_width=width,
                stroke_dasharray=f"{num(width * 0.42)} {num(width * 0.75)}",
            )
        )
        parts.append(
            path(
                d,
                fill="none",
                stroke=coat.marks[0],
                stroke_width=width,
                pathLength=100,
                stroke_linecap="round",
                stroke_dasharray="0 94 6 100",
            )
        )
    elif coat.pattern is Pattern.patched:
        parts.append(
            path(
                d,
                fill="none",
                stroke=coat.marks[-1],
                stroke_width=width,
                pathLength=100,
                stroke_linecap="round",
                stroke_dasharray="0 38 62 100",
            )
        )
    if cat.white_parts:
        parts.append(
            path(
                d,
                fill="none",
                stroke=cat.white,
                stroke_width=width,
                pathLength=100,
                stroke_linecap="round",
                stroke_dasharray="0 88 12 100",
            )
        )
    return "".join(parts)
