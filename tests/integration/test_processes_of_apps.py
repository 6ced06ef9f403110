"""Apps that start processes, own files, catch signals: the same in every preloaded worker, before
and after a reload, and gone in time. Only with the standard library."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from harness import Server, wait_for
from harness.fleet import THREAD_AT_IMPORT, Answers, live, write_fleet_app

MULTIPROCESSING = """
    import multiprocessing, os, time

    def double(number):
        return number * 2, os.getpid()

    def work(environ):
        context = multiprocessing.get_context({method!r})
        with context.Pool(2) as pool:
            results = pool.map(double, range(8))
        queue = context.SimpleQueue()
        child = context.Process(target=queue.put, args=("from the child",))
        child.start()
        said = queue.get()
        child.join()
        return {{
            "sum": sum(value for value, _ in results),
            "own": os.getpid() in [pid for _, pid in results],
            "said": said,
            "exit": child.exitcode,
        }}
"""


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_multiprocessing(tmp_path: Path, method: str) -> None:
    def check(server: Server, answers: Answers) -> None:
        for answer in answers.values():
            told = {key: answer[key] for key in ("sum", "own", "said", "exit")}
            assert told == {"sum": 56, "own": False, "said": "from the child", "exit": 0}

    live(write_fleet_app(tmp_path, MULTIPROCESSING.format(method=method)), check)


def test_a_process_of_the_import_is_not_the_workers_to_end(tmp_path: Path) -> None:
    """multiprocessing ends its children when a process leaves; a worker inherits the list of them,
    and it is the zygote whose children they are."""
    folder = write_fleet_app(
        tmp_path,
        """
        import multiprocessing, os, time

        context = multiprocessing.get_context("fork")
        helper = context.Process(target=time.sleep, args=(60,), daemon=True)
        helper.start()

        def work(environ):
            return {"helper": helper.pid, "children": len(multiprocessing.active_children())}
        """,
    )
    with Server(["--processes", "2", "--max-requests", "3", "app"], cwd=folder) as server:
        helper = server.get("/").json["helper"]
        assert server.get("/").json["children"] == 0
        seen: set[int] = set()

        def another_worker() -> bool:
            seen.add(server.get("/").json["pid"])
            return len(seen) > 4

        wait_for(another_worker, "workers that were replaced", 20)
        os.kill(helper, signal.SIGKILL)  # it lived; and a zygote leaves without ends
    assert "Traceback" not in server.log and "interrupted in" not in server.log


def test_process_pool_executor(tmp_path: Path) -> None:
    """One for the life of a worker, made at its first request and ended by nobody but Python."""
    folder = write_fleet_app(
        tmp_path,
        """
        import concurrent.futures, os

        executor = None

        def work(environ):
            global executor
            if executor is None:
                executor = concurrent.futures.ProcessPoolExecutor(2)
            results = list(executor.map(abs, range(-4, 0)))
            return {"results": results, "theirs": executor.submit(os.getppid).result()}
        """,
    )

    def check(server: Server, answers: Answers) -> None:
        for pid, answer in answers.items():
            assert answer["results"] == [4, 3, 2, 1]
            assert answer["theirs"] == pid

    live(folder, check)


def test_subprocesses(tmp_path: Path) -> None:
    folder = write_fleet_app(
        tmp_path,
        """
        import os, signal, subprocess, sys

        at_import = subprocess.run(["echo", "imported"], capture_output=True, text=True).stdout

        TELLS = '''
        import os, signal, sys
        print(sorted(int(name) for name in os.listdir("/proc/self/fd"))[:4])
        print(signal.pthread_sigmask(signal.SIG_BLOCK, []))
        print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
        sys.exit(7)
        '''

        def work(environ):
            done = subprocess.run(
                [sys.executable, "-c", "\\n".join(map(str.strip, TELLS.splitlines()))],
                capture_output=True, text=True,
            )
            shell = os.popen("echo by the shell").read()
            with subprocess.Popen(["cat"], stdin=-1, stdout=-1, preexec_fn=os.setsid) as cat:
                echoed = cat.communicate(b"x" * 300_000)[0]
            slow = subprocess.Popen(["sleep", "60"])
            slow.terminate()
            return {
                "at import": at_import, "status": done.returncode, "said": done.stdout.split("\\n"),
                "shell": shell, "echoed": len(echoed), "slow": slow.wait(),
            }
        """,
    )

    def check(server: Server, answers: Answers) -> None:
        for answer in answers.values():
            assert answer["at import"] == "imported\n" and answer["shell"] == "by the shell\n"
            assert answer["status"] == 7 and answer["echoed"] == 300_000
            assert answer["slow"] == -signal.SIGTERM
            descriptors, blocked, default = answer["said"][:3]
            assert descriptors == "[0, 1, 2, 3]", "3 is the listing's own"
            assert blocked == "set()" and default == "True"

    live(folder, check)


def test_log_files(tmp_path: Path) -> None:
    """Handlers of the import, shared by all workers: no line is lost, doubled or torn."""
    folder = write_fleet_app(
        tmp_path / "site",
        """
        import logging, logging.handlers, os, queue

        plain = logging.FileHandler("plain.log")
        turning = logging.handlers.RotatingFileHandler("turning.log", maxBytes=10**7, backupCount=2)
        listener_queue = queue.Queue()
        for name, handler in (("plain", plain), ("turning", turning)):
            handler.setFormatter(logging.Formatter("%(process)d %(message)s end"))
            logging.getLogger(name).addHandler(handler)
        kept = logging.handlers.MemoryHandler(1000, target=plain)
        logging.getLogger("kept").addHandler(kept)

        def work(environ):
            for number in range(20):
                logging.getLogger("plain").warning("plain %d %s", number, "x" * 500)
                logging.getLogger("turning").warning("turning %d", number)
            logging.getLogger("kept").warning("kept until the exit")
            return {}
        """,
    )
    asked: list[int] = []

    def check(server: Server, answers: Answers) -> None:
        asked.extend(answers)
        for name in ("plain", "turning"):
            lines = (folder / f"{name}.log").read_text().splitlines()
            assert all(line.endswith(" end") for line in lines)
            for pid in answers:
                own = [line for line in lines if line.startswith(f"{pid} {name} ")]
                assert len(own) >= 20 and len(own) % 20 == 0

    live(folder, check)
    lines = (folder / "plain.log").read_text().splitlines()
    for pid in asked:
        assert any(line == f"{pid} kept until the exit end" for line in lines), "flushed at the end"


def test_signal_handlers(tmp_path: Path) -> None:
    """Of the import and of a request; SIGTERM to the master still stops the server."""
    folder = write_fleet_app(
        tmp_path,
        """
        import os, signal, threading

        caught = []

        def note(number, frame):
            caught.append(signal.Signals(number).name)

        for one in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(one, note)

        def work(environ):
            for one in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGHUP):
                os.kill(os.getpid(), one)
            child = os.fork()
            if child == 0:
                os._exit(0)
            os.waitpid(child, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
            seen, caught[:] = list(caught), []
            return {"caught": seen, "main": threading.current_thread() is threading.main_thread()}
        """,
    )

    def check(server: Server, answers: Answers) -> None:
        for pid, answer in answers.items():
            want = ["SIGUSR1", "SIGUSR2", "SIGTERM", "SIGHUP", "SIGCHLD"]
            assert sorted(answer["caught"]) == sorted(want) and answer["main"]
            os.kill(pid, signal.SIGUSR1)  # from outside, while it is idle

    live(folder, check)


def test_threads_at_import_are_named_and_harm_nothing(tmp_path: Path) -> None:
    folder = write_fleet_app(
        tmp_path,
        """
        import concurrent.futures, threading

        threading.Thread(target=threading.Event().wait, name="watcher", daemon=True).start()
        executor = concurrent.futures.ThreadPoolExecutor(2, thread_name_prefix="pool-of-import")
        executor.submit(int).result()

        def work(environ):
            return {"threads": [thread.name for thread in threading.enumerate()]}
        """,
    )

    def check(server: Server, answers: Answers) -> None:
        for answer in answers.values():
            assert answer["threads"] == ["MainThread"]

    log = live(folder, check, allowed=[THREAD_AT_IMPORT])
    assert log.count("was started while importing") == 4, "two threads in two generations"
