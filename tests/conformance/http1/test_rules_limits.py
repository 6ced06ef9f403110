"""Rules 6, 15, 16, 19 and 20 on the wire: each limit with what just fits and with one more.

What is beyond a limit is refused as any other request, and the log names the option to change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Callable

import pytest
from harness import Server
from wire import HERE, Refused, app_not_called, chunked, expect_refusal, get, name_of, post, refused

HEAD = 2048  # bytes of a head, --buffer-size
FIELDS = 8  # --http-max-headers
BODY = 1000  # --limit-post
EXTENSIONS = 16384  # bytes of all chunk extensions of a body
TRAILERS = 8192  # bytes of all trailer lines


OPTIONS = [
    *("--buffer-size", str(HEAD), "--http-max-headers", str(FIELDS), "--limit-post", str(BODY)),
    *("--chdir", str(HERE), "counting_app:app"),
]


@pytest.fixture(scope="module")
def limited() -> Iterator[Server]:
    with Server(OPTIONS) as server:
        yield server


@dataclass(frozen=True)
class Limit:
    name: str
    fits: bytes
    beyond: bytes
    status: int
    told: str  # in the log


def head_of(size: int, start: bytes, end: bytes = b"\r\n\r\n") -> bytes:
    return start + b"a" * (size - len(start) - len(end)) + end


def line_of(size: int) -> bytes:
    """A request whose first line, CR LF included, has `size` bytes, and the shortest of heads."""
    return head_of(size, b"GET /", b" HTTP/1.0\r\n") + b"\r\n"


def lines(count: int) -> list[bytes]:
    return [b"A%d:" % number for number in range(count)]


def extended(count: int, size: int) -> bytes:
    """A body of `count` chunks, each with an extension of `size` bytes."""
    return (b"1;" + b"e" * (size - 1) + b"\r\nx\r\n") * count + b"0\r\n\r\n"


def trailed(size: int) -> bytes:
    return b"1\r\nx\r\n0\r\n" + b"A:" + b"t" * (size - 2) + b"\r\n\r\n"


START = b"GET / HTTP/1.1\r\nHost: x\r\n"

LIMITS = [
    Limit("6 request line", line_of(HEAD - 2), line_of(HEAD + 1), 414, "buffer-size"),
    Limit(
        "15 head, by a value",
        head_of(HEAD, START + b"A: "),
        head_of(HEAD + 1, START + b"A: "),
        431,
        "buffer-size",
    ),
    Limit(
        "15 head, by a name",
        head_of(HEAD, START, b":\r\n\r\n"),
        head_of(HEAD + 1, START, b":\r\n\r\n"),
        431,
        "buffer-size",
    ),
    Limit(
        "15 head, by an empty line before it",
        head_of(HEAD, b"\r\n" + START + b"A: "),
        b"\r\n" + head_of(HEAD - 1, START + b"A: "),
        431,
        "buffer-size",
    ),
    Limit(
        "15 number of fields",
        get(*lines(FIELDS - 1)),
        get(*lines(FIELDS)),
        431,
        "http-max-headers",
    ),
    Limit(
        "16 body by its length",
        post(b"Content-Length: %d" % BODY, body=b"b" * BODY),
        post(b"Content-Length: %d" % (BODY + 1), body=b"b" * (BODY + 1)),
        413,
        "limit-post",
    ),
    Limit(
        "16 body in one chunk",
        chunked(b"%x\r\n%s\r\n0\r\n\r\n" % (BODY, b"b" * BODY)),
        chunked(b"%x\r\n" % (BODY + 1)),
        413,
        "limit-post",
    ),
    Limit(
        "16 body in many chunks",
        chunked(b"a\r\n0123456789\r\n" * (BODY // 10) + b"0\r\n\r\n"),
        chunked(b"a\r\n0123456789\r\n" * (BODY // 10) + b"1\r\nx\r\n0\r\n\r\n"),
        413,
        "limit-post",
    ),
    Limit(
        "19 extension of one chunk",
        chunked(extended(1, EXTENSIONS)),
        chunked(extended(1, EXTENSIONS + 1)),
        400,
        "chunk",
    ),
    Limit(
        "19 extensions of many chunks",
        chunked(extended(64, EXTENSIONS // 64)),
        chunked(extended(64, EXTENSIONS // 64 + 1)),
        400,
        "chunk",
    ),
    Limit(
        "20 bytes of trailers",
        chunked(trailed(TRAILERS)),
        chunked(trailed(TRAILERS + 1)),
        431,
        "trailers",
    ),
    Limit(
        "20 number of trailers",
        chunked(b"0\r\n" + b"\r\n".join(lines(FIELDS)) + b"\r\n\r\n"),
        chunked(b"0\r\n" + b"\r\n".join(lines(FIELDS + 1)) + b"\r\n\r\n"),
        431,
        "http-max-headers",
    ),
]


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_what_just_fits(limited: Server, limit: Limit) -> None:
    with limited.connect() as connection:
        connection.send(limit.fits)
        assert connection.read_response().status == 200


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_one_more_is_refused(limited: Server, limit: Limit) -> None:
    refused(limited, Refused(limit.name, limit.beyond, limit.status))


def test_the_log_names_the_limit(serve: Callable[..., Server]) -> None:
    """A server of its own, as lines about refusals are few in a second."""
    server = serve(*OPTIONS)
    told = {limit.told: limit for limit in LIMITS}
    for limit in told.values():
        mark = server.mark()
        refused(server, Refused(limit.name, limit.beyond, limit.status))
        server.wait_log(rf"with {limit.status}: .*{limit.told}", mark)


ENDLESS = [
    Refused("6 request line without an end", b"GET /" + b"a" * (HEAD - 4), 414),
    Refused("15 name without an end", START + b"a" * (HEAD - len(START) + 1), 431),
    Refused("15 value without an end", START + b"A: " + b"a" * (HEAD - len(START) - 2), 431),
    Refused("19 extension without an end", chunked(b"3;" + b"a" * (EXTENSIONS + 16)), 400),
    Refused("20 trailer without an end", chunked(b"0\r\nA:" + b"a" * TRAILERS), 431),
]


@pytest.mark.parametrize("row", ENDLESS, ids=name_of)
def test_refused_before_its_end(limited: Server, row: Refused) -> None:
    """Who never ends what is too long is not waited for."""
    with app_not_called(limited), limited.connect() as connection:
        connection.send(row.sent)
        expect_refusal(connection, row.status)


def test_lengths_at_the_edge_of_their_type(limited: Server) -> None:
    """Rule 16: 19 digits that fit are a size, and too large; those that do not are no number."""
    for value, status in ((2**63 - 1, 413), (2**63, 400), (2**64 - 1, 400), (10**19 - 1, 400)):
        refused(limited, Refused(str(value), post(b"Content-Length: %d" % value), status))


def test_8000_octets_of_request_line(counting: Server) -> None:
    """Rule 6: by default they work."""
    target = "/" + "a" * (8000 - len("GET / HTTP/1.1"))
    assert counting.get(target).json["environ"]["PATH_INFO"] == target


def test_default_limits_of_a_head(counting: Server) -> None:
    """Rule 15: 32 KiB and 200 fields."""
    start = START + b"A: "
    with counting.connect() as connection:
        connection.send(head_of(32768, start) + get(*lines(199)))
        assert connection.read_response().status == connection.read_response().status == 200
    refused(counting, Refused("15", head_of(32769, start), 431))
    refused(counting, Refused("15", get(*lines(200)), 431))
