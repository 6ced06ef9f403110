"""h2spec, all of it, on a WSGI app that answers every method with what it was sent. Its program is
what tools/setup built of tools/h2spec."""

from __future__ import annotations

import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Server
from harness.certificates import Authority
from harness.server import ROOT

PROGRAM = ROOT / ".cache/h2spec/h2spec"
LEAST = 140  # cases that a run must have had: less means that it was cut


@pytest.fixture(scope="module")
def echoing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("echoing")
    (folder / "app.py").write_text(
        "def app(environ, start_response):\n"
        "    body = environ['wsgi.input'].read() or b'some bytes, more than one'\n"
        "    start_response('200 OK', [('Content-Type', 'application/octet-stream')])\n"
        "    return [body]\n"
    )
    pair = Authority(folder / "authority").issue("localhost")
    ways = ["--h2c", "--https", pair.option()]
    with Server([*ways, "--chdir", str(folder), "app:app"], way="routed") as server:
        yield server


def failures(port: int, report: Path, *options: str) -> tuple[int, list[str]]:
    """How many cases ran, and each that failed, with what was expected and what came."""
    done = subprocess.run(
        [str(PROGRAM), "-h", "127.0.0.1", "-p", str(port), "-j", str(report), *options],
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert report.exists(), f"h2spec gave no report: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    cases, failed = 0, []
    for suite in ElementTree.parse(report).getroot():
        for case in suite.iter("testcase"):
            cases += 1
            problem = (
                case.find("failure") if case.find("failure") is not None else case.find("error")
            )
            if problem is not None:
                title = f"{case.get('package')} {case.get('classname')}"
                failed.append(f"{title}: {problem.get('message') or ''} {problem.text or ''}")
    return cases, failed


@pytest.mark.slow
@pytest.mark.parametrize("strict", [False, True], ids=["plain", "strict"])
@pytest.mark.parametrize("way", ["cleartext", "tls"])
def test_h2spec(echoing: Server, tmp_path: Path, way: str, strict: bool) -> None:
    options = ["--strict"] if strict else []
    if way == "tls":
        options += ["--tls", "--insecure"]
    port = echoing.port if way == "cleartext" else echoing.port_of("https")
    cases, failed = failures(port, tmp_path / "report.xml", *options)
    assert not failed, "\n".join(failed)
    assert cases >= LEAST, f"only {cases} cases"
    assert echoing.get("/").status == 200
