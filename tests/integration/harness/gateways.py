"""uwsgi, FastCGI and SCGI by raw bytes: what a web server would send, and what it would read.

gateway = Gateway("uwsgi", ("127.0.0.1", 3031))
assert gateway.get("/hello").body == b"hello"
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.client import Connection, Response
from harness.fixtures import APPS
from harness.server import Server

KINDS = ["uwsgi", "puwsgi", "fastcgi", "scgi"]
# Options of a server that speaks all of them, each on a port of its own.
SOCKETS = [word for kind in KINDS for word in (f"--{kind}-socket", "127.0.0.1:0")]
PROBE = ["--chdir", str(APPS), "--module", "probe:app"]
BEGIN, ABORT, END, PARAMS, INPUT, OUTPUT = range(1, 7)
GET_VALUES, VALUES_RESULT, UNKNOWN_TYPE = 9, 10, 11


def variables(method: str, target: str, body: bytes | None, more: dict[str, str]) -> dict[str, str]:
    """As nginx says them."""
    path, _, query = target.partition("?")
    given = {
        "QUERY_STRING": query,
        "REQUEST_METHOD": method,
        "CONTENT_TYPE": "",
        "CONTENT_LENGTH": "" if body is None else str(len(body)),
        "REQUEST_URI": target,
        "PATH_INFO": path,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.7",
        "REMOTE_PORT": "4321",
        "SERVER_PORT": "80",
        "SERVER_NAME": "front.example",
        "HTTP_HOST": "front.example",
    }
    return {**given, **more}


def uwsgi_header(modifier1: int, size: int, modifier2: int = 0) -> bytes:
    return bytes([modifier1]) + size.to_bytes(2, "little") + bytes([modifier2])


def uwsgi_packet(pairs: dict[str, str], modifier1: int = 0) -> bytes:
    block = b""
    for pair in pairs.items():
        for text in pair:
            raw = text.encode("latin-1")
            block += len(raw).to_bytes(2, "little") + raw
    return uwsgi_header(modifier1, len(block)) + block


def scgi_packet(pairs: dict[str, str]) -> bytes:
    first = {"CONTENT_LENGTH": pairs.get("CONTENT_LENGTH") or "0", "SCGI": "1"}
    ordered = {**first, **{k: v for k, v in pairs.items() if k not in first}}
    block = b"".join(f"{k}\0{v}\0".encode("latin-1") for k, v in ordered.items())
    return str(len(block)).encode() + b":" + block + b","


def record(kind: int, request: int, content: bytes = b"", padding: int = 0) -> bytes:
    head = bytes([1, kind]) + request.to_bytes(2, "big") + len(content).to_bytes(2, "big")
    return head + bytes([padding, 0]) + content + bytes(padding)


def fastcgi_begin(request: int = 1, keep: bool = False, role: int = 1) -> bytes:
    return record(BEGIN, request, bytes([0, role, keep, 0, 0, 0, 0, 0]))


def fastcgi_pairs(pairs: dict[str, str]) -> bytes:
    def length(size: int) -> bytes:
        return bytes([size]) if size < 128 else (size | 1 << 31).to_bytes(4, "big")

    block = b""
    for name, value in pairs.items():
        raw = value.encode("latin-1")
        block += length(len(name)) + length(len(raw)) + name.encode() + raw
    return block


def fastcgi_head(pairs: dict[str, str], request: int = 1, keep: bool = False) -> bytes:
    params = record(PARAMS, request, fastcgi_pairs(pairs), 5) + record(PARAMS, request)
    return fastcgi_begin(request, keep) + params


def fastcgi_body(body: bytes, request: int = 1) -> bytes:
    pieces = [body[at : at + 30000] for at in range(0, len(body), 30000)]
    return b"".join(record(INPUT, request, piece, 3) for piece in pieces) + record(INPUT, request)


@dataclass
class Record:
    kind: int
    request: int
    content: bytes


def read_record(connection: Connection) -> Record:
    head = connection.read_exactly(8)
    assert head[0] == 1, head
    content = connection.read_exactly(int.from_bytes(head[4:6], "big"))
    connection.read_exactly(head[6])
    return Record(head[1], int.from_bytes(head[2:4], "big"), content)


def parse_cgi(text: bytes) -> Response:
    """`Status: 200 OK`, headers, the body: what SCGI sends, and FastCGI in records."""
    head, found, body = text.partition(b"\r\n\r\n")
    assert found, f"no head: {text[:200]!r}"
    rows = [tuple(row.split(": ", 1)) for row in head.decode("latin-1").split("\r\n")]
    name, status = rows[0]
    assert name == "Status", rows
    code, _, reason = status.partition(" ")
    headers = [(row[0], row[1]) for row in rows[1:]]
    length = {name.lower(): value for name, value in headers}.get("content-length")
    whole = length is None or len(body) == int(length)
    return Response("CGI", int(code), reason, headers, body, complete=whole)


def read_fastcgi(connection: Connection, request: int = 1) -> Response:
    """Records up to the end of the request."""
    text = b""
    while True:
        got = read_record(connection)
        assert got.request == request, got
        if got.kind == END:
            assert got.content == bytes(8), got
            return parse_cgi(text)
        assert got.kind == OUTPUT, got
        text += got.content


class Gateway:
    """One way to talk to a server; `kind`: uwsgi, puwsgi, fastcgi or scgi."""

    def __init__(self, kind: str, address: tuple[str, int] | str) -> None:
        self.kind, self.address = kind, address

    def connect(self, timeout: float = 10.0) -> Connection:
        return Connection(self.address, timeout)

    def head(self, method: str, target: str, body: bytes | None = None, /, **more: str) -> bytes:
        """All of a request but its body."""
        return self.pack(variables(method, target, body, more))

    def pack(self, pairs: dict[str, str]) -> bytes:
        if self.kind == "fastcgi":
            return fastcgi_head(pairs)
        return scgi_packet(pairs) if self.kind == "scgi" else uwsgi_packet(pairs)

    def body(self, body: bytes | None) -> bytes:
        return fastcgi_body(body or b"") if self.kind == "fastcgi" else body or b""

    def read(self, connection: Connection, method: str = "GET") -> Response:
        if self.kind == "fastcgi":
            return read_fastcgi(connection)
        if self.kind == "scgi":
            return parse_cgi(connection.read_to_end())
        return connection.read_response(method)

    def request(
        self, method: str, target: str, body: bytes | None = None, /, **more: str
    ) -> Response:
        with self.connect() as connection:
            connection.send(self.head(method, target, body, **more) + self.body(body))
            return self.read(connection, method)

    def get(self, target: str, /, **more: str) -> Response:
        return self.request("GET", target, **more)

    def refused(self, wire: bytes) -> int:
        """The status that answers what is no request; 0: closed without a word."""
        with self.connect() as connection:
            connection.send(wire)
            text = connection.read_to_end()
        if text.startswith(b"HTTP/1.1 "):
            return int(text.split(b" ")[1])
        if b"Status: " not in text:
            return 0
        return int(text.partition(b"Status: ")[2].split(b" ")[0])


def gateway_of(server: Server, kind: str) -> Gateway:
    """Of a server that was started with SOCKETS."""
    found = server.wait_log(rf"^.* {kind}-socket bound on 127\.0\.0\.1:(\d+) fd")
    return Gateway(kind, ("127.0.0.1", int(found[1])))


def calls(server: Server) -> int:
    """How often the probe app was called, this time included."""
    return int(server.get("/count").json)
