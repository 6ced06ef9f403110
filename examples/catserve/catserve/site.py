"""The four addresses of the site, free of any framework; wsgi.py, Flask and Django all call this.

/                a new cat each time       /cat/SEED       this cat, on a page
/herd            24 of them                /cat/SEED.svg   this cat, as a picture
"""

from __future__ import annotations

from dataclasses import dataclass

from catserve.cat import cat_of, draw, new_seed, valid_seed
from catserve.page import cat_page, herd_page

HTML, SVG, TEXT = "text/html; charset=utf-8", "image/svg+xml", "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Answer:
    status: str
    content_type: str
    body: bytes
    cache: str

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [
            ("Content-Type", self.content_type),
            ("Content-Length", str(len(self.body))),
            ("Cache-Control", self.cache),
        ]


def answer(path: str, served_by: str) -> Answer:
    if path == "/":
        return Answer("200 OK", HTML, cat_page(new_seed(), served_by).encode(), "no-store")
    if path == "/herd":
        return Answer("200 OK", HTML, herd_page(served_by).encode(), "no-store")
    if path.startswith("/cat/"):
        name = path[len("/cat/") :]
        seed = name[: -len(".svg")] if name.endswith(".svg") else name
        if valid_seed(seed) and name != seed:
            picture = draw(cat_of(seed)).encode()
            return Answer("200 OK", SVG, picture, "public, max-age=31536000, immutable")
        if valid_seed(seed):
            return Answer("200 OK", HTML, cat_page(seed, served_by).encode(), "no-cache")
    return Answer("404 Not Found", TEXT, b"No such cat.\n", "no-store")
