"""The slow clients of probes/slow against servers that answer, that end, that never do."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from measure.slow import closed_row, phase_row
from measure.slow_clients import BODY_HEAD, HEAD, Outcome, SlowClient, keep_dripping
from measure.wrk import Load

REFUSAL = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@contextmanager
def server(until: bytes, answer: bytes) -> Iterator[int]:
    """Reads each connection until `until` has come, answers and closes it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection:
            received = b""
            while until not in received:
                data = connection.recv(4096)
                if not data:
                    return
                received += data
            connection.sendall(answer)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    with listener:
        yield listener.getsockname()[1]


def drip(port: int, *kinds: str, deadline: float = 20) -> dict[str, Outcome]:
    clients = [SlowClient(port, place, kind) for place, kind in enumerate(kinds)]
    return keep_dripping(clients, 0.01, deadline)


def test_a_slow_head_is_sent_byte_by_byte_until_the_server_ends_it():
    with server(HEAD[:8], REFUSAL) as port:
        outcome = drip(port, "head", "head")["head"]
    assert outcome.statuses == {"408": 2}
    assert (len(outcome.lifetimes), outcome.open) == (2, 0)


def test_a_slow_body_begins_with_its_whole_head():
    with server(BODY_HEAD + b"aaa", REFUSAL) as port:
        outcomes = drip(port, "body")
    assert outcomes["body"].statuses == {"408": 1}
    assert outcomes["head"] == Outcome()


def test_an_end_without_an_answer_is_told():
    with server(HEAD[:1], b"") as port:
        assert drip(port, "head")["head"].statuses == {"none": 1}


def test_clients_that_the_server_never_ends_are_open():
    with server(b"never", REFUSAL) as port:
        outcomes = drip(port, "head", "body", deadline=0.1)
    assert (outcomes["head"].open, outcomes["body"].open) == (1, 1)
    assert outcomes["head"].lifetimes == []


def test_rows():
    quiet = Load(1000, 2.0, {}, 50, 200, 0.0)
    beside = Load(900, 2.0, {"read": 2}, 60, 300, 0.0)
    assert phase_row(1, "beside", beside, quiet) == [
        *("1", "beside", "450", "0.060", "0.300", "1.50"),
        "2 read ERRORS",
    ]
    outcome = Outcome([10.0, 10.2, 14.9], {"408": 3}, 1)
    assert closed_row(1, "head", 4, outcome)[2:] == [
        *("4", "10.0", "10.2", "14.9", "1"),
        "3 x 408",
    ]
