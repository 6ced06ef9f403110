"""What h2load prints, and the rows that probes/tls makes of it."""

import pytest
from measure.h2load import Counted, Plan, parse
from measure.process import StartError
from measure.tls_cpu import GRANIAN, H1, H1S, H2, MEWSGI, NGINX, Run, ratio, rows

OUTPUT = """
finished in 512.34ms, 7807.31 req/s, 1.02MB/s
requests: 4000 total, 4000 started, 4000 done, 3998 succeeded, 2 failed, 0 errored, 0 timeout
status codes: 3998 2xx, 0 3xx, 0 4xx, 2 5xx
"""


def test_counts_are_read():
    counted = parse(OUTPUT)
    assert counted == Counted(3998, 2, pytest.approx(0.51234))
    with pytest.raises(StartError, match="nonsense"):
        parse("nonsense")


def test_command():
    assert Plan(16, 1, 500, http1=True).command("https://a/") == [
        *("h2load", "-n", "500", "-c", "16", "-m", "1", "-t", "1", "--h1", "https://a/")
    ]


def test_ratios_are_of_the_same_round():
    def run(what, server, turn, cpu):
        return Run(what, server, turn, 1000, 1.0, cpu)

    runs = [
        *(run(H2, MEWSGI, 0, 0.01), run(H2, GRANIAN, 0, 0.02)),
        *(run(H2, MEWSGI, 1, 0.03), run(H2, GRANIAN, 1, 0.06)),
        *(run(H1S, MEWSGI, 0, 0.022), run(H1, MEWSGI, 0, 0.02)),
        *(run("full", MEWSGI, 0, 0.2), run("full", NGINX, 0, 0.2)),
    ]
    assert ratio(runs, H2, MEWSGI) == "0.50 x granian"
    assert ratio(runs, H1S, MEWSGI) == "1.10 x cleartext's"
    assert ratio(runs, "full", MEWSGI) == "1.00 x nginx"
    assert ratio(runs, H2, GRANIAN) == ""
    assert [row[:2] for row in rows(runs)][:2] == [[H2, MEWSGI], [H2, GRANIAN]]
