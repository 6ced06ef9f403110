"""Clients of TLS: Python's own, the openssl program, and one whose bytes a test may cut up."""

from __future__ import annotations

import os
import re
import select
import socket
import ssl
import subprocess
import time
from types import TracebackType

from harness.client import Connection, Response


class SecureConnection(Connection):
    """HTTP/1.1 by raw bytes over TLS; `tls` is the ssl module's socket."""

    def __init__(
        self,
        port: int,
        context: ssl.SSLContext,
        *,
        name: str = "localhost",
        session: ssl.SSLSession | None = None,
        timeout: float = 10.0,
    ) -> None:
        super().__init__(("127.0.0.1", port), timeout)
        try:
            self.tls = context.wrap_socket(
                self.socket, server_hostname=name, session=session, suppress_ragged_eofs=False
            )
        except BaseException:
            self.socket.close()
            raise
        self.socket = self.tls


def secure_get(
    port: int, context: ssl.SSLContext, target: str, name: str = "localhost", **headers: str
) -> Response:
    with SecureConnection(port, context, name=name) as connection:
        return connection.get(target, Host=name, Connection="close", **headers)


def served_certificate(port: int, name: str) -> bytes:
    """DER of what this name gets, trusted or not."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with SecureConnection(port, context, name=name) as connection:
        found = connection.tls.getpeercert(True)
        assert found
        return found


def s_client(port: int, *options: str, sent: bytes = b"", timeout: float = 20.0) -> str:
    """What the openssl program says of one connection; it leaves at the end of `sent`, unless told
    to stay."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *options]
    done = subprocess.run(command, input=sent, capture_output=True, timeout=timeout)
    return (done.stdout + done.stderr).decode(errors="replace")


class Interactive:
    """The openssl program with its commands: R renegotiates, K changes the key, each on a line."""

    def __init__(self, port: int, *options: str, timeout: float = 15.0) -> None:
        self.process = subprocess.Popen(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.timeout, self.said = timeout, ""

    def __enter__(self) -> Interactive:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.communicate()

    def send(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def wait_for(self, pattern: str, times: int = 1) -> None:
        """Until it has said so, that often in all."""
        assert self.process.stdout
        deadline = time.monotonic() + self.timeout
        while len(re.findall(pattern, self.said)) < times:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise AssertionError(f"{self.timeout:g} s without {pattern!r}: {self.said}")
            part = os.read(self.process.stdout.fileno(), 65536)
            assert part, f"it ended without {pattern!r}: {self.said}"
            self.said += part.decode(errors="replace")


class Wire:
    """A TLS client whose records are in a test's hands: `take()` gives what it wants to send."""

    def __init__(self, port: int, context: ssl.SSLContext, timeout: float = 15.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    def take(self) -> bytes:
        return self.outgoing.read()

    def hello(self) -> bytes:
        """The record with the ClientHello."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return self.take()

    def shake_hands(self) -> None:
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                self.socket.sendall(self.take())
                self.receive()
                continue
            self.socket.sendall(self.take())
            return

    def receive(self) -> None:
        data = self.socket.recv(65536)
        assert data, "the server closed the connection"
        self.incoming.write(data)

    def read(self) -> bytes:
        """The next bytes of the answer."""
        while True:
            try:
                return self.tls.read(65536)
            except ssl.SSLWantReadError:
                self.receive()

    def read_raw(self) -> bytes:
        """All that comes, undeciphered, to the end of the connection."""
        data = b""
        while True:
            try:
                part = self.socket.recv(65536)
            except ConnectionResetError:
                part = b""
            if not part:
                return data
            data += part


def fragmented(record: bytes, size: int = 1) -> bytes:
    """The payload of one record in records of `size` bytes each."""
    head, payload = record[:3], record[5:]
    parts = [payload[at : at + size] for at in range(0, len(payload), size)]
    return b"".join(head + len(part).to_bytes(2, "big") + part for part in parts)
