"""ASGI apps behind web servers: uwsgi, FastCGI, SCGI, and what trusted proxies and TLS say of the
client, as the scope has it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator

import pytest
from harness import Server, wait_for
from harness.asgi import REFERENCE, serve_checked
from harness.certificates import Authority, Pair
from harness.gateways import KINDS, SOCKETS, Gateway, gateway_of
from harness.h2_client import Client
from harness.tls import SecureConnection

pytestmark = pytest.mark.skipif(REFERENCE, reason="uvicorn speaks HTTP/1 alone")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve_checked("asgi_probe:app", *SOCKETS) as running:
        yield running


@pytest.fixture(params=KINDS)
def gateway(request: pytest.FixtureRequest, server: Server) -> Gateway:
    return gateway_of(server, request.param)


def test_the_scope(gateway: Gateway) -> None:
    scope = gateway.get("/scope/x?a=b", HTTP_X_CAT="tabby", CONTENT_TYPE="text/plain").json
    assert scope["type"] == "http" and scope["method"] == "GET" and scope["scheme"] == "http"
    assert scope["path"] == "/scope/x" and scope["query_string"] == "a=b"
    assert scope["client"] == ["192.0.2.7", 4321]
    assert ["x-cat", "tabby"] in scope["headers"]
    assert ["content-type", "text/plain"] in scope["headers"]
    assert ["host", "front.example"] in scope["headers"]


def test_https_of_the_web_server(gateway: Gateway) -> None:
    assert gateway.get("/scope", HTTPS="on").json["scheme"] == "https"


@pytest.mark.parametrize("size", [0, 1000, 300_000])
def test_bodies(gateway: Gateway, size: int) -> None:
    content = os.urandom(size)
    assert gateway.request("POST", "/echo", content).body == content
    told = gateway.request("POST", "/digest", content).json
    assert told["sha256"] == hashlib.sha256(content).hexdigest()


def test_streams(gateway: Gateway) -> None:
    answer = gateway.get("/stream?n=50&size=10000")
    assert answer.body == b"x" * 500_000


def test_a_web_server_that_hangs_up(gateway: Gateway) -> None:
    """As nginx does when its own client has left."""
    name = f"gone{gateway.kind}"
    with gateway.connect() as connection:
        target = f"/wait-for-the-end?begin=1&name={name}"
        connection.send(gateway.head("GET", target) + gateway.body(None))
        connection.read_until(b"began\n")

    def heard(server: Gateway) -> bool:
        told = server.get(f"/record?name={name}").json["record"]
        return told is not None and told[-1] == "again http.disconnect"

    wait_for(lambda: heard(gateway), "the app to hear of it")


# Proxies and TLS, over HTTP


def test_what_a_trusted_proxy_says() -> None:
    options = ["--trusted-proxies", "127.0.0.1"]
    with serve_checked("asgi_probe:app", *options, way="routed") as server:
        scope = server.get("/scope", X_Forwarded_For="198.51.100.9", X_Forwarded_Proto="https").json
        assert scope["client"][0] == "198.51.100.9"
        assert scope["scheme"] == "https"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    return authority.issue("localhost", "127.0.0.1")


@pytest.fixture(scope="module")
def secured(pair: Pair) -> Iterator[Server]:
    with serve_checked("asgi_probe:app", "--https", pair.option(), http=None) as server:
        yield server


def test_http1_over_tls(secured: Server, authority: Authority) -> None:
    port = secured.port_of("https")
    with SecureConnection(port, authority.context()) as connection:
        scope = connection.get("/scope").json
        assert (scope["scheme"], scope["http_version"]) == ("https", "1.1")
        assert scope["server"][1] == port
        content = os.urandom(300_000)
        assert connection.request("POST", "/echo", content).body == content


def test_http2_over_tls(secured: Server, authority: Authority) -> None:
    context = authority.context("h2")
    with Client(secured.port_of("https"), tls=context) as client:
        scope = client.get("/scope?x").json
        assert (scope["scheme"], scope["http_version"]) == ("https", "2")
        assert ["host", "localhost"] in scope["headers"], "of :authority"
        assert not [name for name, _ in scope["headers"] if name.startswith(":")]
        content = os.urandom(1_000_000)
        streams = [client.start("POST", "/echo", content) for _ in range(5)]
        assert all(bytes(client.answer(stream).body) == content for stream in streams)
