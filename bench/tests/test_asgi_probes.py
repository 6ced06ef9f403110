"""The probes of ASGI: their loads and clients against uvicorn, the stub, and the numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from measure import install, websockets, wrk
from measure.client import AnswerError
from measure.idle import ask_all
from measure.idle_websockets import Idle
from measure.launch import ROOT, environment
from measure.open_reload import PROPER_AT_STOP, Crowd, Ends
from measure.process import Tree, free_port
from measure.servers import Place
from measure.websockets import Run, ratio

pytest.importorskip("uvicorn", reason="not for this Python")
APPS = ROOT / "bench" / "apps"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(ROOT / "bench", tmp_path, Path(sys.prefix), tmp_path / "none")


def serve(place: Place, app: str) -> Tree:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--port", str(port), f"{app}:application"]
    tree = Tree.start(command, port, place.build / "log", environment(place), APPS)
    try:
        tree.wait_until_it_answers()
    except BaseException:
        tree.stop()
        raise
    return tree


@pytest.fixture
def echo(place: Place) -> Iterator[Tree]:
    tree = serve(place, "echo_asgi")
    yield tree
    tree.stop()


@pytest.mark.parametrize(
    "settings", [["size=1"], ["size=300", "window=8"], ["size=70000", "binary=1", "window=2"]]
)
def test_the_load_of_messages(place: Place, echo: Tree, settings: list[str]) -> None:
    install.build_programs(place, websockets.SOURCE)
    program = [str(place.build / "websocket_load"), str(echo.port), "4", "seconds=1", *settings]
    load = wrk.run_program(program, 1, None)
    assert load.requests > 20 and not load.errors


def test_a_load_that_is_refused_says_so(place: Place, echo: Tree) -> None:
    install.build_programs(place, websockets.SOURCE)
    program = [str(place.build / "websocket_load"), str(free_port()), "4", "seconds=1"]
    assert wrk.run_program(program, 1, None).errors == {"connect": 4}


def test_idle_sockets_are_asked_again(echo: Tree) -> None:
    connections = [Idle(echo.port, number) for number in range(20)]
    assert ask_all(connections) == 20
    assert ask_all(connections) == 20
    assert sum(connection.opened for connection in connections) == 20
    for connection in connections:
        connection.close()


def test_an_idle_socket_that_is_no_socket(place: Place) -> None:
    tree = serve(place, "hello_asgi")
    try:
        one = Idle(tree.port, 0)
        one.send()
        with pytest.raises((AnswerError, OSError)):
            one.receive()
        one.close()
    finally:
        tree.stop()


def test_the_stub(place: Place) -> None:
    program = [sys.executable, str(place.bench / "floors" / "asgi_stub.py"), "2000", "echo_asgi"]
    done = subprocess.run(
        program, capture_output=True, text=True, timeout=60, env=environment(place)
    )
    assert done.returncode == 0, done.stderr
    assert 1_000 < json.loads(done.stdout)["rss"] / 2000 < 20_000


def test_long_connections_see_their_end(place: Place) -> None:
    tree = serve(place, "long_asgi")
    ends = Ends()
    try:
        crowd = Crowd.open(tree.port, 20, 3)
        tree.process.terminate()
        crowd.see_the_end(ends)
    finally:
        tree.stop()
    # uvicorn does not wait for the answer to its close, so that one may be reset.
    assert set(ends.sockets) <= {"1012", "reset"} and ends.proper(PROPER_AT_STOP) > 0
    assert ends.streams == {"complete": 3}


def test_long_connections_see_that_they_were_cut(place: Place) -> None:
    tree = serve(place, "long_asgi")
    ends = Ends()
    try:
        crowd = Crowd.open(tree.port, 5, 3)
        tree.process.kill()
        tree.process.wait(10)
        crowd.see_the_end(ends)
    finally:
        tree.stop()
    assert ends.proper(PROPER_AT_STOP) == 0 and sum(ends.sockets.values()) == 5
    assert ends.streams["complete"] == 0 and sum(ends.streams.values()) == 3


def run_of(server: str, turn: int, messages: int) -> Run:
    load = wrk.Load(messages, 1.0, {}, 1, 2, 0.1)
    return Run(server, "kind", turn, load, 0.5)


def test_ratios_are_taken_inside_a_round() -> None:
    base = [run_of("uvicorn", 0, 1000), run_of("uvicorn", 1, 100)]
    ours = [run_of("mewsgi", 0, 2000), run_of("mewsgi", 1, 200)]
    assert ratio(ours, base) == 2.0
    assert ratio(ours, []) is None
