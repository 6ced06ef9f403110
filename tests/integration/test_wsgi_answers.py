"""PEP 3333: what an app may answer with: write(), iterables of every kind, lengths that are true or
not, HEAD, and threads of its own. Heads are in test_wsgi_heads.py."""

from __future__ import annotations

import hashlib
import os
import re

import pytest
from harness import Given

START = 'start_response("200 OK", [("Content-Type", "text/plain")])'


def with_length(length: object) -> str:
    return f'start_response("200 OK", [("Content-Type", "t/p"), ("Content-Length", "{length}")])'


def returning(result: str, start: str = START) -> str:
    return f"def app(environ, start_response):\n    write = {start}\n    return {result}"


# write() and iterables


@pytest.mark.parametrize("checked", [False, True])
@pytest.mark.parametrize(
    ("lines", "body"),
    [
        ("write(b'only'); return []", b"only"),
        ("write(b'a'); write(b''); write(b'b'); return [b'c', b'd']", b"abcd"),
        ("write(b'a'); return iter([b'b', b'', b'c'])", b"abc"),
        ("write(b'x' * 100000); return [b'y']", b"x" * 100_000 + b"y"),
        ("return (write(b'%d' % n) or b',' for n in range(3))", b"0,1,2,"),
        ("write(b''); return [b'late']", b"late"),
        ("write(b''); return []", b""),
    ],
)
def test_write(given: Given, lines: str, body: bytes, checked: bool) -> None:
    for start in (START, with_length(len(body))):
        source = f"def app(environ, start_response):\n    write = {start}\n    {lines}"
        answer = given.get(source, checked=checked)
        assert answer.complete and answer.body == body
        assert start == START or answer.get("Content-Length") == str(len(body))


def test_write_after_the_end(given: Given) -> None:
    """In close(), which runs after the last piece, and in a later request: nothing gets between
    this answer and the next."""
    mark = given.server.mark()
    source = f"""
        class Late(counted):
            def close(self):
                self.write(b"late")

        def app(environ, start_response):
            result = Late("late", [b"all"])
            result.write = shared["write"] = {START}
            shared["start"] = start_response
            return result
        """
    assert given.get(source).body == b"all"
    given.server.wait_log("RuntimeError: .*after the end", since=mark)
    later = """
        def app(environ, start_response):
            for call in (lambda: shared.pop("write")(b"x"), lambda: shared.pop("start")("200", [])):
                try:
                    call()
                except RuntimeError as error:
                    shared.setdefault("late", []).append(str(error))
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"second"]
        """
    assert given.get(later).body == b"second"
    assert len([text for text in given.shared("late") if "over" in text]) == 2


@pytest.mark.parametrize("checked", [False, True])
@pytest.mark.parametrize(
    ("result", "body"),
    [
        ("[]", b""),
        ("()", b""),
        ("[b'']", b""),
        ("iter([])", b""),
        ("(b'' for _ in range(3))", b""),
        ("[b'a', b'b']", b"ab"),
        ("(b'a', b'b')", b"ab"),
        ("(bytes([n]) for n in b'abc')", b"abc"),
        ("map(bytes, [[65], [], [66]])", b"AB"),
        ("counted('x', [b'a', b'b'])", b"ab"),
        ("__import__('collections').deque([b'a', b'b'])", b"ab"),
        ("{b'a': 1}", b"a"),
        ("type('Old', (), {'__getitem__': lambda self, n: [b'a', b'b'][n]})()", b"ab"),
    ],
)
def test_iterables(given: Given, result: str, body: bytes, checked: bool) -> None:
    answer = given.get(returning(result), checked=checked)
    assert (answer.status, answer.body, answer.complete) == (200, body, True)


def test_what_needs_no_bytes_object_by_itself(given: Given) -> None:
    """A returned bytes object is one piece, as in uWSGI; the validator would not have it."""
    answer = given.get(returning("b'as it is'"))
    assert answer.body == b"as it is" and answer.get("Content-Length") == "8"
    assert given.get(returning("type('B', (bytes,), {})(b'sub')")).body == b"sub"
    assert given.get(returning("[type('B', (bytes,), {})(b'sub')]")).body == b"sub"


