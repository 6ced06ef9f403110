"""Bodies: one function for each pose, on a canvas of 400 by 400 with the ground at 356."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from catserve.coats import Pattern
from catserve.dice import Dice
from catserve.marks import Area, body_marks, limb_colour, tail
from catserve.shapes import clip, darker, ellipse, group, lighter, line, mirrored, path, rect
from catserve.traits import Cat, Pose


@dataclass(frozen=True)
class Body:
    behind: str  # drawn before the head
    before: str  # drawn after it: paws on an edge, a tail around the nose
    head: tuple[float, float]  # where the head's middle is
    head_scale: float
    shadow: tuple[float, float, float]  # middle, half width, ground
    head_tilt: float = 0.0


def draw_body(cat: Cat, dice: Dice) -> Body:
    return DRAWERS[cat.pose](cat, dice)


def filled(cat: Cat, d: str, fill: str | None = None) -> str:
    return path(
        d,
        fill=fill or cat.coat.base,
        stroke=cat.coat.outline,
        stroke_width=5,
        stroke_linejoin="round",
    )


def toes(cat: Cat, x: float, y: float) -> str:
    ink = cat.coat.outline if limb_colour(cat) > "#6" else lighter(limb_colour(cat), 0.4)
    return line(f"M {x - 7} {y - 2} V {y + 6} M {x + 7} {y - 2} V {y + 6}", ink, 3)


def paw(cat: Cat, x: float, y: float, rx: float = 23, ry: float = 14) -> str:
    return ellipse(
        x, y, rx, ry, fill=limb_colour(cat), stroke=cat.coat.outline, stroke_width=5
    ) + toes(cat, x, y)


def chest(cat: Cat, d: str) -> str:
    """The bib: white parts, or a paler front where nothing else is painted there."""
    if cat.coat.pattern is Pattern.patched:
        return ""
    if cat.white_parts:
        return path(d, fill=cat.white)
    return path(d, fill=lighter(cat.coat.base, 0.3 if cat.coat.marks else 0.08), opacity="0.75")


def ruff(cat: Cat, x: float, y: float) -> str:
    if not cat.long_hair:
        return ""
    fur = cat.white if cat.white_parts else lighter(cat.coat.base, 0.22)
    d = (
        f"M {x - 62} {y} Q {x - 66} {y + 26} {x - 74} {y + 36} "
        f"Q {x - 54} {y + 36} {x - 46} {y + 34}"
        f" Q {x - 46} {y + 50} {x - 50} {y + 60} Q {x - 30} {y + 56} {x - 22} {y + 50} "
        f"Q {x - 14} {y + 68} {x} {y + 78} Q {x + 14} {y + 68} {x + 22} {y + 50} "
        f"Q {x + 30} {y + 56} {x + 50} {y + 60} Q {x + 46} {y + 50} {x + 46} {y + 34} "
        f"Q {x + 54} {y + 36} {x + 74} {y + 36} Q {x + 66} {y + 26} {x + 62} {y} Z"
    )
    return path(d, fill=fur, stroke=darker(fur, 0.25), stroke_width=3, stroke_linejoin="round")


def sitting(cat: Cat, dice: Dice) -> Body:
    body = (
        "M 160 190 C 116 226 104 290 108 340 Q 110 356 130 356 H 270 Q 290 356 292 340 "
        "C 296 290 284 226 240 190 Z"
    )
    stripes = tuple(
        f"M {x} {y} Q {x + s * 26} {y + 2} {x + s * 44} {y + 14}"
        for s, x in ((1, 98), (-1, 302))
        for y in (236, 262, 290, 318)
    )
    side = dice.pick((-1, 1))
    curl = dice.pick(
        (
            "M 272 338 C 330 346 352 306 336 272 C 326 248 342 226 362 240",
            "M 276 336 C 340 340 360 290 340 246 C 330 222 336 196 354 186",
            "M 270 340 C 312 356 350 350 366 322 C 374 304 364 290 352 296",
        )
    )
    wag = group(tail(cat, curl, 20), class_="wag", style="transform-origin:276px 338px")
    legs = "".join(
        path(
            f"M {x - 20} 258 C {x - 18} 300 {x - 22} 330 {x - 21} 346 H {x + 21} "
            f"C {x + 22} 330 {x + 18} 300 {x + 20} 258 Z",
            fill=cat.coat.base,
        )
        + line(
            f"M {x + s * 20} 268 C {x + s * 18} 300 {x + s * 22} 330 {x + s * 22} 346",
            cat.coat.outline,
            4,
        )
        + (
            path(
                f"M {x - 20} 316 Q {x} 306 {x + 20} 316 L {x + 21} 346 H {x - 21} Z",
                fill=limb_colour(cat),
            )
            if limb_colour(cat) != cat.coat.base
            else ""
        )
        for x, s in ((177, -1), (223, 1))
    )
    haunches = mirrored(
        line("M -58 276 C -88 276 -98 306 -92 334", cat.coat.outline, 4),
        paw(cat, -66, 346, 27, 12),
    )
    return Body(
        behind=(wag if side > 0 else group(wag, transform="translate(400 0) scale(-1 1)"))
        + clip("body", path(body))
        + filled(cat, body)
        + body_marks(cat, dice, Area(104, 190, 296, 356, stripes), "body")
        + path(body, fill="none", stroke=cat.coat.outline, stroke_width=5)
        + group(haunches, transform="translate(200 0)")
        + legs
        + chest(cat, "M 164 200 C 154 236 164 274 200 288 C 236 274 246 236 236 200 Z")
        + paw(cat, 177, 345)
        + paw(cat, 223, 345)
        + ruff(cat, 200, 206),
        before="",
        head=(200, 152),
        head_scale=0.97,
        shadow=(200, 124, 355),
    )


def loafing(cat: Cat, dice: Dice) -> Body:
    body = (
        "M 84 340 C 62 284 100 226 200 224 C 300 226 338 284 316 340 Q 312 356 292 356 H 108 "
        "Q 88 356 84 340 Z"
    )
    stripes = tuple(
        f"M {x} {y} Q {x + s * 22} {y + 8} {x + s * 34} {y + 34}"
        for s, xs in (
            (1, ((66, 290), (80, 262), (104, 240))),
            (-1, ((334, 290), (320, 262), (296, 240))),
        )
        for x, y in xs
    )
    wrapped = tail(cat, "M 318 322 C 330 350 290 356 246 350", 17)
    return Body(
        behind=clip("body", path(body))
        + filled(cat, body)
        + body_marks(cat, dice, Area(76, 224, 324, 356, stripes), "body")
        + path(body, fill="none", stroke=cat.coat.outline, stroke_width=5)
        + chest(cat, "M 148 262 C 140 304 160 336 200 342 C 240 336 260 304 252 262 Z")
        + ruff(cat, 200, 252)
        + paw(cat, 172, 348, 25, 11)
        + paw(cat, 224, 348, 25, 11)
        + wrapped,
        before="",
        head=(200, 196),
        head_scale=1.0,
        shadow=(200, 140, 355),
    )


def curled(cat: Cat, dice: Dice) -> Body:
    body = (
        "M 76 310 C 60 250 120 196 212 198 C 312 200 352 258 340 312 C 332 346 288 358 206 358 "
        "C 124 358 84 346 76 310 Z"
    )
    stripes = (
        "M 190 188 Q 186 216 194 240",
        "M 224 188 Q 224 216 228 242",
        "M 258 192 Q 256 220 256 246",
        "M 292 206 Q 286 230 280 252",
        "M 322 232 Q 310 250 302 266",
        "M 344 268 Q 328 280 316 288",
    )
    haunch = line("M 226 344 C 206 296 252 258 306 274", cat.coat.outline, 4)
    wrapped = tail(cat, "M 326 306 C 322 352 262 352 200 348 C 170 346 150 344 128 340", 21)
    breath = group(
        clip("body", path(body)),
        filled(cat, body),
        body_marks(cat, dice, Area(70, 196, 344, 358, stripes), "body"),
        path(body, fill="none", stroke=cat.coat.outline, stroke_width=5),
        haunch,
        class_="breathe",
        style="transform-origin:206px 358px",
    )
    return Body(
        behind=breath,
        before=wrapped,
        head=(142, 270),
        head_scale=0.86,
        shadow=(208, 150, 356),
        head_tilt=-12,
    )


def boxed(cat: Cat, dice: Dice) -> Body:
    body = "M 142 200 C 116 240 112 300 114 350 H 286 C 288 300 284 240 258 200 Z"
    stripes = tuple(
        f"M {x} {y} Q {x + s * 24} {y + 2} {x + s * 38} {y + 12}"
        for s, x in ((1, 106), (-1, 294))
        for y in (232, 256)
    )
    card, dark, pale = "#c99a62", "#8a6238", "#e0b983"
    label = dice.pick(
        (
            path(
                "M 200 312 C 190 300 176 304 178 316 "
                "C 180 328 200 340 200 340 C 200 340 220 328 222 316"
                " C 224 304 210 300 200 312 Z",
                fill=dark,
                opacity="0.75",
            ),
            line(
                "M 170 340 V 310 M 161 319 L 170 309 L 179 319 M 230 340 V 310 M 221 319 L 230 309 "
                "L 239 319 M 158 346 H 242",
                dark,
                5,
                opacity="0.75",
            ),
            group(
                ellipse(200, 326, 13, 10, fill=dark),
                ellipse(182, 315, 5, 7, fill=dark),
                ellipse(194, 307, 5, 7, fill=dark),
                ellipse(206, 307, 5, 7, fill=dark),
                ellipse(218, 315, 5, 7, fill=dark),
                opacity="0.75",
            ),
        )
    )
    inside = path("M 96 262 H 304 L 296 292 H 104 Z", fill=darker(card, 0.5))
    front = group(
        path(
            "M 94 268 L 44 292 L 58 312 L 98 290 Z M 306 268 L 356 292 L 342 312 L 302 290 Z",
            fill=pale,
            stroke=dark,
            stroke_width=4,
            stroke_linejoin="round",
        ),
        rect(92, 272, 216, 86, rx=4, fill=card, stroke=dark, stroke_width=4),
        rect(92, 272, 216, 12, fill=dark, opacity="0.16"),
        label,
    )
    return Body(
        behind=tail(cat, "M 280 268 C 306 250 322 226 312 196 C 308 180 322 168 334 176", 18)
        + inside
        + clip("body", path(body))
        + filled(cat, body)
        + body_marks(cat, dice, Area(112, 200, 288, 350, stripes), "body")
        + chest(cat, "M 162 210 C 160 240 170 280 200 286 C 230 280 240 240 238 210 Z")
        + ruff(cat, 200, 214),
        before=front + paw(cat, 150, 274, 22, 15) + paw(cat, 250, 274, 22, 15),
        head=(200, 164),
        head_scale=0.98,
        shadow=(200, 130, 357),
    )


DRAWERS: dict[Pose, Callable[[Cat, Dice], Body]] = {
    Pose.sitting: sitting,
    Pose.loafing: loafing,
    Pose.curled: curled,
    Pose.boxed: boxed,
}
