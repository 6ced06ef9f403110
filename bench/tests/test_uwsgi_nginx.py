"""The uwsgi protocol's probe: what it sends, how it compares, what it tells nginx."""

import os
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from measure import install, nginx, wrk
from measure.launch import ROOT
from measure.servers import Place
from measure.uwsgi_nginx import NAMES, PROGRAMS, Run, make_server, ratio, row

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, World!"
DEADLINE = 30


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Place:
    build = tmp_path_factory.mktemp("bench")
    made = Place(bench=ROOT / "bench", build=build, venv=Path("/nowhere"), mewsgi=Path("/no"))
    install.build_programs(made, *PROGRAMS)
    return made


def read_packet(connection: socket.socket) -> dict[str, str]:
    def exactly(size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = connection.recv(size - len(data))
            if not more:
                raise ConnectionError("left")
            data += more
        return data

    modifier1, size, modifier2 = struct.unpack("<BHB", exactly(4))
    assert (modifier1, modifier2) == (0, 0)
    block, words = exactly(size), []
    while block:
        (length,) = struct.unpack("<H", block[:2])
        words.append(block[2 : 2 + length].decode())
        block = block[2 + length :]
    return dict(zip(words[::2], words[1::2]))


@contextmanager
def server(folder: Path, answer: bytes, seen: list[dict[str, str]]) -> Iterator[str]:
    path = str(folder / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        listener.settimeout(0.05)
        over = threading.Event()

        def accept() -> None:
            while not over.is_set():
                try:
                    connection, _ = listener.accept()
                except socket.timeout:
                    continue
                # In the end the load leaves in the middle of some requests.
                with connection, suppress(OSError):
                    connection.settimeout(DEADLINE)
                    seen.append(read_packet(connection))
                    connection.sendall(answer[:7])
                    connection.sendall(answer[7:])

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield path
        finally:
            over.set()
            thread.join(DEADLINE)


def load(place: Place, path: str) -> wrk.Load:
    return wrk.run_program([str(place.build / "uwsgi_load"), path, "4", "1"], 1, None)


def test_the_native_load_sends_packets_and_counts_whole_answers(place, tmp_path):
    seen: list[dict[str, str]] = []
    with server(tmp_path, ANSWER, seen) as path:
        counted = load(place, path)
    assert counted.errors == {}
    assert 0 < counted.requests <= len(seen)
    assert seen[0]["REQUEST_METHOD"] == "GET"
    assert seen[0]["PATH_INFO"] == "/"
    assert set(nginx.PARAMETERS) - {"HTTPS"} <= set(seen[0])


@pytest.mark.parametrize("answer", [ANSWER[:-1], ANSWER.replace(b"200", b"500")])
def test_a_cut_or_refused_answer_is_an_error(place, tmp_path, answer):
    with server(tmp_path, answer, []) as path:
        counted = load(place, path)
    assert counted.requests == 0
    assert counted.errors["status"] > 0


def test_a_socket_that_is_not_there_is_an_error(place, tmp_path):
    assert load(place, str(tmp_path / "none")).errors["connect"] > 0


def make_run(server: str, turn: int, cpu_us: int, **errors: int) -> Run:
    counted = wrk.Load(1000, 1.0, dict(errors), 0, 0, 0.0)
    return Run("unix", server, turn, counted, cpu_us / 1000, 0.0)


def test_the_ratio_is_taken_inside_rounds():
    runs = [
        *(make_run("mewsgi", 0, 5), make_run("uwsgi", 0, 10)),
        *(make_run("mewsgi", 1, 20), make_run("uwsgi", 1, 50)),
        *(make_run("mewsgi", 2, 9), make_run("uwsgi", 2, 10)),
    ]
    assert ratio(runs, "unix", "mewsgi") == 0.5
    assert ratio(runs, "unix", "uwsgi") == 1.0
    assert ratio(runs, "tcp", "mewsgi") is None


def test_what_is_above_the_floor_is_compared_alone():
    runs = [make_run("floor", 0, 4), make_run("mewsgi", 0, 6), make_run("uwsgi", 0, 12)]
    assert ratio(runs, "unix", "mewsgi") == 0.5
    assert ratio(runs, "unix", "mewsgi", above_floor=True) == 0.25
    assert ratio(runs, "unix", "floor", above_floor=True) == 0.0
    # One that costs less than the floor is noise.
    runs[2] = make_run("uwsgi", 0, 3)
    assert ratio(runs, "unix", "mewsgi", above_floor=True) is None


def test_a_row_shows_errors():
    cells = row([make_run("mewsgi", 0, 5, status=3), make_run("mewsgi", 1, 7)], (0.5, None))
    assert cells[:6] == ["unix", "mewsgi", "1,000", "6.00", "5.00-7.00", "1%"]
    assert cells[6:] == ["0.50", "", "3 ERRORS"]


def test_nginx_is_told_the_address_and_every_parameter(tmp_path):
    text = nginx.configuration(tmp_path, 8000, "unix:/x/s")
    assert "uwsgi_pass unix:/x/s;" in text
    assert "listen 127.0.0.1:8000 " in text
    assert text.count("uwsgi_param ") == len(nginx.PARAMETERS)
    assert ("user root;" in text) == (os.geteuid() == 0)


def test_all_listen_where_they_are_told(place):
    for name in NAMES:
        assert "/x/s" in make_server(name, "unix", "/x/s").command(place, 1)
        assert (
            make_server(name, "tcp").command(place, 7)[-1 if name == "floor" else 2].endswith("7")
        )


def test_the_floor_answers_the_load(place, tmp_path):
    server = make_server("floor", "unix", str(tmp_path / "s"))
    with subprocess.Popen(server.command(place, 0)) as process:
        try:
            while not (tmp_path / "s").exists():
                assert process.poll() is None
            counted = load(place, str(tmp_path / "s"))
        finally:
            process.kill()
    assert counted.requests > 0
    # It may be met between bind and listen.
    assert set(counted.errors) <= {"connect"}
