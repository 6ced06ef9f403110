"""ASGI apps behind the checker, on the program, or on uvicorn where a test's own app is in doubt.

    with serve_checked("asgi_probe:app", way="routed") as server: ...

MEWSGI_TEST_REFERENCE=1 runs every test that uses this on uvicorn instead: what fails there as well
is more likely the test's fault than ours.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.server import Server
from harness.waiting import wait_for

INTEGRATION = Path(__file__).resolve().parent.parent
APPS = INTEGRATION / "apps"
CHECKER = "ASGI checker: "
REFERENCE = bool(os.environ.get("MEWSGI_TEST_REFERENCE"))
WAYS = ("direct", "routed")
RUNNING = r"Uvicorn running on https?://127\.0\.0\.1:(\d+)"


class Reference(Server):
    """uvicorn, asked as the program is. Of the arguments it knows what these tests need."""

    def __init__(self, arguments: Sequence[str], **how: Any) -> None:
        super().__init__([], **{**how, "way": "direct", "wait": RUNNING, "expect_status": None})
        given = list(arguments)
        folders = [given[at + 1] for at, word in enumerate(given) if word == "--pythonpath"]
        start = [sys.executable, "-m", "uvicorn", "--host", "127.0.0.1", "--port", "0"]
        self.command = [*start, "--app-dir", folders[0], given[-1]]
        self.environment["PYTHONPATH"] = os.pathsep.join(folders)
        if "--chdir" in given:
            self.cwd = given[given.index("--chdir") + 1]

    @property
    def port(self) -> int:
        return int(self.wait_log(RUNNING)[1])


def start_asgi(arguments: Sequence[str], **how: Any) -> Server:
    return Reference(arguments, **how) if REFERENCE else Server(arguments, **how)


@contextmanager
def serve_checked(
    app: str,
    *arguments: str,
    forgives: Collection[str] = (),
    folder: str | Path = APPS,
    **how: Any,
) -> Iterator[Server]:
    """`module:callable` of `folder` with the checker around it, which must have found nothing in
    the end."""
    places = [
        word for place in (folder, APPS, INTEGRATION) for word in ("--pythonpath", str(place))
    ]
    wishes = {"CHECKED_APP": app, "CHECKED_FORGIVES": ",".join(forgives)}
    environment = {**wishes, **how.pop("env", {})}
    with start_asgi([*places, *arguments, "checked:application"], env=environment, **how) as server:
        yield server
    expect_no_faults(server)


def expect_no_faults(server: Server) -> None:
    faults = server.find_all(CHECKER)
    assert not faults, "\n".join(faults)


@pytest.fixture(scope="module", params=WAYS)
def asgi(request: pytest.FixtureRequest) -> Iterator[Server]:
    """apps/asgi_probe.py behind the checker, in one worker, on each way in."""
    with serve_checked("asgi_probe:app", way=request.param) as server:
        yield server


def recorded(server: Server, name: str) -> Any:
    """What the probe noted under this name."""
    return server.get(f"/record?name={name}").json["record"]


def wait_for_record(server: Server, name: str, expected: Any) -> None:
    wait_for(lambda: recorded(server, name) == expected, f"the record {name} to be {expected!r}")
