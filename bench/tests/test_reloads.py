"""What probes/reloads and probes/kills are made of: the load, the blame, the versions, the kill."""

import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from measure.blame import Commit, count_empty_seconds, judge, was_inside
from measure.kills import SERVERS, Fallen, Log, epoch, time_rows
from measure.process import StartError
from measure.steady import Answer, Load, Lost, Outcome, Plan
from measure.versions import FAULTS, Versions
from measure.victims import Death, kill
from small_server import query_of, server

HOLDER = """
import socket, sys, time
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
held = listener.accept()
print("holds", flush=True)
time.sleep(60)
"""


def answer_to(request: bytes) -> bytes:
    """As the versions' app: to its own request."""
    body = b"v1 7 " + query_of(request)
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def to_another(request: bytes) -> bytes:
    return answer_to(b"GET /?%d HTTP" % (int(query_of(request)) + 1))


def some_load(port: int, requests: int, patience: float = 30.0) -> Outcome:
    with Load(Plan(port, 500.0, patience, requests)) as load:
        outcome = load.end()
    assert outcome.asked == requests == len(outcome.answers) + len(outcome.lost)
    return outcome


def test_every_request_has_one_outcome():
    with server(answer_to) as port:
        outcome = some_load(port, 60)
    assert not outcome.lost
    assert {(answer.version, answer.pid) for answer in outcome.answers} == {("v1", 7)}


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outcome = some_load(port, 10)
    assert not outcome.answers
    assert {lost.how for lost in outcome.lost} == {"refused"}
    assert {lost.kept for lost in outcome.lost} == {True, False}


@pytest.mark.parametrize(
    ("answer", "how"),
    [
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\nv1 7", "status 500"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nv1 7", "bad (ValueError)"),
        (to_another, "another's answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "bad (ValueError)"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nv1 7", "closed"),
    ],
)
def test_what_is_no_answer(answer: bytes, how: str):
    with server(answer, closes=True) as port:
        outcome = some_load(port, 20)
    assert not outcome.answers
    assert {lost.how for lost in outcome.lost} == {how}


def test_a_server_that_does_not_answer_is_asked_on():
    with server(answer_to, connections=0) as port:
        outcome = some_load(port, 40, patience=0.3)
    assert {lost.how for lost in outcome.lost} == {"timeout"}


def test_kept_connections_alone_are_asked_in_turn():
    # The server answers on five connections only: a sixth would wait in vain.
    plan = Plan(0, 25.0, 30.0, 20, kept=5)
    with server(answer_to, connections=5) as port, Load(replace(plan, port=port)) as load:
        outcome = load.end()
    assert len(outcome.answers) == outcome.asked == 20
    assert outcome.closed == 0


def test_it_goes_on_until_it_is_stopped():
    with server(answer_to) as port, Load(Plan(port, 500.0, 30.0)) as load:
        time.sleep(0.1)
        outcome = load.stop()
    assert outcome.asked == len(outcome.answers)


def test_connections_that_end_between_requests_cost_nothing():
    with server(answer_to, closes=True) as port:
        outcome = some_load(port, 20)
    # One whose end has not come yet when it is asked again loses that request.
    assert outcome.closed + len(outcome.lost) > 0


def test_a_load_that_died_is_told():
    with server(answer_to) as port, Load(Plan(port, 100)) as load:
        os.kill(load.process.pid, 9)
        with pytest.raises(StartError, match="without a word"):
            load.stop()


def test_the_dead_take_their_connections_along():
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", port)) as held:
            assert process.stdout.readline() == b"holds\n"
            death = kill(process.pid)
            assert death and death.ports == {held.getsockname()[1]}
            assert held.recv(1) == b""
        process.wait()
        assert kill(process.pid) is None


def test_only_who_was_inside_is_excused():
    death = Death(10.0, 0.0, 1, frozenset({50}))
    assert was_inside(Lost(9.9, 0.2, "reset", 50, True), [death])
    assert was_inside(Lost(10.1, 0.0, "reset", 50, True), [death])
    assert not was_inside(Lost(9.9, 0.2, "reset", 51, True), [death])
    assert not was_inside(Lost(9.0, 0.5, "reset", 50, True), [death]), "before the death"
    assert not was_inside(Lost(12.0, 0.1, "reset", 50, True), [death]), "the port was used again"


