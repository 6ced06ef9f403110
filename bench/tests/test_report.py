"""The table: paired ratios, marks that are not hidden, rows that are missing by name."""

from dataclasses import replace

import pytest
from measure import report
from measure.report import Run

RUN = Run(
    server="floor-environ",
    connections=64,
    round=0,
    requests=1000,
    seconds=1.0,
    cpu_seconds=0.005,
    errors={},
    others_on_server_core=0.0,
    others_on_load_core=0.0,
    unserved=0,
    p50_us=1,
    p99_us=2,
)


def rows(*runs: Run):
    return {row.server: row for row in report.make_rows(list(runs))}


def test_numbers_of_one_run():
    row = rows(RUN)["floor-environ"]
    assert row.rate == (1000, 1000, 1000)
    assert row.cpu_us[0] == pytest.approx(5.0)
    assert (row.rate_ratio, row.cpu_ratio) == (1, 1)


def test_ratios_are_taken_inside_a_round():
    # The machine was half as fast in round 1, for both: the ratio must not move.
    floor = [RUN, replace(RUN, round=1, requests=500), replace(RUN, round=2)]
    peer = [replace(run, server="peer", requests=run.requests // 2) for run in floor]
    assert rows(*floor, *peer)["peer"].rate_ratio == 0.5
    assert rows(*floor, *peer)["peer"].cpu_ratio == 2.0


def test_no_floor_no_ratio():
    assert rows(replace(RUN, server="peer"))["peer"].rate_ratio is None


def test_the_ways_in_are_compared_inside_a_round():
    direct = [
        replace(RUN, server="mewsgi", connections=1, p50_us=50),
        replace(RUN, server="mewsgi", connections=1, round=1, p50_us=100),
    ]
    routed = [
        replace(run, server="mewsgi-http", p50_us=run.p50_us * 2, cpu_seconds=0.006)
        for run in direct
    ]
    text = report.ways([*direct, *routed])
    assert "1 connection: median latency 2.00 x, CPU us/req 1.20 x" in text
    assert report.ways(direct) == ""


def test_asgi_is_held_against_uvicorn():
    ours = replace(RUN, server="mewsgi-asgi", cpu_seconds=0.002)
    text = report.ways([ours, replace(RUN, server="uvicorn")])
    assert "mewsgi-asgi against uvicorn (goal" in text and "CPU us/req 0.40 x" in text
    assert "mewsgi-asgi-http" not in text


def test_the_median_latency_is_shown():
    runs = [replace(RUN, p50_us=us, round=us) for us in (1, 7, 300)]
    row = report.make_rows(runs)[0]
    assert report.cells(row)[-1] == "7"


def test_no_request_at_all_is_a_row_not_a_crash():
    row = rows(RUN, replace(RUN, server="peer", requests=0))["peer"]
    assert row.rate[0] == 0


def test_errors_of_all_rounds_are_marked():
    failing = [
        replace(RUN, server="peer", errors={"read": 2}),
        replace(RUN, server="peer", round=1, errors={"read": 1, "status": 7}),
    ]
    text = report.table(report.make_rows(failing), ["peer"], {})
    assert "ERRORS: 3 read, 7 status in 2000 requests" in text


def test_starving_and_noise_are_marked():
    run = replace(RUN, unserved=63, others_on_load_core=0.3)
    text = report.table(report.make_rows([run]), ["floor-environ"], {})
    assert "STARVES: 63 of 64" in text
    assert "others used 30% of a core" in text


def test_a_missing_row_is_named_in_the_table_and_with_its_reason():
    text = report.table(report.make_rows([RUN]), ["floor-environ", "peer"], {"peer": "no such"})
    assert "peer            not measured" in text
    assert "peer: no such" in text


def test_a_busy_machine_is_told_once_for_the_whole_table():
    assert report.warning(report.make_rows([RUN])) == ""
    assert report.warning([]) == ""
    busy = report.make_rows([replace(RUN, others_on_server_core=0.9)])
    assert "others used 90%" in report.warning(busy)
