"""Upgrade: another build of mewsgi takes over from the one that runs; the pid, the listening
sockets, the workers and the clients stay, and the app then runs on the new build."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from harness import Load, Outcome, Package, Process, Server, wait_for

Serve = Callable[..., Server]
O_CLOEXEC = 0o2000000

SAYS = """
import os, time

def application(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        time.sleep(2)
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/pid":
        return [str(os.getpid()).encode()]
    return [b"%s"]
"""


def write(folder: Path, text: str) -> None:
    """A new version of the app, with a time stamp of its own for the bytecode cache."""
    target, fresh = folder / "app.py", folder / "app.py.new"
    fresh.write_text(text)
    previous = target.stat().st_mtime if target.exists() else time.time()
    os.utime(fresh, (previous + 2, previous + 2))
    fresh.rename(target)


@pytest.fixture
def package(tmp_path: Path) -> Package:
    return Package(tmp_path / "site")


@pytest.fixture
def start(serve: Serve, package: Package, tmp_path: Path) -> Serve:
    """A server that runs from `package`, on the app in tmp_path."""
    write(tmp_path, SAYS % "one")

    def run(*arguments: str, **how: Any) -> Server:
        environment = {"MEWSGI_PACKAGE_DIR": "", **how.pop("env", {})}
        return serve(
            *arguments, "app", cwd=tmp_path, binary=package.program, env=environment, **how
        )

    return run


def listening_inodes(server: Server) -> set[str]:
    """The listening TCP sockets that the master holds, by inode."""
    inodes = set()
    for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = row.split()
        if fields[3] == "0A":
            inodes.add(f"socket:[{fields[9]}]")
    return inodes & set(server.master.descriptors.values())


def version_line(outcome: Outcome) -> re.Match[str]:
    found = re.search(
        r"upgraded from (\S+) \(build (\w+)\) to (\S+) \(build (\w+)\): generation (\d+) serves "
        r"with (\d+) worker",
        outcome.text,
    )
    assert found, outcome.text
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--threads", "3"],
        ["--thunder-lock"],
        ["--max-requests", "100"],
        ["--reuse-port", "--log-json"],
    ],
    ids=lambda options: "".join(options) or "plain",
)
def test_under_load(start: Serve, package: Package, tmp_path: Path, options: list[str]) -> None:
    """New and kept connections and a slow request in flight: nobody notices, twice."""
    bound = r"bound on \S*?:(\d+) fd"
    server = start("--processes", "3", "--disable-logging", *options)
    port = int(server.wait_log(bound)[1])
    sockets, master = listening_inodes(server), server.process.pid
    assert sockets
    slow: list[str] = []

    def ask_slowly() -> None:
        with server.connect(timeout=20) as connection:
            slow.append(connection.get("/slow").text)

    with Load(port, kept=4, new=4, target="/") as load:
        wait_for(lambda: load.seen("one") > 50, "the load to run")
        thread = threading.Thread(target=ask_slowly, daemon=True)
        thread.start()
        load.wait_for_more(20)
        before = f"{package.build:016x}"
        fresh = package.install_another_build()
        write(tmp_path, SAYS % "two")
        outcome = server.run("upgrade")
        assert outcome.status == 0, outcome.text
        told = version_line(outcome)
        assert (told[2], told[4], told[5], told[6]) == (before, fresh, "2", "3")
        wait_for(lambda: load.seen("two") > 50, "answers of the new build")
        thread.join(20)
        write(tmp_path, SAYS % "three")
        outcome = server.run("upgrade")
        assert outcome.status == 0, outcome.text
        assert version_line(outcome)[5] == "3"
        wait_for(lambda: load.seen("three") > 50, "answers after the second upgrade")
    assert not load.errors, f"{len(load.errors)} of {load.count}: " + "\n".join(load.errors[:20])
    # Fronts of the build before end theirs, with the next answer on each.
    if server.way == "direct":
        assert load.announced_ends == 0, "a kept connection was closed, though politely"
    assert slow == ["one"]
    assert server.process.pid == master and server.process.poll() is None
    assert listening_inodes(server) == sockets, "a listening socket was closed or made anew"
    status = server.run("status")
    assert status.status == 0 and "generation 3" in status.text, status.text


def test_a_connection_outlives_the_upgrade(start: Serve, package: Package, tmp_path: Path) -> None:
    server = start()
    with server.connect() as kept, server.connect() as half:
        assert kept.get("/").text == "one"
        half.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-Half: ")
        package.install_another_build()
        write(tmp_path, SAYS % "two")
        assert server.run("upgrade").status == 0
        assert kept.get("/").text == "two"
        half.send(b"sent\r\n\r\n")
        assert half.read_response().text == "two"


def test_reload_becomes_an_upgrade(start: Serve, package: Package, tmp_path: Path) -> None:
    """What people do: pip install -U, then the reload that they always do."""
    server = start()
    fresh = package.install_another_build()
    write(tmp_path, SAYS % "two")
    outcome = server.run("reload")
    assert outcome.status == 0, outcome.text
    assert version_line(outcome)[4] == fresh
    assert server.get("/").text == "two"
    write(tmp_path, SAYS % "three")
    outcome = server.run("reload")
    assert outcome.status == 0 and "reloaded: generation 3" in outcome.text, outcome.text
    assert server.get("/").text == "three"


def test_a_link_leads_to_the_next_release(serve: Serve, tmp_path: Path) -> None:
    """A folder for each release, and a link that the server was started through."""
    releases = [Package(tmp_path / "releases" / name) for name in ("1", "2")]
    fresh = releases[1].install_another_build()
    current = tmp_path / "current"
    current.symlink_to("releases/1")
    write(tmp_path, SAYS % "one")
    program = current / "mewsgi" / "bin" / "mewsgi"
    server = serve("app", cwd=tmp_path, binary=program, env={"MEWSGI_PACKAGE_DIR": ""})
    next_link = tmp_path / "next"
    next_link.symlink_to("releases/2")
    next_link.rename(current)
    outcome = server.run("reload")
    assert outcome.status == 0, outcome.text
    assert version_line(outcome)[4] == fresh


def test_sighup_after_an_install(start: Serve, package: Package, tmp_path: Path) -> None:
    server = start()
    fresh = package.install_another_build()
    write(tmp_path, SAYS % "two")
    server.send_signal(signal.SIGHUP)
    server.wait_log(rf"upgraded from .* \(build {fresh}\): generation 2 serves")
    assert server.get("/").text == "two"


def test_upgrade_to_the_same_build(start: Serve, package: Package, tmp_path: Path) -> None:
    server = start()
    write(tmp_path, SAYS % "two")
    outcome = server.run("upgrade")
    assert outcome.status == 0, outcome.text
    told = version_line(outcome)
    assert told[2] == told[4]
    assert server.get("/").text == "two"


REFUSES = """#!/bin/sh
case "$1" in
--adopt-check=*) echo "mewsgi: the layouts differ, restart needed" >&2; exit 1;;
*) exec {real} "$@";;
esac
"""


@pytest.mark.parametrize("kind", ["refuses", "no program", "cut", "missing", "package not whole"])
def test_what_cannot_take_over_changes_nothing(
    start: Serve, package: Package, tmp_path: Path, kind: str
) -> None:
    server = start("--processes", "2")
    workers = server.workers()
    real = package.program.read_bytes()
    told = {
        "refuses": "the layouts differ, restart needed",
        "no program": "status 3",
        "cut": "`mewsgi check` was killed by",
        "missing": "No such file or directory",
        "package not whole": "_zygote.py is missing; install it again",
    }[kind]
    zygote = package.folder / "_zygote.py"
    zygote_text = zygote.read_bytes()
    if kind == "refuses":
        package.put(tmp_path / "real", real)
        package.put(package.program, REFUSES.format(real=tmp_path / "real").encode())
    elif kind == "no program":
        package.put(package.program, b"#!/bin/sh\nexit 3\n")
    elif kind == "cut":
        package.put(package.program, real[:1000])
    elif kind == "missing":
        package.program.unlink()
    else:
        zygote.unlink()
    server.reserve()  # has a descriptor as well
    before = len(server.master.descriptors)
    with server.connect() as kept:
        assert kept.get("/").text == "one"
        outcome = server.run("upgrade")
        assert outcome.status == 1, outcome.text
        assert "not upgraded" in outcome.text and told in outcome.text, outcome.text
        assert kept.get("/").text == "one"
    assert server.workers() == workers
    wait_for(lambda: len(server.master.descriptors) <= before, "no more descriptors than before")
    zygote.write_bytes(zygote_text)
    package.put(package.program, real)
    package.install_another_build()
    write(tmp_path, SAYS % "two")
    assert server.run("upgrade").status == 0
    assert server.get("/").text == "two"


def test_broken_code(start: Serve, package: Package, tmp_path: Path) -> None:
    """The new master keeps the workers of the old build, replaces them from the old zygote, and
    retires them once there is code that loads."""
    server = start("--processes", "2")
    workers = server.workers()
    fresh = package.install_another_build()
    write(tmp_path, "raise RuntimeError('broken on purpose')\n")
    outcome = server.run("upgrade")
    assert outcome.status == 1, outcome.text
    assert "broken on purpose" in outcome.text and "Traceback" in outcome.text, outcome.text
    assert "the master was upgraded from" in outcome.text
    assert "the running code stays" in outcome.text
    server.wait_log(rf"\(build {fresh}\) goes on as the master")
    assert server.workers() == workers
    assert server.get("/").text == "one"
    mark = server.mark()
    os.kill(workers[1].pid, signal.SIGKILL)
    server.wait_log(r"spawned mewsgi worker 1 ", since=mark)
    assert {server.get("/").text for _ in range(10)} == {"one"}
    write(tmp_path, SAYS % "mended")
    outcome = server.run("reload")
    assert outcome.status == 0, outcome.text
    assert server.get("/").text == "mended"
    # The old zygote stands by, in case that the new code loops.
    wait_for(lambda: len(server.processes_but_fronts()) == 6, "the end of the old build's workers")


def test_broken_configuration(start: Serve, package: Package, tmp_path: Path) -> None:
    """The new program reads it before anything else happens."""
    ini = tmp_path / "site.ini"
    ini.write_text("[mewsgi]\nprocesses = 1\n")
    server = start("--ini", "site.ini")
    package.install_another_build()
    ini.write_text("[mewsgi]\nprocesses = many\n")
    outcome = server.run("upgrade")
    assert outcome.status == 1 and "many" in outcome.text, outcome.text
    assert "not upgraded" in outcome.text
    assert server.find_log("goes on as the master") is None
    assert server.get("/").text == "one"


def test_deaths_between_the_change_and_the_commit(
    start: Serve, package: Package, tmp_path: Path
) -> None:
    """The new master leads the old build's zygote and workers: what dies comes back, of whichever
    build, and the reload goes on."""
    server = start("--processes", "2")
    old_zygote = server.zygotes()[0]
    assert server.reserve().alive
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    package.install_another_build()
    write(
        tmp_path, f"print('import begins', flush=True); open({str(fifo)!r}).read()\n{SAYS % 'two'}"
    )
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(server.run("upgrade")), daemon=True)
    thread.start()
    server.wait_log("import begins")
    mark = server.mark()
    os.kill(server.workers()[1].pid, signal.SIGKILL)
    server.wait_log(r"worker 1 .*was killed by SIGKILL", since=mark)
    server.wait_log(r"spawned mewsgi worker 1 ", since=mark)
    assert {server.get("/").text for _ in range(10)} == {"one"}
    with server.connect() as kept:
        assert kept.get("/").text == "one"
        os.kill(old_zygote.pid, signal.SIGKILL)
        server.wait_log("takes the zygote's place; nothing is imported again", since=mark)
        os.close(os.open(fifo, os.O_WRONLY))
        thread.join(30)
        assert outcomes and outcomes[0].status == 0, outcomes
        assert kept.get("/").text == "two"
    assert {server.get("/").text for _ in range(10)} == {"two"}


def test_a_stop_right_after(start: Serve, package: Package, tmp_path: Path) -> None:
    """A signal that comes while the program changes is not lost."""
    server = start()
    package.install_another_build()
    mark = server.mark()
    server.send_signal(signal.SIGHUP)
    server.wait_log("becoming the mewsgi", since=mark)
    assert server.stop() == 0


def test_the_json_log_and_its_logger_go_on(start: Serve, package: Package, tmp_path: Path) -> None:
    write(tmp_path, "print('loaded by', __name__, flush=True)\n" + SAYS % "one")
    server = start("--log-json")

    def loggers() -> list[Process]:
        return [one for one in server.master.children if "logger" in one.name]

    (before,) = loggers()
    package.install_another_build()
    mark = server.mark()
    assert server.run("upgrade").status == 0
    assert loggers() == [before], "the logger of the build before goes on"
    server.wait_log(r'"role":"output".*loaded by app', since=mark)
    os.kill(before.pid, signal.SIGKILL)
    server.wait_log('"event":"logger-died"', since=mark)
    wait_for(lambda: [one for one in loggers() if one != before], "a logger of the new build")
    mark = server.mark()
    assert server.run("reload").status == 0
    server.wait_log(r'"role":"output".*loaded by app', since=mark)


def test_descriptors_do_not_grow(start: Serve, package: Package, tmp_path: Path) -> None:
    server = start("--reload-confirm", "0")

    def settled() -> bool:
        # master, zygote, its reserve, worker
        return len(server.processes_but_fronts()) == 4

    assert server.run("upgrade").status == 0
    wait_for(settled, "one generation")
    server.reserve()
    before = len(server.master.descriptors)
    for _ in range(10):
        package.install_another_build()
        assert server.run("upgrade").status == 0
    wait_for(settled, "one generation")
    wait_for(lambda: len(server.master.descriptors) <= before, "no more descriptors than before")
    for fd in server.master.descriptors:
        if fd > 2:
            assert server.master.descriptor_flags(fd) & O_CLOEXEC, f"{fd} goes to children"


def test_a_singleton_has_one_owner(start: Serve, package: Package, tmp_path: Path) -> None:
    """The task of the old build goes on through the change, and leaves before the next begins."""
    clock = """
