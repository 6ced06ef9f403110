"""What a prober of TLS asks: versions, ciphers, groups, resumption, renegotiation, early data,
records of odd shapes, handshakes that do not end. It must find nothing."""

from __future__ import annotations

import re
import select
import socket
import ssl
import struct
import time
from pathlib import Path
from typing import Callable

import pytest
from harness import Connection, Server
from harness.certificates import Authority, openssl
from harness.tls import Interactive, SecureConnection, Wire, fragmented, s_client, secure_get
from listening import PROBE, https

Serve = Callable[..., Server]

LISTENING = r"https bound on \S*?:(\d+) fd"
# TLS 1.2: forward secrecy and AEAD, nothing else (RFC 9325).
GOOD = {
    f"ECDHE-{key}-{cipher}"
    for key in ("ECDSA", "RSA")
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
}
ALERTS = {"protocol_version": 70, "handshake_failure": 40, "inappropriate_fallback": 86}


def ports(server: Server) -> list[int]:
    """That of the EC certificate, then that of the RSA one."""
    found = [int(re.search(LISTENING, line)[1]) for line in server.find_all(LISTENING)]  # type: ignore[index]
    assert len(found) == 2
    return found


def offered(version: ssl.TLSVersion, ciphers: str = "ALL:@SECLEVEL=0") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers(ciphers)
    context.minimum_version = context.maximum_version = version
    return context


# Versions


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_versions_that_are_spoken(secured: Server, version: str) -> None:
    for port in ports(secured):
        with SecureConnection(port, offered(ssl.TLSVersion[version])) as connection:
            assert connection.tls.version() == version.replace("_", ".")
            assert connection.tls.compression() is None
            assert connection.get("/hello").text == "hello"


@pytest.mark.parametrize("version", ["tls1", "tls1_1"])
def test_versions_that_are_not(secured: Server, version: str) -> None:
    said = s_client(ports(secured)[1], f"-{version}", "-cipher", "ALL:@SECLEVEL=0")
    assert "alert protocol version" in said, said


def test_ssl_3_and_older(secured: Server) -> None:
    """By hand, for no library speaks them: a hello of SSL 2, one of SSL 3."""
    body = b"\3\0" + b"r" * 32 + b"\0" + b"\0\4\0\5\0\x0a" + b"\1\0"
    three = b"\x16\3\0" + struct.pack(">H", len(body) + 4) + b"\1\0" + struct.pack(">H", len(body))
    two = b"\x80\x2e\x01\x00\x02" + b"\0\x15\0\0\0\x10" + b"r" * 37
    for hello in (three + body, two):
        with socket.create_connection(("127.0.0.1", ports(secured)[0]), 10) as client:
            client.sendall(hello)
            answer = client.recv(100)
            assert answer == b"" or answer[0] == 0x15, answer  # an alert
            assert client.recv(100) == b""


def test_fallback_is_noticed(secured: Server) -> None:
    """RFC 7507."""
    said = s_client(ports(secured)[0], "-tls1_2", "-fallback_scsv")
    assert "alert inappropriate fallback" in said, said


def test_only_1_3_where_that_is_asked_for(serve: Serve, authority: Authority) -> None:
    server = serve(*https(authority), "--tls-min-version", "1.3", *PROBE, http=None)
    port = server.port_of("https")
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
        SecureConnection(port, offered(ssl.TLSVersion.TLSv1_2))
    with SecureConnection(port, offered(ssl.TLSVersion.TLSv1_3)) as connection:
        assert connection.get("/hello").text == "hello"


# Ciphers and groups


