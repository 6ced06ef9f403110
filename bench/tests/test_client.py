"""The probes' client against small servers of its own."""

import pytest
from measure.client import AnswerError, Client, read_head, unserved
from small_server import ANSWER, LAST, server


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
