"""Clients that send a byte every few seconds, in a head or in a body, and when each is closed.

One process of its own, one selector for all. Run by probes/slow, beside other load.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import selectors
import socket
import time
from dataclasses import dataclass, field

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "
BODY_HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
BYTE = b"a"
ADDRESSES = 8
CONNECT_DEADLINE = 10.0


@dataclass
class Outcome:
    """Of one kind of client."""

    lifetimes: list[float] = field(default_factory=list)  # seconds from first byte to the end
    statuses: dict[str, int] = field(default_factory=dict)
    open: int = 0  # at the end of our patience


class SlowClient:
    def __init__(self, port: int, place: int, kind: str) -> None:
        self.kind = kind
        self.answer = b""
        self.socket = socket.create_connection(
            ("127.0.0.1", port),
            timeout=CONNECT_DEADLINE,
            source_address=(f"127.0.0.{2 + place % ADDRESSES}", 0),
        )
        self.socket.setblocking(False)
        self.began = time.monotonic()
        # All of a body's head at once: its limit begins after it. Of a head only the beginning.
        self.send(BODY_HEAD if kind == "body" else HEAD[:1])
        self.sent = 1

    def send(self, data: bytes) -> None:
        try:
            self.socket.send(data, socket.MSG_NOSIGNAL)
        except OSError:
            pass  # it was closed, which is read as well

    def drip(self) -> None:
        data = BYTE if self.kind == "body" else HEAD[self.sent : self.sent + 1] or BYTE
        self.send(data)
        self.sent += 1

    def is_over(self) -> bool:
        """Reads; True once the server ended the connection."""
        try:
            data = self.socket.recv(4096)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        self.answer += data
        return not data

    def status(self) -> str:
        words = self.answer.split(b"\r\n")[0].decode("latin-1").split(" ")
        return words[1] if len(words) > 1 else "none"


def keep_dripping(
    clients: list[SlowClient], interval: float, deadline: float
) -> dict[str, Outcome]:
    outcomes = {kind: Outcome() for kind in ("head", "body")}
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
        living = dict.fromkeys(clients)
        # Spread over the interval: in one go they would be a burst of our own making, which holds
        # up the load beside it on the same core.
        start = time.monotonic()
        drips = [start + interval * (1 + place) / len(clients) for place in range(len(clients))]
        turn = 0
        end = start + deadline
        while living and time.monotonic() < end:
            next_drip = drips[turn % len(clients)]
            while next_drip <= time.monotonic():
                client = clients[turn % len(clients)]
                if client in living:
                    client.drip()
                drips[turn % len(clients)] = next_drip + interval
                turn += 1
                next_drip = drips[turn % len(clients)]
            for key, _ in selector.select(min(0.5, max(0.0, next_drip - time.monotonic()))):
                client = key.data
                if client.is_over():
                    selector.unregister(client.socket)
                    client.socket.close()
                    del living[client]
                    note(outcomes[client.kind], client)
    for client in living:
        outcomes[client.kind].open += 1
        client.socket.close()
    return outcomes


def note(outcome: Outcome, client: SlowClient) -> None:
    outcome.lifetimes.append(time.monotonic() - client.began)
    status = client.status()
    outcome.statuses[status] = outcome.statuses.get(status, 0) + 1


@dataclass(frozen=True)
class Plan:
    port: int
    heads: int
    bodies: int
    interval: float
    deadline: float
    core: int


def work(plan: Plan, pipe: multiprocessing.connection.Connection) -> None:
    os.sched_setaffinity(0, {plan.core})
    os.nice(19)  # the load beside it, whose answers are timed, goes first
    kinds = ["head"] * plan.heads + ["body"] * plan.bodies
    try:
        clients = [SlowClient(plan.port, place, kind) for place, kind in enumerate(kinds)]
        pipe.send("connected")
        pipe.send(keep_dripping(clients, plan.interval, plan.deadline))
    except OSError as error:
        pipe.send(error)


class SlowClients:
    """The process, and what it reports."""

    def __init__(self, plan: Plan) -> None:
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(plan, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def receive(self, deadline: float) -> object:
        if not self.pipe.poll(deadline):
            raise TimeoutError(f"the slow clients said nothing for {deadline:.0f} s")
        said = self.pipe.recv()
        if isinstance(said, OSError):
            raise said
        return said

    def close(self) -> None:
        self.process.terminate()
        self.process.join()
        self.pipe.close()
