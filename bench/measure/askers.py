"""Kept connections that each ask a few hundred times a second, and how long each answer took.

One thread, one selector: a request is sent when it is due and its connection is free, and the time
until its last byte is its latency. Nothing is sent while a connection waits, so a server that does
not answer shows as one long wait (or as unanswered, with the time until we gave up), not as many.
`late` is how far the client itself was behind: where it comes near the worst latency, the machine
was too busy to tell.
"""

from __future__ import annotations

import heapq
import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from measure.client import AnswerError, read_head
from measure.columns import percentile

CONNECT_DEADLINE = 2.0
# How long the last answers of a phase are waited for; nothing new is asked meanwhile.
DRAIN = 0.5


@dataclass
class Phase:
    """What happened in one stretch of time."""

    latencies: list[float] = field(default_factory=list)
    unanswered: list[float] = field(default_factory=list)  # how long each waited in vain
    errors: Counter[str] = field(default_factory=Counter)
    closed: int = 0  # connections that the server ended between requests
    late: float = 0.0

    @property
    def waits(self) -> list[float]:
        return self.latencies + self.unanswered

    @property
    def worst(self) -> float:
        return max(self.waits, default=0.0)

    def at(self, percent: float) -> float:
        return percentile(self.waits, percent)


class Asker:
    def __init__(self, port: int) -> None:
        self.address = ("127.0.0.1", port)
        self.request = f"GET /hello HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
        self.socket: socket.socket | None = None
        self.received = b""
        self.asked_at: float | None = None

    def connect(self) -> socket.socket:
        self.socket = socket.create_connection(self.address, timeout=CONNECT_DEADLINE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        return self.socket

    def ask(self, now: float) -> None:
        assert self.socket is not None
        self.received = b""
        self.asked_at = now
        self.socket.sendall(self.request)

    def receive(self) -> tuple[bool, bool]:
        """Whether the answer is whole, and whether the connection ends. AnswerError: a bad one."""
        assert self.socket is not None
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return False, False
        if not data:
            return False, True
        self.received += data
        if b"\r\n\r\n" not in self.received:
            return False, False
        head, body = self.received.split(b"\r\n\r\n", 1)
        length, closes = read_head(head)
        whole = len(body) >= length
        return whole, whole and closes


class Askers:
    def __init__(self, port: int, connections: int, interval: float) -> None:
        self.interval = interval
        self.selector = selectors.DefaultSelector()
        self.askers = [Asker(port) for _ in range(connections)]
        self.phase = Phase()
        for asker in self.askers:
            self.open(asker)

    def open(self, asker: Asker) -> None:
        self.selector.register(asker.connect(), selectors.EVENT_READ, asker)

    def drop(self, asker: Asker) -> None:
        if asker.socket is not None:
            self.selector.unregister(asker.socket)
            asker.socket.close()
        asker.socket, asker.asked_at = None, None

    def close(self) -> None:
        for asker in self.askers:
            self.drop(asker)
        self.selector.close()

    def run(self, seconds: float, orders: dict[float, Callable[[], None]] | None = None) -> Phase:
        """Asks for so long; `orders` are called at so many seconds from now."""
        self.phase = Phase()
        began = time.monotonic()
        end = began + seconds
        step = self.interval / len(self.askers)  # spread out, not all at once
        due = [(began + step * place, place) for place in range(len(self.askers))]
        heapq.heapify(due)
        waiting = sorted((began + at, order) for at, order in (orders or {}).items())
        while time.monotonic() < end:
            next_order = waiting[0][0] if waiting else end
            self.listen(min(due[0][0], next_order, end))
            if waiting and time.monotonic() >= next_order:
                waiting.pop(0)[1]()
            self.ask_due(due)
        self.drain()
        return self.phase

    def ask_due(self, due: list[tuple[float, int]]) -> None:
        while due[0][0] <= time.monotonic():
            at, place = heapq.heappop(due)
            now = time.monotonic()
            self.phase.late = max(self.phase.late, now - at)
            asker = self.askers[place]
            if asker.asked_at is None:
                self.ask(asker, now)
            # One that still waits is looked at again an interval later.
            heapq.heappush(due, (max(at + self.interval, now), place))

    def ask(self, asker: Asker, now: float) -> None:
        try:
            if asker.socket is None:
                self.open(asker)
            asker.ask(now)
        except OSError as error:
            self.phase.errors[type(error).__name__] += 1
            self.drop(asker)

    def listen(self, until: float) -> None:
        for key, _ in self.selector.select(max(0.0, until - time.monotonic())):
            self.hear(key.data)

    def hear(self, asker: Asker) -> None:
        try:
            whole, ends = asker.receive()
        except (AnswerError, OSError) as error:
            self.phase.errors[self.describe(error)] += 1
            return self.drop(asker)
        if whole:
            assert asker.asked_at is not None
            self.phase.latencies.append(time.monotonic() - asker.asked_at)
            asker.asked_at = None
        if ends:
            if asker.asked_at is not None:
                self.phase.errors["no answer"] += 1
            else:
                self.phase.closed += 1
            self.drop(asker)
        return None

    @staticmethod
    def describe(error: Exception) -> str:
        return str(error) if isinstance(error, AnswerError) else type(error).__name__

    def drain(self) -> None:
        end = time.monotonic() + DRAIN
        while any(asker.asked_at for asker in self.askers) and time.monotonic() < end:
            self.listen(end)
        now = time.monotonic()
        self.phase.unanswered = [now - asker.asked_at for asker in self.askers if asker.asked_at]
