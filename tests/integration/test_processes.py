"""What processes there are, what they hold, and what becomes of them when one is killed."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Callable

import pytest
from harness import Load, Process, Server, wait_for
from harness.fixtures import APPS, WriteApp
from harness.procfs import listening_ports, signals_in

Serve = Callable[..., Server]
PROBE = ("--chdir", str(APPS), "probe:app")
O_CLOEXEC = 0o2000000


# Descriptors: every one that a role holds must match one row. (pattern of the link, fewest, most,
# what it is for); sockets are looked up in /proc/net first.

Row = tuple[str, int, int, str]

COMMON: list[Row] = [
    (r"fd 0 /dev/null", 1, 1, "standard input"),
    (r"fd [12] pipe:.*", 2, 2, "standard output and error: the log"),
    (r"tcp listen \d+", 1, 1, "the listening socket"),
    (r"/memfd:.*board.*", 1, 1, "counters in shared memory"),
    (r"/memfd:.*gate.*", 1, 1, "which generation may accept"),
]

EXPLAINED: dict[str, list[Row]] = {
    "master": [
        *COMMON,
        (r"anon_inode:\[eventpoll\]", 1, 1, "the event loop"),
        (r"anon_inode:\[signalfd\]", 1, 1, "signals"),
        (r"anon_inode:\[timerfd\]", 0, 1, "timers"),
        (r"unix listen @mewsgi\..*", 1, 1, "where mewsgi reload, stop and status connect"),
        (r"unix pair", 6, 6, "control of two zygotes and two workers; both ends of handover"),
        (r"/memfd:.*boot.*", 0, 1, "the boot block of the generation"),
        (r"pipe:.*", 0, 1, "a log descriptor beside 1 and 2"),
    ],
    "zygote": [
        *COMMON,
        (r"unix pair", 3, 3, "control by the master; both ends of handover, for its workers"),
        (r"pipe:.*", 0, 1, "a log descriptor beside 1 and 2"),
    ],
    "worker": [
        *COMMON,
        (r"unix pair", 3, 3, "control by the master; both ends of handover"),
        (r"anon_inode:\[eventpoll\]", 1, 1, "the event loop"),
        (r"anon_inode:\[eventfd\]", 1, 1, "the rescue thread gives the event loop back"),
        (r"anon_inode:\[timerfd\]", 0, 1, "timers"),
        (r"pipe:.*", 0, 1, "a log descriptor beside 1 and 2"),
    ],
}


EXPLAINED["master with a watcher"] = [
    (r"/memfd:mewsgi-files.*", 1, 1, "the zygote's list of files, for another watcher"),
    (r"unix pair", 1, 1, "control of the watcher"),
    *EXPLAINED["master"],
]
EXPLAINED["watcher"] = [
    *COMMON[:2],
    (r"unix pair", 1, 1, "control by the master"),
    (r"anon_inode:inotify", 1, 1, "what happens in folders"),
    (r"pipe:.*", 0, 1, "a log descriptor beside 1 and 2"),
]


def without_listening(rows: list[Row]) -> list[Row]:
    return [row for row in rows if not row[0].startswith("tcp listen")]


# What is other where fronts serve: they alone listen, and each has a channel to each worker.
ROUTED = {
    role: without_listening(rows) if role in {"zygote", "worker"} else rows
    for role, rows in EXPLAINED.items()
}
for kind in ("master", "master with a watcher"):
    ROUTED[kind] = [
        *EXPLAINED[kind],
        (r"unix pair", 1, 1, "control of the front"),
        (r"/memfd:.*fronts.*", 1, 1, "the front's counters in shared memory"),
        (r"/memfd:.*gate.*", 1, 1, "the gate as a front gets it, to be read only"),
    ]
ROUTED["worker"].append((r"unix pair", 1, 1, "the channel to the front"))
ROUTED["front"] = [
    *COMMON[:3],
    COMMON[4],
    (r"/memfd:.*fronts.*", 1, 1, "counters in shared memory"),
    (r"unix pair", 3, 3, "control by the master; a channel to each worker"),
    (r"anon_inode:\[eventpoll\]", 1, 1, "the event loop"),
    (r"anon_inode:\[eventfd\]", 1, 1, "threads that read files give the event loop a sign"),
    (re.escape(tempfile.gettempdir()), 1, 1, "where large bodies are kept"),
    (r"pipe:.*", 0, 1, "a log descriptor beside 1 and 2"),
]


def socket_names() -> dict[str, str]:
    """Inode of each socket > what it is."""
    names = {}
    for table in ("tcp", "tcp6"):
        for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = row.split()
            port = int(fields[1].rpartition(":")[2], 16)
            kind = "listen" if fields[3] == "0A" else "connection"
            names[fields[9]] = f"tcp {kind} {port}"
    for row in Path("/proc/net/unix").read_text().splitlines()[1:]:
        fields = row.split()
        path = fields[7] if len(fields) > 7 else ""
        listens = int(fields[3], 16) & 0x10000
        names[fields[6]] = f"unix listen {path}" if listens else f"unix pair {path}".strip()
    return names


def described(process: Process, names: dict[str, str]) -> list[str]:
    rows = []
    for fd, target in sorted(process.descriptors.items()):
        if fd <= 2:
            rows.append(f"fd {fd} {target}")
        elif target.startswith("socket:["):
            rows.append(names.get(target[8:-1], target))
        else:
            rows.append(target)
    return rows


@pytest.mark.parametrize("way", ["direct", "routed"])
@pytest.mark.parametrize("after", ["start", "requests", "reload", "start with a watcher"])
def test_every_descriptor_is_explained(serve: Serve, after: str, way: str) -> None:
    explained = EXPLAINED if way == "direct" else ROUTED
    watched = after == "start with a watcher"
    more = ["--py-autoreload", "1"] if watched else []
    usual = ["--processes", "2", "--http-processes", "1", "--reload-confirm", "0"]
    server = serve(*usual, *more, *PROBE, way=way)
    fronts = server.fronts()
    assert len(fronts) == (1 if way == "routed" else 0)
    if after == "reload":
        assert server.run("reload").status == 0
        wait_for(lambda: len(server.master.children) == 4 + len(fronts), "the end of the old one")
    if after != "start":
        for _ in range(20):
            assert server.get("/hello").status == 200
    assert len(server.zygotes()) == 1
    roles = [("master", server.master), ("zygote", server.zygotes()[0])]
    roles += [("zygote", server.reserve())]
    roles += [("worker", worker) for worker in server.workers().values()]
    assert len(roles) == 5
    if os.geteuid() == 0:  # nobody else may look into a front
        roles += [("front", front) for front in fronts]
    if watched:
        roles[0] = ("master with a watcher", server.master)
        wait_for(server.watchers, "the watcher")
        roles += [("watcher", watcher) for watcher in server.watchers()]
    wrong = []
    names = socket_names()
    for role, process in roles:
        left = described(process, names)
        for pattern, fewest, most, purpose in explained[role]:
            matching = [row for row in left if re.fullmatch(pattern, row)][:most]
            if len(matching) < fewest:
                wrong.append(
                    f"{role}: {len(matching)} instead of {fewest} of {pattern} ({purpose})"
                )
            for row in matching:
                left.remove(row)
        wrong += [f"{role}: nobody explains {row}" for row in left]
        wrong += [
            f"{role}: fd {fd} {target} is inherited by programs"
            for fd, target in process.descriptors.items()
            if fd > 2 and role != "zygote" and not process.descriptor_flags(fd) & O_CLOEXEC
        ]
    assert not wrong, "\n".join(wrong)


def test_logger_process_of_json(serve: Serve) -> None:
    """With --log-json the app's own output passes a logger; it holds nothing but its pipes."""
    server = serve("--log-json", *PROBE)
    known = {server.process.pid, server.reserve().pid, *(p.pid for p in server.zygotes())}
    known |= {p.pid for p in (*server.workers().values(), *server.fronts())}
    loggers = [process for process in server.processes() if process.pid not in known]
    assert len(loggers) == 1, [process.command for process in loggers]
    for row in described(loggers[0], socket_names()):
        assert re.fullmatch(
            r"fd 0 (/dev/null|pipe:.*)|fd [12] pipe:.*|pipe:.*|anon_inode:.*|unix pair", row
        ), row
    os.kill(loggers[0].pid, signal.SIGKILL)
    mark = server.mark()

    def heard() -> bool:
        server.get("/prints?text=again")
        return bool(server.find_log("printed by the app again", since=mark))

    wait_for(heard, "the app's output through another logger")


