"""A steady load: so many requests a second, whether answers come or not, half of them on new
connections and half on kept ones, or all on kept ones. Run by probes/reloads, probes/kills and
probes/front-kills, beside what they do.

Open loop: a request is sent when it is due, on another connection if all are waiting, so a server
that stalls is asked on and each request that it kept waiting counts. One process of its own, one
selector. Every answer says which version of the code made it, in which process, and to which
request; whatever is no whole 200 to its own request is kept with its story and the port it was
asked from.
"""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import multiprocessing.connection
import os
import selectors
import socket
import time
from collections import deque
from dataclasses import dataclass, field

from measure.client import read_head
from measure.process import StartError

PATIENCE = 5.0
MOST_OPEN = 900


@dataclass(frozen=True)
class Plan:
    port: int
    rate: float  # per second
    patience: float = PATIENCE  # seconds that an answer is waited for
    requests: int = 0  # so many in all; 0: until it is stopped
    # So many kept connections from the start, asked in turn, and no new ones; 0: half on new ones.
    kept: int = 0


@dataclass(frozen=True)
class Answer:
    asked: float  # monotonic, as all times here
    latency: float
    version: str
    pid: int


@dataclass(frozen=True)
class Lost:
    asked: float
    after: float
    how: str  # refused, reset, closed, timeout, bad, status 500, another's answer
    port: int  # ours: whoever held the connection can be told by it
    kept: bool


@dataclass
class Outcome:
    asked: int = 0
    answers: list[Answer] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    closed: int = 0  # kept connections that the server ended while nothing was asked on them
    late: float = 0.0  # the most that the load itself was behind


class WrongAnswerError(ValueError):
    """An answer to another request."""


class Asking:
    """One connection, and the request on it."""

    def __init__(self, port: int, kept: bool) -> None:
        self.kept = kept
        self.asked: float | None = None
        self.received = b""
        self.connecting = True
        self.number = 0
        close = "" if kept else "Connection: close\r\n"
        self.rest = f" HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{close}\r\n"
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        started = self.socket.connect_ex(("127.0.0.1", port))
        self.failed = started if started not in (0, errno.EINPROGRESS) else 0
        self.port = 0
        with contextlib.suppress(OSError):
            self.port = self.socket.getsockname()[1]

    def finish_connecting(self) -> None:
        self.connecting = False
        failed = self.failed or self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed:
            raise OSError(failed, os.strerror(failed))

    def send(self, number: int) -> None:
        self.received = b""
        self.number = number
        self.socket.send(f"GET /?{number}{self.rest}".encode())

    def receive(self) -> tuple[bytes | None, bool]:
        """The body once it is whole, and whether the connection ends."""
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return None, False
        if not data:
            return None, True
        self.received += data
        if b"\r\n\r\n" not in self.received:
            return None, False
        head, body = self.received.split(b"\r\n\r\n", 1)
        length, closes = read_head(head)
        return (body, closes) if len(body) >= length else (None, False)


def describe(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, (ConnectionResetError, BrokenPipeError)):
        return "reset"
    if isinstance(error, WrongAnswerError):
        return "another's answer"
    words = str(error).split(" ")
    if words[0] == "answered" and len(words) > 2:
        return f"status {words[2]}"
    return f"bad ({type(error).__name__})"


