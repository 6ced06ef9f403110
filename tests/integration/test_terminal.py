"""On a terminal: colour, how to stop it, and Ctrl+C that does."""

from __future__ import annotations

from harness.fixtures import APPS
from harness.terminal import Terminal


def test_on_a_terminal() -> None:
    with Terminal("--http", "127.0.0.1:0", "--chdir", str(APPS), "probe:app") as terminal:
        colour = terminal.read_until(r"\x1b\[")
        assert colour, "no colour on a terminal"
        terminal.read_until(
            r"serving on http://127\.0\.0\.1:\d+ - Ctrl\+C stops.*mewsgi reload \d+"
        )
        terminal.type("\x03")
        terminal.expect_end()
