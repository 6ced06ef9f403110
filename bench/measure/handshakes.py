"""Handshakes of TLS, one after the other, for so long: full ones, or resumptions of one session. A
process of its own, so that a core can be its. Used by probes/tls."""

from __future__ import annotations

import multiprocessing
import os
import socket
import ssl
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

from measure.process import StartError
from measure.secure import any_certificate

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@dataclass(frozen=True)
class Kind:
    version: str  # of ssl.TLSVersion
    resumed: bool

    @property
    def name(self) -> str:
        return f"{'resumption' if self.resumed else 'full handshake'}, {self.version}"


KINDS = [Kind(version, resumed) for resumed in (False, True) for version in ("TLSv1_2", "TLSv1_3")]


def context_of(kind: Kind) -> ssl.SSLContext:
    context = any_certificate()
    context.minimum_version = context.maximum_version = ssl.TLSVersion[kind.version]
    return context


def connect(port: int, context: ssl.SSLContext, session: ssl.SSLSession | None) -> ssl.SSLSocket:
    raw = socket.create_connection(("127.0.0.1", port), 10)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(raw, session=session)


def first_session(port: int, context: ssl.SSLContext) -> ssl.SSLSession:
    """TLS 1.3 sends its ticket after the handshake, so something is asked."""
    with connect(port, context, None) as client:
        client.sendall(REQUEST)
        client.recv(65536)
        session = client.session
    if session is None:
        raise StartError("the server gave no session to resume")
    return session


def count(port: int, kind: Kind, seconds: float) -> int:
    context = context_of(kind)
    session = first_session(port, context) if kind.resumed else None
    done = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with connect(port, context, session) as client:
            if client.session_reused != kind.resumed:
                raise StartError(f"a {kind.name} was none")
        done += 1
    return done


def _work(pipe: Connection, port: int, kind: Kind, seconds: float, core: int) -> None:
    os.sched_setaffinity(0, {core})
    try:
        pipe.send(count(port, kind, seconds))
    except (OSError, StartError) as error:
        pipe.send(str(error))


def run(port: int, kind: Kind, seconds: float, core: int) -> int:
    """How many were made."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(
        target=_work, args=(there, port, kind, seconds, core)
    )
    process.start()
    try:
        if not here.poll(seconds + 20):
            raise StartError("the handshakes did not end")
        said = here.recv()
    finally:
        process.kill()
        process.join()
    if isinstance(said, str):
        raise StartError(said)
    return int(said)