def test_what_a_program_of_the_app_inherits(probe: Server) -> None:
    seen = probe.get("/grandchild").json
    status = seen["status"]
    assert signals_in(status["SigBlk"]) == set(), "blocked signals reach the app's children"
    assert signals_in(status["SigIgn"]) == set(), "ignored signals reach the app's children"
    assert set(seen["descriptors"]) == {"0", "1", "2"}, seen["descriptors"]


def test_signals_of_zygote_and_worker(probe: Server) -> None:
    ignored_by_python = {signal.SIGPIPE, signal.SIGXFSZ}
    for process in (*probe.zygotes(), *probe.workers().values()):
        status = process.status
        assert signals_in(status["SigBlk"]) == set(), process.command
        assert signals_in(status["SigIgn"]) <= ignored_by_python, process.command


def test_signal_mask_although_the_starter_blocks(serve: Serve) -> None:
    """A supervisor that blocks or ignores signals must not reach through to the app."""
    trap = shutil.which("env")
    assert trap
    server = serve(*PROBE, wrapper=["sh", "-c", "trap '' USR1 QUIT PIPE; exec \"$@\"", "sh"])
    status = server.get("/grandchild").json["status"]
    assert signals_in(status["SigIgn"]) == set()
    assert signals_in(status["SigBlk"]) == set()


