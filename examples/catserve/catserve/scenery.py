"""What is behind and beside the cat."""

from __future__ import annotations

from collections.abc import Callable

from catserve.dice import Dice
from catserve.shapes import (
    circle,
    clip,
    darker,
    ellipse,
    gradient,
    group,
    lighter,
    line,
    mix,
    num,
    path,
    rect,
)
from catserve.traits import Cat, Scene

WALLS = ("#f6c9b5", "#b9dcd3", "#c9c3ea", "#f4dc9b", "#bcd6ee", "#efbccb", "#cfe0b4", "#e7d3bd")


def draw_scene(cat: Cat, dice: Dice) -> str:
    return DRAWERS[cat.scene](dice)


def wall(dice: Dice, away_from: str = "") -> str:
    return dice.pick([colour for colour in WALLS if colour != away_from])


def floor(colour: str, y: float = 318) -> str:
    return path(f"M 0 {y} H 400 V 400 H 0 Z", fill=colour) + rect(
        0, y, 400, 5, fill=darker(colour, 0.3), opacity="0.25"
    )


def rug(dice: Dice) -> str:
    colour = dice.pick(("#c86b5a", "#5f8ea0", "#8d7bb8", "#d3a24c", "#6f9f78"))
    return (
        ellipse(200, 358, 182, 30, fill=darker(colour, 0.25))
        + ellipse(200, 355, 182, 29, fill=colour)
        + ellipse(
            200,
            355,
            158,
            23,
            fill="none",
            stroke=lighter(colour, 0.55),
            stroke_width=4,
            stroke_dasharray="10 8",
        )
    )


def sunrise(dice: Dice) -> str:
    low, high = dice.pick((("#fbd9a5", "#f2a08c"), ("#fde5b7", "#9fd3dc"), ("#f9cfc0", "#b9a1d6")))
    rays = "".join(
        path(
            "M 0 0 L -16 -330 H 16 Z",
            fill="#ffffff",
            opacity="0.16",
            transform=f"translate(200 210) rotate({turn})",
        )
        for turn in range(0, 360, 24)
    )
    return (
        gradient("sky", "linear", [(0, high, 1), (1, low, 1)], x1=0, y1=0, x2=0, y2=1)
        + rect(0, 0, 400, 400, fill="url(#sky)")
        + rays
        + circle(200, 200, 148, fill="#fff6dc", opacity="0.6")
        + path("M 0 330 Q 110 306 220 324 T 400 316 V 400 H 0 Z", fill=mix(high, "#5d4a66", 0.45))
        + path("M 0 352 Q 140 334 400 350 V 400 H 0 Z", fill=mix(high, "#4a3a55", 0.6))
    )


def night(dice: Dice) -> str:
    stars = "".join(
        circle(
            dice.between(8, 392),
            dice.between(8, 250),
            dice.between(0.9, 2.4),
            fill="#fdf3c8",
            class_="star" if dice.chance(0.4) else None,
            style=f"animation-delay:{num(dice.between(0, 4))}s",
        )
        for _ in range(46)
    )
    moon_x = dice.pick((78.0, 318.0))
    moon = (
        circle(moon_x, 78, 42, fill="#fbf0c4")
        + circle(moon_x - 13, 68, 8, fill="#e9d99c")
        + circle(moon_x + 14, 90, 6, fill="#e9d99c")
        + circle(moon_x + 8, 60, 4, fill="#e9d99c")
        + circle(moon_x, 78, 62, fill="#fbf0c4", opacity="0.14")
    )
    houses, x = "", -10.0
    while x < 400:
        width, top = dice.between(38, 70), dice.between(206, 268)
        houses += rect(x, top, width, 140, fill="#232a4d")
        for row in range(3):
            for column in range(2):
                if dice.chance(0.55):
                    houses += rect(
                        x + 8 + column * (width - 24),
                        top + 12 + row * 22,
                        9,
                        12,
                        fill="#f6cd6b",
                        opacity="0.85",
                    )
        x += width + dice.between(-2, 6)
    return (
        gradient("sky", "linear", [(0, "#1f2550", 1), (1, "#6c5b95", 1)], x1=0, y1=0, x2=0, y2=1)
        + rect(0, 0, 400, 400, fill="url(#sky)")
        + stars
        + moon
        + houses
        + rect(0, 322, 400, 78, fill="#54406b")
        + rect(0, 322, 400, 9, fill="#7a5f8f")
    )


