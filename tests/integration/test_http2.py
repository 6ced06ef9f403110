"""HTTP/2 in cleartext with prior knowledge: programs that speak it, bodies, streams beside each
other. What must be refused is in tests/conformance/http2, floods in test_http2_floods.py."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest
from harness import Server, wait_for
from harness import h2_frames as h2
from harness.fixtures import APPS
from harness.h2_client import Client
from harness.h2_peer import Peer

Serve = Callable[..., Server]
MIB = 1 << 20
BIG = bytes(range(256)) * (20 * MIB // 256)


@pytest.fixture(scope="module", params=["kept", "passed on"])
def asked(request: pytest.FixtureRequest) -> Iterator[Server]:
    """apps/probe.py with two workers; bodies are kept in the front, or passed on as they come."""
    options = ["--request-buffer-max", "65536"] if request.param == "passed on" else []
    command = [*options, "--h2c", "--processes", "2", "--chdir", str(APPS), "probe:app"]
    with Server(command, way="routed") as server:
        yield server


@pytest.fixture
def waits(serve: Serve) -> Callable[..., Server]:
    def start(*options: str) -> Server:
        return serve(*options, "--h2c", "--chdir", str(APPS), "waits:app", way="routed")

    return start


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# Programs


def curl(server: Server, target: str, *options: str) -> str:
    url = f"http://127.0.0.1:{server.port}{target}"
    return run("curl", "-sS", "--http2-prior-knowledge", "--max-time", "50", *options, url)


def test_curl(asked: Server, tmp_path: Path) -> None:
    facts = ("-w", " %{http_version} %{http_code}")
    assert curl(asked, "/hello", *facts) == "hello 2 200"
    assert curl(asked, "/status?line=204%20None", *facts) == " 2 204"
    assert curl(asked, "/nowhere", *facts).endswith(" 2 404")
    assert re.match(r"HTTP/2 200 *\n.*content-length: 5\n", curl(asked, "/hello", "-I"), re.S)
    big = tmp_path / "big"
    big.write_bytes(BIG)
    curl(asked, "/echo", "--data-binary", f"@{big}", "-o", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == BIG
    assert curl(asked, "/digest", "-T", str(big)).startswith(f"[{len(BIG)}, ")


def test_curl_without_it_gets_http_1(asked: Server) -> None:
    url = f"http://127.0.0.1:{asked.port}/hello"
    assert run("curl", "-sS", "-w", " %{http_version}", url) == "hello 1.1"
    # By Upgrade it is not offered, so the request is answered as it is (rule 26).
    assert run("curl", "-sS", "--http2", "-w", " %{http_version}", url) == "hello 1.1"


def test_nghttp(asked: Server) -> None:
    url = f"http://127.0.0.1:{asked.port}"
    shown = run("nghttp", "-nvs", f"{url}/hello", f"{url}/environ", f"{url}/stream?n=9&size=70000")
    assert len(re.findall(r":status: 200", shown)) == 3
    assert "GOAWAY" not in shown.split("(last_stream_id=0")[0].split("send GOAWAY")[0]


def test_h2load(asked: Server) -> None:
    url = f"http://127.0.0.1:{asked.port}/hello"
    said = run("h2load", "-n", "3000", "-c", "6", "-m", "16", "-t", "1", url)
    assert "3000 succeeded, 0 failed, 0 errored, 0 timeout" in said
    assert "status codes: 3000 2xx, 0 3xx, 0 4xx, 0 5xx" in said


# Bodies


@pytest.mark.parametrize("size", [0, 1, 16383, 16384, 16385, 65535, 65536, 1_000_000, 20 * MIB])
def test_bodies_both_ways(asked: Server, size: int) -> None:
    with Client(asked.port) as client:
        answer = client.request("POST", "/echo", BIG[:size])
        assert answer.whole and answer.body == BIG[:size]


def test_bodies_of_streams_at_once(asked: Server) -> None:
    with Client(asked.port) as client:
        bodies = [bytes([65 + n]) * (n * 50_021 + 1) for n in range(20)]
        streams = [client.start("POST", "/echo", body) for body in bodies]
        for stream, body in zip(streams, bodies):
            answer = client.answer(stream)
            assert answer.status == 200 and answer.body == body


def test_many_streams_are_told_apart(asked: Server) -> None:
    with Client(asked.port) as client:
        for turn in range(10):
            fields = {client.start("GET", f"/environ?{turn}-{n}"): f"{turn}-{n}" for n in range(90)}
            for stream, query in fields.items():
                assert client.answer(stream).json["QUERY_STRING"] == query


def test_streams_spread_over_workers(waits: Callable[..., Server], tmp_path: Path) -> None:
    server = waits("--processes", "2")
    files = [tmp_path / "a", tmp_path / "b"]
    with Client(server.port) as client:
        streams = [client.start("GET", f"/wait?{file}") for file in files]
        for file in files:
            wait_for(file.exists, "both in the app at once")
        assert files[0].read_text() != files[1].read_text()
        for file in files:
            file.unlink()
        assert all(client.answer(stream).status == 200 for stream in streams)


def test_body_of_one_byte_frames(asked: Server) -> None:
    with Peer(asked.port) as peer:
        stream = peer.start("POST", "/echo", end=False)
        body = BIG[:3000]
        peer.send_body(stream, body, piece=1)
        assert bytes(peer.answer(stream).body) == body


def test_trailers_of_a_request(asked: Server) -> None:
    with Client(asked.port) as client:
        for body in (b"", b"abc", BIG[:100_000]):
            answer = client.answer(client.start("POST", "/echo", body, trailers=[("x-sum", "1")]))
            assert answer.whole and answer.body == body


def test_answers_without_a_body(asked: Server) -> None:
    with Client(asked.port) as client:
        for line in ("204 No Content", "304 Not Modified"):
            answer = client.get(f"/status?line={line.replace(' ', '%20')}")
            assert (answer.status, answer.whole, answer.body) == (int(line[:3]), True, b"")
        answer = client.request("HEAD", "/hello")
        assert (answer.get("content-length"), answer.whole, answer.body) == ("5", True, b"")
        assert client.get("/hello").text == "hello"


def test_a_body_nobody_reads(asked: Server) -> None:
    """The answer comes without it, and its credit returns to the connection."""
    with Client(asked.port) as client:
        for _ in range(5):
            answer = client.request("POST", "/ignore-body", BIG[: 5 * MIB])
            assert answer.text == "did not look"
        assert client.request("POST", "/digest", BIG).json[0] == len(BIG)


def test_expect_100(asked: Server) -> None:
    with Client(asked.port) as client:
        stream = client.start("POST", "/echo", fields=[("expect", "100-continue")], end=False)
        client.wait(lambda: client.answers[stream].interim, "100 Continue")
        assert dict(client.answers[stream].interim[0])[":status"] == "100"
        client.h2.send_data(stream, b"abc", end_stream=True)
        client._flush()
        assert client.answer(stream).text == "abc"


# Streams that wait do not hold others up


def test_slow_reader_of_one_stream(asked: Server) -> None:
    with Client(asked.port) as client:
        slow = client.start("GET", "/stream?size=65536&n=200")
        client.hold(slow)
        client.wait(lambda: client.held[slow] >= 900_000, "all that its window allows")
        for number in range(30):
            assert client.get(f"/environ?{number}").json["QUERY_STRING"] == str(number)
        client.release(slow)
        assert len(client.answer(slow).body) == 65536 * 200


def test_app_that_reads_slowly(waits: Callable[..., Server], tmp_path: Path) -> None:
    """Its stream gets no more credit than is kept for it; others of the connection go on."""
    server = waits("--processes", "2", "--request-buffer-max", "65536")
    file = tmp_path / "gate"
    with Client(server.port) as client:
        slow = client.start("POST", f"/read?{file}", BIG)
        client.wait(file.exists, "the app")
        for _ in range(30):
            assert client.request("POST", "/", b"abc").json["size"] == 3
        assert slow in client.bodies, "all of 20 MiB was taken"
        assert client.bodies[slow].at < 8 * MIB
        file.unlink()
        answer = client.answer(slow).json
        assert answer["size"] == len(BIG)
        assert answer["sha256"] == hashlib.sha256(BIG).hexdigest()


def test_cancelled_streams_tell_the_app(asked: Server) -> None:
    with Client(asked.port) as client:
        for number in range(6):
            name = f"cancelled{number}"
            stream = client.start("GET", f"/closing-large?name={name}")
            client.hold(stream)
            client.wait(lambda stream=stream: client.held[stream] > 0, "its first bytes")
            client.cancel(stream)
            client.held.pop(stream)
            # Two workers, and the count is in one of them.
            wait_for(
                lambda name=name: any(client.get(f"/was-closed?name={name}").json for _ in "12345"),
                "close() of its answer",
            )
        assert client.get("/hello").text == "hello"


def test_cancelled_before_its_turn(waits: Callable[..., Server], tmp_path: Path) -> None:
    server = waits("--processes", "1")
    holder, never = tmp_path / "holder", tmp_path / "never"
    with Client(server.port) as client:
        first = client.start("GET", f"/wait?{holder}")
        wait_for(holder.exists, "the request that holds the worker")
        second = client.start("GET", f"/wait?{never}")
        wait_for(lambda: server.status()["fronts"][0]["queued"] == 1, "the one that waits")
        client.cancel(second)
        wait_for(lambda: server.status()["fronts"][0]["queued"] == 0, "that it is forgotten")
        holder.unlink()
        assert client.answer(first).status == 200
        assert client.get("/").status == 200
    assert not never.exists(), "its app was called"


def test_error_of_the_app_after_its_head(asked: Server) -> None:
    with Client(asked.port) as client:
        answer = client.get("/boom-in-body")
        assert answer.reset == h2.INTERNAL_ERROR and not answer.ended
        assert client.get("/boom").status == 500
        assert client.get("/hello").text == "hello"


def test_streams_beyond_the_limit_are_refused(waits: Callable[..., Server], tmp_path: Path) -> None:
    server = waits("--http2-max-streams", "3")
    holder = tmp_path / "holder"
    with Peer(server.port) as peer:
        streams = [peer.start("GET", f"/wait?{holder}")]
        wait_for(holder.exists, "the request that holds the worker")
        streams += [peer.start("GET", "/") for _ in range(4)]
        for stream in streams[3:]:
            assert peer.answer(stream).reset == h2.REFUSED_STREAM
        holder.unlink()
        assert [peer.answer(stream).status for stream in streams[:3]] == [200] * 3
        assert peer.settings[h2.MAX_CONCURRENT_STREAMS] == 3
        assert peer.get("/").status == 200


# Priorities (RFC 9218)


@pytest.mark.parametrize("how", ["field", "frame"])
def test_urgent_first(asked: Server, how: str) -> None:
    """Two answers wait for credit of the connection: the more urgent one gets it, though it came
    later."""
    with Peer(asked.port, settings={9: 1, h2.INITIAL_WINDOW_SIZE: MIB}, credit=False) as peer:
        filler = peer.start("GET", "/stream?size=65535&n=1")
        peer.wait(lambda: len(peer.streams[filler].body) == 65535, "the end of the credit")
        late, urgent = [
            peer.start("GET", "/stream?size=30000&n=1", [("priority", value)] if value else [])
            for value in (["u=6", "u=1"] if how == "field" else ["", ""])
        ]
        if how == "frame":
            update = urgent.to_bytes(4, "big") + b"u=0"
            peer.send(h2.frame(h2.PRIORITY_UPDATE, 0, 0, update))
        peer.wait_head(late)
        peer.wait_head(urgent)
        wait_for(lambda: asked.status()["fronts"][0]["outstanding"] == 0, "both whole answers")
        peer.send(h2.window_update(0, 30_000))
        peer.wait(lambda: len(peer.streams[urgent].body) == 30_000, "the urgent one")
        assert not peer.streams[late].body
        peer.send(h2.window_update(0, 30_000))
        peer.wait(lambda: len(peer.streams[late].body) == 30_000, "the other one")


# Fields


def test_large_fields(asked: Server) -> None:
    with Client(asked.port) as client:
        for size in (8000, 8001, 16, 8000):
            answer = client.get("/environ", [("x-large", "v" * size)])
            assert answer.json["HTTP_X_LARGE"] == "v" * size
        assert client.get("/hello", [(f"x-{n}", "v") for n in range(90)]).text == "hello"
        too_many = client.get("/hello", [(f"x-{n}", "v") for n in range(500)])
        assert too_many.status == 431 or too_many.reset is not None
        assert client.get("/hello").text == "hello"


def test_its_access_lines(asked: Server) -> None:
    mark = asked.mark()
    with Client(asked.port) as client:
        client.get("/hello?of=its-access-lines")
    line = asked.wait_log(r".*GET /hello\?of=its-access-lines.*", since=mark)[0]
    assert "HTTP/2" in line
