"""Rule D of HTTP/2: answers. The apps' misdeeds are those of http1/answering_app.py."""

from __future__ import annotations

import re

import pytest
from answering_app import ANSWERS, BAD_HEADS, HOP_BY_HOP
from harness import Server
from harness import h2_frames as h2
from harness.h2_peer import Peer, Stream

CONNECTION_FIELDS = {
    "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te", "trailer",
    "proxy-authenticate",
}  # fmt: skip


def asked(server: Server, name: str, method: str = "GET") -> Stream:
    with Peer(server.port) as peer:
        answer = peer.request(method, "/" + name.replace(" ", "%20"))
        assert peer.get("/length").text == "body"  # the tables are in step
        return answer


def expect_clean_head(answer: Stream) -> None:
    for fields in answer.heads:
        names = [name for name, _ in fields]
        assert names[0] == ":status" and not [n for n in names[1:] if n.startswith(":")]
        assert all(name == name.lower() for name in names)
        assert not CONNECTION_FIELDS & set(names)
        assert all(re.fullmatch(r"[\t\x20-\x7e\x80-\xff]*", value) for _, value in fields)


@pytest.mark.parametrize("name", ANSWERS)
def test_no_field_of_a_connection(answering: Server, name: str) -> None:
    expect_clean_head(asked(answering, name))


@pytest.mark.parametrize("name", BAD_HEADS)
def test_bad_heads(answering: Server, name: str) -> None:
    """Rule 28."""
    answer = asked(answering, name)
    assert answer.status == 500
    assert "evil" not in str(answer.heads) + answer.text


@pytest.mark.parametrize("name", [name for name, _ in HOP_BY_HOP])
def test_hop_by_hop_fields_are_dropped(answering: Server, name: str) -> None:
    """Rule 29."""
    answer = asked(answering, name)
    assert answer.status == 200 and answer.head["x-kept"] == "yes"
    assert name.lower() not in answer.head


@pytest.mark.parametrize("name", ["204", "304", "304 with its length"])
def test_no_body(answering: Server, name: str) -> None:
    answer = asked(answering, name)
    assert answer.status == int(name[:3])
    assert answer.ended and answer.data_frames == 0 and not answer.body


def test_head(answering: Server) -> None:
    for name in ("length", "no length", "too long"):
        answer = asked(answering, name, "HEAD")
        assert answer.status == 200 and answer.ended and answer.data_frames == 0
    assert asked(answering, "length", "HEAD").head["content-length"] == "4"


def test_lengths(answering: Server) -> None:
    """Rule 30."""
    assert asked(answering, "length").head["content-length"] == "4"
    assert asked(answering, "no length").text == "body"
    assert asked(answering, "written, no length").text == "body"
    long = asked(answering, "too long")
    assert (long.text, long.ended, long.reset) == ("body", True, None)


@pytest.mark.parametrize(
    "name", ["too short", "nothing of 5", "error later", "error within its length"]
)
def test_what_breaks_is_reset(answering: Server, name: str) -> None:
    """Rules 30 and 31: never an end that looks like a whole answer."""
    answer = asked(answering, name)
    if answer.status == 500:
        assert not answer.body.startswith(b"bo")  # before anything of it was sent
    else:
        assert (answer.ended, answer.reset) == (False, h2.INTERNAL_ERROR), answer


def test_error_before_the_head(answering: Server) -> None:
    answer = asked(answering, "error first")
    assert answer.status == 500 and answer.ended


def test_date_and_server(answering: Server) -> None:
    """Rule 32."""
    names = [name for name, _ in asked(answering, "length").heads[-1]]
    assert names.count("date") == 1
    assert asked(answering, "dated").head["date"] == "Sun, 06 Nov 1994 08:49:37 GMT"
    answer = asked(answering, "length")
    assert not re.search(r"\d", answer.head.get("server", ""))


def test_many_misdeeds_on_one_connection(answering: Server) -> None:
    """The table of header fields stays in step whatever the app does; faults of the app are not the
    peer's, so they do not end its connection."""
    with Peer(answering.port) as peer:
        for name in ANSWERS:
            bad = peer.start("GET", "/" + name.replace(" ", "%20"))
            assert peer.get("/length").text == "body", name
            expect_clean_head(peer.answer(bad))
        assert not peer.goaways
