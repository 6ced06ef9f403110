"""The rows and the plan: names, ranges, and both floors answering for real."""

import http.client
import os
import socket
import sys
from pathlib import Path

import pytest
from measure import install, servers
from measure.launch import ROOT, environment
from measure.main import make_plan, parse_arguments
from measure.process import Tree, free_port
from measure.servers import Place, choose


def names(*wanted: str) -> list[str]:
    return [server.name for server in choose(list(wanted))]


def test_all_rows_have_different_names():
    assert len(set(names())) == len(servers.SERVERS)


def test_a_full_name_is_one_row_and_a_beginning_is_all_of_them():
    assert names("mewsgi") == ["mewsgi"]
    assert names("uwsgi") == ["uwsgi-close", "uwsgi-http11", "uwsgi-http"]


def test_an_unknown_name_tells_the_known_ones():
    with pytest.raises(ValueError, match=r"no row is called unicorn; there are: floor,"):
        choose(["mewsgi", "unicorn"])


def test_the_floor_of_the_ratios_is_always_measured():
    plan = make_plan(parse_arguments(["--only", "mewsgi"]))
    assert [server.name for server in plan.servers] == ["floor-environ", "mewsgi"]


@pytest.mark.parametrize(
    "wrong",
    [
        ["--connections", "0"],
        ["--connections", "1,x"],
        ["--connections", "5000"],
        ["--rounds", "0"],
        ["--seconds", "61"],
    ],
)
def test_a_plan_out_of_bounds_is_refused(wrong):
    with pytest.raises(ValueError):
        make_plan(parse_arguments(wrong))


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Place:
    # The floors are built for the python that runs this test, which stands in for the peers' one.
    folder = tmp_path_factory.mktemp("floors")
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(sys.executable)
    built = Place(bench=ROOT / "bench", build=folder, venv=folder, mewsgi=Path("none"))
    install.build_floors(built)
    return built


@pytest.mark.parametrize("name", ["floor", "floor-environ", "floor-close"])
def test_a_floor_answers_as_the_app_does_and_refuses_what_is_no_request(place, name, tmp_path):
    port = free_port()
    command = choose([name])[0].command(place, port)
    settled = {**environment(place), "PATH": os.environ["PATH"]}
    tree = Tree.start(command, port, tmp_path / "log", settled, place.bench / "apps")
    try:
        tree.wait_until_it_answers()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        for _ in range(3):
            connection.request("GET", "/")
            answer = connection.getresponse()
            assert answer.read() == b"Hello, World!"
            assert answer.getheader("Content-Type") == "text/plain"
            assert answer.will_close == (name == "floor-close")
        with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
            raw.sendall(b"GET / HTTP/1.1\r\nHost: cut")
            assert raw.recv(1) == b""
    finally:
        tree.stop()
