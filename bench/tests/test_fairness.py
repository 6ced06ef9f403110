"""How probes/fairness counts: shares, and what an old generation did after the commit."""

import socket

from measure.fairness import HELD_LENGTH, Watch, counts, least_share, read_whole
from measure.status import Status, Worker


def worker(number: int, generation: int, accepted: int, late: int = 0) -> Worker:
    counters = {"accepted": accepted, "accepted_late": late}
    return Worker(number, 1000 * generation + number, generation, "idle", counters)


def test_the_least_share():
    assert least_share([10, 10, 10, 10]) == 1.0
    assert least_share([5, 10, 10, 15]) == 0.5
    assert least_share([0, 10]) == 0.0
    assert least_share([0, 0]) == 0.0


def test_only_the_generation_that_serves_counts():
    status = Status(2, [worker(1, 2, 30), worker(2, 2, 40), worker(1, 1, 7)])
    assert counts(status, "accepted") == {1: 30, 2: 40}


def test_what_the_old_generation_accepts_is_counted_from_the_commit_on():
    watch = Watch(old=1)
    assert not watch.see(Status(1, [worker(1, 1, 100)]))  # not yet committed
    assert watch.see(Status(2, [worker(1, 2, 130), worker(1, 1, 130), worker(2, 1, 50)]))
    assert watch.after_commit == 0
    assert watch.see(Status(2, [worker(1, 2, 900), worker(1, 1, 132, 1), worker(2, 1, 50)]))
    assert watch.see(Status(2, [worker(1, 2, 990), worker(2, 1, 51, 2)]))  # worker 1 has left
    assert watch.after_commit == 3
    assert sum(watch.late.values()) == 3
    assert not watch.see(Status(2, [worker(1, 2, 999)]))
    assert (watch.looks, watch.after_commit) == (3, 3)


def answer_of(*pieces: bytes) -> bool:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
            for piece in pieces:
                theirs.sendall(piece)
        return read_whole(ours)


def test_a_held_answer_that_is_cut_is_not_whole():
    head = b"TTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n"
    assert not answer_of(head, b"x" * 100)
    assert not answer_of(head[:9])
    assert not answer_of()


def test_a_held_answer_that_is_whole(monkeypatch):
    monkeypatch.setattr("measure.fairness.HELD_LENGTH", 5)
    assert answer_of(b"TTP/1.1 200 OK\r\n\r\nab", b"cde")
    assert not answer_of(b"TTP/1.1 500 Oops\r\n\r\nab", b"cde")
    assert HELD_LENGTH > 1 << 22  # more than sockets take