class Steady:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.outcome = Outcome()
        self.selector = selectors.DefaultSelector()
        self.free: deque[Asking] = deque()  # kept ones that wait for nothing
        self.waiting: deque[tuple[float, Asking]] = deque()  # in the order in which they asked
        self.open = 0
        self.number = 0

    def run(self, pipe: multiprocessing.connection.Connection) -> Outcome:
        """Until something comes through the pipe, or all is asked."""
        interval = 1 / self.plan.rate
        self.open_kept()
        due = time.monotonic()
        kept = self.plan.kept > 0
        while not pipe.poll() and not self.all_asked():
            now = time.monotonic()
            while due <= now and not self.all_asked():
                self.outcome.late = max(self.outcome.late, now - due)
                self.ask(kept, now)
                kept, due = self.plan.kept > 0 or not kept, due + interval
            self.listen(due - time.monotonic())
            self.give_up(time.monotonic())
        end = time.monotonic() + self.plan.patience + 1
        while any(asking.asked == asked for asked, asking in self.waiting):
            self.listen(0.05)
            self.give_up(time.monotonic())
            if time.monotonic() > end:
                break
        return self.outcome

    def all_asked(self) -> bool:
        return self.plan.requests > 0 and self.outcome.asked >= self.plan.requests

    def open_kept(self) -> None:
        for _ in range(self.plan.kept):
            self.register(Asking(self.plan.port, True))
        end = time.monotonic() + self.plan.patience
        while len(self.free) < self.open and time.monotonic() < end:
            self.listen(0.05)

    def register(self, asking: Asking) -> None:
        self.open += 1
        self.selector.register(asking.socket, selectors.EVENT_WRITE, asking)

    def ask(self, kept: bool, now: float) -> None:
        self.outcome.asked += 1
        asking = self.free.popleft() if kept and self.free else None
        if asking is not None:
            asking.asked = now
            self.waiting.append((now, asking))
            return self.begin(asking)
        if self.open >= MOST_OPEN:
            self.outcome.lost.append(Lost(now, 0.0, "too many wait", 0, kept))
            return None
        try:
            asking = Asking(self.plan.port, kept)
        except OSError as error:  # no descriptor, no port: ours, and told as such
            self.outcome.lost.append(Lost(now, 0.0, f"our own {error}", 0, kept))
            return None
        asking.asked = now
        self.waiting.append((now, asking))
        self.register(asking)
        return None

    def begin(self, asking: Asking) -> None:
        if asking.asked is None:
            return self.free.append(asking)
        self.number += 1
        try:
            asking.send(self.number)
        except OSError as error:
            self.lose(asking, describe(error))

    def listen(self, seconds: float) -> None:
        for key, _ in self.selector.select(max(0.0, seconds)):
            asking: Asking = key.data
            try:
                if asking.connecting:
                    asking.finish_connecting()
                    self.selector.modify(asking.socket, selectors.EVENT_READ, asking)
                    self.begin(asking)
                else:
                    self.hear(asking)
            except (OSError, ValueError, IndexError) as error:
                self.lose(asking, describe(error))

    def hear(self, asking: Asking) -> None:
        body, ends = asking.receive()
        if body is None:
            if ends and asking.asked is None:
                self.outcome.closed += 1
                self.free.remove(asking)
                self.drop(asking)
            elif ends:
                self.lose(asking, "closed")
            return
        version, pid, number = body.decode().split()
        if int(number) != asking.number:
            raise WrongAnswerError(f"to {number} instead of {asking.number}")
        assert asking.asked is not None
        latency = time.monotonic() - asking.asked
        self.outcome.answers.append(Answer(asking.asked, latency, version, int(pid)))
        asking.asked = None
        if asking.kept and not ends:
            self.free.append(asking)
        else:
            self.drop(asking)

    def lose(self, asking: Asking, how: str) -> None:
        if asking.asked is None:  # an error of an idle connection
            self.outcome.closed += 1
            if asking in self.free:  # else it was just being opened
                self.free.remove(asking)
        else:
            after = time.monotonic() - asking.asked
            self.outcome.lost.append(Lost(asking.asked, after, how, asking.port, asking.kept))
            asking.asked = None
        self.drop(asking)

    def give_up(self, now: float) -> None:
        while self.waiting and self.waiting[0][0] < now - self.plan.patience:
            asked, asking = self.waiting.popleft()
            if asking.asked == asked:
                self.lose(asking, "timeout")

    def drop(self, asking: Asking) -> None:
        self.selector.unregister(asking.socket)
        asking.socket.close()
        self.open -= 1


def work(plan: Plan, pipe: multiprocessing.connection.Connection) -> None:
    pipe.send(Steady(plan).run(pipe))


class Load:
    """The process. `with Load(plan) as load: ...; outcome = load.stop()`"""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(plan, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.join()
        self.pipe.close()

    def stop(self) -> Outcome:
        """Asks no more, waits for the last answers."""
        try:
            if not self.pipe.poll():
                self.pipe.send("stop")
        except ConnectionError:  # it ended by itself; what it said can still be read
            pass
        return self.end()

    def end(self) -> Outcome:
        """Waits for the last of a limited number of requests."""
        try:
            if self.pipe.poll(self.plan.patience + 20):
                outcome = self.pipe.recv()
                assert isinstance(outcome, Outcome)
                return outcome
        except (EOFError, ConnectionError):
            pass
        raise StartError("the load ended without a word, or does not end")
