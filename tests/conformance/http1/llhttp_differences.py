"""Where our reading of a connection parts from llhttp's, and the reasons there are for that.

One row each, named as in docs/conformance.md; a difference belongs to exactly one of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Callable

from llhttp_reader import Event, Seen

# What llhttp knows of, for HTTP.
METHODS = re.findall(
    r"\S+",
    """DELETE GET HEAD POST PUT CONNECT OPTIONS TRACE COPY LOCK MKCOL MOVE PROPFIND PROPPATCH SEARCH
    UNLOCK BIND REBIND UNBIND ACL REPORT MKACTIVITY CHECKOUT MERGE M-SEARCH NOTIFY SUBSCRIBE
    UNSUBSCRIBE PATCH PURGE MKCALENDAR LINK UNLINK SOURCE QUERY PRI""",
)


@dataclass
class Difference:
    """The first of the events that differ; beyond the last event stands an end."""

    wire: bytes
    ours: Seen
    theirs: Seen
    index: int
    same_refusal: bool = False  # both refuse once the line is complete

    @property
    def our(self) -> Any:
        return self._at(self.ours)

    @property
    def their(self) -> Any:
        return self._at(self.theirs)

    def _at(self, seen: Seen) -> Any:
        return seen.events[self.index][0] if self.index < len(seen.events) else seen.end

    def head(self, seen: Seen) -> Any:
        return seen.events[self.index][1]

    @property
    def before(self) -> Event | None:
        """The last event on which both agree."""
        return self.ours.events[self.index - 1] if self.index else None

    @property
    def message(self) -> bytes:
        """The bytes from the last event on which both agree."""
        return self.wire[self.before[2] :] if self.before else self.wire

    @property
    def stray(self) -> bytes:
        """CR and LF that stand before a request."""
        if self.before and self.before[0] == "head":
            return b""
        return self.message[: len(self.message) - len(self.message.lstrip(b"\r\n"))]

    @property
    def line(self) -> bytes:
        """The request line, however it ends."""
        return re.split(rb"[\r\n]", self.message[len(self.stray) :], maxsplit=1)[0]

    def last_head(self) -> Any:
        """Of the request that both agree on."""
        heads = [event[1] for event in self.ours.events[: self.index] if event[0] == "head"]
        return heads[-1] if heads else None

    def __str__(self) -> str:
        return f"{self.wire!r}\nours:   {self.ours}\nllhttp: {self.theirs}\nat event {self.index}"


def values(head: Any, name: str) -> list[str]:
    """The elements of a field that is a list."""
    lists = [value for key, value in head[3] if key.lower() == name]
    return [element.strip(" \t").lower() for one in lists for element in one.split(",")]


def upgraded(d: Difference) -> bool:
    """llhttp stopped at the head before, or would have had no body for it."""
    if d.theirs.end != "upgrade" or d.index < len(d.theirs.events) - 1:
        return False
    head = next(event[1] for event in reversed(d.theirs.events) if event[0] == "head")
    return head[0] != "CONNECT"


def refusal(*reasons: str) -> Callable[[Difference], bool]:
    """We refuse for one of these reasons, and llhttp goes on."""
    return lambda d: (
        d.our == "refused" and d.ours.reason.startswith(reasons) and d.stray in (b"", b"\r\n")
    )


NO_LINE = (
    "the request line is not METHOD TARGET",
    "the request line does not end with HTTP",
    "a line of the head does not end",
    "the request target is empty",
)


def blanks(d: Difference) -> bool:
    return refusal(*NO_LINE)(d) and b"  " in d.line


def http_0_9(d: Difference) -> bool:
    return refusal(*NO_LINE)(d) and re.fullmatch(rb"[A-Z-]+ [^ ]*", d.line) is not None


def chunk_size(d: Difference) -> bool:
    """Too many digits, or more than we count."""
    sizes = re.findall(rb"(?:^|\r\n)([0-9a-fA-F]+)(?=[;\r])", d.message)
    return any(len(size) > 16 or int(size, 16) >= 2**63 for size in sizes)


def long_length(d: Difference) -> bool:
    lengths = re.findall(rb"(?im)^content-length:[ \t]*([0-9]*)[ \t]*\r", d.message)
    return any(len(length) > 19 or int(length or b"0") >= 2**63 for length in lengths)


def equal_lengths(d: Difference) -> bool:
    head = d.message.split(b"\r\n\r\n")[0] + b"\r\n"
    lengths = re.findall(rb"(?im)^content-length:[ \t]*([0-9]+)[ \t]*\r", head)
    return len(lengths) > 1 and len({int(length) for length in lengths}) == 1


def trimmed(d: Difference) -> bool:
    if (d.our, d.their) != ("head", "head"):
        return False
    ours, theirs = d.head(d.ours), d.head(d.theirs)
    return bool(ours[:3] == theirs[:3]) and list(ours[3]) == [
        (name, value.rstrip(" \t")) for name, value in theirs[3]
    ]


def behind_close(d: Difference) -> bool:
    if d.our != "closed" or both_wishes(d) or proxy_connection(d):
        return False
    if d.their == "more":
        return d.wire[d.ours.at :].strip(b"\r\n") == b""
    return d.their == "refused" and d.theirs.reason == "Data after `Connection: close`"


def both_wishes(d: Difference) -> bool:
    head = d.last_head()
    wishes = values(head, "connection") if head else []
    return d.our == "closed" and head[2] == "1.0" and {"close", "keep-alive"} <= set(wishes)


def proxy_connection(d: Difference) -> bool:
    """llhttp takes the field for Connection."""
    head = d.last_head()
    if head is None:
        return False
    wishes, others = values(head, "connection"), values(head, "proxy-connection")
    if d.our == "closed":
        return head[2] == "1.0" and "keep-alive" in others and "keep-alive" not in wishes
    after_close = d.their == "refused" and d.theirs.reason == "Data after `Connection: close`"
    return after_close and "close" in others and "close" not in wishes


def tab_behind_coding(d: Difference) -> bool:
    head = d.last_head()
    return (
        d.their == "refused"
        and d.our in ("body", "more")
        and d.theirs.reason == "Request has invalid `Transfer-Encoding`"
        and values(head, "transfer-encoding") == ["chunked"]
        and re.search(rb"(?i)\nTransfer-Encoding:[ \t]*chunked *\t[ \t]*\r", d.wire) is not None
    )


def unknown_method(d: Difference) -> bool:
    reasons = ("Invalid method encountered", "Expected space after method")
    return (
        d.our == "head"
        and d.their == "refused"
        and d.theirs.reason in reasons
        and d.head(d.ours)[0] not in METHODS
    )


ROWS: dict[str, Callable[[Difference], bool]] = {
    "a line that is not complete": lambda d: d.same_refusal,
    "CR and LF before a request": lambda d: d.our == "refused" and d.stray not in (b"", b"\r\n"),
    "HTTP/0.9": http_0_9,
    "several blanks in the request line": blanks,
    "another version": refusal("the HTTP version is neither"),
    "an unknown method": unknown_method,
    "CONNECT": refusal("CONNECT is not served"),
    "`*` for other methods": refusal("the target * is for OPTIONS alone"),
    "other schemes": refusal("the request target is neither a path nor"),
    "userinfo or no host in the target": refusal("the authority of the request target"),
    "other bytes in the target": refusal("the request target holds a byte"),
    "no Host": refusal("an HTTP/1.1 request without Host"),
    "two Host": refusal("two Host"),
    "Host of other bytes": refusal("the Host header is not"),
    "two Content-Type": refusal("two Content-Type"),
    "blanks behind a value": trimmed,
    "many fields": refusal("the request has more headers than"),
    "a length of 64 bits": lambda d: (
        refusal("the Content-Length is not a number")(d) and long_length(d)
    ),
    "equal lengths": lambda d: (
        d.our == "head" and d.theirs.reason == "Duplicate Content-Length" and equal_lengths(d)
    ),
    "Transfer-Encoding in HTTP/1.0": refusal("Transfer-Encoding in an HTTP/1.0"),
    "other codings": refusal("the only Transfer-Encoding that is served", "two Transfer-Encoding"),
    "a tab behind the coding": tab_behind_coding,
    "a chunk size of many digits": lambda d: (
        refusal("a chunk size is malformed")(d) and chunk_size(d)
    ),
    "chunk extensions": lambda d: refusal("a chunk size is malformed")(d) and not chunk_size(d),
    "trailers that frame": refusal("a trailer may not frame"),
    "other expectations": refusal("the only expectation that is served"),
    "Upgrade": upgraded,
    "bytes behind close": behind_close,
    "close and keep-alive in HTTP/1.0": both_wishes,
    "Proxy-Connection": proxy_connection,
}


# Where we go on and llhttp does not, or not as far. Nowhere else do we take a byte for another's.
OURS_ALONE = {
    "an unknown method",
    "blanks behind a value",
    "equal lengths",
    "a tab behind the coding",
    "Upgrade",
    "Proxy-Connection",
}


def rows_of(d: Difference) -> list[str]:
    if d.same_refusal:
        return ["a line that is not complete"]
    if upgraded(d):
        return ["Upgrade"]
    return [name for name, matches in ROWS.items() if matches(d)]
