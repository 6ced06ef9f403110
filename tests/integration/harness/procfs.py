"""Processes as /proc shows them. A pid alone proves nothing: it is kept with its start time."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    pid: int
    start: str

    @classmethod
    def of(cls, pid: int) -> Process | None:
        fields = _stat(pid)
        return cls(pid, fields[19]) if fields else None

    @property
    def alive(self) -> bool:
        """False also for a zombie: it runs no more."""
        fields = _stat(self.pid)
        return bool(fields) and fields[19] == self.start and fields[0] not in "ZX"

    @property
    def zombie(self) -> bool:
        fields = _stat(self.pid)
        return bool(fields) and fields[19] == self.start and fields[0] == "Z"

    @property
    def parent(self) -> int:
        fields = _stat(self.pid)
        return int(fields[1]) if fields else 0

    @property
    def group(self) -> int:
        fields = _stat(self.pid)
        return int(fields[2]) if fields else 0

    @property
    def command(self) -> list[str]:
        try:
            raw = Path(f"/proc/{self.pid}/cmdline").read_bytes()
        except OSError:
            return []
        return [part.decode(errors="replace") for part in raw.split(b"\0") if part]

    @property
    def name(self) -> str:
        """As the kernel has it; empty once it is gone."""
        try:
            return Path(f"/proc/{self.pid}/comm").read_text().strip()
        except OSError:
            return ""

    @property
    def status(self) -> dict[str, str]:
        """Lines of /proc/PID/status: SigBlk, SigIgn, SigCgt, NSpid, Uid, Threads, ..."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        return {
            name: value.strip()
            for name, _, value in (line.partition(":") for line in text.splitlines())
        }

    @property
    def descriptors(self) -> dict[int, str]:
        found = {}
        for entry in os.listdir(f"/proc/{self.pid}/fd"):
            try:
                found[int(entry)] = os.readlink(f"/proc/{self.pid}/fd/{entry}")
            except OSError:
                continue  # closed since the listing
        return found

    def descriptor_flags(self, fd: int) -> int:
        text = Path(f"/proc/{self.pid}/fdinfo/{fd}").read_text()
        return int(next(row for row in text.splitlines() if row.startswith("flags")).split()[1], 8)

    @property
    def children(self) -> list[Process]:
        return [process for process in all_processes() if process.parent == self.pid]

    @property
    def descendants(self) -> list[Process]:
        found, todo = [], [self]
        everybody = {process: process.parent for process in all_processes()}
        while todo:
            parent = todo.pop()
            mine = [process for process, of in everybody.items() if of == parent.pid]
            found += mine
            todo += mine
        return found


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on; the name before it may hold anything."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def all_processes() -> list[Process]:
    pids = (int(entry) for entry in os.listdir("/proc") if entry.isdigit())
    return [process for pid in pids if (process := Process.of(pid))]


def processes_tagged(tag: str) -> list[Process]:
    """Living processes whose first environment holds `tag`, wherever they were re-parented to."""
    needle = tag.encode()
    found = []
    for process in all_processes():
        try:
            if needle in Path(f"/proc/{process.pid}/environ").read_bytes() and process.alive:
                found.append(process)
        except OSError:
            continue
    return found


def signals_in(mask: str) -> set[int]:
    """The numbers in a mask of /proc/PID/status."""
    bits = int(mask, 16)
    return {number for number in range(1, 65) if bits >> (number - 1) & 1}


def listening_ports() -> set[int]:
    """TCP ports that anybody listens on in this network namespace."""
    ports = set()
    for name in ("tcp", "tcp6"):
        try:
            rows = Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            if fields[3] == "0A":
                ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports
