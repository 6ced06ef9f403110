"""Whether processes did anything: what the kernel has counted of each of their threads, and, where
there is strace, which system calls they made. Used by probes/quiet.

A thread that makes a system call has run, and a thread that ran has used CPU time and, sooner or
later, given its core up; so threads whose counters stand still made no call. That needs no tool.
"""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from measure.process import StartError, Tree
from measure.syscalls import ATTACH_DEADLINE, TraceError, attach

STILL_FOR = 1.5
SETTLE_DEADLINE = 20.0
SWITCHES = re.compile(r"^(?:non)?voluntary_ctxt_switches:\s+(\d+)$", re.MULTILINE)
CALL = re.compile(r"^(\d+)\s+(\d+\.\d+) (\w+)\(")


@dataclass(frozen=True)
class Ran:
    """What one thread has done so far."""

    name: str
    switches: int
    cpu_ns: int


Snapshot = dict[tuple[int, int], Ran]  # by process and thread


def read_thread(folder: Path) -> Ran:
    status = (folder / "status").read_text()
    switches = sum(int(number) for number in SWITCHES.findall(status))
    cpu_ns = int((folder / "schedstat").read_text().split()[0])
    return Ran((folder / "comm").read_text().strip(), switches, cpu_ns)


def snapshot(pids: list[int]) -> Snapshot:
    seen: Snapshot = {}
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            seen[pid, int(task.name)] = read_thread(task)
    return seen


def woken(before: Snapshot, after: Snapshot) -> list[str]:
    """The threads that ran between the two, that came or that went."""
    told = []
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        pid, task = key
        if old is None or new is None:
            told.append(f"thread {task} of {pid} {'began' if old is None else 'ended'}")
        else:
            times = new.switches - old.switches
            spent = (new.cpu_ns - old.cpu_ns) / 1000
            told.append(f"{new.name} (thread {task} of {pid}) woke {times} x, {spent:.0f} us")
    return told


def members(tree: Tree) -> list[int]:
    return [stat.pid for stat in tree.members()]


def wait_until_still(tree: Tree) -> None:
    """Until nothing has run for that long."""
    end = time.monotonic() + SETTLE_DEADLINE
    stirred: list[str] = []
    while time.monotonic() < end:
        before = snapshot(members(tree))
        time.sleep(STILL_FOR)
        stirred = woken(before, snapshot(members(tree)))
        if not stirred:
            return
    raise StartError(f"it does not come to rest: {'; '.join(stirred)}")


def watch(tree: Tree, seconds: float) -> list[str]:
    before = snapshot(members(tree))
    time.sleep(seconds)
    return woken(before, snapshot(members(tree)))


def parse_calls(text: str, since: float) -> Counter[str]:
    """Calls by "name of process" that began after `since`, from `strace -f -ttt`."""
    found: Counter[str] = Counter()
    for line in text.splitlines():
        call = CALL.match(line)
        if call and float(call[2]) >= since:
            found[f"{call[3]} by {call[1]}"] += 1
    return found


def trace(tree: Tree, seconds: float, target: Path) -> Counter[str]:
    """What strace sees of all threads. Attaching wakes them, so the first moment does not count."""
    try:
        tracer = attach(members(tree), target, "-ttt")
    except TraceError as error:
        raise StartError(str(error)) from error
    time.sleep(STILL_FOR)
    since = time.time()
    time.sleep(seconds)
    tracer.send_signal(signal.SIGINT)
    try:
        tracer.communicate(timeout=ATTACH_DEADLINE)
    except subprocess.TimeoutExpired:
        tracer.kill()
        raise
    return parse_calls(target.read_text(), since)
