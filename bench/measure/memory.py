"""Memory: of one server's tree, by process, and of the kernel's sockets. Read by probes/idle and
probes/memory."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from pathlib import Path

from measure.process import Tree


@dataclass(frozen=True)
class Memory:
    """In bytes."""

    rss: int
    pss: int  # shared pages counted in parts: what adds up over processes
    file: int = 0  # the part of `pss` that is of files: programs and libraries

    def __sub__(self, other: Memory) -> Memory:
        return Memory(self.rss - other.rss, self.pss - other.pss, self.file - other.file)

    def __add__(self, other: Memory) -> Memory:
        return Memory(self.rss + other.rss, self.pss + other.pss, self.file + other.file)


def parse_kib(text: str) -> dict[str, int]:
    """The "Name:   123 kB" lines of smaps_rollup and meminfo, in bytes."""
    found = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and words[2] == "kB" and words[0].endswith(":"):
            found[words[0][:-1]] = int(words[1]) * 1024
    return found


def parse_statm(text: str) -> Memory:
    """Of a process whose mappings we may not see: what it shares counts whole."""
    _, resident, shared, *_ = (int(pages) * resource.getpagesize() for pages in text.split())
    return Memory(resident, resident, shared)


def read_process(pid: int) -> Memory:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except PermissionError:  # a front hides them from all but root
        return parse_statm(Path(f"/proc/{pid}/statm").read_text())
    sizes = parse_kib(text)
    # Linux tells the part of files since 5.9.
    return Memory(sizes["Rss"], sizes["Pss"], sizes.get("Pss_File", 0))


def read_tree(tree: Tree) -> dict[int, Memory]:
    return {stat.pid: read_process(stat.pid) for stat in tree.members() if stat.state != "Z"}


def read_kernel() -> int:
    """Slab of the whole machine: sockets, descriptors, inodes, epoll items are all in it."""
    return parse_kib(Path("/proc/meminfo").read_text())["Slab"]


def parse_tcp_buffers(sockstat: str) -> int:
    """Bytes in the buffers of all TCP sockets, from /proc/net/sockstat."""
    for line in sockstat.splitlines():
        name, *words = line.split()
        if name == "TCP:":
            return int(words[words.index("mem") + 1]) * resource.getpagesize()
    raise ValueError("/proc/net/sockstat has no line of TCP")


def read_tcp_buffers() -> int:
    return parse_tcp_buffers(Path("/proc/net/sockstat").read_text())
