"""Kills processes of a tree (SIGKILL), and tells which connections died with each.

A victim is stopped first (SIGSTOP), so that what it holds is what it dies with: descriptors of its
sockets are borrowed for the look, which needs the right to trace it (the same user, or root). So a
request that was lost can be told to have been inside a killed process, by its client's port.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from measure.process import Tree, parse_stat

PIDFD_GETFD = 438  # the number of this system call is the same on every architecture
STOP_DEADLINE = 0.5
ENDED = "ZX"

libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Death:
    at: float  # monotonic
    wall: float  # seconds since the epoch, as in a log
    pid: int
    ports: frozenset[int]  # of clients whose connections it held


def state(path: Path) -> str:
    try:
        return parse_stat((path / "stat").read_text()).state
    except OSError:
        return "X"


def wait_until_stopped(pid: int) -> None:
    end = time.monotonic() + STOP_DEADLINE
    while time.monotonic() < end:
        try:
            tasks = list(Path(f"/proc/{pid}/task").iterdir())
        except OSError:
            return
        if all(state(task) in "TtZX" for task in tasks):
            return


def peer_port(pidfd: int, number: int) -> int | None:
    """The port of the client whose connection this descriptor of the process is."""
    borrowed = libc.syscall(PIDFD_GETFD, pidfd, number, 0)
    if borrowed < 0:
        return None
    with contextlib.suppress(OSError), socket.socket(fileno=borrowed) as connection:
        if connection.family in (socket.AF_INET, socket.AF_INET6):
            return int(connection.getpeername()[1])
    return None


def client_ports(pid: int) -> frozenset[int]:
    ports = set()
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return frozenset()
    try:
        for entry in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/fd/{entry}").startswith("socket:"):
                    port = peer_port(pidfd, int(entry))
                    if port is not None:
                        ports.add(port)
    except OSError:  # it ended by itself
        pass
    finally:
        os.close(pidfd)
    return frozenset(ports)


def kill(pid: int) -> Death | None:
    """None: it was gone before."""
    try:
        os.kill(pid, signal.SIGSTOP)
        wait_until_stopped(pid)
        ports = client_ports(pid)
        at, wall = time.monotonic(), time.time()
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return None
    return Death(at, wall, pid, ports)


def candidates(tree: Tree) -> list[int]:
    """All but the first process, which is the master."""
    return [
        stat.pid
        for stat in tree.members()
        if stat.pid != tree.process.pid and stat.state not in ENDED
    ]
