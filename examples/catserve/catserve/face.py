"""The head, drawn around (0, 0): about 90 wide to either side, chin at 70, ear tips near -125."""

from __future__ import annotations

from catserve.coats import Pattern
from catserve.dice import Dice
from catserve.shapes import (
    blob,
    circle,
    clip,
    darker,
    ellipse,
    gradient,
    group,
    lighter,
    line,
    mirrored,
    num,
    path,
)
from catserve.traits import Cat, Ears, Mood

EYE_X, EYE_Y = 37.0, -2.0


def draw_head(cat: Cat, dice: Dice) -> str:
    coat = cat.coat
    outline_path = head_path(cat)
    return group(
        clip("head", path(outline_path)),
        "" if cat.ears is Ears.folded else ears(cat),
        path(
            outline_path,
            fill=coat.base,
            stroke=coat.outline,
            stroke_width=5,
            stroke_linejoin="round",
        ),
        group(*head_marks(cat, dice), clip_path="url(#head)"),
        path(
            outline_path, fill="none", stroke=coat.outline, stroke_width=5, stroke_linejoin="round"
        ),
        ears(cat) if cat.ears is Ears.folded else "",
        blush(cat),
        muzzle(cat),
        eyes(cat),
        whiskers(cat),
    )


def head_path(cat: Cat) -> str:
    w = cat.head_width
    if cat.long_hair:  # three tufts at each cheek
        right = (
            f"C 46 -68 {w - 6} -46 {w - 2} -4 Q {w + 4} 10 {w + 17} 20 Q {w + 4} 24 {w - 1} 24 "
            f"Q {w + 2} 36 {w + 9} 44 Q {w - 8} 46 {w - 14} 44 Q {w - 18} 56 {w - 18} 62 "
            "C 50 68 30 71 0 71"
        )
        left = (
            f"C -30 71 -50 68 {18 - w} 62 Q {18 - w} 56 {14 - w} 44 Q {8 - w} 46 {-9 - w} 44 "
            f"Q {-2 - w} 36 {1 - w} 24 Q {-4 - w} 24 {-17 - w} 20 Q {-4 - w} 10 {2 - w} -4 "
            f"C {6 - w} -46 -46 -68 0 -67 Z"
        )
    else:
        low = 62 if cat.coat.hairless else 70
        right = f"C 44 -68 {w - 2} -44 {w} 2 C {w + 3} 44 48 {low} 0 {low}"
        left = f"C -48 {low} {-w - 3} 44 {-w} 2 C {2 - w} -44 -44 -68 0 -67 Z"
    return f"M 0 -67 {right} {left}"


def ears(cat: Cat) -> str:
    coat, w = cat.coat, cat.head_width
    colour = coat.marks[0] if coat.pattern in (Pattern.points, Pattern.van) else coat.base
    left, right = colour, colour
    if coat.pattern is Pattern.patched:
        left, right = coat.marks[0], coat.marks[-1]
    return group(ear(cat, left, w), group(ear(cat, right, w), transform="scale(-1 1)"))


def ear(cat: Cat, colour: str, w: float) -> str:
    """The left one. Each kind: the outside, then what one sees of the inside."""
    outside, inside = {
        Ears.pointed: (
            f"M {4 - w} -14 C {-w - 4} -60 {-w - 2} -96 {10 - w} -116 Q {16 - w} -124 {25 - w} -116"
            " C -48 -100 -32 -82 -16 -60 Z",
            f"M {16 - w} -34 C {10 - w} -62 {11 - w} -88 {18 - w} -103 C -58 -90 -46 -76 -36 -60 Z",
        ),
        Ears.tall: (
            f"M {6 - w} -6 C {-w - 18} -60 {-w - 18} -112 {-w - 6} -134 Q {-w} -142 {10 - w} -134"
            " C -48 -108 -28 -82 -12 -60 Z",
            f"M {14 - w} -28 C {2 - w} -62 {-w - 4} -100 {4 - w} -120 C -58 -100 -44 -78 -32 -58 Z",
        ),
        Ears.round: (
            f"M {4 - w} -14 C {-w - 6} -58 {-w - 2} -84 {8 - w} -98 Q {20 - w} -112 {36 - w} -100"
            " C -44 -92 -30 -78 -18 -60 Z",
            f"M {16 - w} -34 C {10 - w} -58 {12 - w} -78 {19 - w} -88 Q {24 - w} -92 {32 - w} -86 "
            "C -50 -80 -44 -70 -36 -58 Z",
        ),
        Ears.folded: (
            f"M {6 - w} -26 C {6 - w} -60 {14 - w} -76 {28 - w} -76 C -50 -78 -36 -74 -24 -58 Z",
            "",
        ),
    }[cat.ears]
    parts = [
        path(outside, fill=colour, stroke=cat.coat.outline, stroke_width=5, stroke_linejoin="round")
    ]
    if inside:
        parts.append(
            path(
                inside,
                fill=cat.coat.inner_ear,
                stroke=cat.coat.inner_ear,
                stroke_width=3,
                stroke_linejoin="round",
            )
        )
        if cat.long_hair:
            tuft = lighter(cat.coat.base, 0.45)
            parts.append(
                line(
                    f"M {22 - w} -38 Q {20 - w} -58 {25 - w} -78 M {32 - w} -44 "
                    f"Q {31 - w} -60 {35 - w} -72",
                    tuft,
                    4,
                )
            )
    else:  # the tip hangs down over the forehead
        parts.append(
            path(
                f"M {8 - w} -42 Q {10 - w} -72 {28 - w} -76 Q -46 -79 -28 -64 Q -46 -50 "
                f"{29 - w} -31 Q {16 - w} -34 {8 - w} -42 Z",
                fill=darker(colour, 0.12),
                stroke=cat.coat.outline,
                stroke_width=5,
                stroke_linejoin="round",
            )
        )
    return "".join(parts)


def head_marks(cat: Cat, dice: Dice) -> list[str]:
    coat, w = cat.coat, cat.head_width
    parts: list[str] = []
    if coat.pattern is Pattern.tabby or coat.pattern is Pattern.spotted:
        mark = coat.marks[0]
        wide = dice.between(6.5, 10)
        parts.append(
            line(
                "M 0 -74 L 0 -44 M -17 -74 C -16 -58 -13 -48 -12 -36 M 17 -74 C 16 -58 13"
                " -48 12 -36 M -35 -70 C -34 -58 -32 -48 -29 -38 M 35 -70 C 34 -58 32 -48"
                " 29 -38",
                mark,
                wide,
            )
        )
        parts.append(
            mirrored(
                line(
                    f"M {-w - 8} 4 Q {-w + 8} 4 {-w + 22} 10 M {-w - 6} 24 "
                    f"Q {-w + 10} 22 {-w + 22} 26 M {-w + 4} 44 Q {-w + 18} 40 "
                    f"{-w + 28} 41",
                    mark,
                    wide - 1,
                )
            )
        )
        parts.append(mirrored(ellipse(-EYE_X, EYE_Y, 29, 27, fill=lighter(coat.base, 0.35))))
    elif coat.pattern is Pattern.patched:
        if coat.base.startswith("#f"):  # white below, two halves of a cap
            parts.append(path(blob(dice, -62, -40, 58, 48, 0.12), fill=coat.marks[0]))
            parts.append(path(blob(dice, 64, -38, 56, 50, 0.12), fill=coat.marks[-1]))
            parts.append(
                path(
                    "M 0 -80 C -14 -40 -14 -10 -32 30 L -32 80 L 32 80 L 32 30 "
                    "C 14 -10 14 -40 0 -80 Z",
                    fill=coat.base,
                    opacity="0.94",
                )
            )
        else:
            for _ in range(9):
                parts.append(
                    path(
                        blob(
                            dice,
                            dice.between(-w, w),
                            dice.between(-60, 60),
                            dice.between(9, 22),
                            dice.between(7, 15),
                            0.4,
                        ),
                        fill=dice.pick(coat.marks),
                        opacity="0.9",
                    )
                )
            parts.append(
                path(
                    "M 0 -70 C 4 -40 -4 -20 2 10 L 0 72 L 100 72 L 100 -70 Z",
                    fill=coat.marks[0],
                    opacity="0.35",
                )
            )
    elif coat.pattern is Pattern.points:
        parts.append(
            gradient(
                "mask",
                "radial",
                [(0, coat.marks[0], 0.98), (0.45, coat.marks[0], 0.85), (1, coat.marks[0], 0)],
            )
        )
        parts.append(ellipse(0, 16, 76, 72, fill="url(#mask)"))
    elif coat.pattern is Pattern.van:
        parts.append(mirrored(path(blob(dice, -44, -58, 36, 30, 0.14), fill=coat.marks[0])))
    if coat.hairless:
        wrinkle = darker(coat.base, 0.2)
        parts.append(
            line(
                "M -22 -40 Q 0 -48 22 -40 M -17 -50 Q 0 -57 17 -50 M -12 -31 Q 0 -36 12 -31",
                wrinkle,
                3,
            )
        )
    if cat.white_parts:
        parts.append(
            path(
                "M 0 -62 C -9 -30 -13 -6 -26 12 C -48 24 -60 44 -50 76 L 50 76 C 60 44 48 24"
                " 26 12 C 13 -6 9 -30 0 -62 Z",
                fill=cat.white,
            )
        )
    return parts


def blush(cat: Cat) -> str:
    if cat.coat.base < "#8" or cat.coat.pattern is Pattern.points:
        return ""
    return mirrored(ellipse(-cat.head_width + 26, 28, 13, 8, fill="#f2857f", opacity="0.28"))


