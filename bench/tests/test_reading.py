"""What the harness reads: wrk's report, callgrind's dumps, strace's summary, /proc/stat, pins."""

import pytest
from measure import callgrind, install, machine, syscalls, wrk
from measure.callgrind import Place

REPORT = (
    'Running\nREPORT {"requests":10,"microseconds":2000000,"connect":0,"read":3,"write":0,'
    '"timeout":0,"status":4,"p50":5,"p99":6,"max":7}\n'
)

DUMP = """# callgrind format
positions: line
events: Ir
ob=/x/mewsgi/_mewsgi.abi3.so
fl=/x/src/worker/connection.cc
fn=mew::worker::Connection::on_readable()
10 100
fi=/x/src/http1/decoder.cc
20 40
fe=/x/src/worker/connection.cc
11 5
cob=/usr/lib/libc.so.6
cfi=???
cfn=read
calls=1 0
12 9000
13 1

ob=/usr/lib/libpython3.11.so.1.0
fl=???
fn=PyDict_Copy
0 50
totals: 196
"""


def test_wrk_errors_are_kept_by_kind():
    load = wrk.parse_report(REPORT)
    assert (load.requests, load.seconds) == (10, 2.0)
    assert load.errors == {"read": 3, "status": 4}


@pytest.mark.parametrize("output", ["", "unable to connect to 127.0.0.1:1", REPORT + REPORT])
def test_wrk_without_one_report_is_an_error(output):
    with pytest.raises(wrk.WrkError):
        wrk.parse_report(output)


def test_only_self_cost_counts_and_inlined_code_keeps_its_file():
    costs = callgrind.read_costs(DUMP.splitlines(keepends=True))
    assert sum(costs.values()) == 196
    assert callgrind.by_layer(costs) == {"mew worker": 106, "mew http1": 40, "python": 50}


def test_a_layer_without_debug_information_comes_from_the_namespace():
    place = Place("/x/_mewsgi.so", "???", "mew::http1::Codec::decode(char const*)")
    assert callgrind.layer_of(place) == "mew http1"


def test_a_file_of_another_project_is_not_taken_for_ours():
    place = Place("/x/_fastwsgi.so", "/build/src/http/llhttp.c", "llhttp__internal__run")
    assert callgrind.layer_of(place) == "_fastwsgi.so"


def test_strace_summary_with_and_without_errors():
    text = "syscall calls errors\n---- ---- ----\nread 200\nepoll_ctl 399 200\ntotal 599 200\n"
    assert syscalls.parse_summary(text) == {"read": (200, 0), "epoll_ctl": (399, 200)}


def test_busy_time_of_a_core_leaves_idle_and_iowait_out():
    ticks = machine.TICKS_PER_SECOND
    stat = f"cpu 0 0 0 0 0 0 0 0 0 0\ncpu1 {ticks} 0 {ticks} 900 900 0 0 {ticks} 0 0\n"
    assert machine.busy_seconds(1, stat) == 3.0
    with pytest.raises(machine.CoresError):
        machine.busy_seconds(2, stat)


def test_pins_by_name_without_comments():
    assert install.read_requirements("# a\nb==1 # c\n\nd==2\n") == {"b": "b==1", "d": "d==2"}
