"""Options of the servers that the prober asks."""

from __future__ import annotations

from harness.certificates import Authority
from harness.fixtures import APPS

PROBE = ["--chdir", str(APPS), "probe:app"]


def https(authority: Authority, stem: str = "localhost") -> list[str]:
    """A port of HTTPS with the pair of that name."""
    folder = authority.folder
    return ["--https", f"127.0.0.1:0,{folder / stem}.pem,{folder / stem}.key"]
