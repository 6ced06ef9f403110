"""Starts a program with listening sockets, as systemd does for a .socket unit: from descriptor 3
on, with LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES.

`activated(sockets)` gives what Server takes as `wrapper` and `pass_fds`; run as a script, this file
is that wrapper, which becomes the program.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from typing import Any

FIRST = 3
ASIDE = 200  # out of the way of 3, 4, ...


def activated(
    sockets: Sequence[socket.socket], names: str | None = None, pid: str = ""
) -> dict[str, Any]:
    """`names` as LISTEN_FDNAMES; `pid`: another than that of the program."""
    numbers = [one.fileno() for one in sockets]
    settings = [",".join(map(str, numbers)), "-" if names is None else names, pid]
    return {"wrapper": [sys.executable, __file__, *settings], "pass_fds": numbers}


def listening(
    address: tuple[str, int] | str = ("127.0.0.1", 0), backlog: int = 16
) -> socket.socket:
    """A listening socket as any program would make it."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.bind(address)
    made.listen(backlog)
    return made


def become(numbers: list[int], names: str, pid: str, command: list[str]) -> None:
    for index, number in enumerate(numbers):
        os.dup2(number, ASIDE + index)
    for number in numbers:
        os.close(number)
    for index in range(len(numbers)):
        os.dup2(ASIDE + index, FIRST + index, inheritable=True)
        os.close(ASIDE + index)
    os.environ["LISTEN_PID"] = pid or str(os.getpid())
    os.environ["LISTEN_FDS"] = str(len(numbers))
    if names != "-":
        os.environ["LISTEN_FDNAMES"] = names
    os.execv(command[0], command)


if __name__ == "__main__":
    become([int(part) for part in sys.argv[1].split(",")], sys.argv[2], sys.argv[3], sys.argv[4:])
