"""wsgi.input as a file: every method, going back, what the standard library puts around it, and a
body that was cut: it raises in each method, again and again, and never looks complete."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Iterator
from typing import Any, Callable

import pytest
from harness import Connection, Server
from harness.fixtures import APPS

Serve = Callable[..., Server]
Calls = list[list[Any]]

TEXT = b"first line\nsecond\n\nlast"
LARGE = b"0123456789abcdef" * 8192  # twice post-buffering


@pytest.fixture(scope="module", params=["1", "3"], ids=["inline", "threads"])
def body(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server(["--chdir", str(APPS), "--threads", request.param, "body:app"]) as server:
        yield server


def target_of(calls: Calls, path: str = "/calls") -> str:
    return f"{path}?do={urllib.parse.quote(json.dumps(calls))}"


def in_chunks(content: bytes, size: int = 7) -> bytes:
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def ask(server: Server, content: bytes, calls: Calls, coding: str = "length") -> list[Any]:
    with server.connect() as connection:
        if coding == "length":
            answer = connection.request("POST", target_of(calls), content)
        else:
            head = f"POST {target_of(calls)} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            connection.send(head.encode() + b"\r\n" + in_chunks(content, 4096))
            answer = connection.read_response()
    assert answer.status == 200
    results: list[Any] = answer.json
    assert len(results) == len(calls)
    return results


@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_every_way_to_read(body: Server, coding: str) -> None:
    rows: list[tuple[list[Any], Any]] = [
        (["read", 0], ""),
        (["read", 2], "fi"),
        (["read1", 3], "rst"),
        (["readinto", 3], [3, " li"]),
        (["readline", 1], "n"),
        (["readline", 0], ""),
        (["readline"], "e\n"),
        (["tell"], 11),
        (["next"], "second\n"),
        (["readlines", 1], ["\n"]),
        (["readline", None], "last"),
        (["read"], ""),
        (["read1"], ""),
        (["readline"], ""),
        (["readinto", 2], [0, ".."]),
        (["readlines"], []),
        (["next"], "the end"),
        (["tell"], len(TEXT)),
    ]
    assert ask(body, TEXT, [call for call, _ in rows], coding) == [gave for _, gave in rows]
    whole = TEXT.decode()
    assert ask(body, TEXT, [["read"]], coding) == [whole]
    assert ask(body, TEXT, [["read", -1]], coding) == [whole]
    assert ask(body, TEXT, [["read", None]], coding) == [whole]
    assert ask(body, TEXT, [["list"]], coding) == [whole.splitlines(keepends=True)]
    assert ask(body, TEXT, [["readlines", 0]], coding) == [whole.splitlines(keepends=True)]
    assert ask(body, TEXT, [["readlines", 12]], coding) == [["first line\n", "second\n"]]


def test_what_else_a_file_has(body: Server) -> None:
    calls: Calls = [["readable"], ["writable"], ["isatty"], ["closed"], ["flush"], ["close"]]
    assert ask(body, TEXT, [*calls, ["read", 5]]) == [
        True,
        False,
        False,
        False,
        None,
        None,
        "first",
    ]
    (no_descriptor,) = ask(body, TEXT, [["fileno"]])
    assert no_descriptor["raised"] == "UnsupportedOperation", "subprocess and mmap look for it"


@pytest.mark.parametrize(
    ("call", "raises"),
    [
        (["read", "3"], "TypeError"),
        (["read", 1.5], "TypeError"),
        (["read", 1, 2], "TypeError"),
        (["read", 1 << 70], "OverflowError"),
        (["readinto", "none"], "TypeError"),
        (["seek"], "TypeError"),
        (["seek", 1, 2, 3], "TypeError"),
        (["seek", "a"], "TypeError"),
        (["seek", 0, 3], "ValueError"),
        (["seek", -1], "ValueError"),
        (["seek", -1, 1], "ValueError"),
        (["seek", -100, 2], "ValueError"),
        (["seek", (1 << 63) - 1, 2], "ValueError"),
        (["write", "x"], "AttributeError"),
    ],
)
def test_wrong_calls(body: Server, call: list[Any], raises: str) -> None:
    wrong, after = ask(body, TEXT, [call, ["read", 5]])
    assert wrong["raised"] == raises, wrong
    assert after == "first", "nothing was taken by it"


@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_seek_in_a_small_body(body: Server, coding: str) -> None:
    rows: list[tuple[list[Any], Any]] = [
        (["seekable"], True),
        (["tell"], 0),
        (["read"], TEXT.decode()),
        (["seek", 0], 0),
        (["read", 5], "first"),
        (["seek", -2, 1], 3),
        (["read", 2], "st"),
        (["seek", -4, 2], len(TEXT) - 4),
        (["read"], "last"),
        (["seek", 6, 0], 6),
        (["readline"], "line\n"),
        (["seek", 0, 2], len(TEXT)),
        (["read"], ""),
        (["seek", 1000], len(TEXT)),
        (["tell"], len(TEXT)),
        (["seek", 0], 0),
        (["list"], TEXT.decode().splitlines(keepends=True)),
    ]
    assert ask(body, TEXT, [call for call, _ in rows], coding) == [gave for _, gave in rows]
    assert ask(body, TEXT, [["seek", 0, 2], ["tell"]], coding) == [len(TEXT)] * 2, "its size"


def test_seek_without_a_body(body: Server) -> None:
    calls: Calls = [["seekable"], ["tell"], ["seek", 0], ["seek", 9], ["seek", 0, 2], ["read"]]
    assert body.get(target_of(calls)).json == [True, 0, 0, 0, 0, ""]


@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_seek_in_a_large_body(body: Server, coding: str) -> None:
    calls: Calls = [
        ["seekable"],
        ["seek", 0],
        ["read", 10],
        ["seek", 10],
        ["seek", 6, 1],
        ["read", 3],
        ["seek", 100_000],
        ["read", 4],
        ["seek", 0],
        ["seek", -1, 1],
        ["seek", 0, 2],
        ["tell"],
        ["read", 4],
        ["seek", 1 << 40],
        ["read"],
    ]
    results = ask(body, LARGE, calls, coding)
    assert results[:8] == [False, 0, "0123456789", 10, 16, "012", 100_000, "0123"]
    for refused in results[8:11]:
        assert {"OSError", "ValueError"} <= set(refused["bases"]), refused
        assert refused["raised"] == "UnsupportedOperation"
        assert "post-buffering" in refused["text"], "what to do about it"
    assert results[11:] == [100_004, "4567", len(LARGE), ""]


def test_post_buffering_decides(serve: Serve) -> None:
    back: Calls = [["seekable"], ["read", 3], ["seek", 0]]
    none = serve("--chdir", str(APPS), "--post-buffering", "0", "body:app")
    assert ask(none, b"abc", back)[2]["raised"] == "UnsupportedOperation"
    much = serve("--chdir", str(APPS), "--post-buffering", "131072", "body:app")
    assert ask(much, LARGE, back) == [True, "012", 0]
    assert ask(much, LARGE, [["seek", 0, 2], ["seek", 1], ["read", 2]]) == [len(LARGE), 1, "12"]
    assert ask(much, LARGE + b"x", back)[::2][0] is False


def test_a_client_that_waits_to_be_told(body: Server) -> None:
    """Expect: 100-continue: nothing of the body is there when the app is called."""
    head = (
        f"POST {target_of([['seekable'], ['read', 3], ['seek', 0], ['read']])} HTTP/1.1\r\n"
        "Host: x\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n"
    )
    with body.connect() as connection:
        connection.send(head.encode())
        assert connection.read_response(interim=True).status == 100
        connection.send(b"abcdef")
        assert connection.read_response().json == [True, "abc", 0, "abcdef"]


def test_what_the_standard_library_puts_around(body: Server) -> None:
    text = "über\nzwei\ndrei".encode()
    for content, by, expected in (
        (text, "text", ["über\n", "zwei\ndrei"]),
        (TEXT, "buffered", ["firs", "first line\n", "secon", "d\n\nlast"]),
        (b'a,b\n"c,d",e\n', "csv", [["a", "b"], ["c,d", "e"]]),
        (b"x" * 200_000, "text", ["x" * 200_000, ""]),
    ):
        answer = body.request("POST", f"/wrapped?by={by}", content)
        assert answer.json == expected, by


def test_a_line_longer_than_what_is_buffered(body: Server) -> None:
    line = LARGE + b"\n"
    first, second = ask(body, line + b"next", [["readline"], ["readline"]])
    assert first.encode() == line and second == "next"
    parts = ask(body, line, [["readline", 100_000], ["readline"], ["readline"]])
    assert [len(part) for part in parts] == [100_000, len(line) - 100_000, 0]


def test_reads_of_threads_that_the_app_started(body: Server) -> None:
    """They wait for bytes that come late, and do not get in each other's way."""
    words = [f"word{number:03}" for number in range(500)]  # read(7) gives one, or a blank and six
    content = " ".join(words).encode()
    for threads in (1, 4):
        with body.connect() as connection:
            connection.send(
                f"POST /thread?n={threads} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                f"Content-Length: {len(content)}\r\n\r\n".encode()
            )
            assert connection.read_response(interim=True).status == 100
            connection.send_split(content, range(100, len(content), 100))
            size, found = connection.read_response().json
            assert size == len(content), "no byte lost, none twice"
            assert threads > 1 or found == words