def known_ciphers() -> list[str]:
    listed = openssl("ciphers", "-s", "-tls1_2", "ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    return [name for name in listed.strip().split(":") if not name.startswith("TLS_")]


def accepts(port: int, context: ssl.SSLContext) -> bool:
    try:
        SecureConnection(port, context).close()
    except (ssl.SSLError, ConnectionResetError):
        return False
    return True


def test_ciphers_of_1_2(secured: Server) -> None:
    taken = set()
    for name in known_ciphers():
        try:
            context = offered(ssl.TLSVersion.TLSv1_2, f"{name}:@SECLEVEL=0")
        except ssl.SSLError:
            continue  # the openssl program knows it, Python's library does not
        taken |= {name for port in ports(secured) if accepts(port, context)}
    assert taken <= GOOD, taken - GOOD
    assert {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"} <= taken


@pytest.mark.parametrize("suite", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                   "TLS_CHACHA20_POLY1305_SHA256"])  # fmt: skip
def test_suites_of_1_3(secured: Server, suite: str) -> None:
    said = s_client(ports(secured)[0], "-tls1_3", "-ciphersuites", suite)
    assert f"Cipher is {suite}" in said, said


@pytest.mark.parametrize("version", ["tls1_2", "tls1_3"])
def test_who_prefers_chacha_gets_it(secured: Server, version: str) -> None:
    """A client without hardware for AES says so by its order; else the server's counts."""
    option, chacha, aes = {
        "tls1_2": ("-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        "tls1_3": ("-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"),
    }[version]
    for first, second in ((chacha, aes), (aes, chacha)):
        said = s_client(ports(secured)[0], f"-{version}", option, f"{first}:{second}")
        assert f"Cipher is {first}" in said, said


@pytest.mark.parametrize("group", ["X25519", "P-256"])
def test_groups_that_are_spoken(secured: Server, group: str) -> None:
    """Of TLS 1.2 by the RSA certificate: the other's key is of a group too."""
    for version, cipher in (("-tls1_2", "ECDHE"), ("-tls1_3", "TLS")):
        said = s_client(ports(secured)[1], version, "-groups", group)
        assert f"Cipher is {cipher}" in said, said


@pytest.mark.parametrize("group", ["ffdhe2048", "P-224", "brainpoolP256r1"])
def test_groups_that_are_not(secured: Server, group: str) -> None:
    said = s_client(ports(secured)[0], "-groups", group)
    assert "Cipher is (NONE)" in said or "Cipher is" not in said, said


# Resumption


def resumable(port: int, context: ssl.SSLContext) -> ssl.SSLSession:
    with SecureConnection(port, context) as connection:
        assert connection.get("/hello").text == "hello"
        session = connection.tls.session
    assert session is not None and session.has_ticket
    return session


def counts(server: Server) -> list[int]:
    return [front["requests"] for front in server.status()["fronts"]]


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_every_front_resumes(secured: Server, authority: Authority, version: str) -> None:
    context = authority.context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    port = ports(secured)[0]
    session = resumable(port, context)
    before = counts(secured)
    deadline = time.monotonic() + 20
    while min(now - then for now, then in zip(counts(secured), before)) < 3:
        assert time.monotonic() < deadline, "a front got nothing to do"
        kept = [SecureConnection(port, context, session=session) for _ in range(8)]
        for connection in kept:
            assert connection.get("/hello").text == "hello"
            assert connection.tls.session_reused
            connection.close()


def test_a_ticket_outlives_reloads(serve: Serve, authority: Authority) -> None:
    server = serve(*https(authority), *PROBE, http=None)
    context, port = authority.context(), server.port_of("https")
    session = resumable(port, context)
    for command in ("reload", "upgrade"):
        assert server.run(command).status == 0
        with SecureConnection(port, context, session=session) as connection:
            assert connection.get("/hello").text == "hello"
            assert connection.tls.session_reused, f"not after {command}"


def test_a_ticket_of_another_server_is_none(serve: Serve, authority: Authority) -> None:
    context = authority.context()
    one, two = (serve(*https(authority), *PROBE, http=None) for _ in range(2))
    session = resumable(one.port_of("https"), context)
    with SecureConnection(two.port_of("https"), context, session=session) as connection:
        assert connection.get("/hello").text == "hello"
        assert not connection.tls.session_reused


# Renegotiation and early data


def test_renegotiation_is_refused(secured: Server) -> None:
    with Interactive(ports(secured)[0], "-tls1_2") as client:
        client.wait_for("Secure Renegotiation IS supported")
        client.wait_for("Verify return code.*\n")
        client.send("R")
        client.wait_for("RENEGOTIATING")
        client.wait_for("no renegotiation|no_renegotiation")


REQUEST = b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def most_early_data(port: int, session: Path) -> int:
    """What the server offers for the next time; the session is kept in a file."""
    session.unlink(missing_ok=True)
    s_client(port, "-tls1_3", "-sess_out", str(session), "-ign_eof", sent=REQUEST)
    said = openssl("sess_id", "-in", str(session), "-noout", "-text")
    found = re.search(r"Max Early Data: (\d+)", said)
    return int(found[1]) if found else 0


def early(port: int, folder: Path, request: bytes) -> str:
    """What the openssl program says of a second connection that begins with `request`."""
    session, data = folder / "session", folder / "early"
    data.write_bytes(request)
    assert most_early_data(port, session) > 0
    options = ["-tls1_3", "-sess_in", str(session), "-early_data", str(data), "-ign_eof"]
    return s_client(port, *options)


def test_no_early_data_unless_asked_for(secured: Server, tmp_path: Path) -> None:
    assert most_early_data(ports(secured)[0], tmp_path / "session") == 0


def test_early_data_of_safe_methods_alone(
    serve: Serve, authority: Authority, tmp_path: Path
) -> None:
    """H13, RFC 8470."""
    server = serve(*https(authority), "--tls-early-data", *PROBE, http=None)
    port = server.port_of("https")
    tail = b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    said = early(port, tmp_path, REQUEST)
    assert "Early data was accepted" in said and "HTTP/1.1 200" in said, said
    for method in (b"POST", b"PUT", b"DELETE", b"PATCH"):
        request = method + b" /echo" + tail + b"Content-Length: 0\r\n\r\n"
        said = early(port, tmp_path, request)
        assert "HTTP/1.1 425" in said, said
    assert not server.find_log(r"POST /echo.* 200\b")


# Handshakes that do not end, records of odd shapes


def test_half_done_handshakes(secured: Server, authority: Authority) -> None:
    """400 that stop half way: each is ended at the time limit, and others are served."""
    port = ports(secured)[0]
    with Wire(port, authority.context()) as wire:
        hello = wire.hello()
    halves = [hello[: 1 + number % (len(hello) - 1)] for number in range(300)]
    clients = [socket.create_connection(("127.0.0.1", port), 20) for _ in range(400)]
    for client, half in zip(clients, [*halves, *[b""] * 50, *[hello] * 50]):
        client.sendall(half)
    assert secure_get(port, authority.context(), "/hello").text == "hello"
    deadline = time.monotonic() + 25
    waiting = set(clients)
    while waiting:
        assert time.monotonic() < deadline, f"{len(waiting)} of 400 are still open"
        for client in select.select(list(waiting)[:1000], [], [], 1)[0]:
            if ended(client):
                waiting.discard(client)
    for client in clients:
        client.close()


def ended(client: socket.socket) -> bool:
    try:
        return not client.recv(65536)
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_hello_in_many_records(secured: Server, authority: Authority, size: int) -> None:
    with Wire(ports(secured)[0], authority.context()) as wire:
        wire.socket.sendall(fragmented(wire.hello(), size))
        wire.receive()
        wire.shake_hands()
        wire.tls.write(b"GET /hello HTTP/1.0\r\nHost: x\r\n\r\n")
        wire.socket.sendall(wire.take())
        assert b"hello" in wire.read()


def test_hello_byte_by_byte(secured: Server, authority: Authority) -> None:
    with Wire(ports(secured)[0], authority.context()) as wire:
        for byte in wire.hello():
            wire.socket.sendall(bytes([byte]))
        wire.receive()
        wire.shake_hands()


def test_records_of_one_byte(secured: Server, authority: Authority) -> None:
    count = 20_000
    with SecureConnection(ports(secured)[0], authority.context()) as connection:
        head = f"POST /digest HTTP/1.1\r\nHost: x\r\nContent-Length: {count}\r\n\r\n".encode()
        for byte in head + b"x" * count:
            connection.send(bytes([byte]))
        assert connection.read_response().json[0] == count


def test_bytes_that_are_no_record(secured: Server, authority: Authority) -> None:
    """After a handshake: too long, wrongly protected, of an unknown kind."""
    for bad in (
        b"\x17\3\3\x48\x01" + b"x" * 0x4801,
        b"\x17\3\3\0\x20" + b"x" * 0x20,
        b"\x42\3\3\0\x05hello",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    ):
        with Wire(ports(secured)[0], authority.context()) as wire:
            wire.shake_hands()
            wire.socket.sendall(bad)
            assert b"hello" not in wire.read_raw()


def test_key_updates(secured: Server) -> None:
    """RFC 8446 4.6.3; more of them than anybody needs may end the connection."""
    with Interactive(ports(secured)[0], "-tls1_3") as client:
        client.wait_for("Verify return code.*\n")
        for count in range(1, 11):
            client.send("K")
            client.wait_for("KEYUPDATE", count)
        client.send("GET /hello HTTP/1.0\r\nHost: x\r\n\r")
        client.wait_for("hello")


def test_the_end_is_said(secured: Server, authority: Authority) -> None:
    """close_notify comes before the end of the connection: an answer without a length is whole."""
    with SecureConnection(ports(secured)[0], authority.context()) as connection:
        connection.send(b"GET /stream?n=9 HTTP/1.0\r\nHost: x\r\n\r\n")
        assert connection.read_response().body == b"x" * 9  # SSLEOFError where it is missing


# What is no TLS


def test_plain_http_is_told(secured: Server) -> None:
    for port in ports(secured):
        before = sum(counts(secured))
        with Connection(("127.0.0.1", port)) as connection:
            connection.send(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = connection.read_response()
            assert answer.status == 400 and answer.closes
            assert "https" in answer.text.lower()
            connection.expect_end()
        assert sum(counts(secured)) == before


@pytest.mark.parametrize(
    "data", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\0" * 300, b"\xff" * 20, b"\x16\x03", b"{}\n"]
)
def test_other_bytes_are_not_served(secured: Server, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", ports(secured)[0]), 15) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while part := client.recv(65536):
            answer += part
        assert not answer or answer[0] == 0x15 or answer.startswith(b"HTTP/1.1 400"), answer


# ALPN


@pytest.mark.parametrize(
    ("offer", "chosen"),
    [
        (["h2", "http/1.1"], "h2"),
        (["http/1.1", "h2"], "h2"),
        (["http/1.1"], "http/1.1"),
        ([], None),
    ],
)
def test_alpn(secured: Server, authority: Authority, offer: list[str], chosen: str | None) -> None:
    with SecureConnection(ports(secured)[0], authority.context(*offer)) as connection:
        assert connection.tls.selected_alpn_protocol() == chosen
        if chosen != "h2":
            assert connection.get("/hello").text == "hello"


def test_alpn_without_a_common_protocol(secured: Server, authority: Authority) -> None:
    """RFC 7301, 3.2."""
    with pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"):
        SecureConnection(ports(secured)[0], authority.context("spdy/3"))


def test_no_h2_where_it_is_off(serve: Serve, authority: Authority) -> None:
    server = serve(*https(authority), "--no-http2", *PROBE, http=None)
    context = authority.context("h2", "http/1.1")
    with SecureConnection(server.port_of("https"), context) as connection:
        assert connection.tls.selected_alpn_protocol() == "http/1.1"
        assert connection.get("/hello").text == "hello"