# Deaths


def test_a_killed_worker_is_replaced(serve: Serve) -> None:
    server = serve("--processes", "2", *PROBE)
    old = server.workers()[2]
    mark = server.mark()
    os.kill(old.pid, signal.SIGKILL)
    server.wait_log(r"spawned mewsgi worker 2 .*pid: \d+", since=mark)
    assert server.workers()[2].pid != old.pid
    assert server.find_log(rf"(?i)worker 2.*({old.pid}.*)?(SIGKILL|signal 9|killed)", since=mark)
    assert not old.zombie
    assert server.get("/hello").status == 200


def test_a_worker_that_exits_is_replaced(serve: Serve) -> None:
    server = serve(*PROBE)
    old = server.workers()[1]
    mark = server.mark()
    with server.connect() as connection:
        head = b"POST /exit?status=7 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        connection.send(head + b"Content-Length: 0\r\n\r\n")
        connection.read_to_end()
    server.wait_log(r"(?i)worker 1.*(status|exit)\w* 7", since=mark)
    server.wait_log(r"spawned mewsgi worker 1", since=mark)
    assert server.get("/hello").status == 200
    assert server.workers()[1].pid != old.pid


def test_killed_workers_under_load(serve: Serve) -> None:
    """Only what the killed worker was doing is lost; the port answers all the time."""
    server = serve("--processes", "3", "--disable-logging", *PROBE)
    kills = 0
    with Load(server.port, "/hello", kept=2, new=4) as load:
        for round_number in range(6):
            mark = server.mark()
            before = load.count
            slot, victim = sorted(server.workers().items())[round_number % 3]
            os.kill(victim.pid, signal.SIGKILL)
            kills += 1
            server.wait_log(rf"spawned mewsgi worker {slot} ", since=mark)
            wait_for(lambda before=before: load.count > before + 50, "answers")  # type: ignore[misc]
    # A killed worker takes along its kept connections and one running request each.
    assert len(load.errors) <= kills * 6, "\n".join(load.errors[:20])


def test_the_zygote_is_replaced_and_workers_stay(serve: Serve) -> None:
    server = serve("--processes", "2", *PROBE)
    workers = {worker.pid for worker in server.workers().values()}
    (zygote,) = server.zygotes()
    reserve = server.reserve()
    os.kill(zygote.pid, signal.SIGKILL)
    wait_for(
        lambda: [z.pid for z in server.zygotes() if z.alive] == [reserve.pid],
        "the reserve in the zygote's place",
    )
    assert {worker.pid for worker in server.workers().values()} == workers
    assert "app" not in server.log.split("takes the zygote's place")[1], "imported again"
    mark = server.mark()
    os.kill(server.workers()[1].pid, signal.SIGKILL)
    server.wait_log(r"spawned mewsgi worker 1 ", since=mark)
    assert server.get("/hello").status == 200


def test_workers_killed_while_there_is_no_zygote(serve: Serve) -> None:
    server = serve("--processes", "2", *PROBE)
    mark = server.mark()
    for process in (*server.zygotes(), *server.workers().values()):
        os.kill(process.pid, signal.SIGKILL)
    server.wait_log(r"spawned mewsgi worker 1 ", since=mark)
    server.wait_log(r"spawned mewsgi worker 2 ", since=mark)
    assert server.get("/hello").status == 200