# a body that is not whole


def cut(connection: Connection, calls: Calls, sent: bytes, announced: int) -> None:
    head = f"POST {target_of(calls)} HTTP/1.1\r\nHost: x\r\nContent-Length: {announced}\r\n\r\n"
    connection.send(head.encode() + sent)
    connection.finish_sending()


EVERY_READ: Calls = [
    ["read"],
    ["read", 1],
    ["read", 0],
    ["read1"],
    ["readinto", 4],
    ["readline"],
    ["readlines"],
    ["next"],
    ["list"],
    ["seek", 3],
    ["seek", 1 << 40],
]


# What asks for more than had come; going back is refused in another way while nothing failed yet.
ASK_FOR_MORE = [call for call in EVERY_READ if call not in (["read", 0], ["seek", 3])]


@pytest.mark.parametrize("first", ASK_FOR_MORE, ids=str)
def test_a_cut_body_raises_in_every_method_and_again(body: Server, first: list[Any]) -> None:
    """Each method meets the cut first, by itself, after all that had come was read; then all of
    them meet it again."""
    came = LARGE[:70_000]
    for sent, announced in ((came, len(LARGE)), (came, len(came) + 1)):
        with body.connect() as connection:
            cut(connection, [["read", len(sent)], first, *EVERY_READ, ["tell"]], sent, announced)
            answer = connection.read_response()
            assert answer.closes
            connection.expect_end()
        before, *failed, position = answer.json
        assert before.encode() == sent and position == len(sent)
        for call, result in zip([first, *EVERY_READ], failed):
            assert result["raised"] == "RequestBodyError", (call, result)
            assert "OSError" in result["bases"] and "not complete" in result["text"]