def test_the_verdict(tmp_path: Path):
    versions = Versions(tmp_path)
    first, broken, second = versions.write_good(), versions.write_broken(), versions.write_good()
    outcome = Outcome(asked=7)
    outcome.answers = [
        Answer(1.0, 0.1, first, 1),
        Answer(1.95, 0.2, first, 1),  # asked before the commit
        Answer(2.5, 0.1, first, 1),
        Answer(2.5, 0.1, second, 2),
        Answer(4.2, 0.4, broken, 2),
    ]
    outcome.lost = [Lost(2.0, 0.1, "reset", 9, True), Lost(2.0, 0.1, "reset", 8, False)]
    death = Death(2.05, 0.0, 1, frozenset({9}))
    verdict = judge(outcome, versions, [Commit(2.0, second)], [death])
    assert (verdict.asked, verdict.answered, verdict.in_killed, len(verdict.lost)) == (7, 5, 1, 1)
    assert verdict.told == "1 reset (new connection)"
    assert (verdict.by_failed_code, verdict.by_old_code) == (1, 2)
    assert verdict.worst == pytest.approx(0.4)
    assert verdict.empty_seconds == 1


def test_seconds_without_an_answer():
    answers = [Answer(at, 0.0, "v1", 1) for at in (5.0, 5.9, 6.1, 8.5)]
    assert count_empty_seconds(Outcome(answers=answers)) == 1
    assert count_empty_seconds(Outcome()) == 0


def test_versions_are_what_they_say(tmp_path: Path):
    versions = Versions(tmp_path)
    stamps = []
    for _ in range(3):
        name = versions.write_good()
        stamps.append(int(versions.file.stat().st_mtime))
        scope: dict = {}
        exec(compile(versions.file.read_text(), "app.py", "exec"), scope)
        (body,) = scope["application"]({}, lambda *_: None)
        assert body.decode().split() == [name, str(os.getpid())]
    assert len(set(stamps)) == 3
    for fault in FAULTS:
        assert versions.write_broken().endswith(fault)
        with pytest.raises((SyntaxError, ImportError, RuntimeError)):
            exec(compile(versions.file.read_text(), "app.py", "exec"), {})


def test_a_second_owner_is_noticed(tmp_path: Path):
    versions = Versions(tmp_path)
    versions.write_good()
    assert versions.owners() == (0, 0)
    own = [sys.executable, "-c", "import app; app.loop()"]
    owners = [subprocess.Popen(own, cwd=tmp_path) for _ in range(2)]
    try:
        end = time.monotonic() + 20
        while sum(versions.owners()) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        assert versions.owners() == (1, 1)
        log = (tmp_path / "singleton.log").read_text()
        assert re.search(r"^second owner: v1 \d+$", log, re.MULTILINE)
    finally:
        for owner in owners:
            owner.kill()
            owner.wait()


LOG = """2026-11-27 12:00:00.100 info    master   app app:application loaded in 0.01 s
2026-11-27 12:00:00.150 info    master   spawned mewsgi worker 1 (pid: 11, cores: 1)
2026-11-27 12:00:00.151 info    master   spawned mewsgi worker 2 (pid: 12, cores: 1)
2026-11-27 12:00:01.002 error   master   worker 1 (pid 11) of generation 1 was killed by SIGKILL
2026-11-27 12:00:01.009 info    master   spawned mewsgi worker 1 (pid: 13, cores: 1)
2026-11-27 12:00:02.001 error   master   zygote of generation 1 (pid 9) was killed by SIGKILL
2026-11-27 12:00:02.080 info    master   app app:application loaded in 0.01 s
2026-11-27 12:00:02.090 info    master   spawned mewsgi worker 2 (pid: 14, cores: 1)
2026-11-27 12:00:03.000 error   master   zygote of generation 1 (pid 15) was killed by SIGKILL
2026-11-27 12:00:03.002 warning master   generation 1: its reserve (pid 16) takes the zygote's place
"""


def test_replacements_are_found_in_the_log(tmp_path: Path):
    path = tmp_path / "log"
    path.write_text(LOG)
    log = Log.read(path)
    begin = epoch("2026-11-27 12:00:00.000")
    assert log.worker_back(11) == pytest.approx(begin + 1.009)
    assert log.worker_back(13) is None and log.worker_back(99) is None
    assert log.zygote_back(begin + 2.0) == pytest.approx(begin + 2.08)
    assert log.zygote_back(begin + 3.0) == pytest.approx(begin + 3.002)
    assert log.zygote_back(begin + 4.0) is None
    workers = [Death(0, begin + 1.0, 11, frozenset()), Death(0, begin + 2.05, 12, frozenset())]
    zygotes = [Death(0, begin + 2.0, 9, frozenset())]
    rows = time_rows(SERVERS[0], Fallen(workers, zygotes, []), log)
    assert [(row[0].split(": ")[1], row[1], row[2]) for row in rows] == [
        ("worker", "1", "9.00"),
        ("worker, while there was no zygote", "1", "40.00"),
        ("zygote", "1", "80.00"),
    ]
    assert rows[0][5] == "7.00", "since it was noticed"
    lost = Fallen([Death(0, begin, 13, frozenset())], [], [])
    assert time_rows(SERVERS[0], lost, log)[0][-1] == "1 WERE NOT REPLACED"
