"""Many clients at once against one server, on new and on kept connections, bounded in time.

Every answer is checked; whatever is not a complete 200 is kept as an error with its story. A kept
connection that ends without an answer is an error too, unless the answer before announced it.
"""

from __future__ import annotations

import time
from collections import Counter
from functools import partial

from harness.client import Closed, Connection
from harness.client_threads import PACE, ClientThreads
from harness.waiting import wait_for


class Load(ClientThreads):
    def __init__(
        self, port: int, target: str = "/", kept: int = 4, new: int = 4, longest: float = 60.0
    ) -> None:
        clients = [partial(self._client, keeps) for keeps in [True] * kept + [False] * new]
        super().__init__(clients, longest, grace=15)
        self.port, self.target = port, target
        self.answers: Counter[str] = Counter()
        self.announced_ends = 0

    @property
    def count(self) -> int:
        with self._lock:
            return sum(self.answers.values())

    def wait_for_more(self, answers: int) -> None:
        before = self.count
        wait_for(lambda: self.count > before + answers, f"{answers} more answers", timeout=20)

    def seen(self, body: str) -> int:
        with self._lock:
            return self.answers[body]

    def _client(self, keeps: bool) -> None:
        connection: Connection | None = None
        number = 0
        while not self._stopping.wait(PACE) and time.monotonic() < self._deadline:
            number += 1
            try:
                if connection is None:
                    connection = Connection(("127.0.0.1", self.port))
                answer = connection.get(self.target)
                self._note(answer.status, answer.text, answer.complete, number)
                if answer.closes or not keeps:
                    if keeps:
                        with self._lock:
                            self.announced_ends += 1
                    connection.close()
                    connection = None
            except (OSError, Closed, AssertionError, ValueError) as error:
                kind = "kept" if keeps else "new"
                with self._lock:
                    self.errors.append(
                        f"{kind} connection, request {number}: {type(error).__name__}: {error}"
                    )
                if connection:
                    connection.close()
                connection = None
        if connection:
            connection.close()

    def _note(self, status: int, text: str, complete: bool, number: int) -> None:
        with self._lock:
            if status == 200 and complete:
                self.answers[text] += 1
            else:
                self.errors.append(f"request {number}: {status}, complete={complete}: {text[:200]}")
