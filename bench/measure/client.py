"""A client that makes exactly so many requests, on so many connections, in lockstep.

It sends one request on every connection and then reads all answers, so the server sees that many
at a time. When the server closes a connection it opens the next one, as wrk does. Used by the
probes, and by the rounds to see what wrk does not tell: whether every connection is served.
"""

from __future__ import annotations

import contextlib
import socket
import time

DEADLINE = 60.0  # valgrind makes a server fifty times slower
ALL_SERVED_WITHIN = 1.0


class AnswerError(ConnectionError):
    pass


class Connection:
    def __init__(self, port: int) -> None:
        self.port = port
        self.deadline = DEADLINE
        self.request = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
        self.opened = 0
        self.socket: socket.socket | None = None

    def send(self) -> None:
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=self.deadline)
            self.opened += 1
        self.socket.sendall(self.request)

    def set_deadline(self, seconds: float) -> None:
        # 0 would mean non-blocking, and then not even see what is already there.
        self.deadline = max(0.001, seconds)
        if self.socket is not None:
            self.socket.settimeout(self.deadline)

    def receive(self) -> None:
        got = b""
        while b"\r\n\r\n" not in got:
            got += self.more()
        head, body = got.split(b"\r\n\r\n", 1)
        length, closes = read_head(head)
        while len(body) < length:
            body += self.more()
        if closes:
            self.close()

    def more(self) -> bytes:
        if self.socket is None:
            raise AnswerError("not connected")
        data = self.socket.recv(65536)
        if not data:
            raise AnswerError("the server closed the connection before its answer was complete")
        return data

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
        self.socket = None


def read_head(head: bytes) -> tuple[int, bool]:
    """The length of the body and whether the connection ends after it."""
    status, *lines = head.decode("latin-1").split("\r\n")
    if status.split(" ")[1] != "200":
        raise AnswerError(f"answered {status}")
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    if "content-length" not in headers:
        raise AnswerError("an answer without Content-Length; the probes need one")
    closes = headers.get("connection", "").lower() == "close" or status.startswith("HTTP/1.0")
    return int(headers["content-length"]), closes


class Client:
    def __init__(self, port: int, connections: int) -> None:
        self.connections = [Connection(port) for _ in range(connections)]

    def requests(self, count: int) -> None:
        """`count` in all; a multiple of the connections."""
        for _ in range(count // len(self.connections)):
            for connection in self.connections:
                connection.send()
            for connection in self.connections:
                connection.receive()

    @property
    def opened(self) -> int:
        return sum(connection.opened for connection in self.connections)

    def close(self) -> None:
        for connection in self.connections:
            connection.close()


def unserved(port: int, connections: int) -> int:
    """How many of so many open connections get no answer within a second.

    wrk only counts what was answered: a server that serves one connection and lets the others wait
    looks healthy there, and what is measured at 64 connections is then one.
    """
    opened = [Connection(port) for _ in range(connections)]
    served = 0
    end = time.monotonic() + ALL_SERVED_WITHIN
    try:
        for connection in opened:
            with contextlib.suppress(OSError):
                connection.send()
        for connection in opened:
            connection.set_deadline(end - time.monotonic())
            with contextlib.suppress(OSError):
                connection.receive()
                served += 1
    finally:
        for connection in opened:
            connection.close()
    return connections - served