def window(dice: Dice) -> str:
    colour = wall(dice)
    drops = dice.chance(0.4)
    rain = (
        "".join(
            line(f"M {num(x)} {num(y)} l -3 14", "#eef7fb", 2.4, opacity="0.75")
            for x, y in ((dice.between(84, 318), dice.between(40, 240)) for _ in range(34))
        )
        if drops
        else ""
    )
    sky = "#8fa9bd" if drops else "#a9dcf2"
    frame = "#fffaf0"
    view = group(
        rect(70, 28, 260, 232, fill=sky),
        "" if drops else circle(276, 84, 26, fill="#fff0b3"),
        group(
            ellipse(128, 92, 34, 13, fill="#fff"),
            ellipse(150, 82, 24, 15, fill="#fff"),
            opacity="0.8",
            class_="drift",
        ),
        path("M 60 236 Q 130 186 206 222 T 340 208 V 270 H 60 Z", fill="#8fbf7f"),
        path("M 60 250 Q 170 214 340 244 V 270 H 60 Z", fill="#6fa869"),
        rain,
        clip_path="url(#pane)",
    )
    curtain = path(
        "M 44 16 H 112 C 108 90 96 150 58 190 C 66 220 62 260 62 282 H 34 Z",
        fill=dice.pick(("#d9707a", "#5f9ea0", "#e0b04e", "#8d7bb8")),
        opacity="0.92",
    )
    return (
        clip("pane", rect(70, 28, 260, 232))
        + rect(0, 0, 400, 400, fill=colour)
        + view
        + rect(70, 28, 260, 232, fill="none", stroke=frame, stroke_width=10)
        + line("M 200 28 V 260 M 70 132 H 330", frame, 6)
        + curtain
        + group(curtain, transform="translate(400 0) scale(-1 1)")
        + rect(24, 12, 352, 9, rx=4, fill="#8a6238")
        + rect(0, 322, 400, 78, fill="#e9dcc6")
        + rect(0, 322, 400, 10, fill="#fffaf0")
        + rect(0, 332, 400, 6, fill="#000", opacity="0.1")
    )


def dots(dice: Dice) -> str:
    colour = wall(dice)
    spots = "".join(
        circle(x * 50 + (25 if y % 2 else 0), y * 44 + 16, 9, fill=lighter(colour, 0.5))
        for y in range(8)
        for x in range(9)
    )
    return (
        rect(0, 0, 400, 400, fill=colour)
        + spots
        + floor(darker(colour, 0.32))
        + rug(dice)
        + yarn(dice)
    )


def stripes(dice: Dice) -> str:
    colour = wall(dice)
    bands = "".join(rect(x, 0, 22, 320, fill=lighter(colour, 0.35)) for x in range(0, 400, 44))
    frame = group(
        rect(0, 0, 74, 88, fill="#fffaf0", stroke="#8a6238", stroke_width=7),
        path("M 14 66 C 26 40 34 40 42 56 C 48 44 54 44 62 66 Z", fill="#7fb0a0"),
        circle(52, 24, 8, fill="#f0c258"),
        transform=f"translate({dice.pick((18, 306))} 34) rotate({num(dice.between(-4, 4))})",
    )
    return (
        rect(0, 0, 400, 400, fill=colour)
        + bands
        + frame
        + rect(0, 302, 400, 16, fill="#fffaf0")
        + floor("#b98d63")
        + rug(dice)
        + bowl(dice)
    )


def hills(dice: Dice) -> str:
    clouds = "".join(
        group(
            ellipse(0, 0, 36, 14, fill="#fff"),
            ellipse(-16, -8, 20, 16, fill="#fff"),
            ellipse(12, -12, 22, 18, fill="#fff"),
            opacity="0.9",
            transform=f"translate({num(x + dice.between(-20, 20))} {num(dice.between(36, 110))})",
        )
        for x in (60, 340)
    )
    flowers = "".join(
        line(f"M {num(x)} 356 v -16", "#4d8a45", 3)
        + circle(x, 338, 7, fill=dice.pick(("#f6d04f", "#f08ba0", "#ffffff", "#b79be0")))
        + circle(x, 338, 2.6, fill="#8a5a20")
        for x in (
            dice.between(8, 60),
            dice.between(36, 84),
            dice.between(318, 350),
            dice.between(352, 392),
        )
    )
    return (
        gradient("sky", "linear", [(0, "#8fd0ec", 1), (1, "#e6f6f4", 1)], x1=0, y1=0, x2=0, y2=1)
        + rect(0, 0, 400, 400, fill="url(#sky)")
        + group(clouds, class_="drift")
        + path("M 0 260 Q 100 190 210 250 T 400 226 V 400 H 0 Z", fill="#a9d494")
        + path("M 0 300 Q 130 254 260 296 T 400 286 V 400 H 0 Z", fill="#8cc47c")
        + path("M 0 334 Q 200 312 400 332 V 400 H 0 Z", fill="#74b268")
        + flowers
    )


