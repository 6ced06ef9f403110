"""The long request of probes/neighbours, and the rows that the probes choose from."""

import pytest
from measure.askers import Phase
from measure.neighbours import SERVERS, BusyRequest, Plan, row
from measure.rows import pick, show
from measure.status import parse_status
from small_server import ANSWER, server

PLAN = Plan("/busy", 0.0, 1, 0.01)

STATUS = """{"generation": 2, "state": "serving", "zygote_pid": 5, "reserve_pid": 6,
  "reloads": 1, "reload_failures": 0,
  "workers": [
  {"id": 1, "pid": 11, "generation": 2, "state": "idle", "accepted": 7},
  {"id": 1, "pid": 9, "generation": 1, "state": "retiring", "accepted": 5}]}"""


def test_the_long_request_and_what_became_of_it(tmp_path):
    with server(ANSWER, closes=True) as port:
        request = BusyRequest(port, PLAN, tmp_path / "pid")
        assert request.pid() is None
        (tmp_path / "pid").write_text("417\n")
        assert request.pid() == 417
        assert request.end(10) == "answered 200"


def test_a_long_request_that_is_cut(tmp_path):
    with server(b"", closes=True) as port:
        assert BusyRequest(port, PLAN, tmp_path / "pid").end(10) == "was cut"


def test_a_row_shows_unanswered_requests_and_errors():
    phase = Phase(latencies=[0.001] * 99, unanswered=[3.0], closed=2)
    phase.errors["no answer"] = 4
    cells = row("a", "quiet", phase, "")
    assert cells[2:] == ["99", "1.00", "1.00", "3,000.00", "1", "4", "2", "(4 x no answer)"]


def test_a_late_client_is_told():
    assert "client late by 40.00 ms" in row("a", "quiet", Phase(late=0.04), "")[-1]


def test_servers_by_name():
    assert pick(SERVERS, "") == list(SERVERS)
    assert [server.name for server in pick(SERVERS, "gunicorn-sync,mewsgi")] == [
        "mewsgi",
        "gunicorn-sync",
    ]
    with pytest.raises(
        ValueError, match=r"no server is called x; there are: mewsgi, mewsgi-http, uwsgi"
    ):
        pick(SERVERS, "mewsgi,x")


def test_only_a_missing_mewsgi_is_a_failure(capsys):
    assert show("t", ["a", "b"], [["1", "2"]], {"uwsgi": "not installed"}, "g") == 0
    assert show("t", ["a", "b"], [["1", "2"]], {"mewsgi": "no program"}, "g") == 1
    assert "Not measured: uwsgi: not installed" in capsys.readouterr().out


def test_status_tells_generations_apart():
    status = parse_status(STATUS)
    assert [worker.pid for worker in status.serving()] == [11]
    assert [worker.counters["accepted"] for worker in status.workers] == [7, 5]
