"""PEP 3333: the head of an answer: types that are checked with a text that says what is wrong, of
which nothing is sent; and the headers that are the server's to set."""

from __future__ import annotations

import re
from typing import Callable

import pytest
from harness import Given, Server
from harness.fixtures import APPS

START = 'start_response("200 OK", [("Content-Type", "text/plain")])'


def returning(result: str, start: str = START) -> str:
    return f"def app(environ, start_response):\n    write = {start}\n    return {result}"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("(200, [])", "TypeError: .*status must be str, not int"),
        ("(b'200 OK', [])", "TypeError: .*status must be str, not bytes"),
        ("(None, [])", "TypeError: .*status must be str, not NoneType"),
        ("('OK', [])", "ValueError: .*not three digits, a blank and a text"),
        ("('2000 OK', [])", "ValueError: .*not three digits"),
        ("('20', [])", "ValueError: .*not three digits"),
        ("('', [])", "ValueError: .*not three digits"),
        ("(' 200 OK', [])", "ValueError: .*not three digits"),
        ("('200\\tOK', [])", "ValueError: .*not three digits"),
        ("('200 \\u20ac', [])", "ValueError: .*outside Latin-1"),
        ("('200 O\\rK', [])", "ValueError: .*control character"),
        ("('099 Low', [])", "ValueError: .*from 100 to 999"),
        ("('100 Continue', [])", "ValueError: .*not a final one"),
        ("('101 Switching Protocols', [])", "ValueError: .*not a final one"),
        ("('103 Early Hints', [])", "ValueError: .*not a final one"),
        ("('200 OK', ())", "TypeError: .*list of .name, value., not tuple"),
        ("('200 OK', {})", "TypeError: .*must be a list.*not dict"),
        ("('200 OK', None)", "TypeError: .*must be a list.*not NoneType"),
        ("('200 OK', iter([]))", "TypeError: .*must be a list.*not list_iterator"),
        ("('200 OK', [['X-A', 'b']])", "TypeError: .*header 0 must be a tuple .name, value."),
        ("('200 OK', [('X-A', 'b'), 'X-B: c'])", "TypeError: .*header 1 must be a tuple"),
        ("('200 OK', [('X-A', 'b', 'c')])", "TypeError: .*header 0 must be a tuple"),
        ("('200 OK', [('X-A',)])", "TypeError: .*header 0 must be a tuple"),
        ("('200 OK', [(b'X-A', 'b')])", "TypeError: .*header name must be str, not bytes"),
        ("('200 OK', [('X-A', b'b')])", "TypeError: .*header value must be str, not bytes"),
        ("('200 OK', [('X-A', 1)])", "TypeError: .*header value must be str, not int"),
        ("('200 OK', [('X-A', None)])", "TypeError: .*header value must be str, not NoneType"),
        ("('200 OK', [('X-A', '\\u20ac')])", "ValueError: .*outside Latin-1"),
        ("('200 OK', [('X-\\u20ac', 'b')])", "ValueError: .*outside Latin-1"),
        ("('200 OK', [('X\\xe4', 'b')])", "ValueError: .*not a token"),
        ("('200 OK', [('', 'b')])", "ValueError: .*not a token"),
        ("('200 OK', [('X A', 'b')])", "ValueError: .*not a token"),
        ("('200 OK', [('X-A:', 'b')])", "ValueError: .*not a token"),
        ("('200 OK', [('X-A\\n', 'b')])", "ValueError: .*not a token"),
        ("('200 OK', [('X-A', 'b\\r\\nX-Evil: 1')])", "ValueError: .*control character"),
        ("('200 OK', [('X-A', 'b\\n')])", "ValueError: .*control character"),
        ("('200 OK', [('X-A', '\\0')])", "ValueError: .*control character"),
        ("('200 OK', [('X-A', '\\x7f')])", "ValueError: .*control character"),
        ("('200 OK',)", "TypeError: .*1 arguments were given"),
        ("('200 OK', [], None, None)", "TypeError: .*4 arguments were given"),
    ],
)
def test_wrong_heads(given: Given, arguments: str, says: str) -> None:
    mark = given.server.mark()
    answer = given.get(returning("[b'must not be seen']", f"start_response(*{arguments})"))
    assert answer.status == 500 and b"seen" not in answer.body
    assert answer.get("X-A") is None and answer.get("X-Evil") is None
    given.server.wait_log(f"^{says}", since=mark)


