"""The cats themselves: every seed gives a well-formed, deterministic picture of its own."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from catserve import cat_of, draw, new_seed, valid_seed  # noqa: E402
from catserve.coats import COATS  # noqa: E402
from catserve.site import answer  # noqa: E402
from catserve.traits import Pose, Scene, Wear  # noqa: E402

SVG = "{http://www.w3.org/2000/svg}"


def test_a_thousand_cats_are_well_formed() -> None:
    for number in range(1000):
        cat = cat_of(f"seed-{number}")
        root = ElementTree.fromstring(draw(cat))
        assert root.tag == f"{SVG}svg"
        assert root.findtext(f"{SVG}title") == cat.title
        ids = [found for node in root.iter() if (found := node.get("id"))]
        assert len(ids) == len(set(ids)), f"an id twice in {cat.seed}"
        used = {
            value[len("url(#") : -1]
            for node in root.iter()
            for value in node.attrib.values()
            if value.startswith("url(#")
        }
        assert used <= set(ids), f"{cat.seed} refers to what is not there"


def test_the_same_seed_is_the_same_cat_in_another_process() -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(HERE.parent)!r}); "
        "from catserve import cat_of, draw; sys.stdout.write(draw(cat_of('mew-42')))"
    )
    there = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, timeout=30, text=True
    )
    assert there.stdout == draw(cat_of("mew-42"))


def test_no_two_of_a_hundred_are_equal() -> None:
    pictures = {draw(cat_of(str(number))).split("</title>", 1)[1] for number in range(100)}
    assert len(pictures) == 100


def test_every_kind_appears() -> None:
    herd = [cat_of(str(number)) for number in range(1500)]
    assert {cat.coat.kind for cat in herd} == {coat.kind for coat in COATS}
    assert {cat.pose for cat in herd} == set(Pose)
    assert {cat.scene for cat in herd} == set(Scene)
    assert {cat.wear for cat in herd} == set(Wear)
    odd = Counter(cat.eyes[0] != cat.eyes[1] for cat in herd)
    assert 10 < odd[True] < 300


def test_pictures_fetch_nothing() -> None:
    for number in range(50):
        picture = draw(cat_of(str(number))).replace("http://www.w3.org/2000/svg", "")
        assert "http" not in picture and "href" not in picture and "<script" not in picture


def test_seeds() -> None:
    assert valid_seed(new_seed()) and new_seed() != new_seed()
    for bad in ("", "a/b", "a.b", "<svg>", "x" * 41, "a\n", "é"):
        assert not valid_seed(bad), bad


@pytest.mark.parametrize(
    ("path", "status", "content_type"),
    [
        ("/", "200 OK", "text/html; charset=utf-8"),
        ("/herd", "200 OK", "text/html; charset=utf-8"),
        ("/cat/mew-42", "200 OK", "text/html; charset=utf-8"),
        ("/cat/mew-42.svg", "200 OK", "image/svg+xml"),
        ("/cat/", "404 Not Found", "text/plain; charset=utf-8"),
        ("/cat/.svg", "404 Not Found", "text/plain; charset=utf-8"),
        ("/cat/<script>.svg", "404 Not Found", "text/plain; charset=utf-8"),
        ("/cat/a/../b.svg", "404 Not Found", "text/plain; charset=utf-8"),
        ("/nothing", "404 Not Found", "text/plain; charset=utf-8"),
    ],
)
def test_addresses(path: str, status: str, content_type: str) -> None:
    reply = answer(path, "a test")
    assert (reply.status, reply.content_type) == (status, content_type)
    assert dict(reply.headers)["Content-Length"] == str(len(reply.body))


def test_each_visit_shows_another_cat() -> None:
    first, second = answer("/", "a test"), answer("/", "a test")
    assert first.body != second.body and first.cache == "no-store"