@pytest.mark.parametrize(
    "rest", [b"5\r\nhello\r\n", b"xyz\r\n", b"5\r\nhelloX", b"-1\r\n", b"0\r\nbad trailer\r\n\r\n"]
)
def test_a_malformed_chunked_body_raises(body: Server, rest: bytes) -> None:
    calls: Calls = [["read", 80_000], ["read"], ["read", 1], ["list"], ["read1"]]
    with body.connect() as connection:
        head = f"POST {target_of(calls)} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        whole = in_chunks(LARGE, 65536)[: -len(b"0\r\n\r\n")]
        connection.send(head.encode() + whole + rest)
        connection.finish_sending()
        before, *failed = connection.read_response().json
        connection.expect_end()
    assert len(before) == 80_000
    assert [result["raised"] for result in failed] == ["RequestBodyError"] * 4


def test_a_body_that_comes_too_slowly_raises(serve: Serve) -> None:
    server = serve("--chdir", str(APPS), "--http-body-timeout", "300ms", "body:app")
    calls: Calls = [["read"], ["read", 1]]
    with server.connect() as connection:
        head = f"POST {target_of(calls)} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
        connection.send(head.encode() + b"x" * 70_000)
        results = connection.read_response().json
        connection.expect_end()
    assert [result["raised"] for result in results] == ["RequestBodyError"] * 2
    assert "http-body-timeout" in results[0]["text"]


def test_reading_after_the_request_is_over(body: Server) -> None:
    """A body that was not read to its end is gone: that is an error, and no end."""
    with body.connect() as connection:
        later = target_of([["read"], ["read", 1], ["tell"]], "/kept-later")
        assert connection.request("POST", "/kept?read=3", b"abcdef").json == "abc"
        first, again, position = connection.get(later).json
        assert first["raised"] == again["raised"] == "RequestBodyError"
        assert "over" in first["text"] and position == 3
        assert connection.request("POST", "/kept?read=9", b"abcdef").json == "abcdef"
        assert connection.get(later).json == ["", "", 6], "this one was complete"
        assert connection.get("/kept?read=9").json == ""
        assert connection.get(later).json == ["", "", 0]
