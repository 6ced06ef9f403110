"""SVG in small pieces: elements as text, colours, soft blobs. Knows nothing of cats."""

from __future__ import annotations

import math

from catserve.dice import Dice


def num(value: float) -> str:
    """A coordinate with one decimal, without a needless ".0"."""
    return f"{value:.1f}".removesuffix(".0")


def element(name: str, content: str = "", /, **attributes: object) -> str:
    """`stroke_width=3` becomes stroke-width="3", `class_` class; None leaves one out."""
    parts = [name]
    for key, value in attributes.items():
        if value is None:
            continue
        text = num(value) if isinstance(value, float) else str(value)
        parts.append(f'{key.rstrip("_").replace("_", "-")}="{text}"')
    opening = " ".join(parts)
    return f"<{opening}>{content}</{name}>" if content else f"<{opening}/>"


def path(d: str, **attributes: object) -> str:
    return element("path", d=" ".join(d.split()), **attributes)


def line(d: str, stroke: str, width: float, **attributes: object) -> str:
    return path(
        d,
        fill="none",
        stroke=stroke,
        stroke_width=width,
        stroke_linecap="round",
        stroke_linejoin="round",
        **attributes,
    )


def ellipse(cx: float, cy: float, rx: float, ry: float, **attributes: object) -> str:
    return element("ellipse", cx=float(cx), cy=float(cy), rx=float(rx), ry=float(ry), **attributes)


def circle(cx: float, cy: float, r: float, **attributes: object) -> str:
    return element("circle", cx=float(cx), cy=float(cy), r=float(r), **attributes)


def rect(x: float, y: float, width: float, height: float, **attributes: object) -> str:
    return element(
        "rect", x=float(x), y=float(y), width=float(width), height=float(height), **attributes
    )


def group(*content: str, **attributes: object) -> str:
    inside = "".join(content)
    return element("g", inside, **attributes) if inside else ""


def mirrored(*content: str) -> str:
    """The content, and once more as in a mirror at x = 0."""
    inside = "".join(content)
    return inside + group(inside, transform="scale(-1 1)")


def clip(name: str, *content: str) -> str:
    return element("clipPath", "".join(content), id=name)


def gradient(
    name: str, kind: str, stops: list[tuple[float, str, float]], **attributes: object
) -> str:
    inside = "".join(
        element("stop", offset=f"{offset:g}", stop_color=colour, stop_opacity=f"{opacity:g}")
        for offset, colour, opacity in stops
    )
    return element(f"{kind}Gradient", inside, id=name, **attributes)


def mix(first: str, second: str, share: float) -> str:
    """`first` with `share` (0 to 1) of `second`; both as #rrggbb."""
    channels = (
        round(int(first[i : i + 2], 16) * (1 - share) + int(second[i : i + 2], 16) * share)
        for i in (1, 3, 5)
    )
    return "#" + "".join(f"{channel:02x}" for channel in channels)


def darker(colour: str, share: float) -> str:
    return mix(colour, "#1a1420", share)


def lighter(colour: str, share: float) -> str:
    return mix(colour, "#ffffff", share)


def blob(dice: Dice, cx: float, cy: float, rx: float, ry: float, rough: float = 0.25) -> str:
    """Path data of a soft closed shape: points around an ellipse, joined at their midpoints."""
    count = 8
    turn = dice.between(0, math.tau)
    points = []
    for i in range(count):
        angle = turn + math.tau * i / count
        reach = 1 + dice.between(-rough, rough)
        points.append((cx + rx * reach * math.cos(angle), cy + ry * reach * math.sin(angle)))
    middles = [
        ((x + points[i - 1][0]) / 2, (y + points[i - 1][1]) / 2) for i, (x, y) in enumerate(points)
    ]
    data = f"M{num(middles[0][0])} {num(middles[0][1])}"
    for i, (x, y) in enumerate(points):
        end = middles[(i + 1) % count]
        data += f"Q{num(x)} {num(y)} {num(end[0])} {num(end[1])}"
    return data + "Z"
