"""The probes' client against small servers of its own."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from measure.client import AnswerError, Client, read_head, unserved

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LAST = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def server(answer: bytes, connections: int = 1000, closes: bool = False) -> Iterator[int]:
    """Serves only the first `connections` of them; the others are accepted by the kernel alone."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection:
            while connection.recv(4096):
                for piece in (answer[:20], answer[20:]):
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


def test_kept_connections_are_opened_once():
    with server(ANSWER) as port:
        client = Client(port, 3)
        client.requests(9)
        assert client.opened == 3
        client.close()


def test_a_connection_that_the_server_ends_is_opened_again():
    with server(LAST, closes=True) as port:
        client = Client(port, 2)
        client.requests(6)
        assert client.opened == 6
        client.close()


def test_an_answer_that_is_cut_is_an_error():
    with server(ANSWER[:-1], closes=True) as port, pytest.raises(AnswerError, match="closed"):
        Client(port, 1).requests(1)


def test_everyone_served():
    with server(ANSWER) as port:
        assert unserved(port, 8) == 0


def test_connections_that_wait_are_counted():
    with server(ANSWER, connections=1) as port:
        assert unserved(port, 4) == 3


def test_heads():
    assert read_head(b"HTTP/1.1 200 OK\r\nContent-Length: 7") == (7, False)
    assert read_head(b"HTTP/1.0 200 OK\r\ncontent-length: 7") == (7, True)
    with pytest.raises(AnswerError, match="500"):
        read_head(b"HTTP/1.1 500 Oops\r\nContent-Length: 0")
    with pytest.raises(AnswerError, match="Content-Length"):
        read_head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked")
