"""The ASGI checker finds what it is made for: each test breaks one rule on one side."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from asgi_checker import Fault, checked
from asgi_checker.scopes import EXTENSIONS, TLS_KEYS

HTTP: dict[str, Any] = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.5"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/a b",
    "raw_path": b"/a%20b",
    "query_string": b"q=1",
    "root_path": "",
    "headers": [(b"host", b"localhost")],
    "client": ("127.0.0.1", 40000),
    "server": ("127.0.0.1", 80),
}
WEBSOCKET: dict[str, Any] = {
    **{key: value for key, value in HTTP.items() if key != "method"},
    "type": "websocket",
    "scheme": "ws",
    "headers": [(b"sec-websocket-protocol", b"a, b")],
    "subprotocols": ["a", "b"],
}
LIFESPAN: dict[str, Any] = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}}
TLS = {**dict.fromkeys(TLS_KEYS), "client_cert_chain": ()}
RESPONSES = {name: {} for name in EXTENSIONS if name.startswith("http.response")}
ALL = {**HTTP, "extensions": RESPONSES}
DENIAL = {**WEBSOCKET, "extensions": {"websocket.http.response": {}}}

REQUEST = {"type": "http.request", "body": b"", "more_body": False}
GONE = {"type": "http.disconnect"}
START = {"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]}
BODY = {"type": "http.response.body", "body": b"x", "more_body": False}
PART = {**BODY, "more_body": True}
TRAILERS = {"type": "http.response.trailers", "headers": [(b"a", b"b")]}
PROMISE = {**START, "trailers": True}
HINT = {"type": "http.response.early_hint", "links": [b"</a>; rel=preload"]}
FILE = {"type": "http.response.pathsend", "path": "/etc/hosts"}
CONNECT, ACCEPT = {"type": "websocket.connect"}, {"type": "websocket.accept"}
CLOSE, LEFT = {"type": "websocket.close"}, {"type": "websocket.disconnect", "code": 1006}
CAME, SAID = ({"type": f"websocket.{way}", "text": "x"} for way in ("receive", "send"))
DENY = {"type": "websocket.http.response.start", "status": 403, "headers": []}
DENIED = {"type": "websocket.http.response.body", "body": b"no"}
UP, DOWN = {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}
IS_UP, IS_DOWN = ({"type": f"lifespan.{stage}.complete"} for stage in ("startup", "shutdown"))

Talk = list[dict[str, Any]]


def play(scope: dict[str, Any], talk: Talk, app: Any = None) -> None:
    """An app that receives and sends what stands in `talk`, in this order; the server agrees."""
    ours = [message for message in talk if is_received(message)]

    async def receive() -> Any:
        return ours.pop(0)

    async def send(message: Any) -> None:
        pass

    async def say(scope: Any, receive: Any, send: Any) -> None:
        for message in talk:
            if is_received(message):
                await receive()
            else:
                await send(message)

    asyncio.run((app or checked(say))(scope, receive, send))


def is_received(message: dict[str, Any]) -> bool:
    _, _, name = str(message["type"]).partition(".")
    return name in ("request", "disconnect", "connect", "receive", "startup", "shutdown", "odd")


def faulty(scope: dict[str, Any], talk: Talk, says: str) -> None:
    with pytest.raises(Fault) as caught:
        play(scope, talk)
    assert says in str(caught.value), caught.value


GOOD: list[tuple[dict[str, Any], Talk]] = [
    (HTTP, [REQUEST, START, BODY, GONE]),
    (HTTP, [START, PART, PART, BODY]),
    (HTTP, [{"type": "http.request"}, {"type": "http.response.start", "status": 204}, BODY]),
    (HTTP, [{**REQUEST, "body": b"a", "more_body": True}, GONE]),
    (HTTP, [GONE, START, PART]),
    (ALL, [HINT, HINT, PROMISE, PART, BODY, TRAILERS]),
    (ALL, [PROMISE, BODY, {**TRAILERS, "more_trailers": True}, TRAILERS]),
    (ALL, [START, FILE]),
    (WEBSOCKET, [CONNECT, ACCEPT, CAME, SAID, CLOSE, LEFT]),
    (WEBSOCKET, [CONNECT, {**ACCEPT, "subprotocol": "b"}, LEFT, CLOSE]),
    (WEBSOCKET, [CONNECT, CLOSE]),
    (WEBSOCKET, [CLOSE]),
    (WEBSOCKET, [CONNECT, LEFT]),
    (DENIAL, [CONNECT, DENY, {**DENIED, "more_body": True}, DENIED, LEFT]),
    (LIFESPAN, [UP, IS_UP, DOWN, IS_DOWN]),
    (LIFESPAN, [UP, {"type": "lifespan.startup.failed", "message": "no"}]),
    (LIFESPAN, []),
]


@pytest.mark.parametrize(("scope", "talk"), GOOD)
def test_what_is_right(scope: dict[str, Any], talk: Talk) -> None:
    play(scope, talk)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"type": "tcp"}, "type must be one of"),
        ({"asgi": {"version": "2.0"}}, "version"),
        ({"asgi": {"version": "3.0", "spec_version": "3.0"}}, "spec_version"),
        ({"http_version": "2.0"}, "http_version"),
        ({"method": "get"}, "not upper-cased"),
        ({"scheme": "ws"}, "scheme"),
        ({"path": b"/"}, "path must be str"),
        ({"path": "/a%20b"}, "not raw_path"),
        ({"raw_path": "/a%20b"}, "raw_path must be bytes"),
        ({"raw_path": b"/a%20b?q=1"}, "holds the query"),
        ({"query_string": "q"}, "query_string must be bytes"),
        ({"query_string": b"?q"}, "query_string"),
        ({"root_path": "/a/"}, "root_path"),
        ({"root_path": "/b"}, "does not begin with root_path"),
        ({"headers": {b"a": b"b"}}, "headers must be an iterable"),
        ({"headers": iter([(b"a", b"b")])}, "iterator"),
        ({"headers": [(b"Host", b"a")]}, "lower case"),
        ({"headers": [("host", b"a")]}, "a name in headers"),
        ({"headers": [(b"host", "a")]}, "the value"),
        ({"headers": [(b":path", b"a")]}, "pseudo"),
        ({"headers": [(b"a b", b"a")]}, "no name"),
        ({"headers": [(b"a", b"a\r\nb: c")]}, "no value"),
        ({"headers": [(b"a", b"b", b"c")]}, "no pair"),
        ({"client": "127.0.0.1"}, "no pair"),
        ({"client": ("127.0.0.1", "80")}, "port"),
        ({"client": ("/a/socket", None)}, "client must be"),
        ({"server": (b"a", 1)}, "host must be a str"),
        ({"extensions": {"http.response.unknown": {}}}, "unknown extension"),
        ({"extensions": {"websocket.http.response": {}}}, "in a scope of http"),
        ({"extensions": {"tls": {}}}, "without"),
        ({"extensions": {"tls": {**TLS, "tls_version": "1.3"}}}, "tls_version"),
        ({"state": []}, "state must be dict"),
        ({"wsgi.input": None}, "unknown key"),
    ],
)
def test_a_scope_of_http(changed: dict[str, Any], says: str) -> None:
    faulty({**HTTP, **changed}, [START, BODY], says)


@pytest.mark.parametrize("missing", sorted(HTTP))
def test_a_scope_without_a_key(missing: str) -> None:
    scope = {key: value for key, value in HTTP.items() if key != missing}
    faulty(scope, [START, BODY], "type must be" if missing == "type" else f"without {missing}")


def test_a_scope_that_is_no_dict() -> None:
    class Other(dict):  # type: ignore[type-arg]
        pass

    faulty(Other(HTTP), [START, BODY], "must be a dict")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"scheme": "http"}, "scheme"),
        ({"method": "GET"}, "unknown key 'method'"),
        ({"subprotocols": ["b", "a"]}, "the headers say"),
        ({"subprotocols": "ab"}, "iterable"),
        ({"extensions": {"http.response.trailers": {}}}, "in a scope of websocket"),
    ],
)
def test_a_scope_of_websocket(changed: dict[str, Any], says: str) -> None:
    faulty({**WEBSOCKET, **changed}, [CONNECT, CLOSE], says)


PIECE = {**REQUEST, "body": b"12", "more_body": True}
LONG = {**HTTP, "headers": [(b"content-length", b"3")]}


@pytest.mark.parametrize(
    ("scope", "talk", "says"),
    [
        (HTTP, [REQUEST, REQUEST], "after the body was complete"),
        (HTTP, [GONE, REQUEST], "after http.disconnect"),
        (HTTP, [{**REQUEST, "body": bytearray()}], "body must be bytes"),
        (HTTP, [{**REQUEST, "more_body": 0}], "more_body must be bool"),
        (HTTP, [{**REQUEST, "extra": 1}], "unknown key"),
        (HTTP, [CONNECT], "no message of this kind"),
        (LONG, [PIECE, PIECE], "4 bytes of a body of 3"),
        (LONG, [PIECE, REQUEST], "a complete body of 2 bytes"),
        (WEBSOCKET, [CONNECT, CONNECT], "a second websocket.connect"),
        (WEBSOCKET, [CAME], "before websocket.connect"),
        (WEBSOCKET, [CONNECT, CAME], "when the app is connecting"),
        (WEBSOCKET, [CONNECT, ACCEPT, LEFT, CAME], "after websocket.disconnect"),
        (WEBSOCKET, [CONNECT, ACCEPT, {**CAME, "bytes": b""}], "bytes or text"),
        (WEBSOCKET, [CONNECT, ACCEPT, {"type": "websocket.receive"}], "bytes or text"),
        (WEBSOCKET, [CONNECT, ACCEPT, {"type": "websocket.disconnect"}], "without code"),
        (WEBSOCKET, [CONNECT, ACCEPT, {**LEFT, "code": 99}], "code must be"),
        (LIFESPAN, [UP, IS_UP, UP], "a second lifespan.startup"),
        (LIFESPAN, [UP, DOWN], "without a complete start-up"),
    ],
)
def test_what_is_received(scope: dict[str, Any], talk: Talk, says: str) -> None:
    faulty(scope, talk, says)


EMPTY_204 = {**START, "status": 204, "headers": [(b"content-length", b"5")]}
FIVE = {**START, "headers": [(b"content-length", b"5")]}


@pytest.mark.parametrize(
    ("scope", "talk", "says"),
    [
        (HTTP, [BODY], "before http.response.start"),
        (HTTP, [START, START], "a second"),
        (HTTP, [START, BODY, BODY], "after the body was complete"),
        (HTTP, [START, PART], "the app returned when its answer was body"),
        (HTTP, [], "the app returned when its answer was not begun"),
        (HTTP, [{**START, "status": "200"}], "status must be int"),
        (HTTP, [{**START, "status": 103}], "status must be 200 to 599"),
        (HTTP, [{**START, "headers": [(b"A", b"b")]}], "lower case"),
        (HTTP, [{**START, "headers": [("a", "b")]}], "a name in headers"),
        (HTTP, [START, {**BODY, "body": "x"}], "body must be bytes"),
        (HTTP, [START, {**BODY, "more": True}], "unknown key"),
        (HTTP, [FIVE, BODY], "1 bytes of body, content-length says 5"),
        (HTTP, [FIVE, {**PART, "body": b"123456"}], "6 bytes of body"),
        (HTTP, [{**FIVE, "headers": FIVE["headers"] * 2}], "content-length came 2 times"),
        (HTTP, [HINT], "without the extension"),
        (HTTP, [START, FILE], "without the extension"),
        (HTTP, [START, BODY, TRAILERS], "without the extension"),
        (ALL, [START, HINT], "after the answer began"),
        (ALL, [{**HINT, "links": b"</a>"}], "links must be an iterable"),
        (ALL, [{**HINT, "links": []}], "links is empty"),
        (ALL, [START, PART, FILE], "behind a part of the body"),
        (ALL, [START, FILE, BODY], "after the body was complete"),
        (ALL, [START, {**FILE, "path": "a/file"}], "must be absolute"),
        (ALL, [START, BODY, TRAILERS], "did not promise"),
        (ALL, [PROMISE, PART, TRAILERS], "when the answer is body"),
        (ALL, [PROMISE, BODY], "was trailers"),
        (WEBSOCKET, [ACCEPT], "before websocket.connect was received"),
        (WEBSOCKET, [CONNECT, SAID], "when it is connecting"),
        (WEBSOCKET, [CONNECT, ACCEPT, ACCEPT], "when it is open"),
        (WEBSOCKET, [CONNECT, CLOSE, SAID], "when it is closed"),
        (WEBSOCKET, [CONNECT, ACCEPT, CLOSE, CLOSE], "when it is closed"),
        (WEBSOCKET, [CONNECT], "returned when it was connecting"),
        (WEBSOCKET, [CONNECT, {**ACCEPT, "subprotocol": "c"}], "offered were"),
        (
            WEBSOCKET,
            [CONNECT, {**ACCEPT, "headers": [(b"sec-websocket-protocol", b"a")]}],
            "in a header",
        ),
        (WEBSOCKET, [CONNECT, ACCEPT, {**SAID, "bytes": b"x"}], "bytes or text"),
        (WEBSOCKET, [CONNECT, ACCEPT, {**CLOSE, "code": 1005}], "may not be sent"),
        (WEBSOCKET, [CONNECT, ACCEPT, {**CLOSE, "reason": "x" * 124}], "123 bytes"),
        (WEBSOCKET, [CONNECT, DENY], "without the extension"),
        (DENIAL, [CONNECT, ACCEPT, DENY], "when it is open"),
        (DENIAL, [CONNECT, DENY], "returned when it was denying"),
        (DENIAL, [CONNECT, DENIED], "before websocket.http.response.start"),
        (LIFESPAN, [IS_UP], "before lifespan.startup was received"),
        (LIFESPAN, [UP, IS_UP, IS_UP], "after ['lifespan.startup.complete']"),
        (LIFESPAN, [UP], "without a word on lifespan.startup"),
        (LIFESPAN, [UP, IS_UP, DOWN], "without a word on lifespan.shutdown"),
    ],
)
def test_what_is_sent(scope: dict[str, Any], talk: Talk, says: str) -> None:
    faulty(scope, talk, says)


def test_lengths_that_nothing_contradicts() -> None:
    play(HTTP, [EMPTY_204, {**BODY, "body": b""}])
    play({**HTTP, "method": "HEAD"}, [FIVE, {**BODY, "body": b""}])


def test_what_a_framework_is_forgiven() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({**START, "headers": [(b"Content-Type", b"text/plain")]})
        await send(BODY)

    play(HTTP, [], checked(app, ["header case"]))
    with pytest.raises(Fault):
        play(HTTP, [], checked(app))


def test_the_state_of_the_lifespan() -> None:
    """Every request has a copy of its own of what the lifespan put there."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            scope["state"]["pool"] = pool
            await send(IS_UP)
            return
        await send(START)
        await send(BODY)

    pool, state = object(), {}
    application = checked(app)
    play({**LIFESPAN, "state": state}, [UP], application)
    play({**HTTP, "state": dict(state)}, [], application)
    for wrong, says in (
        (HTTP, "without the lifespan's state"),
        ({**HTTP, "state": {}}, "is not what the lifespan put there"),
        ({**HTTP, "state": {"pool": pool, "user": 1}}, "put there by another request"),
    ):
        with pytest.raises(Fault, match=says):
            play(wrong, [], application)


def test_faults_that_are_caught_are_told_all_the_same(capfd: pytest.CaptureFixture[str]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        try:
            await send({**BODY, "body": None})
        except AssertionError:
            await send(BODY)

    play(HTTP, [], checked(app))
    assert "ASGI checker: sent on http: body must be bytes" in capfd.readouterr().err


def test_a_server_that_refuses_what_is_right() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)

    async def gives_up(scope: Any, receive: Any, send: Any) -> None:
        with contextlib.suppress(ConnectionError):
            await send(START)

    async def refuse(message: Any) -> None:
        raise TypeError("no")

    async def lose(message: Any) -> None:
        raise ConnectionResetError

    with pytest.raises(Fault, match="the server refused what is right"):
        asyncio.run(checked(app)(HTTP, None, refuse))  # type: ignore[arg-type]
    with pytest.raises(ConnectionResetError):
        asyncio.run(checked(app)(HTTP, None, lose))  # type: ignore[arg-type]
    asyncio.run(checked(gives_up)(HTTP, None, lose))  # type: ignore[arg-type]
