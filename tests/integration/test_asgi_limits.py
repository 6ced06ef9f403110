"""What ASGI apps are limited by: how many requests run at once, how long a task may outlive its
client, how long a start-up may take."""

from __future__ import annotations

import pytest
from harness import Server, wait_for
from harness.asgi import WAYS, recorded, serve_checked, wait_for_record
from harness.fixtures import WriteApp


class Asked:
    """A request whose answer is awaited later."""

    def __init__(self, server: Server, target: str) -> None:
        self.connection = server.connect(timeout=20)
        self.connection.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())


@pytest.mark.parametrize("way", WAYS)
def test_asgi_concurrency(way: str) -> None:
    """So many run at once; others wait for a place, and get it."""
    with serve_checked("asgi_probe:app", "--asgi-concurrency", "3", way=way) as server:
        crowd = [Asked(server, "/wait-for-the-end?begin=1&name=one") for _ in range(3)]
        for one in crowd:
            one.connection.read_until(b"began\n")
        waiting = [Asked(server, "/wait-for-the-end?begin=1&name=other") for _ in range(3)]
        for one in waiting:
            one.connection.expect_silence()
        # Whoever leaves makes room for one who waits.
        for one in crowd:
            one.connection.close()
        for one in waiting:
            one.connection.read_until(b"began\n")


@pytest.mark.parametrize("way", WAYS)
def test_a_task_is_cancelled_some_time_after_its_client_left(way: str) -> None:
    """First receive says it, then send raises; who asks neither is cancelled in the end."""
    options = ["--asgi-cancel-after", "1s"]
    with serve_checked("asgi_probe:app", *options, way=way) as server:
        for name in ("sleeper", "listener"):
            page = "/sleep-for-ever" if name == "sleeper" else "/wait-for-the-end"
            one = Asked(server, f"{page}?name={name}&begin=1")
            one.connection.read_until(b"began\n")
            one.connection.close()
        heard = ["http.request", "http.disconnect", "again http.disconnect"]
        wait_for_record(server, "listener", heard)
        wait_for_record(server, "sleeper", "cancelled")
        assert recorded(server, "sleeper-cleaned") is True, "its finally block has run"


@pytest.mark.parametrize("way", WAYS)
def test_asgi_cancel_after_0_is_never(way: str) -> None:
    """It lives on; what ends with its client is the exchange, not the task."""
    options = ["--asgi-cancel-after", "0", "--stop-mercy", "1s"]
    with serve_checked("asgi_probe:app", *options, way=way, expect_status=None) as server:
        one = Asked(server, "/sleep-for-ever?name=sleeper")
        one.connection.read_until(b"began\n")
        one.connection.close()
        other = Asked(server, "/wait-for-the-end?name=listener&begin=1")
        other.connection.read_until(b"began\n")
        other.connection.close()
        wait_for(lambda: len(recorded(server, "listener")) == 3, "the later one to have heard")
        assert recorded(server, "sleeper") == "waits"


def test_a_start_up_that_takes_too_long(write_app: WriteApp) -> None:
    source = """
        import asyncio

        async def application(scope, receive, send):
            if scope["type"] == "lifespan":
                await receive()
                %s
                await send({"type": "lifespan.startup.complete"})
                await receive()
                await send({"type": "lifespan.shutdown.complete"})
            else:
                await send({"type": "http.response.start", "status": 200, "headers": []})
                await send({"type": "http.response.body", "body": b"%s"})
        """
    folder = write_app(source % ("pass", "good"))
    with Server(["--asgi-lifespan-timeout", "1s", "app"], cwd=folder) as server:
        write_app(source % ("await asyncio.Event().wait()", "never seen"))
        outcome = server.run("reload", timeout=60)
        assert outcome.status == 1
        assert "asgi-lifespan-timeout" in outcome.text + server.log
        assert server.get("/").text == "good"


@pytest.mark.parametrize("way", WAYS)
def test_a_thousand_at_once(way: str) -> None:
    with serve_checked("asgi_probe:app", way=way) as server:
        crowd = [Asked(server, "/gated?name=thousand") for _ in range(900)]
        for one in crowd:
            one.connection.read_until(b"began\n")
        assert server.get("/open?name=thousand").body == b"open"
        for one in crowd:
            one.connection.read_until(b"finished\n")
            one.connection.close()
