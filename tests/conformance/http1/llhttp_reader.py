"""What llhttp makes of the bytes of a connection, in the words of codec_events.cc.

The bytes are fed one by one, so that the place of each event is known. Of what a handler of
httptools is told, trailers are left out; nothing is said of lengths and codings but by the body.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Union

import httptools

Head = tuple[str, str, str, tuple[tuple[str, str], ...]]  # method, target, version, fields
Event = tuple[str, Union[Head, str], int]  # "head" or "body", what, where it ended


@dataclass
class Seen:
    """One side's reading."""

    events: list[Event] = field(default_factory=list)
    end: str = "more"  # or "refused", "closed" (ours), "upgrade" (llhttp's)
    reason: str = ""
    body: str = ""  # of a request that is not complete
    at: int = 0  # of a refusal of llhttp's; how much we took

    def outcome(self) -> tuple[Any, ...]:
        return (self.end, self.body if self.end == "more" else "")


class Handler:
    def __init__(self) -> None:
        self.seen = Seen()
        self.parser = httptools.HttpRequestParser(self)
        self.at = 0
        self.in_head = False

    def on_message_begin(self) -> None:
        self.target, self.body = b"", b""
        self.fields: list[tuple[str, str]] = []
        self.in_head = True

    def on_url(self, piece: bytes) -> None:
        self.target += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.in_head:
            self.fields.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        self.in_head = False
        head = (
            self.parser.get_method().decode("latin-1"),
            self.target.decode("latin-1"),
            self.parser.get_http_version(),
            tuple(self.fields),
        )
        self.seen.events.append(("head", head, self.at))

    def on_body(self, piece: bytes) -> None:
        self.body += piece

    def on_message_complete(self) -> None:
        self.seen.events.append(("body", self.body.decode("latin-1"), self.at))
        self.body = b""

    def read(self, wire: bytes) -> Seen:
        self.body = b""
        seen = self.seen
        feed = self.parser.feed_data
        try:
            for self.at in range(1, len(wire) + 1):
                feed(wire[self.at - 1 : self.at])
        except httptools.HttpParserUpgrade:
            seen.end = "upgrade"
        except httptools.HttpParserError as error:
            seen.end, seen.reason = "refused", str(error)
        seen.body, seen.at = self.body.decode("latin-1"), self.at
        return seen


def read(wire: bytes) -> Seen:
    return Handler().read(wire)