@pytest.mark.parametrize("checked", [False, True])
def test_start_response_by_the_iterator(given: Given, checked: bool) -> None:
    source = f"def app(environ, start_response):\n    {START}\n    yield b'la'\n    yield b'zy'"
    assert given.get(source, checked=checked).body == b"lazy"


def test_len_1_gives_the_length(given: Given) -> None:
    """PEP 3333: an iterable whose len() is 1 has one piece, and so its length is known."""
    one = """
        class One(counted):
            length = 1

            def __len__(self):
                return self.length
    """
    app = f"""
        def app(environ, start_response):
            {START}
            return One("one", PARTS)
    """
    answer = given.get(one + app.replace("PARTS", "[b'hello']"))
    assert answer.get("Content-Length") == "5" and answer.body == b"hello"
    assert given.shared("one") == 1
    empty = given.get(one + app.replace("PARTS", "[b'']"))
    assert empty.get("Content-Length") == "0" and empty.complete
    several = given.get(one.replace("1", "2") + app.replace("PARTS", "[b'a', b'b']"))
    assert several.get("Content-Length") is None and several.body == b"ab"
    unable = given.get(
        one.replace("return", "raise ValueError or") + app.replace("PARTS", "[b'a']")
    )
    assert unable.body == b"a" and unable.complete
    mark = given.server.mark()
    false = given.get(one + app.replace("PARTS", "[b'hello', b' world']"))
    assert false.get("Content-Length") == "5" and false.body == b"hello"
    given.server.wait_log("longer than its Content-Length", since=mark)


# lengths


@pytest.mark.parametrize(
    "lines",
    [
        "return [b'12345', b'and more']",
        "return [b'12345and more']",
        "return iter([b'123', b'45and', b' more'])",
        "write(b'12345and more'); return []",
        "write(b'123'); return [b'45and more']",
    ],
)
def test_longer_than_said(given: Given, lines: str) -> None:
    mark = given.server.mark()
    source = f"def app(environ, start_response):\n    write = {with_length(5)}\n    {lines}"
    answer = given.get(source)
    assert answer.complete and answer.body == b"12345"
    given.server.wait_log("longer than its Content-Length of 5 bytes", since=mark)
    assert given.whole_log(mark).count("longer than") == 1


@pytest.mark.parametrize(
    "lines",
    [
        "return [b'1234', b'567']",
        "return [b'1234567']",
        "return iter([b'123', b'', b'4567'])",
        "write(b'1234567'); return []",
        "write(b'123'); return [b'4567']",
    ],
)
def test_shorter_than_said(given: Given, lines: str) -> None:
    mark = given.server.mark()
    source = f"def app(environ, start_response):\n    write = {with_length(9)}\n    {lines}"
    answer = given.get(source)
    assert not answer.complete and answer.body == b"1234567"
    given.server.wait_log("shorter than its Content-Length", since=mark)
    assert given.request("HEAD", source).get("Content-Length") == "9", "no body, no lie"


def test_nothing_of_what_was_said(given: Given) -> None:
    for result in ("[]", "iter([])", "[b'']"):
        answer = given.get(returning(result, with_length(3)))
        assert not answer.complete and answer.body == b"", result


@pytest.mark.parametrize("value", ["-1", "+5", "0x5", "5 5", "5,5", "five", "", "1e3", "9" * 20])
def test_a_length_that_is_no_number(given: Given, value: str) -> None:
    mark = given.server.mark()
    assert given.get(returning("[b'12345']", with_length(value))).status == 500
    given.server.wait_log("Content-Length", since=mark)


# HEAD, 204, 304


