"""An installed package of one's own, which a test may replace while a server runs from it.

Another build is the same one under another build id: the eight bytes stand once in the program and
once in the extension module. Files are put in place as pip does it, new ones under the old names,
so what runs keeps what it has open.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from harness.server import package_folder, program


def installed_package() -> Path:
    """The folder of the package whose program the tests run."""
    named = package_folder()
    if named:
        return Path(named)
    code = "import mewsgi, os; print(os.path.dirname(mewsgi.__file__))"
    python = Path(program()).parent / "python"
    said = subprocess.run(
        [str(python if python.exists() else sys.executable), "-c", code],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    return Path(said.stdout.strip())


class Package:
    """A copy of the package below `place`; `program` is what a server is started from."""

    def __init__(self, place: Path) -> None:
        self.folder = place / "mewsgi"
        shutil.copytree(installed_package(), self.folder, ignore=shutil.ignore_patterns("*.pyc"))
        self.program = self.folder / "bin" / "mewsgi"
        (self.extension,) = self.folder.glob("_mewsgi*.so")
        code = "from mewsgi import _mewsgi; print(_mewsgi.build_id)"
        said = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": str(place)},
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
        self.build = int(said.stdout)

    def put(self, target: Path, content: bytes) -> None:
        """A new file under the name of an old one."""
        fresh = target.with_name(target.name + ".new")
        fresh.write_bytes(content)
        fresh.chmod(0o755)
        fresh.rename(target)

    def install_another_build(self) -> str:
        """The id that the log and `mewsgi upgrade` name it by."""
        fresh = (self.build + 1) % (1 << 64)
        old_bytes, new_bytes = (number.to_bytes(8, sys.byteorder) for number in (self.build, fresh))
        for file in (self.program, self.extension):
            content = file.read_bytes()
            assert content.count(old_bytes) == 1, f"the build id is not just once in {file}"
            self.put(file, content.replace(old_bytes, new_bytes))
        self.build = fresh
        return f"{fresh:016x}"