import fcntl, os, time

def clock():
    guard = os.open("guard", os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        open("two-owners", "w").close()
    while True:
        time.sleep(0.02)
"""
    write(tmp_path, SAYS % "one" + clock)
    server = start("--singleton", "app:clock")
    runs = r"singleton \S+ runs \(pid: (\d+), generation {}\)"
    first = Process.of(int(server.wait_log(runs.format(1))[1]))
    assert first
    package.install_another_build()
    write(tmp_path, "raise RuntimeError('broken on purpose')\n")
    assert server.run("upgrade").status == 1
    assert first.alive, "a new master alone is no reason to start it anew"
    os.kill(first.pid, signal.SIGKILL)
    second = Process.of(int(server.wait_log(r"(?s)broken on purpose.*" + runs.format(1))[1]))
    assert second and second.pid != first.pid
    write(tmp_path, SAYS % "two" + clock)
    package.install_another_build()
    assert server.run("upgrade").status == 0
    server.wait_log(runs.format(3))
    assert not second.alive
    assert not (tmp_path / "two-owners").exists()


def test_fifo_and_touched_files_go_on(start: Serve, package: Package, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    server = start("--master-fifo", "orders", "--touch-reload", str(touched))
    inode = (tmp_path / "orders").stat().st_ino
    fresh = package.install_another_build()
    with (tmp_path / "orders").open("w") as fifo:
        fifo.write("R\n")
    server.wait_log(rf"upgraded from .* \(build {fresh}\): generation 2 serves")
    assert (tmp_path / "orders").stat().st_ino == inode
    touched.touch()
    server.wait_log("reloaded: generation 3 serves")
    mark = server.mark()
    with (tmp_path / "orders").open("w") as fifo:
        fifo.write("s\n")
    server.wait_log("status: serving, generation 3", since=mark)
    assert server.stop() == 0
    assert not (tmp_path / "orders").exists(), "vacuum removes what the first master made"


def test_counters_and_uptime_go_on(start: Serve, package: Package, tmp_path: Path) -> None:
    server = start()
    for _ in range(5):
        assert server.get("/").status == 200
    package.install_another_build()
    assert server.run("upgrade").status == 0
    status = server.run("status", "--json")
    assert status.status == 0
    shown = re.search(r'"requests": (\d+)', status.out)
    assert shown and int(shown[1]) >= 5, status.out


def test_by_hand_it_says_what_to_do(start: Serve, package: Package, tmp_path: Path) -> None:
    server = start()
    for argument in ("--adopt=7", "--adopt-check=7", "--adopt=x", "--adopt-check=0"):
        outcome = run_by_hand(package, argument)
        assert outcome.status == 1 and outcome.err.startswith("mewsgi: "), outcome.text
    assert server.get("/").text == "one"


def run_by_hand(package: Package, argument: str) -> Outcome:
    done = subprocess.run(
        [str(package.program), argument], capture_output=True, text=True, timeout=20
    )
    return Outcome(done.returncode, done.stdout, done.stderr)
