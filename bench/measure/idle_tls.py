"""What an idle connection of TLS costs in memory, of HTTP/1.1 and of HTTP/2, and one of HTTP/2 in
cleartext. Run by probes/idle-tls; what is read, and of whom, is as in probes/idle."""

from __future__ import annotations

import argparse
import contextlib
import socket
import ssl
import sys
import time
from dataclasses import dataclass

from measure import secure
from measure.client import AnswerError
from measure.idle import (
    DEADLINE,
    HEADINGS,
    SETTLE,
    WARM_UP,
    Kept,
    ask_all,
    raise_descriptors,
    read,
    row,
)
from measure.launch import find_place, prepare
from measure.process import StartError
from measure.rows import Rows, show
from measure.secure import STARTS, Files
from measure.servers import Place, Server

GOAL = 24 * 1024
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
# :method GET, :scheme http or https, :path /, :authority localhost; nothing of it in the table.
FIELDS = {False: b"\x82\x86\x84\x01\x09localhost", True: b"\x82\x87\x84\x01\x09localhost"}
DATA, SETTINGS, END_STREAM = 0, 4, 1


@dataclass(frozen=True)
class Way:
    name: str
    tls: bool
    h2: bool


WAYS = (
    Way("TLS, HTTP/1.1", True, False),
    Way("TLS, HTTP/2", True, True),
    Way("cleartext, HTTP/2", False, True),
)


class Idle(Kept):
    """A connection of one of the ways, from one of several addresses."""

    def __init__(self, port: int, place: int, way: Way, context: ssl.SSLContext) -> None:
        super().__init__(port, place)
        self.way, self.context = way, context
        self.stream = 1
        self.fresh = True

    def send(self) -> None:
        if self.socket is None:
            self.stream, self.fresh = 1, True
            self.socket = self.connected()
            self.opened += 1
        if not self.way.h2:
            self.socket.sendall(self.request)
            return
        fields = FIELDS[self.way.tls]
        head = len(fields).to_bytes(3, "big") + b"\1\5" + self.stream.to_bytes(4, "big")
        self.socket.sendall((PREFACE if self.fresh else b"") + head + fields)
        self.fresh = False
        self.stream += 2

    def connected(self) -> socket.socket:
        raw = socket.socket()
        raw.settimeout(DEADLINE)
        raw.setsockopt(socket.IPPROTO_IP, getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24), 1)
        raw.bind((self.source, 0))
        raw.connect(("127.0.0.1", self.port))
        return self.context.wrap_socket(raw) if self.way.tls else raw

    def receive(self) -> None:
        if not self.way.h2:
            return super().receive()
        got = b""
        while True:
            while len(got) < 9 or len(got) < 9 + int.from_bytes(got[:3], "big"):
                got += self.more()
            length, kind, flags = int.from_bytes(got[:3], "big"), got[3], got[4]
            if kind == SETTINGS and not flags & 1 and self.socket is not None:
                self.socket.sendall(b"\0\0\0\4\1\0\0\0\0")
            if kind == DATA and flags & END_STREAM:
                return None
            if kind in (3, 7):
                raise AnswerError("the server gave it up")
            got = got[9 + length :]


def measure(name: str, way: Way, place: Place, files: Files, count: int) -> Rows:
    raise_descriptors(count)
    tree, ports = secure.start(name, place, files, None)
    context = secure.any_certificate()
    context.set_alpn_protocols(["h2" if way.h2 else "http/1.1"])
    port = ports.secure if way.tls else ports.plain
    connections = [Idle(port, number, way, context) for number in range(count)]
    try:
        ask_all(connections[:1] * WARM_UP)  # type: ignore[arg-type]
        before = read(tree)
        kept = ask_all(connections)  # type: ignore[arg-type]
        time.sleep(SETTLE)
        after = read(tree)
        again = ask_all(connections)  # type: ignore[arg-type]
    finally:
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.close()
        tree.stop()
    note = f"{again:,} answered again"
    return [row(f"{name}: {way.name}", before, after, kept, note)]


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/probes/idle-tls", description=__doc__)
    parser.add_argument("--connections", type=int, default=2_000)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    count = min(max(options.connections, 1), 20_000)
    place = find_place()
    missing = prepare(place, [Server("mewsgi", "", "mewsgi", lambda _place, _port: [])])
    rows: Rows = []
    files = secure.make_files(place)
    for name in STARTS:
        if name == "granian" or name in missing:
            continue
        for way in WAYS:
            if name != "mewsgi" and not way.tls:
                continue
            try:
                rows += measure(name, way, place, files, count)
            except (StartError, OSError) as error:
                missing[f"{name}: {way.name}"] = str(error)
    return show(
        f"{count:,} kept connections, idle after one request each",
        HEADINGS,
        rows,
        missing,
        f"mewsgi at most {GOAL:,} bytes each over TLS, the kernel's memory apart",
    )