def plants(dice: Dice) -> str:
    colour = wall(dice, "#cfe0b4")
    leaves = "".join(
        path(
            "M 0 0 C -22 -34 -18 -86 0 -112 C 18 -86 22 -34 0 0 Z",
            fill=fill,
            stroke="#2f6040",
            stroke_width=3,
            transform=f"translate(0 -40) rotate({turn})",
        )
        for turn, fill in (
            (-52, "#4f8f5b"),
            (48, "#4f8f5b"),
            (-24, "#5da56a"),
            (26, "#66ad70"),
            (0, "#74bb7b"),
        )
    )
    pot = group(
        leaves,
        path("M -30 -44 H 30 L 23 4 H -23 Z", fill="#c9704f", stroke="#7e3f2a", stroke_width=4),
        rect(-34, -54, 68, 15, rx=4, fill="#d98263", stroke="#7e3f2a", stroke_width=4),
    )
    ivy_x = dice.pick((20.0, 380.0))
    ivy = line(
        f"M {ivy_x} 0 C {ivy_x - 14} 50 {ivy_x + 16} 90 {ivy_x} 140", "#4b8a57", 4
    ) + "".join(
        ellipse(ivy_x + (11 if y % 44 else -11), y, 11, 8, fill="#67ab70")
        for y in range(14, 140, 22)
    )
    return (
        rect(0, 0, 400, 400, fill=colour)
        + circle(200, 176, 150, fill=lighter(colour, 0.42))
        + ivy
        + floor("#c79c70")
        + group(pot, transform="translate(52 332)")
        + group(pot, transform="translate(352 334) scale(0.82)")
        + rug(dice)
    )


def books(dice: Dice) -> str:
    colour = wall(dice)
    spines = (
        "#b4544f",
        "#3f6f8f",
        "#d9a441",
        "#5f8f62",
        "#7b6aa8",
        "#e3d2b0",
        "#46505f",
        "#cf7f54",
    )

    def shelf(y: float) -> str:
        content, x = "", 12.0
        while x < 376:
            width, height = dice.between(13, 27), dice.between(48, 72)
            if dice.chance(0.1):
                x += dice.between(14, 34)
                continue
            spine = dice.pick(spines)
            content += rect(x, y - height, width, height, rx=2, fill=spine)
            content += rect(x + 3, y - height + 9, width - 6, 4, fill=lighter(spine, 0.6))
            x += width + 1.5
        return content + rect(0, y, 400, 11, fill="#8a6238")

    return (
        rect(0, 0, 400, 400, fill=darker(colour, 0.3))
        + shelf(92)
        + shelf(184)
        + shelf(276)
        + rect(0, 0, 400, 318, fill="#2d2233", opacity="0.14")
        + floor("#a87b52")
        + rug(dice)
        + yarn(dice)
    )


def yarn(dice: Dice) -> str:
    if dice.chance(0.35):
        return ""
    colour = dice.pick(("#e0607e", "#4ba3a8", "#e9a93c", "#8b76c9"))
    edge = darker(colour, 0.4)
    x, s = dice.pick(((52, 1), (348, -1)))
    return group(
        line("M 14 22 C 40 30 60 14 92 26", colour, 4),
        circle(0, 0, 25, fill=colour, stroke=edge, stroke_width=4),
        line(
            "M -19 -10 Q 4 -20 20 -4 M -23 2 Q 0 -10 22 8 M -17 15 Q 2 2 14 19 "
            "M -8 -22 Q -18 0 -4 22",
            edge,
            2.6,
            opacity="0.6",
        ),
        transform=f"translate({x} 346) scale({s} 1)",
    )


def bowl(dice: Dice) -> str:
    colour = dice.pick(("#d9707a", "#5f9ea0", "#8d7bb8"))
    return group(
        ellipse(0, -16, 31, 8, fill="#fff8ea", stroke=darker(colour, 0.4), stroke_width=4),
        path(
            "M -34 -16 Q -30 14 -18 14 H 18 Q 30 14 34 -16 Q 0 -4 -34 -16 Z",
            fill=colour,
            stroke=darker(colour, 0.4),
            stroke_width=4,
            stroke_linejoin="round",
        ),
        path("M -12 4 Q -2 -4 8 3 L 15 -2 V 9 L 8 5 Q -2 11 -12 4 Z", fill="#fff8ea"),
        transform=f"translate({dice.pick((50, 350))} 356)",
    )


DRAWERS: dict[Scene, Callable[[Dice], str]] = {
    Scene.sunrise: sunrise,
    Scene.night: night,
    Scene.window: window,
    Scene.dots: dots,
    Scene.hills: hills,
    Scene.plants: plants,
    Scene.books: books,
    Scene.stripes: stripes,
}
