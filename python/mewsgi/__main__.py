"""`python -m mewsgi` and the console script: both become the native program beside this file."""

from __future__ import annotations

import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Replace this process by the native program; it finds this very package as its own."""
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", "mewsgi")
    environment = {**os.environ, "MEWSGI_LAUNCHER_PYTHON": sys.executable}
    try:
        os.execve(program, ["mewsgi", *sys.argv[1:]], environment)
    except FileNotFoundError:
        reason = "is missing"
    except OSError as error:
        reason = f"does not start: {error.strerror}"
    sys.exit(
        f"mewsgi: the native program {program} {reason}; "
        f"install the package again: {sys.executable} -m pip install --force-reinstall mewsgi"
    )


if __name__ == "__main__":
    main()
