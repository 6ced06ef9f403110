"""A singleton's function: found in the zygote, called in a task, and how it ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from fake_native import Ended, FakeNative

MakeBoot = Callable[..., Any]


@pytest.fixture(autouse=True)
def _signal_as_before() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def run(native: FakeNative, make_boot: MakeBoot, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a task with this function to its end; the calls that it made to the native half."""
    hooks = lambda status: native.calls.append(("hooks", status))  # noqa: E731
    monkeypatch.setattr("mewsgi._leave.run_exit_hooks", hooks)
    native.told = False  # type: ignore[attr-defined]
    native.task_stopping = lambda: native.told  # type: ignore[attr-defined]

    def begin_stop() -> None:
        native.told = True  # type: ignore[attr-defined]

    native.task_begin_stop = begin_stop  # type: ignore[attr-defined]
    native.task_wait_for_stop = lambda seconds: native.told  # type: ignore[attr-defined]

    def start(function: Any = None, hook: Any = None, **changes: Any) -> list[tuple[Any, ...]]:
        from mewsgi import _singleton, _uwsgi

        boot = make_boot(**{"singleton": ["clock=jobs:tick"], **changes})
        module = _uwsgi.install(boot)
        if hook:
            module.__dict__["post_fork_hook"] = hook
        with pytest.raises(Ended):
            _singleton.run(boot, 1, [function] if function else [])
        return native.calls

    return start


def ended(calls: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    (found,) = [call[1:] for call in calls if call[0] == "task_ended"]
    return found


def test_order_of_a_life(run: Any, native: FakeNative) -> None:
    calls = native.calls
    run(lambda: calls.append(("tick",)), hook=lambda: calls.append(("forked",)))
    assert calls == [
        ("set_title", "mewsgi singleton clock"),
        ("task_begin",),
        ("forked",),
        ("tick",),
        ("task_ended", 0, False, "returned"),
        ("hooks", 0),
        ("leave", 0),
    ]


@pytest.mark.parametrize(("code", "status"), [(None, 0), (0, 0), (3, 3), ("sentence", 1)], ids=str)
def test_exit_by_itself(run: Any, code: Any, status: int) -> None:
    def leave() -> None:
        raise SystemExit(code)

    calls = run(leave)
    assert ended(calls) == (status, False, f"called sys.exit({code!r})")
    assert calls[-1] == ("leave", status)


def test_what_it_raises_is_told_without_frames_of_ours(run: Any) -> None:
    def fail() -> None:
        raise ValueError("on purpose")

    status, raised, text = ended(run(fail))
    assert (status, raised) == (1, True)
    assert "ValueError: on purpose" in text and "in fail" in text
    assert "/mewsgi/_singleton.py" not in text


def test_a_signal_ends_who_does_not_ask(run: Any) -> None:
    def loop() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("the signal interrupts")

    assert ended(run(loop)) == (0, False, "ended as it was told to")


def test_a_signal_does_not_interrupt_who_asks(run: Any, native: FakeNative) -> None:
    import mewsgi

    def loop() -> None:
        assert mewsgi.stopping() is False
        os.kill(os.getpid(), signal.SIGTERM)
        native.calls.append(("went on",))
        assert mewsgi.stopping() is True
        assert mewsgi.wait_for_stop(60) is True

    calls = run(loop)
    assert ("went on",) in calls and ended(calls) == (0, False, "returned")


def test_a_child_of_who_asks_still_dies_of_the_signal(run: Any) -> None:
    import mewsgi

    statuses = []

    def loop() -> None:
        mewsgi.stopping()
        pid = os.fork()
        if pid == 0:
            try:
                os.kill(os.getpid(), signal.SIGTERM)
            except SystemExit:
                os._exit(42)
            os._exit(1)
        statuses.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

    run(loop)
    assert statuses == [42]


def test_a_handler_of_the_apps_stays(run: Any, native: FakeNative) -> None:
    heard = []
    signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))

    def loop() -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    assert ended(run(loop)) == (0, False, "returned")
    assert heard == [signal.SIGTERM]


def test_told_to_leave_in_the_fork_hook(run: Any, native: FakeNative) -> None:
    """The hook is guarded, so SystemExit does not come out of it; the function is not called."""

    def hook() -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    calls = run(lambda: native.calls.append(("tick",)), hook=hook)
    assert ("tick",) not in calls
    assert ended(calls) == (0, False, "returned")


def test_lazy_apps_import_in_the_task(run: Any, site: Path) -> None:
    (site / "jobs.py").write_text("def tick():\n    raise LookupError('called')\n")
    assert "LookupError: called" in ended(run())[2]


def test_lazy_apps_that_do_not_import(run: Any, site: Path) -> None:
    (site / "jobs.py").write_text("def tock(): ...\n")
    status, raised, text = ended(run())
    assert (status, raised) == (1, True)
    assert text == "jobs has no `tick`; did you mean jobs:tock?"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("def tick(): ...\n", None),
        ("def tack(): ...\n", "has no `tick`; did you mean jobs:tack?"),
        ("tick = 3\n", "jobs:tick is not callable, it is an int"),
        ("async def tick(): ...\n", "asyncio.run()"),
        ("1 / 0\n", "ZeroDivisionError"),
        ("import sys; sys.exit(3)\n", "called sys.exit(3)"),
        (None, "there is no module jobs"),
    ],
)
def test_looked_up_while_the_generation_is_prepared(
    native: FakeNative, make_boot: MakeBoot, site: Path, source: str | None, told: str | None
) -> None:
    from mewsgi import _bootstrap

    (site / "plain_app.py").write_text("def app(e, s): ...\n")
    if source:
        (site / "jobs.py").write_text(source)
    boot = make_boot(module="plain_app", singleton=["jobs:tick"])
    if told is None:
        _, functions = _bootstrap.load_in_zygote(boot)
        assert [function.__name__ for function in functions] == ["tick"]
        return
    with pytest.raises(Ended):
        _bootstrap.load_in_zygote(boot)
    ((name, status, text),) = native.calls
    assert (name, status) == ("zygote_failed", 22)
    assert text.startswith("singleton jobs:tick ") and told in text


def test_outside_of_a_server_it_only_sleeps() -> None:
    import mewsgi

    assert mewsgi.stopping() is False
    assert mewsgi.wait_for_stop(0) is False
