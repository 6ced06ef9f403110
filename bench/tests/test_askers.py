"""The askers of the probes: every kind of end that a request can have is counted as what it is."""

from contextlib import closing

from measure.askers import Askers
from small_server import ANSWER, LAST, server


def ask(port: int, connections: int = 3, seconds: float = 0.2):
    with closing(Askers(port, connections, 0.01)) as askers:
        return askers.run(seconds)


def test_answers_are_counted_and_timed():
    with server(ANSWER) as port:
        phase = ask(port)
    assert len(phase.latencies) >= 3
    assert (phase.unanswered, dict(phase.errors), phase.closed) == ([], {}, 0)
    assert 0 < phase.at(50) <= phase.worst


def test_connections_that_nobody_serves_are_unanswered_and_make_the_worst():
    with server(ANSWER, connections=1) as port:
        phase = ask(port)
    assert len(phase.unanswered) == 2
    assert phase.worst == max(phase.unanswered)
    assert phase.latencies


def test_a_connection_that_ends_after_its_answer_is_no_error_and_opened_again():
    with server(LAST, closes=True) as port:
        phase = ask(port)
    assert phase.closed == len(phase.latencies) > 3
    assert not phase.errors


def test_an_answer_that_is_cut_is_an_error_and_no_latency():
    with server(ANSWER[:-1], closes=True) as port:
        phase = ask(port)
    assert phase.errors["no answer"] > 0
    assert phase.latencies == []


def test_another_status_is_an_error_by_its_name():
    with server(ANSWER.replace(b"200 OK", b"503 No")) as port:
        phase = ask(port)
    assert list(phase.errors) == ["answered HTTP/1.1 503 No"]
    assert phase.latencies == []


def test_orders_are_given_in_their_order():
    given = []
    with server(ANSWER) as port, closing(Askers(port, 1, 0.01)) as askers:
        askers.run(0.1, {0.02: lambda: given.append("b"), 0.01: lambda: given.append("a")})
    assert given == ["a", "b"]


def test_one_phase_does_not_count_what_another_did():
    with server(ANSWER) as port, closing(Askers(port, 1, 0.01)) as askers:
        first = askers.run(0.05)
        counted = len(first.latencies)
        askers.run(0.05)
    assert len(first.latencies) == counted
