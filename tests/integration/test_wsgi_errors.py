"""PEP 3333 when things go wrong: exc_info, exceptions of every kind and place, close(), and what an
app may not return. Before the head was sent the client gets a 500, after it an answer that it
cannot take for complete; the log says why; the worker lives on."""

from __future__ import annotations

import pytest
from harness import Given, wait_for

HEAD = 'start_response("200 OK", [("Content-Type", "text/plain")])'


# exc_info


@pytest.mark.parametrize("checked", [False, True])
def test_exc_info_before_the_head_replaces_it(given: Given, checked: bool) -> None:
    answer = given.get(
        """
        import sys

        def app(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
            try:
                raise ValueError("caught")
            except ValueError:
                start_response("503 Busy", [("Content-Type", "text/x")], sys.exc_info())
            start_response("504 Later", [("Content-Type", "text/y")], sys.exc_info())
            yield b""
            try:
                raise ValueError("caught again")
            except ValueError:
                start_response("599 Worse", [("Content-Type", "text/z")], sys.exc_info())
            yield b"still nothing was sent before this"
        """,
        checked=checked,
    )
    assert (answer.status, answer.reason, answer.get("Content-Type")) == (599, "Worse", "text/z")
    assert answer.complete and answer.body == b"still nothing was sent before this"
    assert answer.get("Content-Length") is None


@pytest.mark.parametrize("sends", ["yield b'part'", "write(b'part')"])
@pytest.mark.parametrize("checked", [False, True])
def test_exc_info_after_the_head_raises_it_again(given: Given, sends: str, checked: bool) -> None:
    mark = given.server.mark()
    answer = given.get(
        f"""
        import sys

        def where_it_happened():
            raise KeyError("the first mistake")

        def app(environ, start_response):
            write = {HEAD}
            {sends}
            try:
                where_it_happened()
            except KeyError:
                start_response("500 Oops", [("Content-Type", "text/plain")], sys.exc_info())
            yield b"never"
        """,
        checked=checked,
    )
    assert (answer.status, answer.body, answer.complete) == (200, b"part", False)
    given.server.wait_log(r"KeyError: 'the first mistake'", since=mark)
    log = given.whole_log(mark)
    assert log.count("in where_it_happened") == 1 and log.count("KeyError: ") == 1, "told once"
    assert "SystemError" not in log, "nothing is left pending"


def test_an_app_that_hides_the_exception_still_has_a_cut_answer(given: Given) -> None:
    mark = given.server.mark()
    answer = given.get(
        f"""
        import sys

        def app(environ, start_response):
            {HEAD}
            yield b"part"
            try:
                raise ValueError
            except ValueError:
                try:
                    start_response("500 Oops", [], sys.exc_info())
                except ValueError:
                    pass
            yield b", and more"
        """
    )
    assert (answer.body, answer.complete) == (b"part, and more", False)
    given.server.wait_log("exc_info after the head was sent", since=mark)


@pytest.mark.parametrize(
    ("exc_info", "says"),
    [
        ("'text'", "tuple of three"),
        ("(1, 2)", "tuple of three"),
        ("[None, None, None]", "tuple of three"),
        ("ValueError()", "tuple of three"),
    ],
)
def test_exc_info_that_is_none(given: Given, exc_info: str, says: str) -> None:
    mark = given.server.mark()
    answer = given.get(
        f"""
        def app(environ, start_response):
            {HEAD}
            start_response("200 OK", [], {exc_info})
            return [b"never"]
        """
    )
    assert answer.status == 500
    given.server.wait_log(rf"TypeError: .*{says}", since=mark)


def test_empty_exc_info_after_the_head(given: Given) -> None:
    mark = given.server.mark()
    answer = given.get(
        f"""
        def app(environ, start_response):
            {HEAD}
            yield b"part"
            start_response("200 OK", [], (None, None, None))
        """
    )
    assert not answer.complete
    given.server.wait_log("holds no exception", since=mark)


def test_a_second_head_without_exc_info(given: Given) -> None:
    mark = given.server.mark()
    answer = given.get(
        f"""
        def app(environ, start_response):
            {HEAD}
            try:
                start_response("201 Created", [("X-Second", "yes")])
            except AssertionError:
                pass
            return [b"the first one counts"]
        """
    )
    assert (answer.status, answer.body) == (200, b"the first one counts")
    assert answer.get("X-Second") is None
    again = given.get(f"def app(e, start_response):\n    {HEAD}\n    {HEAD}\n    return []")
    assert again.status == 500
    given.server.wait_log("second time without exc_info", since=mark)


