"""What cats look like: one row per kind of coat."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from catserve.shapes import darker, mix


class Pattern(Enum):
    solid = "solid"
    tabby = "tabby"
    spotted = "spotted"
    patched = "patched"
    points = "points"
    van = "van"


@dataclass(frozen=True)
class Coat:
    kind: str
    base: str
    pattern: Pattern
    eyes: tuple[str, ...]
    marks: tuple[str, ...] = ()  # colours of stripes, spots, patches or points
    white: float = 0.0  # how likely white muzzle, chest and socks are
    nose: str = "#e58f97"
    inner_ear: str = "#f0a9a8"
    weight: float = 1.0
    hairless: bool = False

    @property
    def outline(self) -> str:
        return darker(self.base, 0.72)

    @property
    def face_line(self) -> str:
        """Mouth and lids: visible on dark fur too."""
        light = sum(int(self.base[i : i + 2], 16) for i in (1, 3, 5))
        return mix(self.base, "#ffffff", 0.42) if light < 230 else self.outline

    @property
    def shade(self) -> str:
        return darker(self.base, 0.16)


GOLD, AMBER, COPPER = "#e9c341", "#e8a02c", "#d1712b"
GREEN, MOSS, MINT = "#86b84c", "#a9b947", "#6cc7a4"
BLUE, ICE = "#58a6dd", "#8fd0ef"

COATS: tuple[Coat, ...] = (
    Coat(
        "ginger tabby",
        "#eba04f",
        Pattern.tabby,
        (GREEN, AMBER, GOLD),
        ("#c9702a",),
        0.6,
        weight=1.5,
    ),
    Coat(
        "brown tabby",
        "#b08d69",
        Pattern.tabby,
        (GREEN, MOSS, GOLD),
        ("#5c4433",),
        0.5,
        nose="#c9796f",
        weight=1.5,
    ),
    Coat(
        "silver tabby",
        "#c3c8cf",
        Pattern.tabby,
        (GREEN, MINT),
        ("#666d79",),
        0.4,
        nose="#c98081",
        weight=1.2,
    ),
    Coat("cream tabby", "#f1d8b0", Pattern.tabby, (COPPER, BLUE), ("#dcb27c",), 0.4),
    Coat("Bengal", "#dba763", Pattern.spotted, (GREEN, MINT), ("#6e4325",), 0.15, nose="#bd6a58"),
    Coat("Egyptian mau", "#c9c4bb", Pattern.spotted, (MOSS, GREEN), ("#5b564f",), 0.1),
    Coat(
        "tuxedo",
        "#34323d",
        Pattern.solid,
        (GREEN, GOLD, AMBER),
        (),
        1.0,
        nose="#d78a90",
        inner_ear="#8d6a73",
        weight=1.6,
    ),
    Coat(
        "black",
        "#34323d",
        Pattern.solid,
        (GOLD, GREEN, AMBER),
        (),
        0.0,
        nose="#221f28",
        inner_ear="#6b5560",
        weight=1.4,
    ),
    Coat("white", "#f8f5ef", Pattern.solid, (BLUE, GREEN, AMBER), (), 0.0, weight=1.1),
    Coat(
        "blue-grey",
        "#8d99aa",
        Pattern.solid,
        (COPPER, AMBER, GREEN),
        (),
        0.25,
        nose="#6b7484",
        inner_ear="#c3a2a8",
        weight=1.2,
    ),
    Coat(
        "Havana brown",
        "#7b5140",
        Pattern.solid,
        (GREEN, MOSS),
        (),
        0.1,
        nose="#5a382e",
        inner_ear="#c08f80",
        weight=0.8,
    ),
    Coat(
        "calico",
        "#fbf6ec",
        Pattern.patched,
        (GREEN, AMBER, COPPER),
        ("#e8963f", "#37343d"),
        0.0,
        weight=1.6,
    ),
    Coat("dilute calico", "#fbf6ec", Pattern.patched, (GOLD, GREEN), ("#ecc99a", "#98a1af"), 0.0),
    Coat("cow", "#fbf6ec", Pattern.patched, (GOLD, GREEN), ("#37343d",), 0.0),
    Coat(
        "tortoiseshell",
        "#3d3438",
        Pattern.patched,
        (GOLD, COPPER),
        ("#d1813a", "#a85f2a"),
        0.15,
        nose="#4d3436",
        inner_ear="#8d6a66",
        weight=1.1,
    ),
    Coat(
        "Siamese",
        "#f3e6d0",
        Pattern.points,
        (BLUE,),
        ("#55403a",),
        0.0,
        nose="#4b3733",
        inner_ear="#a07a72",
        weight=1.6,
    ),
    Coat("flame point", "#fbf0de", Pattern.points, (BLUE, ICE), ("#e39a55",), 0.0),
    Coat("blue point", "#eeecea", Pattern.points, (BLUE,), ("#7f8a9a",), 0.0, nose="#76808f"),
    Coat("Turkish van", "#fdf8f0", Pattern.van, (AMBER, BLUE), ("#d98845",), 0.0),
    Coat(
        "sphynx",
        "#ecc6b4",
        Pattern.solid,
        (BLUE, MINT, GREEN),
        (),
        0.0,
        nose="#cf8280",
        inner_ear="#e79a97",
        weight=0.6,
        hairless=True,
    ),
)

NAMES: tuple[str, ...] = (
    "Miso",
    "Biscuit",
    "Pickle",
    "Mochi",
    "Captain Whiskers",
    "Noodle",
    "Waffle",
    "Pumpkin",
    "Professor Paws",
    "Clementine",
    "Toast",
    "Sir Pounce",
    "Marzipan",
    "Olive",
    "Ziggy",
    "Pepper",
    "Duchess",
    "Bean",
    "Gizmo",
    "Nutmeg",
    "Tofu",
    "Juniper",
    "Socks",
    "Pretzel",
    "Luna",
    "Figaro",
    "Cinnamon",
    "Button",
    "Ramen",
    "Hazel",
    "Domino",
    "Truffle",
    "Poppy",
    "Mister Fluff",
    "Saffron",
    "Moss",
    "Pixel",
    "Semicolon",
    "Segfault",
    "Lambda",
    "Kernel",
    "Daemon",
    "Widget",
    "Cache",
    "Dumpling",
    "Maple",
    "Sardine",
    "Tiger Lily",
    "Cosmo",
    "Pudding",
    "Velvet",
    "Baguette",
    "Queen Purr",
    "Anchovy",
    "Muffin",
    "Sprout",
    "Churro",
    "Nimbus",
    "Paprika",
    "Earl Grey",
)
