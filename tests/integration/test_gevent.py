"""`gevent = N`: N requests at once in greenlets of each worker, on both ways in."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import ExitStack
from typing import Any, Callable

import pytest
import simple_websocket
from harness import Connection, Load, Server, run_mewsgi, wait_for
from harness.fixtures import APPS, WriteApp

pytest.importorskip("gevent")

Serve = Callable[..., Server]
GREENLETS = ("--chdir", str(APPS), "greenlets:app", "--gevent", "50")


@pytest.fixture(params=["direct", "routed"])
def server(request: pytest.FixtureRequest, serve: Serve) -> Server:
    return serve(*GREENLETS, way=request.param)


def kept(server: Server) -> dict[str, Any]:
    return server.get("/kept").json  # type: ignore[no-any-return]


def test_the_library_is_patched_and_no_hub_is_inherited(server: Server) -> None:
    assert server.get("/facts").json == {
        "hub at import": False,
        "patched at import": True,
        "greenlet": "Greenlet",
        "multithread": True,
        "present": 0,
    }


def test_requests_run_beside_each_other(server: Server) -> None:
    """One thread, one worker: they can only meet if each leaves the others their turn."""
    with ExitStack() as stack:
        clients = [stack.enter_context(server.connect(timeout=30)) for _ in range(50)]
        for number, client in enumerate(clients):
            client.send(f"GET /meet?n=50&of={number} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        assert {client.read_response().text for client in clients} == {"50 True"}


def test_no_more_than_n_at_once(serve: Serve) -> None:
    server = serve("--chdir", str(APPS), "greenlets:app", "--gevent", "2")
    with ExitStack() as stack:
        clients = [stack.enter_context(server.connect(timeout=30)) for _ in range(3)]
        for client in clients:
            client.send(b"GET /meet?n=3 HTTP/1.1\r\nHost: h\r\n\r\n")
        # The third is not begun with, so the two wait for it in vain; they give up by themselves.
        clients[2].expect_silence()


def test_one_at_a_time_is_a_number_too(serve: Serve) -> None:
    server = serve("--chdir", str(APPS), "greenlets:app", "--gevent", "1")
    with server.connect() as client:
        client.send(b"GET /sleep?ms=20 HTTP/1.1\r\nHost: h\r\n\r\n" * 3)
        assert [client.read_response().text for _ in range(3)] == ["slept"] * 3


def test_bodies_and_answers_of_all_kinds(server: Server) -> None:
    body = bytes(range(256)) * 4000
    errors: list[str] = []

    def client(number: int) -> None:
        try:
            with server.connect(timeout=30) as connection:
                for size in (1, 70_000, len(body)):
                    sent = body[:size]
                    answer = connection.request("POST", "/digest", sent).text
                    if answer != hashlib.sha256(sent).hexdigest():
                        errors.append(f"client {number}: {size} bytes came changed")
                if len(connection.get("/stream?n=50&size=20000").body) != 1_000_000:
                    errors.append(f"client {number}: the stream was cut")
        except Exception as error:  # noqa: BLE001 -- told by the assertion below
            errors.append(f"client {number}: {error!r}")

    clients = [threading.Thread(target=client, args=(number,)) for number in range(12)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join(timeout=60)
        assert not thread.is_alive()
    assert errors == []


def test_a_slow_reader_holds_up_nobody(server: Server) -> None:
    with server.connect() as slow:
        slow.send(b"GET /stream?n=200&size=100000 HTTP/1.1\r\nHost: h\r\n\r\n")
        for _ in range(20):
            assert server.get("/sleep?ms=1").text == "slept"
        assert len(slow.read_response().body) == 20_000_000


def test_a_timeout_gets_into_a_wait_for_the_body(serve: Serve) -> None:
    # Without buffering, the app is called before the body is there.
    server = serve(*GREENLETS, "--post-buffering", "0")
    with server.connect() as client:
        client.send(b"POST /impatient HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf")
        assert client.read_response().text == "timed out"
    assert "the app failed" not in server.log


def test_a_timeout_gets_into_a_wait_for_the_client(serve: Serve) -> None:
    server = serve(*GREENLETS)
    with server.connect() as client:
        client.send(b"GET /impatient-writer HTTP/1.1\r\nHost: h\r\n\r\n")
        wait_for(lambda: kept(server).get("writer") == "timed out", "the end of the writer")


def test_another_greenlet_may_read_the_body(server: Server) -> None:
    assert server.request("POST", "/helped", b"x" * 300_000).text == "300000"


@pytest.mark.parametrize("way", ["direct", "routed"])
def test_greenlets_of_one_request_read_and_write_at_once(serve: Serve, way: str) -> None:
    """More than any buffer holds, both ways: none of them may wait for the others' client."""
    server = serve(*GREENLETS, "--request-buffer-max", "65536", way=way)
    sent = bytes(range(256)) * 8000
    with server.connect(timeout=30) as connection:
        connection.send(b"POST /both HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(sent))
        sender = threading.Thread(target=connection.socket.sendall, args=(sent,))
        sender.start()
        body = connection.read_response().body
        sender.join(20)
    assert body[:-64] == b"x" * 12_000_000
    assert body[-64:].decode() == hashlib.sha256(sent).hexdigest()


@pytest.mark.parametrize("way", ["direct", "routed"])
def test_no_call_outlives_its_request(serve: Serve, way: str) -> None:
    server = serve(*GREENLETS, "--post-buffering", "0", "--request-buffer-max", "0", way=way)
    with server.connect() as client:
        client.send(b"POST /forsaken HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf")
        assert client.read_response().text == "done"
    assert "its request is over" in kept(server)["reader"]
    assert server.get("/sleep?ms=1").text == "slept"


def test_what_raises_and_what_is_killed_costs_its_own_request(server: Server) -> None:
    for _ in range(5):
        assert server.get("/raises").status == 500
        assert server.get("/dies").status == 500
    server.wait_log("KeyError: 'in a greenlet'")
    server.wait_log("GreenletExit")
    assert server.get("/facts").status == 200


def test_a_client_that_leaves_wakes_its_request(server: Server) -> None:
    with server.connect() as client:
        client.send(b"GET /stream?n=1000&size=1000000 HTTP/1.1\r\nHost: h\r\n\r\n")
        client.read_until(b"\r\n\r\n")
    # It counts as present until then: the stop would wait for it in vain.
    server.wait_log(r"GET /stream.*generated \d+ bytes")
    assert server.get("/sleep?ms=1").text == "slept"


def test_a_client_that_has_sent_all_still_gets_its_answer(server: Server) -> None:
    with server.connect() as client:
        client.send(b"GET /sleep?ms=50 HTTP/1.1\r\nHost: h\r\n\r\n")
        client.finish_sending()
        assert client.read_response().text == "slept"
    with server.connect() as client:
        client.send(b"POST /digest HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nhalf")
        client.finish_sending()
        assert client.read_response().status == 400


def test_reloads_under_load_lose_nothing(server: Server) -> None:
    with Load(server.port, "/sleep?ms=20", kept=20, new=4) as load:
        for _ in range(2):
            assert server.run("reload").status == 0
            load.wait_for_more(50)
    assert load.errors == []


def test_a_reload_lets_requests_finish(server: Server) -> None:
    with server.connect() as client:
        client.send(b"GET /sleep?ms=700 HTTP/1.1\r\nHost: h\r\n\r\n")
        assert server.run("reload").status == 0
        assert client.read_response().text == "slept"


def test_wait_for_hub(serve: Serve) -> None:
    server = serve(*GREENLETS, "--gevent-wait-for-hub")
    assert server.get("/spawns").text == "spawned"
    server.stop()
    server.wait_log("the work is done")


def test_websockets_of_a_library(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(
        """
        from simple_websocket import ConnectionClosed, Server

        def application(environ, start_response):
            ws = Server.accept(environ)
            try:
                while True:
                    ws.send(ws.receive())
            except ConnectionClosed:
                return []
        """
    )
    for way in ("direct", "routed"):
        server = serve("app", "--gevent", "20", cwd=folder, way=way)
        url = f"ws://127.0.0.1:{server.port}/"
        clients = [simple_websocket.Client.connect(url) for _ in range(10)]
        for number, client in enumerate(clients):
            client.send(f"hello {number}")
        for number, client in enumerate(clients):
            assert client.receive(timeout=10) == f"hello {number}"
        for client in clients:
            client.close()
        wait_for(
            lambda server=server: len(server.find_all(r"\(HTTP/1\.1 101\)")) == 10,
            "the end of all ten requests",
        )


def test_websockets_of_uwsgis_calls(serve: Serve, write_app: WriteApp) -> None:
    """None may hold up the others while it waits for a message."""
    folder = write_app(
        """
        import uwsgi

        def application(environ, start_response):
            uwsgi.websocket_handshake()
            while True:
                uwsgi.websocket_send(uwsgi.websocket_recv())
        """
    )
    for way in ("direct", "routed"):
        server = serve("app", "--gevent", "20", cwd=folder, way=way)
        url = f"ws://127.0.0.1:{server.port}/"
        clients = [simple_websocket.Client.connect(url) for _ in range(10)]
        for turn in range(3):
            for number, client in enumerate(clients):
                client.send(f"hello {number} {turn}")
            for number, client in enumerate(clients):
                assert client.receive(timeout=10) == f"hello {number} {turn}"
        for client in clients:
            client.close()
        wait_for(
            lambda server=server: len(server.find_all(r"\(HTTP/1\.1 101\)")) == 10,
            "the end of all ten requests",
        )


def test_lazy_apps_patch_in_the_worker(serve: Serve) -> None:
    facts = serve(*GREENLETS, "--lazy-apps").get("/facts").json
    assert facts["patched at import"] and not facts["hub at import"]


def test_without_patching(serve: Serve) -> None:
    facts = serve(*GREENLETS, "--gevent-monkey-patch", "false").get("/facts").json
    assert not facts["patched at import"]


def test_a_hub_that_the_import_made_is_the_zygotes(serve: Serve, write_app: WriteApp) -> None:
    folder = write_app(
        """
        import gevent
        gevent.sleep(0.01)  # runs the hub

        def application(environ, start_response):
            gevent.sleep(0.01)
            start_response("200 OK", [])
            return [b"slept"]
        """
    )
    server = serve("app", "--gevent", "10", "--processes", "2", cwd=folder)
    for _ in range(20):
        assert server.get("/").text == "slept"


def test_several_apps_by_path(serve: Serve) -> None:
    server = serve(
        "--chdir", str(APPS), "--gevent", "10", "--mount", "/a=greenlets:app",
        "--mount", "/b=probe:app",
    )  # fmt: skip
    assert json.loads(server.get("/a/facts").text)["patched at import"]
    assert server.get("/b/hello").text == "hello"
    assert server.get("/c").status == 404


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--threads", "2"), "exclude each other: greenlets share one thread"),
        (("--asgi", "on"), "gevent and asgi exclude each other"),
    ],
)
def test_what_does_not_go_together(arguments: tuple[str, ...], text: str) -> None:
    outcome = run_mewsgi("--http", "127.0.0.1:0", *GREENLETS, *arguments)
    assert outcome.status == 1 and text in outcome.err


def test_uwsgis_other_engines_are_named() -> None:
    outcome = run_mewsgi("check", "--http", ":1", "--async", "10", "--ugreen", "app:app")
    assert outcome.status == 0
    assert "async is an option of uWSGI that mewsgi does not have yet" in outcome.err
    assert "use gevent = N" in outcome.err


def pipelined(connection: Connection, count: int) -> list[int]:
    return [len(connection.read_response().body) for _ in range(count)]


def test_pipelined_requests_stay_in_order(server: Server) -> None:
    with server.connect() as connection:
        connection.send(
            b"".join(
                b"GET /stream?n=1&size=%d HTTP/1.1\r\nHost: h\r\n\r\n" % size
                for size in range(1, 60)
            )
        )
        assert pipelined(connection, 59) == list(range(1, 60))
