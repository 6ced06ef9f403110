"""103 Early Hints (RFC 8297) from a WSGI app, to clients of HTTP/2."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from harness import Server
from harness.fixtures import APPS
from harness.h2_client import Client


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(["--h2c", "--chdir", str(APPS), "hints:app"], way="routed") as started:
        yield started


def test_each_call_is_an_answer_of_its_own(server: Server) -> None:
    with Client(server.port) as client:
        answer = client.get("/twice")
    assert answer.text == "hinted"
    first, second = (dict(fields) for fields in answer.interim)
    assert first == {":status": "103", "link": "</style.css>; rel=preload; as=style"}
    assert second[":status"] == "103" and second["x-cat"] == "tabby"


def test_what_may_not_be_sent_raises(server: Server) -> None:
    with Client(server.port) as client:
        answer = client.get("/bad")
    assert "control character" in answer.text and not answer.interim


def test_too_late_is_no_fault(server: Server) -> None:
    with Client(server.port) as client:
        answer = client.get("/late")
    assert answer.text == "begun, hinted" and not answer.interim


def test_http1_has_none(server: Server) -> None:
    assert server.get("/twice").text == "none"
