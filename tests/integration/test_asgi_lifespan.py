"""ASGI's lifespan: once in each worker, before it serves and after its last request; a generation
whose start-up fails does not win."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest
from harness import Server, wait_for
from harness.asgi import WAYS, serve_checked
from harness.fixtures import WriteApp
from harness.fleet import ask_all

Serve = Callable[..., Server]

# VERSION, what the start-up does, what the shutdown does.
APP = """
import asyncio, json, os

async def answer(send, value):
    body = json.dumps(value).encode()
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})

async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        %s
        scope["state"].update(version=%r, pid=os.getpid(), seen=[])
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("shutting down", os.getpid(), flush=True)
        %s
        await send({"type": "lifespan.shutdown.complete"})
        return
    state = scope["state"]
    state["mine"] = True
    state["seen"].append(scope["path"])
    await asyncio.sleep(0.03)
    await answer(send, {name: state[name] for name in ("version", "pid", "seen")})
"""


def source(version: str, up: str = "pass", down: str = "pass") -> str:
    return APP % (up, version, down)


FAILS = {
    "says so": ('return await send({"type": "lifespan.startup.failed", "message": "no milk"})'),
    "exits": 'print("no milk", flush=True); os._exit(7)',
}


@pytest.mark.parametrize("way", WAYS)
def test_in_each_worker(write_app: WriteApp, way: str) -> None:
    """The state is a worker's own, its objects the same in each of its requests."""
    folder = write_app(source("one"))
    with serve_checked("app:application", "--processes", "2", folder=folder, way=way) as server:
        answers = ask_all(server)
        assert len(answers) == 2 and set(answers) == {w.pid for w in server.workers().values()}
        seen = max(
            len(ask_all(server, f"/{turn}")[pid]["seen"]) for turn in "ab" for pid in answers
        )
        assert seen > 1, "what the state refers to is shared"
        workers = server.workers()
        server.stop()
        for worker in workers.values():
            assert server.find_log(f"shutting down {worker.pid}$"), "each of them"


def test_at_a_reload(write_app: WriteApp) -> None:
    """Old workers shut down when they leave, behind their last request."""
    folder = write_app(source("one"))
    with serve_checked("app:application", "--processes", "2", folder=folder) as server:
        old = ask_all(server)
        mark = server.mark()
        write_app(source("version two"))
        assert server.run("reload").status == 0
        assert {answer["version"] for answer in ask_all(server).values()} == {"version two"}
        for pid in old:
            server.wait_log(f"shutting down {pid}$", since=mark)


@pytest.mark.parametrize("kind", FAILS)
def test_a_generation_that_does_not_start_does_not_win(write_app: WriteApp, kind: str) -> None:
    folder = write_app(source("good"))
    with Server(["--processes", "2", "app:application"], cwd=folder) as server:
        before = set(ask_all(server))
        write_app(source("bad version", up=FAILS[kind]))
        outcome = server.run("reload", timeout=60)
        assert outcome.status == 1, outcome.text
        assert "no milk" in outcome.text + server.log
        assert {answer["version"] for answer in ask_all(server).values()} == {"good"}
        assert set(ask_all(server)) == before, "nobody was replaced"
        assert not server.find_log("shutting down"), "nor shut down"
        write_app(source("mended, at last"))
        assert server.run("reload").status == 0
        assert server.get("/").json["version"] == "mended, at last"


def test_a_start_up_that_takes_its_time(write_app: WriteApp) -> None:
    """Nothing is served by a worker before it is through; at a reload the old ones go on."""
    folder = write_app(source("one"))
    gate = folder / "gate"
    waits = (
        "print('starting up', flush=True)\n"
        f"        while not os.path.exists({str(gate)!r}): await asyncio.sleep(0.01)"
    )
    with Server(["app:application"], cwd=folder) as server:
        write_app(source("version two", up=waits))
        mark = server.mark()
        server.send_signal(1)  # SIGHUP
        server.wait_log("starting up", since=mark)
        assert server.get("/").json["version"] == "one"
        gate.touch()
        wait_for(lambda: server.get("/").json["version"] == "version two", "the new one")


