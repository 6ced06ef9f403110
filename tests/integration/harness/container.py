"""The program as a container runs it: PID 1 of a PID namespace, on a file system that is read-only
but for a small /dev/shm. Made by unshare(1) and mount(8), as root or in a user namespace.

`contained(...)` is a `wrapper` for Server; `master_of(server)` is then PID 1 as we see it.
"""

from __future__ import annotations

import os
import shutil
import subprocess

from harness.procfs import Process
from harness.server import Server
from harness.waiting import wait_for

SHM = 64 << 20
UNSHARE = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc"]
# As `docker run --read-only --shm-size 64m` does. Whatever cannot be made read-only is no part of
# what the tests write to; that the root is, they look at themselves.
PREPARE = f"""
set -e
mount -t tmpfs -o size={SHM} tmpfs /dev/shm
mount -o remount,bind,ro /
while read -r _ place kind _; do
    case $kind in
        proc | sysfs | cgroup* | devpts | devtmpfs) continue ;;
    esac
    case $place in
        / | /dev/shm) ;;
        *) mount -o remount,bind,ro "$place" || : ;;
    esac
done </proc/mounts
exec "$@"
"""


def namespaces() -> list[str]:
    return UNSHARE if os.geteuid() == 0 else [*UNSHARE, "--user", "--map-root-user"]


def contained() -> list[str]:
    return [*namespaces(), "sh", "-c", PREPARE, "sh"]


def can_contain() -> bool:
    """Whether this machine lets us: some forbid namespaces."""
    if not shutil.which("unshare"):
        return False
    done = subprocess.run([*contained(), "true"], capture_output=True, timeout=20)
    return done.returncode == 0


def master_of(server: Server) -> Process:
    (master,) = wait_for(lambda: server.master.children, "the start of PID 1")
    return master


def zombies_of(master: Process) -> list[int]:
    return [process.pid for process in master.descendants if process.zombie]
