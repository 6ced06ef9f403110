"""Which process of a mewsgi is what, told by the titles that --auto-procname gives them. Used by
probes/front-kills and probes/flat."""

from __future__ import annotations

import re
from pathlib import Path

from measure.process import Tree

TITLED = ("--auto-procname",)
OTHER = "other"
_TITLE = re.compile(r"mewsgi (\w+)")


def role_of(title: str) -> str:
    """ "worker" of "mewsgi worker 3"; "other" of what bears no title of ours."""
    found = _TITLE.match(title)
    return found[1] if found else OTHER


def read_title(pid: int) -> str:
    """As ps shows it; without one, the name that the kernel has. Nothing: it is gone."""
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        if role_of(line) != OTHER:
            return line
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def read_roles(tree: Tree) -> dict[int, str]:
    """By pid, of what lives."""
    return {stat.pid: role_of(read_title(stat.pid)) for stat in tree.members() if stat.state != "Z"}


def pids_of(tree: Tree, role: str) -> list[int]:
    return [pid for pid, own in read_roles(tree).items() if own == role]