def test_heads_that_are_unusual_and_right(given: Given) -> None:
    headers = """[
        ('X-Empty', ''),
        ('X-Latin', '\\xe4\\xf6'),
        ('X-Same', 'one'),
        ('X-Same', 'two'),
        ('x-lower', '  blanks around '),
        (type('S', (str,), {})('X-Sub'), type('S', (str,), {})('of str')),
        type('T', (tuple,), {})(('X-Tuple', 'of its own')),
    ]"""
    answer = given.get(
        returning("[b'']", f"start_response(type('S', (str,), {{}})('299 Odd one'), {headers})")
    )
    assert (answer.status, answer.reason) == (299, "Odd one")
    assert [pair for pair in answer.headers if pair[0].lower().startswith("x-")] == [
        ("X-Empty", ""),
        ("X-Latin", "\xe4\xf6"),
        ("X-Same", "one"),
        ("X-Same", "two"),
        ("x-lower", "blanks around"),
        ("X-Sub", "of str"),
        ("X-Tuple", "of its own"),
    ]
    by_name = "start_response('200 OK', type('L', (list,), {})([('X-A', 'b')]), exc_info=None)"
    assert given.get(returning("[b'']", by_name)).get("X-A") == "b"
    mark = given.server.mark()
    assert given.get(returning("[b'']", "start_response('200', [], exc=1)")).status == 500
    given.server.wait_log("TypeError: start_response has no argument 'exc'", since=mark)


# headers that are the server's


def test_connection_close(given: Given) -> None:
    for value in ("close", "Close", "keep-alive, close"):
        start = f"start_response('200 OK', [('Connection', '{value}')])"
        answer = given.get(returning("[b'last']", start))
        assert answer.closes and answer.body == b"last"
        assert answer.all("Connection") == ["close"]
    kept = given.get(returning("[b'']", "start_response('200 OK', [('Connection', 'keep-alive')])"))
    assert not kept.closes, "and it served the next request"
    with given.server.connect() as connection:
        target = given.target(returning("iter([b'a'])", "start_response('200 OK', [])"))
        connection.send(f"GET {target} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".encode())
        old = connection.read_response()
        assert old.body == b"a" and old.all("Connection") == ["close"]


def test_hop_by_hop_headers_are_dropped_with_one_warning(serve: Callable[..., Server]) -> None:
    given = Given(serve("--chdir", str(APPS), "given:app"))
    fields = {
        "Keep-Alive": "timeout=1",
        "Transfer-Encoding": "gzip",
        "Upgrade": "h2c",
        "TE": "trailers",
        "Trailer": "X-A",
        "Proxy-Authenticate": "Basic",
        "Connection": "X-Kept",
    }
    for name, value in fields.items():
        mark = given.server.mark()
        for spelled in (name, name.lower(), name.upper()):
            start = f"start_response('200 OK', [('{spelled}', '{value}'), ('X-Kept', 'yes')])"
            for result in ("[b'plain']", "iter([b'pl', b'ain'])"):
                answer = given.get(returning(result, start))
                assert (answer.body, answer.get("X-Kept")) == (b"plain", "yes")
                assert value not in answer.all(name), "not the app's; perhaps one of the server's"
                assert len(answer.all(name)) <= 1
        warnings = re.findall(rf"(?i)dropped the app's header {name}:", given.whole_log(mark))
        assert len(warnings) == 1, name


def test_single_headers_stay_single(given: Given) -> None:
    start = """start_response("200 OK", [
        ("Date", "then"), ("Server", "theirs"), ("date", "again"), ("Content-Length", "2"),
        ("content-length", "2"), ("SERVER", "second"),
    ])"""
    answer = given.get(returning("[b'ok']", start))
    assert answer.all("Date") == ["then"] and answer.all("Server") == ["theirs"]
    assert answer.all("Content-Length") == ["2"]
    plain = given.get(returning("[b'ok']"))
    assert len(plain.all("Date")) == len(plain.all("Server")) == 1


def test_a_body_in_chunks_of_the_apps_own(given: Given) -> None:
    """It would be framed twice, and clients would read the inner frames as content."""
    start = "start_response('200 OK', [('Transfer-Encoding', 'chunked')])"
    for result in (
        "iter([b'5\\r\\n', b'hello', b'\\r\\n', b'0\\r\\n\\r\\n'])",
        "iter([b'', b'5\\r\\nhello\\r\\n', b'0\\r\\n\\r\\n'])",
        "[b'5\\r\\nhello\\r\\n0\\r\\n\\r\\n']",
        "write(b'5\\r\\nhello\\r\\n') or [b'0\\r\\n\\r\\n']",
        "iter([b'0\\r\\n\\r\\n'])",
    ):
        mark = given.server.mark()
        answer = given.get(returning(result, start))
        assert answer.status == 500 and b"hello" not in answer.body
        given.server.wait_log("ValueError: .*yield the plain pieces.*leave the header", since=mark)
    for result in ("iter([b'hel', b'lo'])", "[b'hello']", "write(b'hello') or []"):
        assert given.get(returning(result, start)).body == b"hello", "plain ones pass"
    assert given.get(returning("[b'5\\r\\nhello\\r\\n']")).body == b"5\r\nhello\r\n", (
        "nobody said so"
    )