def test_a_wrong_head_is_not_sent_though_the_app_hides_the_error(given: Given) -> None:
    """Neither the wrong one nor the one that it was to replace."""
    for wrong in (
        '("500 Oops", [("X-Good", "1"), ("X-Bad", "a\\r\\nSet-Cookie: stolen=1")])',
        '("500 Oops", [("X-Good", "1"), ("X-Bad", 5)])',
        '("oops", [("X-Good", "1")])',
    ):
        for first in (HEAD, "pass"):
            answer = given.get(
                f"""
                import sys

                def app(environ, start_response):
                    {first}
                    try:
                        raise ValueError
                    except ValueError:
                        try:
                            start_response(*{wrong}, sys.exc_info())
                        except (ValueError, TypeError):
                            pass
                    return [b"body"]
                """
            )
            assert answer.status == 500 and answer.body != b"body"
            assert answer.get("X-Good") is None and answer.get("Set-Cookie") is None


# exceptions


EXCEPTIONS = [
    "ValueError('a mistake')",
    "SystemExit(3)",
    "KeyboardInterrupt()",
    "GeneratorExit()",
    "StopIteration()",
    "BaseException('at the root')",
    "MemoryError()",
    "RecursionError()",
    "ConnectionResetError('not of this connection')",
    "type('OfTheirOwn', (BaseException,), {'__str__': None})()",
]


@pytest.mark.parametrize("raised", EXCEPTIONS)
def test_any_exception_in_any_place(given: Given, raised: str) -> None:
    worker = given.server.workers()[1]
    name = raised.partition("(")[0].replace("type", "OfTheirOwn")
    for place, status, body in (
        ("raise THIS\n", 500, None),
        (f"{HEAD}\nraise THIS\n", 500, None),
        (f"{HEAD}\nreturn Raising([], THIS)\n", 500, None),
        (f"{HEAD}\nreturn Raising([b'', b''], THIS)\n", 500, None),
        (f"{HEAD}\nreturn Raising([b'part'], THIS)\n", 200, b"part"),
        (f"{HEAD}(b'part')\nraise THIS\n", 200, b"part"),
    ):
        if raised == "StopIteration()" and "Raising" in place:
            continue  # that is how an iterator says that it is done
        mark = given.server.mark()
        lines = place.replace("THIS", raised).replace("\n", "\n            ")
        answer = given.get(
            f"""
        class Raising:
            def __init__(self, parts, error):
                self.parts, self.error = iter(parts), error

            def __iter__(self):
                return self

            def __next__(self):
                for part in self.parts:
                    return part
                raise self.error

        def app(environ, start_response):
            {lines}
            """
        )
        assert (answer.status, answer.complete) == (status, status == 500), place
        assert body is None or answer.body == body
        given.server.wait_log("the app failed on GET", since=mark)
        given.server.wait_log(rf"^(<class ')?{name}\b", since=mark)
    assert worker.alive


def test_errors_are_counted(given: Given) -> None:
    count = f"""
        import uwsgi

        def app(environ, start_response):
            {HEAD}
            return [b"%d" % uwsgi.workers()[0]["exceptions"]]
        """
    before = int(given.get(count).text)
    for source in ("raise ValueError", "raise SystemExit", "return None"):
        given.get(f"def app(environ, start_response):\n    {source}")
    assert int(given.get(count).text) == before + 3


# close()


@pytest.mark.parametrize(
    ("parts", "complete"),
    [
        ("[b'one', b'two']", True),
        ("[]", True),
        ("[b'one', 'text']", False),
        ("(1 // (2 - n) and b'' or b'x' for n in range(5))", False),
    ],
)
def test_close_is_called_once(given: Given, parts: str, complete: bool) -> None:
    source = f"""
        def app(environ, start_response):
            {HEAD}
            return counted("closes", {parts})
        """
    for method in ("GET", "HEAD"):
        answer = given.request(method, source)
        assert method == "HEAD" or answer.complete == complete
        assert given.shared("closes") == 1, method


