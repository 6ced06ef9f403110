"""What has to exist before anything is measured: the floors, compiled, and the peers, installed.

Peers live in .cache/bench-venv, made only here. Each is installed by itself and a failure becomes
the reason printed in its row; it is tried again the next time.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from measure.servers import Place

INSTALL_DEADLINE = 600
SUPPORT = ("click", "setuptools")  # what peers import without being one
# What makes a peer as fast as it gets.
BESIDE = {
    "uvicorn": ("uvloop", "httptools", "websockets"),
    "granian": ("uvloop",),
    "gevent": ("greenlet",),
    "uWSGI": ("gevent",),
    "gunicorn": ("gevent", "packaging"),
}
COMPILE = ["-std=c++20", "-O2", "-Wall", "-Wextra", "-Wshadow"]


class InstallError(Exception):
    pass


def run_step(command: list[str], deadline: float = INSTALL_DEADLINE) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=deadline)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InstallError(f"{Path(command[0]).name}: {error}") from error
    if done.returncode != 0:
        lines = [line.strip() for line in (done.stderr + done.stdout).splitlines()]
        telling = [line for line in lines if "error" in line.lower()] or lines
        raise InstallError(f"{Path(command[0]).name}: {' / '.join(telling[:2])[:300]}")
    return done.stdout


def read_requirements(text: str) -> dict[str, str]:
    """Every pin by its name."""
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return {line.split("==")[0]: line for line in lines if line}


def base_python() -> str:
    """The interpreter below the project's .venv, so that mewsgi and its peers run the same one."""
    own = Path(__file__).resolve().parents[2] / ".venv" / "bin" / "python"
    if own.exists():
        return run_step([str(own), "-c", "import sys; print(sys._base_executable)"]).strip()
    return getattr(sys, "_base_executable", sys.executable)


def make_venv(place: Place) -> None:
    """Made anew when the project moved to another Python, or peers would run the old one."""
    version = ["-c", "import sys; print(sys.version)"]
    base = base_python()
    if Path(place.python).exists():
        with contextlib.suppress(InstallError):
            if run_step([place.python, *version]) == run_step([base, *version]):
                return
    run_step([base, "-m", "venv", "--clear", str(place.venv)])


def installed_pins(place: Place) -> set[str]:
    listing = run_step([place.python, "-m", "pip", "freeze", "--all"])
    return {line.strip().lower() for line in listing.splitlines()}


def install_peers(place: Place, needed: set[str]) -> dict[str, str]:
    """Installs what is needed and missing; the reason for each peer that could not be."""
    requirements = place.bench / "requirements.txt"
    pins = read_requirements(requirements.read_text())
    make_venv(place)
    reasons = {}
    for name in sorted(needed):
        present = installed_pins(place)
        wanted = (name, *SUPPORT, *BESIDE.get(name, ()))
        missing = [pins[each] for each in wanted if pins[each].lower() not in present]
        if not missing:
            continue
        print(f"installing {' '.join(missing)} into {place.venv}", flush=True)
        try:
            run_step([place.python, "-m", "pip", "install", "-c", str(requirements), *missing])
        except InstallError as error:
            reasons[name] = f"not installed: {error}{hint(name)}"
    return reasons


def hint(name: str) -> str:
    if name == "bjoern" and not Path("/usr/include/ev.h").exists():
        return " (it needs libev's headers: apt-get install libev-dev)"
    return ""


def build_programs(place: Place, *sources: str) -> None:
    """Native loads and floors, each of one file below bench/."""
    place.build.mkdir(parents=True, exist_ok=True)
    for source in sources:
        target = place.build / Path(source).stem
        run_step([compiler(), *COMPILE, str(place.bench / source), "-o", str(target)])


def compiler() -> str:
    return os.environ.get("CXX") or shutil.which("c++") or "g++"


def build_floors(place: Place) -> None:
    place.build.mkdir(parents=True, exist_ok=True)
    source = place.bench / "floors"
    include = run_step(
        [place.python, "-c", "import sysconfig; print(sysconfig.get_path('include'))"]
    ).strip()
    build = [compiler(), *COMPILE]
    run_step([*build, str(source / "floor.cc"), "-o", str(place.build / "floor")])
    extension = ["-shared", "-fPIC", "-fvisibility=hidden", "-isystem", include]
    target = str(place.build / "floor_environ.so")
    run_step([*build, *extension, str(source / "floor_environ.cc"), "-o", target])
