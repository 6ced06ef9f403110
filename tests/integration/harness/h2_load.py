"""Many streams at once on a few connections of HTTP/2, bounded in time, as load.py has it for
HTTP/1.1: whatever is no whole 200 to its own request is an error with its story."""

from __future__ import annotations

import ssl
import time
from functools import partial

from harness.client_threads import PACE, ClientThreads
from harness.h2_client import Answer, Client
from harness.waiting import wait_for


class H2Load(ClientThreads):
    """Each connection keeps `streams` of them open; the app answers with its query last. After a
    GOAWAY another connection follows, unless `returns` is false."""

    def __init__(
        self,
        port: int,
        connections: int = 2,
        streams: int = 4,
        *,
        returns: bool = True,
        tls: ssl.SSLContext | None = None,
        longest: float = 60.0,
    ) -> None:
        clients = [partial(self._run, number) for number in range(connections)]
        super().__init__(clients, longest, grace=25)
        self.port, self.streams = port, streams
        self.returns, self.tls = returns, tls
        self.count = 0
        self.goaways = 0

    def wait_for_more(self, answers: int, timeout: float = 20.0) -> None:
        before = self.count
        wait_for(lambda: self.count > before + answers, f"{answers} more answers", timeout)

    def _run(self, number: int) -> None:
        asked = 0
        while not self._stopping.is_set() and time.monotonic() < self._deadline:
            try:
                with Client(self.port, tls=self.tls) as client:
                    asked = self._use(client, number, asked)
            except (OSError, AssertionError) as error:
                self._fail(f"connection {number}: {type(error).__name__}: {error}")
            if not self.returns:
                return

    def _use(self, client: Client, number: int, asked: int) -> int:
        """Until the server says GOAWAY or the load ends; what was asked by then is answered."""
        open_streams: dict[int, str] = {}
        while not client.goaways and not self._stopping.wait(PACE):
            while len(open_streams) < self.streams:
                asked += 1
                query = f"{number}-{asked}"
                open_streams[client.start("GET", f"/?{query}")] = query
            self._take(client, open_streams)
            client.step(0.05)
        last = client.goaways[-1][0] if client.goaways else None
        with self._lock:
            self.goaways += bool(client.goaways)
        for stream, query in open_streams.items():
            if last is None or stream <= last:  # above it nothing was done, says the server
                self._check(client.answer(stream), query)
        return asked

    def _take(self, client: Client, open_streams: dict[int, str]) -> None:
        for stream in [one for one in open_streams if client.answers[one].over]:
            self._check(client.answers.pop(stream), open_streams.pop(stream))

    def _check(self, answer: Answer, query: str) -> None:
        if answer.whole and answer.status == 200 and answer.text.split()[-1] == query:
            with self._lock:
                self.count += 1
        else:
            self._fail(f"{query}: {answer.status}, reset {answer.reset}: {answer.body[:100]!r}")

    def _fail(self, story: str) -> None:
        with self._lock:
            self.errors.append(story)
