"""Clients of apps/long_asgi.py whose connections last, and how they end: for probes/open-reload."""

from __future__ import annotations

import socket

from measure.idle import Kept
from measure.idle_websockets import HANDSHAKE, PING, PONG_FRAME

MESSAGE = b"\x81\x83\0\0\0\0mew"
CLOSE = 0x88
SERVICE_RESTART = 1012
GOING_AWAY = 1001


class CutError(ConnectionError):
    """The connection ended where something was still to come."""


class Long(Kept):
    """A connection whose bytes are read frame by frame, or line by line."""

    def __init__(self, port: int, place: int, deadline: float) -> None:
        super().__init__(port, place)
        self.deadline = deadline
        self.buffer = b""

    def begin(self, request: bytes) -> None:
        self.request = request
        self.send()
        assert self.socket
        self.socket.settimeout(self.deadline)

    def take(self, count: int) -> bytes:
        while len(self.buffer) < count:
            self.buffer += self.read_more()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def take_until(self, mark: bytes) -> bytes:
        while mark not in self.buffer:
            self.buffer += self.read_more()
        taken, _, self.buffer = self.buffer.partition(mark)
        return taken

    def read_more(self) -> bytes:
        assert self.socket
        data = self.socket.recv(65536)
        if not data:
            raise CutError("the connection ended")
        return data


class Socket(Long):
    """A WebSocket."""

    def open(self) -> int:
        """The process that it is in."""
        self.begin(HANDSHAKE)
        head = self.take_until(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101 "):
            raise CutError(f"answered {head[:40]!r}")
        return self.ask()

    def ask(self) -> int:
        assert self.socket
        self.socket.sendall(MESSAGE)
        first, payload = self.frame()
        if first != 0x81:
            raise CutError(f"no text but {first:#x}")
        return int(payload)

    def frame(self) -> tuple[int, bytes]:
        while True:
            first, size = self.take(2)
            if size == 126:
                size = int.from_bytes(self.take(2), "big")
            payload = self.take(size)
            if first != PING:
                return first, payload
            assert self.socket
            self.socket.sendall(PONG_FRAME)

    def end(self) -> str:
        """How the server ended it: a close code, or what it was instead."""
        try:
            first, payload = self.frame()
            if first != CLOSE:
                return f"frame {first:#x}"
            assert self.socket
            self.socket.sendall(b"\x88\x82\0\0\0\0" + payload[:2])
            if self.buffer or self.socket.recv(1):
                return "bytes behind its close"
            return str(int.from_bytes(payload[:2], "big"))
        except ConnectionResetError:
            return "reset"
        except CutError:
            return "without a close"
        except socket.timeout:
            return "silent"


class Stream(Long):
    """An answer in chunks, of so many numbered lines."""

    def open(self, pieces: int) -> None:
        self.pieces = pieces
        self.begin(b"GET /stream?n=%d HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % pieces)
        head = self.take_until(b"\r\n\r\n")
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise CutError(f"answered {head[:40]!r}")
        self.first = self.chunk()

    def chunk(self) -> bytes:
        size = int(self.take_until(b"\r\n"), 16)
        data = self.take(size)
        self.take(2)
        return data

    def end(self) -> str:
        try:
            lines = b"".join([self.first, *iter(self.chunk, b"")]).splitlines()
        except ConnectionResetError:
            return "reset"
        except CutError:
            return "cut"
        except socket.timeout:
            return "silent"
        whole = [int(line) for line in lines] == list(range(self.pieces))
        return "complete" if whole else "with a gap"
