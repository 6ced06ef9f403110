"""From a row to a running server: where things lie, what is missing, the environment, the start."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from measure import install
from measure.process import Tree, free_port
from measure.servers import Place, Server

ROOT = Path(__file__).resolve().parents[2]
HELP_DEADLINE = 10.0


def find_place() -> Place:
    program = os.environ.get("MEWSGI_PROGRAM") or str(ROOT / ".venv" / "bin" / "mewsgi")
    return Place(
        bench=ROOT / "bench",
        build=ROOT / "build" / "bench",
        venv=ROOT / ".cache" / "bench-venv",
        mewsgi=Path(program).absolute(),
    )


def prepare(place: Place, servers: list[Server]) -> dict[str, str]:
    """Installs and builds; the rows that cannot be measured, with the reason."""
    needs = {server.needs for server in servers}
    failed = install.install_peers(place, needs - {"floors", "mewsgi"})
    if "floors" in needs:
        try:
            install.build_floors(place)
        except install.InstallError as error:
            failed["floors"] = f"not built: {error}"
    if "mewsgi" in needs and not os.access(place.mewsgi, os.X_OK):
        failed["mewsgi"] = f"no program at {place.mewsgi}: build it first, or set MEWSGI_PROGRAM"
    return {server.name: failed[server.needs] for server in servers if server.needs in failed}


def environment(place: Place) -> dict[str, str]:
    """The caller's, without what would lead a server to another Python or other settings."""
    settings = ("PYTHON", "VIRTUAL_ENV", "MEWSGI_", "UWSGI_", "GRANIAN_", "GUNICORN_")
    # A build that is not installed needs to know where its package lies.
    kept = {
        name: value
        for name, value in os.environ.items()
        if name == "MEWSGI_PACKAGE_DIR" or not name.startswith(settings)
    }
    return {**kept, "PYTHONPATH": str(place.bench / "apps"), "PYTHONDONTWRITEBYTECODE": "1"}


def pinned(server: Server, place: Place, port: int, core: int | None) -> list[str]:
    pin = [] if core is None else ["taskset", "-c", str(core)]
    return [*pin, *server.command(place, port)]


def spawn(
    server: Server, place: Place, core: int | None, variables: dict[str, str] | None = None
) -> Tree:
    """Started, and not waited for."""
    port = free_port()
    command = pinned(server, place, port, core)
    log = place.build / "logs" / f"{server.name}.log"
    settings = {**environment(place), **(variables or {})}
    return Tree.start(command, port, log, settings, place.bench / "apps")


def start(
    server: Server, place: Place, core: int | None, variables: dict[str, str] | None = None
) -> Tree:
    """Started and answering on its HTTP port; on any core without a number of one."""
    tree = spawn(server, place, core, variables)
    try:
        tree.wait_until_it_answers()
    except BaseException:
        tree.stop()
        raise
    return tree


def if_known(place: Place, *words: str) -> list[str]:
    """`--option value` for a mewsgi that has the option, else nothing."""
    return list(words) if knows(place, words[0].lstrip("-")) else []


def knows(place: Place, option: str) -> bool:
    """Whether this mewsgi has an option of that name; a probe uses what there is."""
    try:
        done = subprocess.run(
            [str(place.mewsgi), "--help"], capture_output=True, text=True, timeout=HELP_DEADLINE
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return re.search(rf"^\s.*--{re.escape(option)}(?![\w-])", done.stdout, re.MULTILINE) is not None