def test_a_worker_that_dies_at_once_again_and_again(serve: Serve, write_app: WriteApp) -> None:
    """The delay grows: no fork storm, and stopping works in the midst of it."""
    folder = write_app(
        """
        import os, uwsgi
        from pathlib import Path

        def hook():
            if Path("break").exists():
                os._exit(4)

        uwsgi.post_fork_hook = hook

        def application(environ, start_response):
            start_response("200 OK", [])
            return [b"fine"]
        """
    )
    server = serve("app", cwd=folder)
    (folder / "break").touch()
    mark = server.mark()
    os.kill(server.workers()[1].pid, signal.SIGKILL)
    deaths = r"(?i)worker 1\b.*(status|exit)\w* 4"
    server.wait_log(deaths, since=mark)
    counted = Process.of(server.process.pid)
    assert counted

    def died() -> int:
        return len(re.findall(deaths, "\n".join(server.lines[mark:])))

    wait_for(lambda: died() >= 3, "three deaths")
    assert died() < 12
    (folder / "break").unlink()
    server.wait_log("spawned mewsgi worker 1 ", since=mark)
    wait_for(lambda: server.workers(), "a worker that lives")
    assert server.get("/", timeout=15).text == "fine"


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_kill_of_the_master_leaves_nothing(serve: Serve, busy: bool, tmp_path: Path) -> None:
    server = serve("--processes", "3", "--log-json", *PROBE, expect_status=None)
    port = server.port
    connection = server.connect()
    if busy:
        fifo = tmp_path / "gate"
        os.mkfifo(fifo)
        connection.send(f"GET /gated?fifo={fifo} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        connection.read_until(b"began\n")
    everybody = server.processes()
    assert len(everybody) >= 5
    os.kill(server.process.pid, signal.SIGKILL)
    server.wait_end()
    wait_for(lambda: not [p for p in everybody if p.alive], "the end of all processes", 5)
    wait_for(lambda: port not in listening_ports(), "the port to be free", 5)
    connection.close()


def test_kill_of_the_master_while_the_app_is_imported(
    serve: Serve, write_app: WriteApp, tmp_path: Path
) -> None:
    fifo = tmp_path / "gate"
    os.mkfifo(fifo)
    folder = write_app(f"print('importing', flush=True)\nopen({str(fifo)!r}).read()")
    server = serve("app", cwd=folder, wait=None, expect_status=None)
    server.wait_log("importing")
    os.kill(server.process.pid, signal.SIGKILL)
    server.wait_end()
    server.expect_nothing_left()


# PID 1


unshare = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root and unshare(1)"
)

ORPHANS = """
    import os, subprocess

    def application(environ, start_response):
        if environ["PATH_INFO"] == "/orphans":
            # Each shell leaves a child behind that ends later, as a child of PID 1.
            for _ in range(5):
                subprocess.run(["sh", "-c", "sh -c 'read x; exit 3' <gate & exit 0"], check=True)
        start_response("200 OK", [])
        return [str(os.getppid()).encode()]
"""


@unshare
def test_as_pid_1(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(ORPHANS)
    os.mkfifo(folder / "gate")
    server = serve(
        "--processes",
        "2",
        "app",
        cwd=folder,
        wrapper=["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"],
        expect_status=None,
    )
    assert server.get("/").text == "1"
    (master,) = server.master.children
    assert master.status["NSpid"].split()[-1] == "1"
    assert server.get("/orphans").status == 200

    def orphans() -> list[Process]:
        return [child for child in master.children if child.command[:1] == ["sh"]]

    assert wait_for(lambda: len(orphans()) == 5, "five orphans")
    gate = os.open(folder / "gate", os.O_WRONLY)
    os.close(gate)
    wait_for(lambda: not orphans(), "the end of the orphans")
    wait_for(lambda: not [c for c in master.children if c.zombie], "no zombie")
    assert server.get("/").text == "1"
    os.kill(master.pid, signal.SIGTERM)
    assert server.wait_end() == 0
    assert not server.find_log(r"(?i)error")


@unshare
def test_reload_and_stop_commands_inside_a_pid_namespace(serve: Serve, write_app: WriteApp) -> None:
    """From outside, by the pid that the outside sees: the socket is named by the namespace."""
    folder = write_app(ORPHANS)
    server = serve(
        "app",
        cwd=folder,
        expect_status=None,
        wrapper=["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"],
    )
    (master,) = server.master.children
    from harness import run_mewsgi

    outcome = run_mewsgi("status", str(master.pid))
    assert outcome.status == 0, outcome.text
    assert run_mewsgi("stop", str(master.pid)).status == 0
    server.wait_end(3)


def python_that_may_be_run_by(uid: int, gid: int) -> str:
    """One of the tests' own ABI: theirs may lie where only root can look."""
    wanted = f"{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/python{wanted}", f"/usr/local/bin/python{wanted}"):
        try:
            subprocess.run([python, "-c", ""], user=uid, group=gid, cwd="/", check=True, timeout=20)
        except (OSError, subprocess.CalledProcessError):
            continue
        return python
    pytest.skip(f"no Python {wanted} that another user than root may run")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_uid_and_gid(serve: Serve) -> None:
    """The app runs as another user; the master keeps what it was started with."""
    uid, gid = pwd.getpwnam("nobody").pw_uid, grp.getgrnam("nogroup").gr_gid
    python = python_that_may_be_run_by(uid, gid)
    server = serve("--uid", "nobody", "--gid", "nogroup", "--interpreter", python, *PROBE)
    for process in (*server.zygotes(), *server.workers().values()):
        assert process.status["Uid"].split() == [str(uid)] * 4
        assert process.status["Gid"].split() == [str(gid)] * 4
        assert "0" not in process.status["Groups"].split()
        assert int(process.status["CapEff"], 16) == 0
    assert server.master.status["Uid"].split()[0] == "0"
    assert server.get("/hello").status == 200
    assert server.run("reload").status == 0
    assert server.get("/hello").status == 200
