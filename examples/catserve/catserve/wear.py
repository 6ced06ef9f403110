"""Things that cats put up with. Drawn in the head's own coordinates, so that they tilt with it."""

from __future__ import annotations

from collections.abc import Callable

from catserve.face import EYE_X, EYE_Y
from catserve.shapes import circle, darker, ellipse, group, lighter, line, path, rect
from catserve.traits import Cat, Mood, Wear


def draw_wear(cat: Cat) -> str:
    return DRAWERS[cat.wear](cat)


def under_head(cat: Cat) -> bool:
    """Whether the head covers part of it."""
    return cat.wear in (Wear.scarf, Wear.bell, Wear.bandana, Wear.bow_tie)


def nothing(cat: Cat) -> str:
    return ""


def bow_tie(cat: Cat) -> str:
    c = cat.wear_colour
    edge = darker(c, 0.45)
    wing = "M 0 80 C -14 62 -34 58 -44 64 C -48 76 -48 88 -44 98 C -34 104 -14 98 0 82 Z"
    both = path(wing, fill=c, stroke=edge, stroke_width=4, stroke_linejoin="round") + line(
        "M -8 80 L -26 74 M -8 83 L -26 88", edge, 3
    )
    return (
        both
        + group(both, transform="scale(-1 1)")
        + rect(-9, 70, 18, 22, rx=7, fill=lighter(c, 0.18), stroke=edge, stroke_width=4)
    )


def scarf(cat: Cat) -> str:
    c = cat.wear_colour
    edge, stripe = darker(c, 0.45), lighter(c, 0.6)
    return group(
        path(
            "M 26 84 C 34 108 36 128 32 146 L 60 150 C 66 124 60 100 52 80 Z",
            fill=c,
            stroke=edge,
            stroke_width=4,
            stroke_linejoin="round",
        ),
        line("M 34 128 L 62 132 M 35 117 L 62 120", stripe, 5),
        line("M 35 148 V 157 M 45 150 V 159 M 55 151 V 159", c, 5),
        path(
            "M -68 46 C -46 72 46 72 68 46 C 78 60 76 74 68 84 C 40 108 -40 108 -68 84 "
            "C -76 74 -78 60 -68 46 Z",
            fill=c,
            stroke=edge,
            stroke_width=4,
        ),
        line("M -48 70 L -44 98 M -34 75 L -30 102 M 8 80 L 8 106 M 22 79 L 20 105", stripe, 5),
    )


def bell(cat: Cat) -> str:
    c = cat.wear_colour
    return group(
        path(
            "M -60 54 C -40 84 40 84 60 54 L 62 68 C 42 98 -42 98 -62 68 Z",
            fill=c,
            stroke=darker(c, 0.45),
            stroke_width=4,
            stroke_linejoin="round",
        ),
        circle(0, 94, 13, fill="#f3c83f", stroke="#8c6412", stroke_width=4),
        line("M -11 92 H 11 M 0 97 V 104", "#8c6412", 3.5),
        circle(-4, 87, 2.6, fill="#fff", opacity="0.9"),
    )


def bandana(cat: Cat) -> str:
    c = cat.wear_colour
    dots = "".join(
        circle(x, y, 4, fill=lighter(c, 0.75))
        for x, y in (
            (-34, 84),
            (-12, 92),
            (12, 92),
            (34, 84),
            (-18, 110),
            (18, 110),
            (0, 112),
            (0, 130),
        )
    )
    return (
        path(
            "M -64 52 C -44 76 44 76 64 52 C 56 92 28 132 0 150 C -28 132 -56 92 -64 52 Z",
            fill=c,
            stroke=darker(c, 0.45),
            stroke_width=4,
            stroke_linejoin="round",
        )
        + dots
    )


def glasses(cat: Cat) -> str:
    rim = darker(cat.wear_colour, 0.25)
    lens = "".join(
        circle(x, EYE_Y, 30, fill="#dff1f7", fill_opacity="0.16", stroke=rim, stroke_width=6)
        + line(f"M {x - 18} {EYE_Y - 8} L {x - 8} {EYE_Y - 18}", "#ffffff", 4, opacity="0.7")
        for x in (-EYE_X, EYE_X)
    )
    return lens + line("M -8 -5 Q 0 -10 8 -5 M -67 -6 L -84 -12 M 67 -6 L 84 -12", rim, 6)


def flower(cat: Cat) -> str:
    c = lighter(cat.wear_colour, 0.25)
    petals = "".join(
        ellipse(
            0,
            -13,
            9,
            13,
            fill=c,
            stroke=darker(c, 0.3),
            stroke_width=2.5,
            transform=f"rotate({turn})",
        )
        for turn in range(0, 360, 72)
    )
    leaf = path(
        "M 6 8 Q 26 6 34 22 Q 14 26 4 12 Z", fill="#6aa84f", stroke="#3d6e2b", stroke_width=2.5
    )
    return group(
        leaf,
        petals,
        circle(0, 0, 7, fill="#f6cf4d", stroke="#a97c17", stroke_width=2.5),
        transform="translate(58 -60) rotate(12)",
    )


def party_hat(cat: Cat) -> str:
    c = cat.wear_colour
    edge = darker(c, 0.45)
    return group(
        path(
            "M -32 -58 Q 0 -46 32 -58 L 3 -134 H -3 Z",
            fill=c,
            stroke=edge,
            stroke_width=4,
            stroke_linejoin="round",
        ),
        line(
            "M -25 -72 Q 0 -62 26 -73 M -17 -94 Q 0 -86 18 -95 M -9 -115 Q 0 -110 10 -116",
            lighter(c, 0.65),
            6,
        ),
        circle(0, -138, 12, fill="#fff3c4", stroke=edge, stroke_width=3),
        transform="rotate(6)",
    )


def beanie(cat: Cat) -> str:
    c = cat.wear_colour
    edge = darker(c, 0.45)
    ribs = "".join(f"M {x} -52 V -32 " for x in range(-48, 49, 12))
    return group(
        path("M -58 -44 C -60 -104 60 -104 58 -44 Z", fill=c, stroke=edge, stroke_width=4),
        line(
            "M -26 -54 C -26 -72 -18 -84 -12 -88 M 26 -54 C 26 -72 18 -84 12 -88 M 0 -54 V -88",
            edge,
            2.5,
            opacity="0.5",
        ),
        rect(-64, -58, 128, 28, rx=13, fill=lighter(c, 0.28), stroke=edge, stroke_width=4),
        line(ribs, edge, 2.5, opacity="0.45"),
        circle(0, -95, 15, fill=lighter(c, 0.7), stroke=edge, stroke_width=4),
    )


DRAWERS: dict[Wear, Callable[[Cat], str]] = {
    Wear.nothing: nothing,
    Wear.bow_tie: bow_tie,
    Wear.scarf: scarf,
    Wear.bell: bell,
    Wear.bandana: bandana,
    Wear.glasses: glasses,
    Wear.flower: flower,
    Wear.party_hat: party_hat,
    Wear.beanie: beanie,
}


def sleepy(cat: Cat) -> str:
    """The letters that rise from a sleeping cat."""
    if cat.mood is not Mood.asleep:
        return ""
    zed = "M 0 0 H 16 L 0 20 H 16"
    letters = ((70, -60, 1.0, 0), (96, -92, 1.3, 0.9), (130, -128, 1.7, 1.8))
    return "".join(
        group(
            line(zed, "#fffaf0", 5),
            transform=f"translate({x} {y}) scale({scale})",
            class_="zed",
            style=f"animation-delay:{delay}s",
        )
        for x, y, scale, delay in letters
    )