PLAIN = """
async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        LIFESPAN
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"served"})
"""
WITHOUT = {
    "raises": "raise NotImplementedError('no lifespan here')",
    "returns": "return",
    "asserts": "assert scope['type'] == 'http', scope['type']",
    "reads the scope": "scope['method']",
}


@pytest.mark.parametrize("kind", WITHOUT)
def test_apps_without_one_are_served(serve: Serve, write_app: WriteApp, kind: str) -> None:
    """An error before any message of it says that there is none (ASGI, lifespan 2.0)."""
    server = serve("app", cwd=write_app(PLAIN.replace("LIFESPAN", WITHOUT[kind])))
    assert server.get("/").text == "served"
    assert "Traceback" not in server.log, "which is no fault"


def test_asgi_lifespan_on_asks_for_one(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(source("one"))
    server = serve("--asgi-lifespan", "on", "app", cwd=folder)
    assert server.get("/").json["version"] == "one"
    write_app(PLAIN.replace("LIFESPAN", WITHOUT["raises"]))
    outcome = server.run("reload", timeout=60)
    assert outcome.status == 1
    assert "no lifespan here" in outcome.text + server.log
    assert server.get("/").json["version"] == "one"


def test_asgi_lifespan_off_never_asks(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(PLAIN.replace("LIFESPAN", "print('asked', flush=True); raise OSError"))
    server = serve("--asgi-lifespan", "off", "app", cwd=folder)
    assert server.get("/").text == "served"
    server.stop()
    assert "asked" not in server.log


def test_one_that_ends_early(serve: Serve, write_app: WriteApp) -> None:
    """Complete is complete: an app that does not wait for its shutdown is served."""
    lines = "await receive(); await send({'type': 'lifespan.startup.complete'}); return"
    server = serve("app", cwd=write_app(PLAIN.replace("LIFESPAN", lines)))
    assert server.get("/").text == "served"
    server.stop()
    assert "Traceback" not in server.log


def test_a_shutdown_that_fails(serve: Serve, write_app: WriteApp) -> None:
    """The log says why; the stop goes on."""
    failed = 'return await send({"type": "lifespan.shutdown.failed", "message": "spilled milk"})'
    server = serve("app", cwd=write_app(source("one", down=failed)))
    assert server.get("/").status == 200
    server.stop()
    assert server.find_log("spilled milk")


def test_a_shutdown_that_hangs(serve: Serve, write_app: WriteApp) -> None:
    """It has stop-mercy, like all that runs."""
    hangs = "await asyncio.Event().wait()"
    folder = write_app(source("one", down=hangs))
    server = serve("--stop-mercy", "1s", "app", cwd=folder, expect_status=None)
    assert server.get("/").status == 200
    server.stop(timeout=15)
    assert server.find_log("shutting down")


def test_the_loop_is_the_workers_own(serve: Serve, write_app: WriteApp) -> None:
    """The app is imported in the zygote, where no loop runs: what it makes there is not bound to
    one, and its start-up has a loop of each worker's own."""
    folder = write_app(
        """
        import asyncio, os
        lock = asyncio.Lock()
        imported_in = os.getpid()

        async def application(scope, receive, send):
            if scope["type"] == "lifespan":
                await receive()
                scope["state"]["loop"] = asyncio.get_running_loop()
                await send({"type": "lifespan.startup.complete"})
                await receive()
                await send({"type": "lifespan.shutdown.complete"})
                return
            async with lock:
                same = scope["state"]["loop"] is asyncio.get_running_loop()
            told = f"{same} {os.getpid() != imported_in}".encode()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": told})
        """
    )
    server = serve("--processes", "2", "app", cwd=folder)
    for _ in range(6):
        assert server.get("/").text == "True True"


@pytest.mark.parametrize(
    ("loop", "module"), [("auto", "uvloop"), ("uvloop", "uvloop"), ("asyncio", "asyncio")]
)
def test_asgi_loop(loop: str, module: str, tmp_path: Path) -> None:
    with serve_checked("asgi_probe:app", "--asgi-loop", loop) as server:
        told = server.get("/about").json
        assert told["loop"].partition(".")[0] == module
        assert server.get("/child").body == b"from a child\n3"