def test_close_is_called_though_the_answer_never_began(given: Given) -> None:
    for result in ("counted('c', [b'x'])", "counted('c', ['text'])"):
        source = f"def app(environ, start_response):\n    return {result}"
        assert given.get(source).status == 500
        assert given.shared("c") == 1
    wrong = f"""
        class NoIterator(counted):
            def __iter__(self):
                raise LookupError("no iterator today")

        def app(environ, start_response):
            {HEAD}
            return NoIterator("c", [])
        """
    mark = given.server.mark()
    assert given.get(wrong).status == 500
    given.server.wait_log("LookupError: no iterator today", since=mark)
    assert given.shared("c") == 1


def test_close_of_generators(given: Given) -> None:
    """A generator's finally runs, also for the one that is not asked to its end."""
    source = f"""
        def app(environ, start_response):
            {HEAD}
            try:
                yield b"x" * 70000
                yield b"x" * 70000
            finally:
                shared["finally"] = shared.get("finally", 0) + 1
        """
    assert len(given.get(source).body) == 140_000
    assert given.shared("finally") == 1
    assert given.request("HEAD", source).status == 200
    assert given.shared("finally") == 1


def test_close_when_the_client_left(given: Given) -> None:
    source = f"""
        def app(environ, start_response):
            {HEAD}
            return counted("left", (b"x" * 65536 for _ in range(100000)))
        """
    with given.server.connect() as connection:
        connection.send(f"GET {given.target(source)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        connection.read_until(b"xx")
    wait_for(lambda: given.shared("left") == 1, "close()")
    assert given.shared("left") is None, "once"


def test_close_that_raises(given: Given) -> None:
    """The answer was complete before: it stays so, and the connection with it."""
    mark = given.server.mark()
    answer = given.get(
        f"""
        class Closing(counted):
            def close(self):
                raise OSError("cannot close")

        def app(environ, start_response):
            {HEAD}
            return Closing("never", [b"all ", b"of it"])
        """
    )
    assert answer.complete and answer.body == b"all of it" and not answer.closes
    given.server.wait_log("OSError: cannot close", since=mark)
    mark = given.server.mark()
    both = given.get(
        f"""
        class Closing(counted):
            def close(self):
                raise OSError("cannot close")

        def app(environ, start_response):
            {HEAD}
            return Closing("never", (1 // 0 for _ in range(1)))
        """
    )
    assert both.status == 500
    given.server.wait_log("^ZeroDivisionError", since=mark)
    assert "OSError: cannot close" not in given.whole_log(mark), "the first mistake is the one"


# what may not be returned, or be a piece


@pytest.mark.parametrize(
    ("result", "says"),
    [
        ("None", "NoneType, which is not an iterable of bytes; is a return missing"),
        ("5", "int, which is not an iterable"),
        ("'text'", r"returned a str.*text\.encode\(\)"),
        ("object()", "object, which is not an iterable"),
        ("app", "function, which is not an iterable"),
        ("['text']", r"bytes, not str.*encode"),
        ("[b'fine', None]", r"bytes, not NoneType"),
        ("(p for p in ['text'])", r"bytes, not str; encode it: text\.encode\(\)"),
        ("(p for p in [bytearray(b'x')])", "bytes, not bytearray"),
        ("iter([memoryview(b'x')])", "bytes, not memoryview"),
        ("{5: 6}", "bytes, not int"),
    ],
)
def test_bodies_that_are_none(given: Given, result: str, says: str) -> None:
    mark = given.server.mark()
    source = f"def app(environ, start_response):\n    {HEAD}\n    return {result}"
    assert given.get(source).status == 500
    given.server.wait_log(f"TypeError: .*{says}", since=mark)
    mark = given.server.mark()
    written = f"def app(environ, start_response):\n    {HEAD}(b'part')\n    return {result}"
    answer = given.get(written)
    assert (answer.status, answer.body, answer.complete) == (200, b"part", False)
    given.server.wait_log(f"TypeError: .*{says}", since=mark)


def test_no_start_response(given: Given) -> None:
    for result in ("[]", "[b'']", "[b'x']", "iter([])", "(b'' for _ in range(3))", "b'x'"):
        mark = given.server.mark()
        answer = given.get(f"def app(environ, start_response):\n    return {result}")
        assert answer.status == 500, result
        given.server.wait_log("start_response", since=mark)
