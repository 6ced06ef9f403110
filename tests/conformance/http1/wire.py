"""What the files of this folder share: rows of raw bytes, and what must come of them.

A refusal means: exactly one answer, with the row's status and `Connection: close`; all of it
reaches the client although that goes on sending, and the connection ends without a reset; the app
is not called, not even for the innocent request that follows in the same bytes; and no access line
stands for anything of it. Names of rows begin with the number of the rule.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness import Connection, Response, Server

HERE = Path(__file__).resolve().parent
H = b"Host: x\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n"
MORE = b"GET /more HTTP/1.1\r\nHost: x\r\n\r\n" * 250  # 8 KB of a client that does not listen
ACCESS_LINE = r"\] (\S+ \S+) => generated "

_numbers = itertools.count()


@dataclass(frozen=True)
class Refused:
    name: str
    sent: bytes
    status: int = 400
    follow: bool = True  # an innocent request in the same write, and more behind it
    split: bool = False  # tried at every split, too


@dataclass(frozen=True)
class Accepted:
    name: str
    sent: bytes
    environ: dict[str, str] = field(default_factory=dict)
    body: str = ""
    split: bool = False


def name_of(row: Refused | Accepted) -> str:
    return row.name


def get(*fields: bytes, line: bytes = b"GET / HTTP/1.1", host: bool = True) -> bytes:
    head = line + b"\r\n" + (H if host else b"")
    return head + b"".join(field + b"\r\n" for field in fields) + b"\r\n"


def post(*fields: bytes, body: bytes = b"") -> bytes:
    return get(*fields, line=b"POST / HTTP/1.1") + body


def chunked(body: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked", body=body)


def calls(server: Server) -> int:
    """How often the app was called, this question apart."""
    return int(server.get("/calls").json["calls"])


def access_lines(server: Server, since: int) -> list[str]:
    """METHOD TARGET of each access line since `since`, once all that came before is written."""
    last = f"/calls?last={next(_numbers)}"
    server.get(last)
    server.wait_log(re.escape(f"GET {last} => generated "), since)
    with server._more:
        text = "\n".join(server.lines[since:])
    return [line for line in re.findall(ACCESS_LINE, text) if not line.startswith("GET /calls")]


@contextmanager
def app_not_called(server: Server) -> Iterator[None]:
    access_lines(server, server.mark())  # those of earlier requests are in the log by now
    before, mark = calls(server), server.mark()
    yield
    assert calls(server) == before, "the app was called"
    assert access_lines(server, mark) == [], "an access line for what was never served"


def expect_orderly_end(connection: Connection) -> None:
    """The end of the connection, and no reset, which could have taken the answer with it."""
    assert connection.buffer == b"", f"more than one answer: {connection.buffer[:300]!r}"
    rest = connection.socket.recv(65536)
    assert rest == b"", f"more than one answer: {rest[:300]!r}"


def expect_refusal(connection: Connection, status: int, method: str = "GET") -> Response:
    """The answer, whole, then the end. The client may still be sending."""
    answer = connection.read_response(method)
    assert answer.status == status, f"{answer.status} instead of {status}"
    assert answer.complete, "the answer was cut"
    assert answer.closes, "a refusal closes"
    expect_orderly_end(connection)
    return answer


def refused(server: Server, row: Refused) -> None:
    with app_not_called(server), server.connect() as connection:
        connection.send(row.sent + (NEXT if row.follow else b""))
        for _ in range(8 if row.follow else 0):
            connection.send(MORE)
        expect_refusal(connection, row.status)
        connection.send(MORE)
        expect_orderly_end(connection)


def refused_at_every_split(server: Server, row: Refused) -> None:
    """The same refusal wherever the network cut the bytes."""
    data = row.sent + (NEXT if row.follow else b"")
    with app_not_called(server):
        for point in range(1, len(row.sent)):
            with server.connect() as connection:
                connection.send_split(data, [point])
                expect_refusal(connection, row.status)


def accepted(server: Server, row: Accepted) -> None:
    with server.connect() as connection:
        connection.send(row.sent + NEXT)
        expect_accepted(connection.read_response(), row)
        assert connection.read_response().json["environ"]["PATH_INFO"] == "/next"


def accepted_at_every_split(server: Server, row: Accepted) -> None:
    for point in range(1, len(row.sent)):
        with server.connect() as connection:
            connection.send_split(row.sent, [point])
            expect_accepted(connection.read_response(), row)


def expect_accepted(answer: Response, row: Accepted) -> None:
    assert answer.status == 200, answer
    shown = {name: answer.json["environ"].get(name) for name in row.environ}
    assert shown == row.environ
    assert answer.json["body"] == row.body
