"""From a seed to the picture of a cat: the whole public face of the drawing.

    cat = cat_of("mew-42")     who it is (traits.py)
    svg = draw(cat)            what it looks like, as one SVG document

Everything follows from the seed; the same seed is the same cat, for ever and everywhere.
"""

from __future__ import annotations

import re
import secrets
from xml.sax.saxutils import escape

from catserve.dice import Dice
from catserve.face import draw_head
from catserve.poses import draw_body
from catserve.scenery import draw_scene
from catserve.shapes import clip, ellipse, group, num, rect
from catserve.traits import Cat, cat_of
from catserve.wear import draw_wear, sleepy, under_head

__all__ = ["Cat", "cat_of", "draw", "new_seed", "valid_seed"]

SEED = re.compile(r"[A-Za-z0-9_-]{1,40}")

# Cats blink, wag, breathe; not for those who asked their system for less motion.
STYLE = """
@media (prefers-reduced-motion: no-preference) {
.blink { animation: blink 5.3s infinite; transform-box: fill-box; transform-origin: 50% 55%; }
.wag { animation: wag 3.1s ease-in-out infinite alternate; }
.breathe { animation: breathe 3.4s ease-in-out infinite alternate; }
.zed { animation: zed 3.6s ease-in-out infinite; }
.star { animation: star 4s ease-in-out infinite; }
.drift { animation: drift 14s ease-in-out infinite alternate; }
@keyframes blink { 0%, 93%, 100% { scale: 1 1; } 96.5% { scale: 1 0.06; } }
@keyframes wag { from { rotate: -5deg; } to { rotate: 6deg; } }
@keyframes breathe { from { scale: 1 1; } to { scale: 1.012 1.03; } }
@keyframes zed { 0%, 100% { opacity: 0.15; } 50% { opacity: 1; } }
@keyframes star { 50% { opacity: 0.25; } }
@keyframes drift { from { translate: -8px 0; } to { translate: 12px 0; } }
}"""


def new_seed() -> str:
    return secrets.token_hex(4)


def valid_seed(text: str) -> bool:
    return SEED.fullmatch(text) is not None


def draw(cat: Cat) -> str:
    # Each part has dice of its own: a new kind of rug changes no face.
    body = draw_body(cat, Dice(f"{cat.seed} body"))
    head = group(
        draw_wear(cat) if under_head(cat) else "",
        draw_head(cat, Dice(f"{cat.seed} head")),
        "" if under_head(cat) else draw_wear(cat),
        transform=f"translate({num(body.head[0])} {num(body.head[1])}) "
        f"rotate({num(body.head_tilt or cat.head_tilt)}) scale({body.head_scale})",
    )
    middle, half, ground = body.shadow
    title = escape(cat.title)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400" width="800" height="800" '
        f'role="img" aria-labelledby="title"><title id="title">{title}</title>'
        f"<style>{STYLE}</style>"
        + clip("card", rect(0, 0, 400, 400, rx=28))
        + group(
            draw_scene(cat, Dice(f"{cat.seed} scene")),
            ellipse(middle, ground, half, 13, fill="#241a2b", opacity="0.3"),
            body.behind,
            head,
            body.before,
            group(sleepy(cat), transform=f"translate({num(body.head[0])} {num(body.head[1])})"),
            clip_path="url(#card)",
        )
        + "</svg>"
    )
