"""`pip install .` for every supported CPython: it serves, and it hides what it is made of."""

from __future__ import annotations

import re
import subprocess
import zipfile
from pathlib import Path

import pytest
from installs import expect_async_hello, expect_hello, make_venv, run, wheel_for
from pythons import LEAST, SUPPORTED, Python, find_python


def test_enough_pythons_to_prove_something() -> None:
    missing = [version for version in SUPPORTED if find_python(version) is None]
    assert len(SUPPORTED) - len(missing) >= LEAST, (
        f"found too few CPythons with headers and venv; missing: {', '.join(missing)}"
    )


@pytest.fixture(params=SUPPORTED)
def python(request: pytest.FixtureRequest) -> Python:
    found = find_python(request.param)
    if found is None:
        pytest.skip(f"this machine has no CPython {request.param} with headers and venv")
    return found


def test_install_and_serve(python: Python, tmp_path: Path) -> None:
    venv = make_venv(python.path, tmp_path / "venv")
    run([venv / "bin/pip", "install", "--no-index", wheel_for(python)])
    program = venv / "bin/mewsgi"
    version = run([program, "--version"], cwd=tmp_path)
    assert re.fullmatch(r"mewsgi \d+\.\d+\.\d+\n", version)
    log = expect_hello([program], python.version, tmp_path / "site")
    assert f"Python {python.version}." in log
    assert str(venv) in log, "the log does not say which python it took"
    expect_async_hello([program], tmp_path / "async site")
    # What is installed is all there, and typed.
    run([venv / "bin/pip", "check"])
    where = "import mewsgi, pathlib; print(pathlib.Path(mewsgi.__file__).parent)"
    package = Path(run([venv / "bin/python", "-c", where], cwd=tmp_path).strip())
    assert (package / "py.typed").is_file()


def test_what_a_wheel_holds(python: Python) -> None:
    with zipfile.ZipFile(wheel_for(python)) as wheel:
        names = wheel.namelist()
        modes = {info.filename: info.external_attr >> 16 for info in wheel.infolist()}
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"mewsgi"}, (
        "a wheel brings one package; `uwsgi` is never installed as a file"
    )
    extension = [n for n in names if re.fullmatch(r"mewsgi/_mewsgi\..*\.so", n)]
    assert len(extension) == 1 and python.tag[2:] in extension[0]
    assert modes["mewsgi/bin/mewsgi"] & 0o111, "the program is not executable"
    assert {"mewsgi/__init__.py", "mewsgi/__main__.py", "mewsgi/_zygote.py"} <= set(names)
    odd = [n for n in names if re.search(r"_test|\.(cc|h|a|o|pyc)$|/src/", n)]
    assert not odd


def dynamic_section(path: Path) -> set[str]:
    text = subprocess.run(
        ["readelf", "-dW", str(path)], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    return set(re.findall(r"\(NEEDED\).*\[(.*)\]", text))


def exported_symbols(path: Path) -> set[str]:
    text = subprocess.run(
        ["readelf", "--dyn-syms", "-W", str(path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    exported = set()
    for line in text.splitlines():
        words = line.split()
        # Num: Value Size Type Bind Vis Ndx Name
        if len(words) >= 8 and words[4] in {"GLOBAL", "WEAK", "UNIQUE"} and words[6] != "UND":
            exported.add(words[7].split("@")[0])
    return exported


def test_nothing_leaks_from_the_extension(python: Python, tmp_path: Path) -> None:
    """A symbol of ours could meet one of the app's libraries; a libssl of ours certainly would."""
    with zipfile.ZipFile(wheel_for(python)) as wheel:
        wheel.extractall(tmp_path)
    (extension,) = (tmp_path / "mewsgi").glob("_mewsgi.*.so")
    assert exported_symbols(extension) == {"PyInit__mewsgi"}
    # The program never loads Python, so its TLS meets nobody's.
    unwelcome_in = {
        extension: r"lib(python|ssl|crypto|nghttp2)",
        tmp_path / "mewsgi/bin/mewsgi": r"libpython",
    }
    for path, names in unwelcome_in.items():
        needed = dynamic_section(path)
        assert needed, f"readelf shows no libraries of {path.name}"
        unwelcome = [n for n in needed if re.match(names, n)]
        assert not unwelcome, f"{path.name} links {unwelcome}"


def test_the_program_knows_no_python(python: Python, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel_for(python)) as wheel:
        program = Path(wheel.extract("mewsgi/bin/mewsgi", tmp_path))
    text = subprocess.run(
        ["readelf", "--dyn-syms", "-W", str(program)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert "epoll_wait" in text, "readelf shows no symbols: this test would prove nothing"
    assert not re.findall(r"\b_?Py[A-Z_]\w+", text)
