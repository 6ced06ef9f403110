"""The load whose answers are checked: whatever is not the answer to its own request is counted."""

from __future__ import annotations

import runpy
import time
from pathlib import Path

import pytest
from measure import mixed, numbered
from measure.launch import ROOT
from measure.numbered import Asking
from measure.servers import Place
from measure.wrk import Load, WrkError
from small_server import query_of, server

# By its path: a package `apps` would stand in the way of the tests of loading.
body_for = runpy.run_path(str(ROOT / "bench/apps/numbered.py"))["body_for"]
ASKING = Asking(connections=4, seconds=20, requests=60)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Place:
    build = tmp_path_factory.mktemp("bench")
    made = Place(bench=ROOT / "bench", build=build, venv=Path("/nowhere"), mewsgi=Path("/no"))
    numbered.build(made)
    return made


def answer_with(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


def answer_to(request: bytes) -> bytes:
    return answer_with(body_for(query_of(request).decode()))


def test_the_app_answers_with_the_query():
    assert (body_for("17"), body_for("17+5"), body_for("123+2")) == (b"17", b"17171", b"12")


def test_answers_to_their_own_requests_are_counted(place: Place):
    with server(answer_to, connections=4) as port:
        load = numbered.run(place, port, ASKING)
    assert (load.requests, load.errors, load.closed) == (60, {}, 0)
    assert 0 < load.p50_us <= load.p99_us <= load.max_us
    assert numbered.describe_errors(load) == ""


def test_large_ones_are_checked_to_the_end(place: Place):
    asking = Asking(2, 20, requests=20, large_every=5, large_size=70_000)
    sizes = []

    def answer(request: bytes) -> bytes:
        sizes.append(len(body_for(query_of(request).decode())))
        return answer_to(request)

    with server(answer) as port:
        assert numbered.run(place, port, asking).errors == {}
    assert sorted(sizes)[-4:] == [70_000] * 4
    assert max(sizes[:4]) < 10

    def spoilt(request: bytes) -> bytes:
        return answer_to(request)[:-1] + b"x"

    with server(spoilt) as port:
        assert numbered.run(place, port, asking).errors == {"wrong": 20}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (lambda request: answer_with(query_of(request) + b"1"), "wrong"),
        (lambda _: answer_with(b"7777777"), "wrong"),
        (lambda request: answer_to(request).replace(b"200", b"503"), "status"),
        (lambda request: answer_to(request).replace(b"content-length", b"x"), "status"),
        (lambda request: answer_to(request)[:-1], "read"),
    ],
)
def test_what_is_no_answer_has_a_name(place: Place, answer, kind: str):
    with server(answer, closes=True) as port:
        load = numbered.run(place, port, ASKING)
    assert (load.requests, load.errors) == (0, {kind: 60})


def test_connections_that_end_between_requests_are_told(place: Place):
    with server(answer_to, closes=True) as port:
        load = numbered.run(place, port, Asking(2, 20, requests=10, interval=0.2))
    assert load.closed > 0
    assert "connections closed" in numbered.describe_errors(load)


def test_what_was_never_answered_counts_with_its_wait(place: Place):
    with server(answer_to, connections=1) as port:
        load = numbered.run(place, port, Asking(2, 1, interval=0.01))
    assert load.errors == {"timeout": 1}
    assert load.max_us > 1_000_000


def test_latencies_count_from_when_a_request_was_due(place: Place):
    def slow(request: bytes) -> bytes:
        time.sleep(0.2)
        return answer_to(request)

    # Due every 10 ms: the last of them has waited for those before it.
    with server(slow) as port:
        load = numbered.run(place, port, Asking(1, 20, requests=5, interval=0.01))
    assert load.requests == 5
    assert load.max_us > 5 * 200_000 - 4 * 10_000 - 1


def test_wrong_arguments_are_an_error(place: Place):
    with pytest.raises(WrkError, match="http_load failed: usage"):
        numbered.run(place, 0, ASKING)


# --- probes/mixed


def test_long_requests_are_asked_one_after_the_other():
    seen = []

    def answer(request: bytes) -> bytes:
        seen.append(request.split(b" ")[1])
        return answer_to(request)

    with server(answer) as port:
        sleeper = mixed.Sleeper(port, 3)
        end = time.monotonic() + 20
        while sleeper.answers < 2 and time.monotonic() < end:
            time.sleep(0.01)
        sleeper.stop()
    assert sleeper.answers >= 2
    assert not sleeper.errors
    assert set(seen) == {b"/sleep?3"}


def test_a_long_request_without_an_answer_does_not_hold_us_up():
    with server(answer_to, connections=0) as port:
        sleeper = mixed.Sleeper(port, 1)
        sleeper.stop()
    assert not sleeper.thread.is_alive()
    assert sleeper.answers == 0


def test_a_row_has_medians_and_names_what_was_wrong():
    def run(p99: int, errors: dict[str, int]) -> mixed.Run:
        return mixed.Run(Load(1000, 1.0, errors, 100, p99, 0.0, max_us=p99 * 2), 7, 0)

    runs = [run(1000, {}), run(9000, {"wrong": 2}), run(2000, {})]
    row = mixed.row(mixed.SERVERS[0], runs, 0.02)
    assert row[1:8] == ["1,000", "0.10", "2.00", "1.00-9.00", "18.00", "2", "21"]
    assert "2 wrong ERRORS" in row[-1]


def test_wishes_have_bounds():
    wish = mixed.make_wish(mixed.parse_arguments(["--seconds", "999", "--rounds", "0"]))
    assert (wish.asking.seconds, wish.rounds) == (60, 1)
    assert wish.asking.interval == pytest.approx(0.02)
