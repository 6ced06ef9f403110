"""What probes/quiet takes for activity, on processes whose doings are known."""

import os
import subprocess
import sys
import time

from measure.activity import Ran, parse_calls, snapshot, woken

SLEEPER = "import sys; sys.stdin.read(1); sys.stdin.read(1)"
TRACE = """100 1700000000.100000 epoll_wait(3,  <unfinished ...>
100 1700000005.200000 <... epoll_wait resumed>[], 64, 5000) = 0
100 1700000005.300000 clock_gettime(CLOCK_MONOTONIC, {}) = 0
101 1700000006.000000 futex(0x7f, FUTEX_WAIT, 2, NULL) = ?
"""


def test_a_process_that_sleeps_does_nothing():
    with subprocess.Popen([sys.executable, "-c", SLEEPER], stdin=subprocess.PIPE) as process:
        assert process.stdin
        pids = [process.pid]
        before = snapshot(pids)
        while woken(before, again := snapshot(pids)):  # until it has started
            before = again
        process.stdin.write(b"x")
        process.stdin.flush()
        while not (told := woken(before, snapshot(pids))):
            pass
        assert told[0].startswith("python") and "woke" in told[0]
        process.stdin.close()


def test_own_threads_are_seen_running():
    before = snapshot([os.getpid()])
    assert woken(before, before) == []
    end = time.monotonic() + 20  # the kernel counts the time of a running thread now and then
    while not woken(before, snapshot([os.getpid()])):
        assert time.monotonic() < end


def test_threads_that_come_and_go():
    ran = Ran("a", 1, 1)
    assert woken({(1, 2): ran}, {}) == ["thread 2 of 1 ended"]
    assert woken({}, {(1, 2): ran}) == ["thread 2 of 1 began"]
    assert woken({(1, 2): ran}, {(1, 2): Ran("a", 3, 5001)}) == ["a (thread 2 of 1) woke 2 x, 5 us"]


def test_calls_are_counted_from_their_beginning():
    assert parse_calls(TRACE, 1700000001.0) == {"clock_gettime by 100": 1, "futex by 101": 1}
    assert sum(parse_calls(TRACE, 0).values()) == 3
