"""A server of some lines for the clients of the harness; answers are cut in two on purpose."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LAST = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"


def query_of(request: bytes) -> bytes:
    """What stands behind the question mark of a GET."""
    target = request.split(b" ")[1]
    return target.partition(b"?")[2]


@contextmanager
def server(
    answer: bytes | Callable[[bytes], bytes], connections: int = 1000, closes: bool = False
) -> Iterator[int]:
    """Serves only the first `connections` of them; the others are accepted by the kernel alone.
    `answer` may depend on the request."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection:
            while request := connection.recv(4096):
                whole = answer if isinstance(answer, bytes) else answer(request)
                for piece in (whole[:20], whole[20:]):
                    connection.sendall(piece)
                if closes:
                    return

    def accept() -> None:
        for _ in range(connections):
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    with listener:
        yield listener.getsockname()[1]