def muzzle(cat: Cat) -> str:
    coat = cat.coat
    if coat.pattern is Pattern.points:
        puff = lighter(coat.marks[0], 0.12)
    elif cat.white_parts or coat.base > "#f7":
        puff = "#ffffff"
    else:
        puff = lighter(coat.base, 0.5 if coat.marks and coat.base > "#5" else 0.13)
    dark = coat.pattern is Pattern.points and coat.marks[0] < "#8"
    ink = lighter(coat.marks[0], 0.45) if dark else coat.outline
    if coat.base < "#4" and not cat.white_parts:
        ink = lighter(coat.base, 0.55)
    parts = [mirrored(ellipse(-13.5, 32, 21, 16, fill=puff)), ellipse(0, 42, 13, 12, fill=puff)]
    if cat.tongue and cat.mood is not Mood.asleep:
        parts.append(
            path(
                "M -8 37 L -8 47 Q 0 58 8 47 L 8 37 Z",
                fill="#f08a94",
                stroke="#c9626e",
                stroke_width=2,
            )
        )
    parts += [
        line(
            "M 0 22 L 0 31 M 0 31 Q -3 40 -13 40 Q -20 39 -22 34 M 0 31 Q 3 40 13 40 Q 20 39 22 34",
            ink,
            3.5,
        ),
        path(
            "M -10 12 Q 0 8 10 12 Q 9 20 0 25 Q -9 20 -10 12 Z",
            fill=coat.nose,
            stroke=darker(coat.nose, 0.35),
            stroke_width=2,
            stroke_linejoin="round",
        ),
        mirrored(
            circle(-17, 31, 1.4, fill=ink),
            circle(-24, 29, 1.4, fill=ink),
            circle(-21, 36, 1.4, fill=ink),
        ),
    ]
    return "".join(parts)


def eyes(cat: Cat) -> str:
    left, right = cat.eyes
    shut_left = not cat.shows_eyes
    shut_right = shut_left or cat.mood is Mood.winking
    open_eyes = "".join(
        eye(cat, x, colour)
        for x, colour, shut in ((-EYE_X, left, shut_left), (EYE_X, right, shut_right))
        if not shut
    )
    return group(
        group(open_eyes, class_="blink") if open_eyes else "",
        closed_eye(cat, -EYE_X) if shut_left else "",
        closed_eye(cat, EYE_X) if shut_right else "",
    )


def closed_eye(cat: Cat, x: float) -> str:
    colour = cat.coat.face_line
    if cat.coat.pattern is Pattern.points and cat.coat.marks[0] < "#8":
        colour = lighter(cat.coat.marks[0], 0.5)
    bend = 13 if cat.mood is Mood.asleep else -15
    y = EYE_Y + (2 if bend > 0 else 8)
    return line(f"M {num(x - 18)} {y} Q {num(x)} {y + bend} {num(x + 18)} {y}", colour, 5)


def eye(cat: Cat, x: float, colour: str) -> str:
    side = "l" if x < 0 else "r"
    shape = ellipse(x, EYE_Y, 19.5, 21)
    look = x + cat.gaze * 4
    pupil_width = 4.5 + 8.5 * cat.pupil
    lid = {Mood.calm: -13.0, Mood.smug: -6.0}.get(cat.mood)
    parts = [
        clip(f"eye-{side}", shape),
        gradient(
            f"iris-{side}",
            "radial",
            [(0, lighter(colour, 0.35), 1), (0.6, colour, 1), (1, darker(colour, 0.4), 1)],
        ),
        ellipse(x, EYE_Y, 19.5, 21, fill=f"url(#iris-{side})"),
        group(
            ellipse(look, EYE_Y + 1, pupil_width, 16.5, fill="#16131c"),
            ellipse(x, EYE_Y - 22, 26, 12, fill="#16131c", opacity="0.22"),
            path(
                f"M {num(x - 30)} -40 H {num(x + 30)} V {EYE_Y + lid + 3} Q {num(x)} "
                f"{EYE_Y + lid - 4} {num(x - 30)} {EYE_Y + lid + 1} Z",
                fill=cat.coat.shade,
                stroke=cat.coat.outline,
                stroke_width=3.5,
            )
            if lid is not None
            else "",
            clip_path=f"url(#eye-{side})",
        ),
        circle(look - 6, EYE_Y - 6, 5.2, fill="#fff")
        if lid is None
        else circle(look - 5, EYE_Y + 1, 3.6, fill="#fff"),
        circle(look + 5, EYE_Y + 8, 2.6, fill="#fff", opacity="0.85"),
        ellipse(x, EYE_Y, 19.5, 21, fill="none", stroke="#1b1720", stroke_width=4),
    ]
    return "".join(parts)


def whiskers(cat: Cat) -> str:
    if cat.coat.hairless:
        return ""
    lift = cat.whisker_lift
    colour = "#fdfbf6" if cat.coat.base < "#9" else "#7d7273"
    d = "".join(
        f"M -34 {start} Q -74 {num(start + 2 - lift * bend)} "
        f"{-118 + inset} {num(end - lift * 2 * bend)}"
        for start, end, bend, inset in ((26, 10, 1.0, 4), (32, 32, 0.8, 0), (38, 54, 0.6, 8))
    )
    return group(mirrored(line(d, colour, 2)), opacity="0.85")