@pytest.mark.parametrize("checked", [False, True])
def test_head(given: Given, checked: bool) -> None:
    rows = [
        (returning("[b'hello']"), None if checked else "5"),  # it shows the server an iterator
        (returning("[b'hello']", with_length(5)), "5"),
        (returning("[]", with_length(5)), "5"),
        (returning("[]"), None),
        (returning("iter([b'hello'])"), None),
        (returning("iter([b'hello'])", with_length(5)), "5"),
        (f"def app(e, start_response):\n    {START}(b'hello')\n    return []", None),
    ]
    for source, length in rows:
        answer = given.request("HEAD", source, checked=checked)
        assert (answer.status, answer.get("Content-Length")) == (200, length), source
        assert answer.get("Transfer-Encoding") is None


def test_head_of_a_body_without_end(given: Given) -> None:
    answer = given.request("HEAD", returning("counted('endless', iter(lambda: b'x', None))"))
    assert answer.status == 200 and given.shared("endless") == 1


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
@pytest.mark.parametrize(
    "result", ["[]", "[b'body']", "iter([b'bo', b'dy'])", "counted('x', [b'b'])"]
)
def test_answers_without_a_body(given: Given, status: str, result: str) -> None:
    for headers in ("[]", "[('Content-Length', '4')]"):
        answer = given.get(returning(result, f"start_response('{status}', {headers})"))
        assert answer.status == int(status[:3]), "and the next answer is the next request's"
        assert answer.get("Transfer-Encoding") is None


# threads of the app


def test_an_app_that_runs_in_a_thread_of_its_own(given: Given) -> None:
    """start_response and write() are called there, while the server's thread waits."""
    source = """
        from concurrent.futures import ThreadPoolExecutor

        def inner(environ, start_response):
            write = start_response("200 OK", [("Content-Type", "text/plain")])
            write(b"x" * 3000000)
            return [environ["wsgi.input"].read()]

        def app(environ, start_response):
            with ThreadPoolExecutor(1) as threads:
                return threads.submit(inner, environ, start_response).result(30)
        """
    answer = given.request("POST", source, b"y" * 200_000)
    assert answer.body == b"x" * 3_000_000 + b"y" * 200_000


def test_threads_that_write_at_once(given: Given) -> None:
    """Each piece arrives whole, in whatever order."""
    source = f"""
        from concurrent.futures import ThreadPoolExecutor

        def app(environ, start_response):
            write = {START}
            with ThreadPoolExecutor(8) as threads:
                list(threads.map(lambda n: write(bytes([65 + n]) * 300000), range(8)))
            return [b"!"]
        """
    body = given.get(source).body
    pieces = re.findall(rb"((.)\2*)", body[:-1])
    assert sorted(letter for _, letter in pieces) == [bytes([65 + n]) for n in range(8)]
    assert {len(piece) for piece, _ in pieces} == {300_000} and body.endswith(b"!")


def test_a_thread_reads_while_another_writes(given: Given) -> None:
    """Both wait for the client again and again, at the same time: each gets its own GIL back."""
    source = f"""
        import hashlib, threading

        def app(environ, start_response):
            write, body, found = {START}, environ["wsgi.input"], []

            def read():
                checksum = hashlib.sha256()
                while block := body.read(10000):
                    checksum.update(block)
                found.append(checksum.hexdigest())

            reader = threading.Thread(target=read)
            reader.start()
            for number in range(64):
                write(bytes([number]) * 400000)
            reader.join(30)
            return [found[0].encode()]
        """
    sent = os.urandom(3_000_000)
    with given.server.connect(timeout=30) as connection:
        head = f"POST {given.target(source)} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(sent)}"
        connection.send(head.encode() + b"\r\n\r\n" + sent[:100_000])
        answer = connection.read_head()
        assert answer.get("Transfer-Encoding") == "chunked"
        content = b""
        for at in range(100_000, len(sent), 10_000):
            connection.send(sent[at : at + 10_000])
            if len(content) < 64 * 400_000:
                content += connection.read_chunk()
        while chunk := connection.read_chunk():
            content += chunk
    assert content[-64:].decode() == hashlib.sha256(sent).hexdigest()
    assert content[:-64] == b"".join(bytes([number]) * 400_000 for number in range(64))
