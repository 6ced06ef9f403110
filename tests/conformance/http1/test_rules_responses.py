"""Rules 28 to 32 on the wire: nothing an app answers breaks out of its answer."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import pytest
from answering_app import BAD_HEADS, HOP_BY_HOP
from harness import Connection, Response, Server
from wire import HERE, NEXT, expect_orderly_end, expect_refusal


@pytest.fixture(scope="module", params=["direct", "routed"])
def answering(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server(["--chdir", str(HERE), "answering_app:app"], way=request.param) as server:
        yield server


def ask(connection: Connection, name: str, method: str = "GET", version: str = "1.1") -> Response:
    """The answer; the connection is kept where it can be."""
    keep = "Connection: keep-alive\r\n" if version == "1.0" else ""
    head = f"{method} /{quote(name)} HTTP/{version}\r\nHost: x\r\n{keep}\r\n"
    connection.send(head.encode())
    return connection.read_response(method)


def expect_kept(connection: Connection) -> None:
    """Exactly one answer came: what comes next answers the next request."""
    answer = ask(connection, "length")
    assert (answer.status, answer.body) == (200, b"body")


# 28


@pytest.mark.parametrize("name", BAD_HEADS)
def test_a_bad_head_is_a_500_and_nothing_of_it_is_sent(answering: Server, name: str) -> None:
    mark = answering.mark()
    with answering.connect() as connection:
        connection.send(f"GET /{quote(name)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = connection.read_response()
        assert answer.status == 500 and answer.complete
        shown = f"{answer.reason} {answer.headers} {answer.text}"
        assert "evil" not in shown and "X-A" not in shown and "Traceback" not in shown
        if answer.closes:
            expect_orderly_end(connection)
        else:
            expect_kept(connection)
    answering.wait_log(r"answering_app\.py", since=mark)  # the app's stack


# 29


@pytest.mark.parametrize("name", [name for name, _ in HOP_BY_HOP])
def test_hop_by_hop_headers_are_dropped(answering: Server, name: str) -> None:
    mark = answering.mark()
    with answering.connect() as connection:
        answer = ask(connection, name)
        assert (answer.status, answer.body) == (200, b"body")
        assert answer.get("X-Kept") == "yes"
        # The server's own coding stands where the app's was, once.
        assert answer.all(name) == (["chunked"] if name == "Transfer-Encoding" else [])
        expect_kept(connection)
    answering.wait_log(rf"(?i)warning.*{name}", since=mark)


def test_an_app_may_close(answering: Server) -> None:
    with answering.connect() as connection:
        assert ask(connection, "closes").get("Connection") == "close"
        expect_orderly_end(connection)


# 30


def test_a_body_longer_than_its_length_is_cut(answering: Server) -> None:
    mark = answering.mark()
    with answering.connect() as connection:
        assert ask(connection, "too long").body == b"body"
        expect_kept(connection)
    answering.wait_log("longer than its Content-Length of 4", since=mark)


@pytest.mark.parametrize("name", ["too short", "nothing of 5"])
def test_a_body_shorter_than_its_length_closes(answering: Server, name: str) -> None:
    with answering.connect() as connection:
        answer = ask(connection, name)
        assert not answer.complete or answer.status == 500
        expect_orderly_end(connection)


@pytest.mark.parametrize(
    ("method", "name", "length"),
    [
        ("HEAD", "length", "4"),
        ("HEAD", "no length", None),
        ("HEAD", "too long", "4"),
        ("HEAD", "too short", "5"),
        ("GET", "204", None),
        ("GET", "304", None),
        ("GET", "304 with its length", "4"),
        ("HEAD", "204", None),
    ],
)
def test_answers_that_have_no_body(
    answering: Server, method: str, name: str, length: str | None
) -> None:
    with answering.connect() as connection:
        answer = ask(connection, name, method)
        assert answer.get("Content-Length") == length
        assert answer.get("Transfer-Encoding") is None
        expect_kept(connection)


def test_a_refused_head_has_no_body(answering: Server) -> None:
    with answering.connect() as connection:
        connection.send(b"HEAD / HTTP/1.1\r\nHost : x\r\n\r\n" + NEXT)
        expect_refusal(connection, 400, "HEAD")


# 31


@pytest.mark.parametrize("name", ["no length", "written, no length"])
def test_without_a_length(answering: Server, name: str) -> None:
    """Chunked in HTTP/1.1, until the end of the connection in 1.0."""
    with answering.connect() as connection:
        answer = ask(connection, name)
        assert answer.get("Transfer-Encoding") == "chunked" and answer.complete
        assert answer.body == b"body"
        expect_kept(connection)
    with answering.connect() as connection:
        answer = ask(connection, name, version="1.0")
        assert answer.get("Transfer-Encoding") is None and answer.closes
        assert answer.body == b"body"


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("name", ["error later", "error within its length"])
def test_an_error_after_the_first_byte_cuts_the_answer(
    answering: Server, name: str, version: str
) -> None:
    with answering.connect() as connection:
        answer = ask(connection, name, version=version)
        assert answer.status == 500 or b"body".startswith(answer.body)
        # An answer of 1.0 without a length cannot be told from a whole one; no other looks whole.
        assert answer.status == 500 or not answer.complete or version == "1.0"
        expect_orderly_end(connection)


def test_an_error_before_the_first_byte_is_a_500(answering: Server) -> None:
    with answering.connect() as connection:
        answer = ask(connection, "error first")
        assert answer.status == 500 and answer.complete
        if not answer.closes:
            expect_kept(connection)


# 32


def test_date_and_server(answering: Server) -> None:
    with answering.connect() as connection:
        answer = ask(connection, "length")
        parsedate_to_datetime(answer.get("Date") or "")
        assert answer.get("Server") in (None, "mewsgi"), "no version"
        answer = ask(connection, "dated")
        assert answer.get("Date") == "Sun, 06 Nov 1994 08:49:37 GMT"
        assert answer.get("Server") == "cat"
        answer = ask(connection, "dated twice")
        assert (answer.get("Date"), answer.get("Server")) == ("a", "c")


def test_refusals_have_a_date_too(answering: Server) -> None:
    with answering.connect() as connection:
        connection.send(b"nonsense\r\n\r\n")
        answer = expect_refusal(connection, 400)
        parsedate_to_datetime(answer.get("Date") or "")
        assert answer.get("Server") in (None, "mewsgi")
