"""HTTP by raw bytes. What is sent is what the test wrote; what comes back is read as one answer
exactly, so that the next one of the same connection is still there."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any


class Closed(Exception):  # noqa: N818 (an event of the wire, not always an error)
    """The other side ended the connection; `partial` is what had come of an answer."""

    def __init__(self, partial: bytes) -> None:
        super().__init__(f"connection closed after {len(partial)} bytes: {partial[:200]!r}")
        self.partial = partial


@dataclass
class Response:
    version: str
    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    chunks: list[bytes] = field(default_factory=list)
    complete: bool = True  # False: the framing promised more than came

    def get(self, name: str) -> str | None:
        values = self.all(name)
        assert len(values) < 2, f"{name} came {len(values)} times: {values}"
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def closes(self) -> bool:
        return "close" in (self.get("Connection") or "").lower()


class Connection:
    """One TCP (or UNIX) connection. Every wait of it ends at `timeout` seconds from its start.
    `source`: the address that it comes from; all of 127.0.0.0/8 are ours."""

    def __init__(
        self, address: tuple[str, int] | str, timeout: float = 10.0, source: str = ""
    ) -> None:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        if source:
            self.socket.bind((source, 0))
        self.timeout = timeout
        self.socket.connect(address)
        if family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.ended = False

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_split(self, data: bytes, points: Iterable[int]) -> None:
        """In pieces, cut at each of `points`; each piece is a segment of its own."""
        cuts = [0, *sorted(points), len(data)]
        for start, end in zip(cuts, cuts[1:]):
            if start != end:
                self.socket.sendall(data[start:end])

    def finish_sending(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def request(self, method: str, target: str, body: bytes = b"", /, **headers: str) -> Response:
        """One plain HTTP/1.1 request and its answer. `X_Name="v"` is the header X-Name."""
        self.send(plain_request(method, target, body, **headers))
        return self.read_response(method)

    def get(self, target: str, **headers: str) -> Response:
        return self.request("GET", target, **headers)

    def receive_more(self) -> bool:
        """False at the end of the stream. A reset counts as an end: nothing more will come."""
        if self.ended:
            return False
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            self.ended = True
            return False
        self.buffer += data
        return True

    def read_until(self, mark: bytes) -> bytes:
        while mark not in self.buffer:
            if not self.receive_more():
                raise Closed(self.buffer)
        taken, _, self.buffer = self.buffer.partition(mark)
        return taken + mark

    def read_exactly(self, count: int) -> bytes:
        while len(self.buffer) < count:
            if not self.receive_more():
                raise Closed(self.buffer)
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def read_head(self) -> Response:
        head = self.read_until(b"\r\n\r\n").decode("latin-1")
        status_line, *rows = head[:-4].split("\r\n")
        version, code, *reason = status_line.split(" ", 2)
        assert version in ("HTTP/1.1", "HTTP/1.0"), f"no answer of HTTP/1: {head!r}"
        headers = []
        for row in rows:
            name, colon, value = row.partition(":")
            assert colon and name == name.strip(), f"bad header line {row!r}"
            headers.append((name, value.strip()))
        return Response(version, int(code), reason[0] if reason else "", headers)

    def read_response(self, method: str = "GET", interim: bool = False) -> Response:
        """The next final answer (or, with `interim`, the next of any kind)."""
        response = self.read_head()
        while response.status < 200 and not interim:
            response = self.read_head()
        if method == "HEAD" or response.status < 200 or response.status in (204, 304):
            return response
        if "chunked" in (response.get("Transfer-Encoding") or "").lower():
            assert response.get("Content-Length") is None, "both framings in one answer"
            self.read_chunks(response)
        elif (length := response.get("Content-Length")) is not None:
            try:
                response.body = self.read_exactly(int(length))
            except Closed as cut:
                response.body, response.complete = cut.partial, False
                self.buffer = b""
        else:
            while self.receive_more():
                pass
            response.body, self.buffer = self.buffer, b""
        return response

    def read_chunk(self) -> bytes:
        """One chunk's data; empty for the last one, trailers included."""
        size = int(self.read_until(b"\r\n")[:-2].split(b";")[0], 16)
        if size == 0:
            while self.read_until(b"\r\n") != b"\r\n":
                pass
            return b""
        data = self.read_exactly(size)
        assert self.read_exactly(2) == b"\r\n"
        return data

    def read_chunks(self, response: Response) -> None:
        try:
            while chunk := self.read_chunk():
                response.chunks.append(chunk)
        except Closed:
            response.complete = False
        response.body = b"".join(response.chunks)

    def read_to_end(self) -> bytes:
        """All that comes until the other side closes."""
        while self.receive_more():
            pass
        rest, self.buffer = self.buffer, b""
        return rest

    def expect_end(self) -> None:
        rest = self.read_to_end()
        assert rest == b"", f"expected the end of the connection, got {rest[:300]!r}"

    def expect_silence(self, seconds: float = 0.15) -> None:
        """Nothing comes for a moment, and the connection stays."""
        assert not self.buffer, f"unexpected {self.buffer[:300]!r}"
        self.socket.settimeout(seconds)
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            return
        except OSError as error:  # socket.timeout before 3.10
            if isinstance(error, socket.timeout):
                return
            raise
        finally:
            self.socket.settimeout(self.timeout)
        raise AssertionError(f"expected silence, got {data[:300]!r}")


def plain_request(method: str, target: str, body: bytes = b"", /, **headers: str) -> bytes:
    fields = {"Host": "localhost"}
    fields.update({name.replace("_", "-"): value for name, value in headers.items()})
    if body and "Transfer-Encoding" not in fields and "Content-Length" not in fields:
        fields["Content-Length"] = str(len(body))
    head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in fields.items())
    return head.encode("latin-1") + b"\r\n" + body


def timed(connection: Connection, target: str) -> float:
    """Seconds that one GET took."""
    start = time.monotonic()
    assert connection.get(target).status == 200
    return time.monotonic() - start
