"""Rule 14: what proxies say of clients counts from those in trusted-proxies, from nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from harness import Connection, Server
from wire import HERE, expect_orderly_end, get

# Options that name an HTTP socket, each with the one that asks for PROXY headers there.
WAYS = {"http-socket": "enable-proxy-protocol", "http": "http-enable-proxy-protocol"}
PROXY, STRANGER = "127.0.0.2", "127.0.0.3"
OWN = {"REMOTE_ADDR": PROXY, "wsgi.url_scheme": "http", "HTTP_HOST": "x"}


@dataclass(frozen=True)
class Row:
    name: str
    fields: tuple[bytes, ...]
    client: str = PROXY
    scheme: str = "http"
    host: str = "x"


def said(name: str, *fields: bytes, **what: str) -> Row:
    return Row(f"14 {name}", fields, **what)


BELIEVED = [
    said("one address", b"X-Forwarded-For: 192.0.2.7", client="192.0.2.7"),
    said("right-most stranger", b"X-Forwarded-For: 9.9.9.9, 192.0.2.7", client="192.0.2.7"),
    said("hops", b"X-Forwarded-For: 9.9.9.9, 192.0.2.7,10.0.0.3 , 10.0.0.2", client="192.0.2.7"),
    said("all trusted", b"X-Forwarded-For: 10.0.0.3, 10.0.0.2", client="10.0.0.3"),
    said(
        "several lines",
        *(b"X-Forwarded-For: 9.9.9.9", b"X-FORWARDED-FOR: 192.0.2.7", b"x-forwarded-for: 10.0.0.2"),
        client="192.0.2.7",
    ),
    said("port", b"X-Forwarded-For: 192.0.2.7:80", client="192.0.2.7"),
    said("IPv6", b"X-Forwarded-For: 2001:db8::7", client="2001:db8::7"),
    said("IPv6 in brackets", b"X-Forwarded-For: [2001:db8::7]:80", client="2001:db8::7"),
    said("scheme", b"X-Forwarded-Proto: https", scheme="https"),
    said("scheme in upper case", b"X-Forwarded-Proto: HTTPS", scheme="https"),
    said("Ssl", b"X-Forwarded-Ssl: on", scheme="https"),
    said("host", b"X-Forwarded-Host: cats.example:8443", host="cats.example:8443"),
    said(
        "scheme and host by the same rule",
        b"X-Forwarded-For: 9.9.9.9, 192.0.2.7, 10.0.0.2",
        b"X-Forwarded-Proto: http, https, http",
        b"X-Forwarded-Host: evil, cats.example, inside",
        client="192.0.2.7",
        scheme="https",
        host="cats.example",
    ),
    said(
        "Forwarded",
        b"Forwarded: for=9.9.9.9",
        b'Forwarded: for="[2001:db8::7]:1";proto=https;host=cats.example, for=10.0.0.2',
        client="2001:db8::7",
        scheme="https",
        host="cats.example",
    ),
    said(
        "both",
        b"Forwarded: for=9.9.9.9;proto=https;host=evil",
        b"X-Forwarded-For: 192.0.2.7",
        client="192.0.2.7",
    ),
    said("quote on the left", b'Forwarded: for=", for=192.0.2.7', client="192.0.2.7"),
]

MALFORMED = [
    said("no address", b"X-Forwarded-For: evil"),
    said("address behind what is none", b"X-Forwarded-For: 9.9.9.9, evil"),
    said("address of five", b"X-Forwarded-For: 9.9.9.9.9"),
    said("port too large", b"X-Forwarded-For: 9.9.9.9:65536"),
    said("unknown", b"X-Forwarded-For: 9.9.9.9, unknown"),
    said("empty", b"X-Forwarded-For:", b"X-Forwarded-Proto: ,", b"X-Forwarded-Host:"),
    said("scheme", b"X-Forwarded-Proto: javascript"),
    said("scheme and more", b"X-Forwarded-Proto: https evil"),
    said("host with userinfo", b"X-Forwarded-Host: evil@x"),
    said("host with a path", b"X-Forwarded-Host: x/evil"),
    said("host with a port too large", b"X-Forwarded-Host: evil:65536"),
    said("port", b"X-Forwarded-Port: 65536"),
    said("Forwarded without names", b"Forwarded: 9.9.9.9"),
    said("Forwarded twice in one", b"Forwarded: for=9.9.9.9;for=9.9.9.8;proto=https"),
    said("Forwarded unquoted", b"Forwarded: for=[2001:db8::7]:80;proto=https"),
    said("Forwarded open quote", b'Forwarded: for="9.9.9.9;proto=https'),
    said("other fields", b"X-Real-IP: 9.9.9.9", b"X-Client-IP: 9.9.9.9", b"Via: 1.1 evil"),
    said("underscores", b"X_Forwarded_For: 9.9.9.9", b"X_Forwarded_Proto: https"),
]


def row_name(row: Row) -> str:
    return row.name


@pytest.fixture(scope="module", params=WAYS)
def behind(request: pytest.FixtureRequest) -> Iterator[Server]:
    where = [f"--{request.param}", "127.0.0.1:0", "--trusted-proxies", f"{PROXY}, 10.0.0.0/8"]
    with Server([*where, "--chdir", str(HERE), "counting_app:app"], http=None) as server:
        yield server


def seen(server: Server, source: str, wire: bytes) -> dict[str, str]:
    with Connection(("127.0.0.1", server.port), source=source) as connection:
        connection.send(wire)
        environ = connection.read_response().json["environ"]
    return {name: environ[name] for name in OWN}


@pytest.mark.parametrize("row", BELIEVED, ids=row_name)
def test_believed(behind: Server, row: Row) -> None:
    told = {"REMOTE_ADDR": row.client, "wsgi.url_scheme": row.scheme, "HTTP_HOST": row.host}
    assert seen(behind, PROXY, get(*row.fields)) == told


@pytest.mark.parametrize("row", MALFORMED, ids=row_name)
def test_malformed_counts_as_not_said(behind: Server, row: Row) -> None:
    assert seen(behind, PROXY, get(*row.fields)) == OWN


@pytest.mark.parametrize("row", BELIEVED + MALFORMED, ids=row_name)
def test_not_believed_of_strangers(behind: Server, row: Row) -> None:
    assert seen(behind, STRANGER, get(*row.fields)) == {**OWN, "REMOTE_ADDR": STRANGER}


@pytest.fixture(scope="module", params=WAYS)
def balanced(request: pytest.FixtureRequest) -> Iterator[Server]:
    where = [f"--{request.param}", "127.0.0.1:0", "--trusted-proxies", PROXY]
    options = [f"--{WAYS[request.param]}", "--chdir", str(HERE), "counting_app:app"]
    with Server([*where, *options], http=None) as server:
        yield server


def test_proxy_headers(balanced: Server) -> None:
    """Believed of a trusted peer; whoever else sends one, or a peer that sends none, is closed
    before a byte of it is a request."""
    line = b"PROXY TCP4 192.0.2.7 203.0.113.1 1 2\r\n"
    assert seen(balanced, PROXY, line + get()) == {**OWN, "REMOTE_ADDR": "192.0.2.7"}
    for source, wire in ((STRANGER, line), (STRANGER, b""), (PROXY, b"")):
        with Connection(("127.0.0.1", balanced.port), source=source) as connection:
            connection.send(wire + get())
            expect_orderly_end(connection)


def test_a_proxy_header_is_no_request(behind: Server) -> None:
    """Where the option is off."""
    with Connection(("127.0.0.1", behind.port), source=PROXY) as connection:
        connection.send(b"PROXY TCP4 192.0.2.7 203.0.113.1 1 2\r\n" + get())
        assert connection.read_response().status == 400
        expect_orderly_end(connection)
