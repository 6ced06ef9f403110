"""What apps and the access log see of clients behind proxies: trusted-proxies, Forwarded and
X-Forwarded-* on the real program. The rules themselves are in client/forwarding_test.cc."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from harness import Connection, Server, run_mewsgi
from harness.gateways import PROBE, SOCKETS, Gateway, gateway_of
from harness.nginx import Front, Nginx, front
from harness.server import ROOT
from harness.waiting import wait_for

Serve = Callable[..., Server]

# Options that name an HTTP socket: what they serve must not differ.
WAYS = ["http-socket", "http"]
PROXY, STRANGER = "127.0.0.2", "127.0.0.3"
CLIENT = "192.0.2.7"


@pytest.fixture(scope="module", params=WAYS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    trusted = ["--trusted-proxies", f"{PROXY}, 10.0.0.0/8", "--trusted-proxies", "fd00::/8"]
    with Server([f"--{request.param}", "127.0.0.1:0", *trusted, *PROBE], http=None) as running:
        yield running


def seen_by(server: Server, source: str, /, **headers: str) -> dict[str, Any]:
    """The environ of a request that comes from `source`."""
    with Connection(("127.0.0.1", server.port), source=source) as connection:
        told: dict[str, Any] = connection.get("/environ", **headers).json
    return told


def client_of(told: dict[str, Any]) -> tuple[str, str]:
    return told["REMOTE_ADDR"], told["REMOTE_PORT"]


def server_of(told: dict[str, Any]) -> tuple[str, str, str]:
    return told["HTTP_HOST"], told["SERVER_NAME"], told["SERVER_PORT"]


def test_what_a_proxy_says(server: Server) -> None:
    told = seen_by(
        server,
        PROXY,
        X_Forwarded_For=f"203.0.113.9, {CLIENT}, 10.0.0.9",
        X_Forwarded_Proto="https",
        X_Forwarded_Host="cats.example",
        X_Forwarded_Port="8443",
    )
    assert client_of(told) == (CLIENT, "")
    assert (told["wsgi.url_scheme"], told["HTTPS"]) == ("https", "on")
    assert server_of(told) == ("cats.example", "cats.example", "8443")
    # As it came.
    assert told["HTTP_X_FORWARDED_FOR"] == f"203.0.113.9, {CLIENT}, 10.0.0.9"
    assert told["HTTP_X_FORWARDED_HOST"] == "cats.example"


def test_forwarded(server: Server) -> None:
    value = 'for=203.0.113.9, for="[2001:db8::7]:4321";proto=https;host="cats.example:444"'
    told = seen_by(server, PROXY, Forwarded=value + ", for=10.0.0.9;proto=http")
    assert client_of(told) == ("2001:db8::7", "4321")
    assert told["wsgi.url_scheme"] == "https"
    assert server_of(told) == ("cats.example:444", "cats.example", "444")


@pytest.mark.parametrize(
    ("proto", "host", "port"),
    [("https", "h", "443"), ("http", "h", "80"), ("https", "[::1]", "443"), ("http", "h:81", "81")],
)
def test_the_port_that_goes_without_saying(
    server: Server, proto: str, host: str, port: str
) -> None:
    told = seen_by(server, PROXY, X_Forwarded_Proto=proto, X_Forwarded_Host=host)
    assert server_of(told)[0::2] == (host, port)
    told = seen_by(server, PROXY, X_Forwarded_Proto=proto)
    assert told["HTTP_HOST"] == "localhost"
    assert told["SERVER_PORT"] == ("443" if proto == "https" else "80")


def test_an_absolute_target_is_the_proxys_host(server: Server) -> None:
    wire = (
        b"GET http://inside/environ HTTP/1.1\r\nHost: other\r\n"
        b"X-Forwarded-Host: cats.example\r\n\r\n"
    )
    for source, host in ((PROXY, "cats.example"), (STRANGER, "inside")):
        with Connection(("127.0.0.1", server.port), source=source) as connection:
            connection.send(wire)
            assert connection.read_response().json["HTTP_HOST"] == host


def test_nothing_is_taken_from_strangers(server: Server) -> None:
    plain = seen_by(server, STRANGER)
    for name, value in (
        ("X_Forwarded_For", CLIENT),
        ("X_Forwarded_Proto", "https"),
        ("X_Forwarded_Ssl", "on"),
        ("X_Forwarded_Host", "evil"),
        ("X_Forwarded_Port", "1"),
        ("Forwarded", f"for={CLIENT};proto=https;host=evil"),
        ("X_Real_Ip", CLIENT),
    ):
        told = seen_by(server, STRANGER, **{name: value})
        assert told.pop(f"HTTP_{name.upper()}") == value
        for changing in ("REMOTE_PORT", "HTTP_CONNECTION"):
            told.pop(changing, None)
        assert told == {key: plain[key] for key in told}
        assert "HTTPS" not in told and told["REMOTE_ADDR"] == STRANGER


def test_kept_connections_forget(server: Server) -> None:
    """Each request is its own: what the one before said does not stay."""
    with Connection(("127.0.0.1", server.port), source=PROXY) as connection:
        own = connection.get("/environ").json
        for client in ("192.0.2.7", "192.0.2.8"):
            told = connection.get(
                "/environ", X_Forwarded_For=client, X_Forwarded_Proto="https", X_Forwarded_Host="h"
            ).json
            assert (told["REMOTE_ADDR"], told["wsgi.url_scheme"]) == (client, "https")
            assert connection.get("/environ").json == own
    assert own["REMOTE_ADDR"] == PROXY and own["wsgi.url_scheme"] == "http"


def test_a_pipeline_of_clients(server: Server) -> None:
    clients = [f"192.0.2.{number}" for number in range(1, 30)]
    with Connection(("127.0.0.1", server.port), source=PROXY) as connection:
        connection.send(
            b"".join(
                f"GET /environ HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: {client}\r\n\r\n".encode()
                for client in clients
            )
        )
        told = [connection.read_response().json["REMOTE_ADDR"] for _ in clients]
    assert told == clients


def test_with_a_body_that_comes_late(server: Server) -> None:
    """The head outlives the buffer that it came in."""
    head = b"POST /environ HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.7\r\nContent-Length: 4"
    with Connection(("127.0.0.1", server.port), source=PROXY) as connection:
        connection.send(head + b"\r\n\r\nab")
        with Connection(("127.0.0.1", server.port), source=PROXY) as other:
            other.get("/environ", X_Forwarded_For="198.51.100.1")
        connection.send(b"cd")
        assert connection.read_response().json["REMOTE_ADDR"] == "192.0.2.7"


def test_the_access_log_has_the_client(server: Server) -> None:
    mark = server.mark()
    with Connection(("127.0.0.1", server.port), source=PROXY) as connection:
        connection.get("/hello?logged", X_Forwarded_For=CLIENT)
        connection.get("/hello?plain")
    server.wait_log(rf"\] {re.escape(CLIENT)} .*GET /hello\?logged ", mark)
    server.wait_log(rf"\] {re.escape(PROXY)} .*GET /hello\?plain ", mark)


@pytest.mark.parametrize("way", WAYS)
def test_strangers_are_told_of_once(serve: Serve, way: str) -> None:
    server = serve(f"--{way}", "127.0.0.1:0", "--http-processes", "1", *PROBE, http=None)
    for _ in range(3):
        seen_by(server, STRANGER, X_Forwarded_For=CLIENT)
    seen_by(server, PROXY, Forwarded=f"for={CLIENT}")
    line = r"ignored (\S+) from (\S+), which .* add trusted-proxies = (\S+)$"
    server.wait_log(rf"ignored Forwarded from {PROXY}")
    found = [re.search(line, one) for one in server.find_all("trusted-proxies")]
    assert [one and one.groups() for one in found] == [
        ("X-Forwarded-For", STRANGER, STRANGER),
        ("Forwarded", PROXY, PROXY),
    ]


@pytest.mark.parametrize("way", WAYS)
def test_unix_sockets(serve: Serve, way: str, tmp_path: Path) -> None:
    paths = [str(tmp_path / name) for name in ("scheme.sock", "all.sock")]
    headers = {"X_Forwarded_For": CLIENT, "X_Forwarded_Proto": "https", "X_Forwarded_Host": "h"}
    told = []
    for path, more in zip(paths, ([], ["--trusted-proxies", "unix"])):
        server = serve(f"--{way}", path, *more, *PROBE, http=None)
        with Connection(path) as connection:
            told.append(connection.get("/environ", **headers).json)
        if not more:
            server.wait_log("a UNIX socket, .* add trusted-proxies = unix$")
    assert [one["wsgi.url_scheme"] for one in told] == ["https", "https"]
    assert [client_of(one) for one in told] == [("", ""), (CLIENT, "")]
    assert [one["HTTP_HOST"] for one in told] == ["localhost", "h"]


@pytest.mark.parametrize("way", WAYS)
def test_the_scheme_from_anyone(serve: Serve, way: str) -> None:
    server = serve(*(f"--{way}", "127.0.0.1:0", "--forwarded-proto-from-anyone", *PROBE), http=None)
    server.wait_log("warning .*any client can pass for one that came by TLS")
    told = seen_by(server, STRANGER, X_Forwarded_For=CLIENT, X_Forwarded_Proto="https")
    assert (told["wsgi.url_scheme"], told["REMOTE_ADDR"]) == ("https", STRANGER)


@pytest.fixture(scope="module")
def gateways() -> Iterator[Server]:
    trusted = ["--trusted-proxies", "127.0.0.1, 10.0.0.0/8"]
    with Server([*SOCKETS, *trusted, *PROBE]) as running:
        yield running


@pytest.mark.parametrize("kind", ["uwsgi", "fastcgi", "scgi"])
def test_a_web_server_behind_a_proxy(gateways: Server, kind: str) -> None:
    """REMOTE_ADDR is who connected to the web server: one hop more."""
    gateway: Gateway = gateway_of(gateways, kind)
    said = {
        "HTTP_X_FORWARDED_FOR": f"203.0.113.9, {CLIENT}",
        "HTTP_X_FORWARDED_PROTO": "https",
        "HTTP_X_FORWARDED_HOST": "cats.example",
    }
    told = gateway.get("/environ", REMOTE_ADDR="10.0.0.5", REMOTE_PORT="99", **said).json
    assert client_of(told) == (CLIENT, "")
    assert server_of(told) == ("cats.example", "cats.example", "443")
    assert (told["wsgi.url_scheme"], told["HTTPS"]) == ("https", "on")
    # The web server's client is no proxy of ours: what it sent itself is not believed.
    told = gateway.get("/environ", REMOTE_ADDR="198.51.100.1", REMOTE_PORT="99", **said).json
    assert client_of(told) == ("198.51.100.1", "99")
    assert server_of(told) == ("front.example", "front.example", "80")
    # The proxy spoke TLS to the web server, and not to the client.
    said["HTTP_X_FORWARDED_PROTO"] = "http"
    told = gateway.get("/environ", REMOTE_ADDR="10.0.0.5", HTTPS="on", **said).json
    assert told["wsgi.url_scheme"] == "http" and "HTTPS" not in told


def nginx_lines() -> list[str]:
    """What docs/proxies.md says to write."""
    page = (ROOT / "docs/proxies.md").read_text()
    lines = re.findall(r"^proxy_set_header .*;$", page, re.MULTILINE)
    assert len(lines) == 5
    return lines


@pytest.mark.parametrize("way", WAYS)
def test_behind_nginx_as_the_page_says(serve: Serve, way: str, tmp_path: Path) -> None:
    """Whatever a client makes up, the app sees the address that it came from, and the scheme and
    host that nginx was asked for."""
    server = serve(
        *(f"--{way}", "127.0.0.1:0", "--trusted-proxies", "127.0.0.1", *PROBE), http=None
    )
    own = front("proxy", f"127.0.0.1:{server.port}")
    lines = [line for line in own.lines if "Host" not in line] + nginx_lines()
    forged = {
        "X_Forwarded_For": "127.0.0.1",
        "X_Forwarded_Proto": "https",
        "X_Forwarded_Host": "evil",
        "X_Forwarded_Port": "1",
        "Forwarded": "for=9.9.9.9;proto=https;host=evil",
    }
    with Nginx(tmp_path, Front(own.upstream, lines)) as nginx:
        for headers in ({}, forged, *({name: value} for name, value in forged.items())):
            with Connection(("127.0.0.1", nginx.port), source=STRANGER) as connection:
                told = connection.get("/environ", **headers).json
            assert told["REMOTE_ADDR"] == STRANGER
            assert (told["wsgi.url_scheme"], told["HTTP_HOST"]) == ("http", "localhost")
            assert told["SERVER_PORT"] == "80"


def test_mistakes_are_told_at_the_start() -> None:
    for words, told in (
        (["--trusted-proxies", "nginx"], "trusted-proxies = nginx: write an address (10.0.0.7"),
        (["--trusted-proxies", "10.0.0.7/8"], "write 10.0.0.7 for the one address, or 10.0.0.0/8"),
    ):
        done = run_mewsgi("--http-socket", "127.0.0.1:0", *words, *PROBE)
        assert done.status != 0 and told in done.text, done.text


@pytest.mark.parametrize("way", WAYS)
def test_a_reload_changes_who_is_trusted(serve: Serve, way: str, tmp_path: Path) -> None:
    ini = tmp_path / "app.ini"
    text = f"[uwsgi]\n{way} = 127.0.0.1:0\nchdir = {PROBE[1]}\nmodule = probe:app\n"
    ini.write_text(text)
    server = serve("--ini", str(ini), http=None)
    assert seen_by(server, PROXY, X_Forwarded_For=CLIENT)["REMOTE_ADDR"] == PROXY
    ini.write_text(text + f"trusted-proxies = {PROXY}\n")
    assert server.run("reload").status == 0

    def is_trusted() -> bool:
        return bool(seen_by(server, PROXY, X_Forwarded_For=CLIENT)["REMOTE_ADDR"] == CLIENT)

    # Workers trust it from the first request on; fronts of before may still take a connection.
    if way == "http":
        wait_for(is_trusted, "a front of the new configuration")
    else:
        assert is_trusted()
