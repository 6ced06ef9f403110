"""Who holds the address or the lock that an import could not get, if it is this server itself.

During a reload two generations live at once, so an app that binds a port or locks a file while it
is imported finds both in the hands of its own older self, and the kernel's error does not say so.
Runs in a zygote or a lazy worker, and only after the import raised. Reads /proc and nothing else;
what it may not read, it leaves out.
"""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

LISTENS = "0A"  # the state as /proc/net/tcp has it
ACCEPTS = 0x10000  # the flag by which /proc/net/unix tells what listens
LONGEST_CHAIN = 20


def explain(error: BaseException, reloading: bool) -> str:
    """A sentence to append to the failure, or nothing."""
    wants_address, wants_lock = what_it_wanted(error)
    if not (wants_address or wants_lock):
        return ""
    others = list_others(os.getppid(), os.getpid())
    found = None
    if wants_address:
        found = find_address(others, str(error))
    if found is None and wants_lock:
        found = find_lock(others)
    if found is None:
        return ""
    what, pid = found
    if reloading:
        return (
            f"{what} is held by our own generation (pid {pid}), which serves until the new one is "
            "ready; use --reload-strategy stop-start, or open it in @postfork"
        )
    return f"{what} is held by another process of this server (pid {pid}); only one can have it"


def what_it_wanted(error: BaseException) -> tuple[bool, bool]:
    address = lock = False
    for one in chain(error):
        number = getattr(one, "errno", None)
        address = (
            address or number == errno.EADDRINUSE or "address already in use" in (str(one).lower())
        )
        # Of a lock; some libraries have an error of their own for it.
        lock = (
            lock
            or number in (errno.EAGAIN, errno.EACCES)
            or "lock" in (f"{type(one).__name__} {one}".lower())
        )
    return address, lock


def chain(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(LONGEST_CHAIN):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


# ---- who there is


def list_others(master: int, own: int) -> list[int]:
    """All processes below the master but this one, what it started, and the fronts: they hold what
    the master bound, and nothing that an app asks for."""
    parents = {}
    for name in list_folder("/proc"):
        if name.isdigit():
            stat = read(f"/proc/{name}/stat").rpartition(")")[2].split()
            if len(stat) > 1 and not read(f"/proc/{name}/comm").startswith("mewsgi front"):
                parents[int(name)] = int(stat[1])
    parents[own] = parents[master] = 0
    return sorted(pid for pid in parents if pid != master and is_below(pid, master, parents))


def is_below(pid: int, ancestor: int, parents: dict[int, int]) -> bool:
    for _ in range(len(parents)):
        if pid == ancestor:
            return True
        pid = parents.get(pid, 0)
    return False


def list_folder(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


def read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def links_of(pid: int) -> Iterator[tuple[str, str]]:
    """Each descriptor of a process as a path below /proc, and what it is open on."""
    for name in list_folder(f"/proc/{pid}/fd"):
        path = f"/proc/{pid}/fd/{name}"
        try:
            yield path, os.readlink(path)
        except OSError:
            continue  # closed since


# ---- addresses


def find_address(others: list[int], text: str) -> tuple[str, int] | None:
    """One that another process of ours listens on and this one does not; one that the error names,
    if there are several."""
    listening = dict(list_listening())
    for _, link in links_of(os.getpid()):  # what the master gave us, they have too
        listening.pop(link, None)
    held = [
        (listening[link], pid) for pid in others for _, link in links_of(pid) if link in listening
    ]
    if not held:
        return None
    named = [one for one in held if one[0].rpartition(":")[2] in text]
    return (named or held)[0]


def list_listening() -> Iterator[tuple[str, str]]:
    """By what a descriptor's link says: socket:[inode]."""
    for name in ("tcp", "tcp6", "udp", "udp6"):
        for row in read(f"/proc/self/net/{name}").splitlines()[1:]:
            fields = row.split()
            if len(fields) > 9 and (fields[3] == LISTENS or name.startswith("udp")):
                yield f"socket:[{fields[9]}]", show_address(name, fields[1])
    for row in read("/proc/self/net/unix").splitlines()[1:]:
        fields = row.split(None, 7)
        if len(fields) == 8 and int(fields[3], 16) & ACCEPTS:
            yield f"socket:[{fields[6]}]", fields[7]


def show_address(family: str, text: str) -> str:
    host, _, port = text.partition(":")
    if len(host) == 8:
        raw = bytes.fromhex(host)[::-1]
        shown = ".".join(map(str, raw))
    else:
        import socket

        words = [bytes.fromhex(host[at : at + 8])[::-1] for at in range(0, 32, 8)]
        shown = f"[{socket.inet_ntop(socket.AF_INET6, b''.join(words))}]"
    return f"the {family.rstrip('6').upper()} address {shown}:{int(port, 16)}"


# ---- locks


def find_lock(others: list[int]) -> tuple[str, int] | None:
    """A file that one of them locked, or somebody who is gone and from whom they inherited it. Only
    the file's number counts: devices are not the same here and there on overlays."""
    locked = {
        number
        for pid, number in list_locked()
        if pid in others or not os.path.exists(f"/proc/{pid}")
    }
    for pid in others if locked else []:
        for path, link in links_of(pid):
            try:
                number = os.stat(path).st_ino
            except OSError:
                continue
            if link.startswith("/") and number in locked:
                return f"the lock on {link}", pid
    return None


def list_locked() -> Iterator[tuple[int, int]]:
    """Pid and file of each row as `1: FLOCK  ADVISORY  WRITE 708 fe:01:4711 0 EOF`; one with `->`
    in it only waits."""
    for row in read("/proc/locks").splitlines():
        fields = row.split()
        if len(fields) > 5 and fields[1] != "->":
            number = fields[5].rpartition(":")[2]
            if number.isdigit() and fields[4].lstrip("-").isdigit():
                yield int(fields[4]), int(number)
