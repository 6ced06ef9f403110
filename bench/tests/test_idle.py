"""The memory that probes/idle reads, and how it counts who is still there."""

import os
import resource
from pathlib import Path

import pytest
from measure import memory
from measure.idle import Kept, Reading, ask_all, grown_most, raise_descriptors, row
from measure.memory import Memory
from measure.process import StartError
from small_server import ANSWER, LAST, server

ROLLUP = """55d0-7ffe ---p 00000000 00:00 0    [rollup]
Rss:                8804 kB
Pss:                4120 kB
Pss_Dirty:          1 kB
VmFlags: rd wr
"""
SOCKSTAT = "sockets: used 9\nTCP: inuse 5 orphan 0 tw 2 alloc 7 mem 3\nUDP: inuse 1 mem 0\n"


def test_sizes_are_read_in_bytes():
    sizes = memory.parse_kib(ROLLUP)
    assert (sizes["Rss"], sizes["Pss"]) == (8804 * 1024, 4120 * 1024)
    assert memory.read_process(os.getpid()).rss > 1 << 20
    assert memory.read_kernel() > 1 << 20


def test_of_a_process_that_hides_its_mappings_less_is_known():
    page = resource.getpagesize()
    assert memory.parse_statm("100 30 20 1 0 9 0\n") == Memory(30 * page, 30 * page, 20 * page)
    whole = Path("/proc/self/statm").read_text()
    assert memory.parse_statm(whole).rss > 1 << 20


def test_buffers_of_all_tcp_sockets():
    assert memory.parse_tcp_buffers(SOCKSTAT) == 3 * resource.getpagesize()
    with pytest.raises(ValueError, match="TCP"):
        memory.parse_tcp_buffers("UDP: inuse 1 mem 0\n")


def test_the_process_that_grew_holds_the_connections():
    before = Reading({1: Memory(100, 50), 2: Memory(500, 400)}, 1000)
    after = Reading({1: Memory(2148, 1074), 2: Memory(510, 400), 3: Memory(9, 9)}, 3000)
    assert grown_most(before, after) == (Memory(100, 50), Memory(2148, 1074))
    assert row("a", before, after, 2, "")[-4:-1] == ["1,024", "516", "1,000"]


def test_kept_connections_answer_again_on_the_same_socket():
    with server(ANSWER) as port:
        connections = [Kept(port, place) for place in range(20)]
        assert (ask_all(connections), ask_all(connections)) == (20, 20)
        assert sum(connection.opened for connection in connections) == 20
        for connection in connections:
            connection.close()


def test_connections_that_the_server_ends_are_opened_anew():
    with server(LAST, closes=True) as port:
        connections = [Kept(port, place) for place in range(3)]
        assert (ask_all(connections), ask_all(connections)) == (3, 3)
        assert sum(connection.opened for connection in connections) == 6


def test_a_connection_that_is_cut_was_not_answered():
    with server(b"", closes=True) as port:
        assert ask_all([Kept(port, 0)]) == 0


def test_descriptors_that_cannot_be_had_are_told(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (10, 20))

    def refuse(*_: object) -> None:
        raise ValueError("not permitted")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    with pytest.raises(StartError, match=r"need 1500 open files, the limit is 20.*--connections"):
        raise_descriptors(1000)
