"""Who may say what, and when. An Order follows one call of the app: `received` is what the server
said, `sent` what the app says, `returned` that the app is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from asgi_checker.report import Fault, require
from asgi_checker.values import header_pairs

Message = Mapping[str, Any]
WITHOUT_BODY = (204, 304)


class Order(Protocol):
    def received(self, message: Message) -> None: ...
    def sent(self, message: Message) -> None: ...
    def returned(self) -> None: ...
    def left(self) -> None: ...


def declared_length(headers: Any) -> int | None:
    found = [
        text for name, text in header_pairs("headers", headers, True) if name == b"content-length"
    ]
    require(len(found) < 2, f"content-length came {len(found)} times")
    require(not found or found[0].isdigit(), f"content-length is {found}")
    return int(found[0]) if found else None


class Upload:
    """The request's body: complete once, as long as it was said to be."""

    def __init__(self, headers: Any) -> None:
        self.length, self.size = declared_length(headers), 0
        self.complete = self.disconnected = False

    def received(self, message: Message) -> None:
        if message["type"] == "http.disconnect":
            self.disconnected = True
            return
        require(not self.disconnected, "http.request after http.disconnect")
        require(not self.complete, "http.request after the body was complete")
        body, more = message.get("body", b""), message.get("more_body", False)
        self.size += len(body)
        if self.length is not None:
            right = self.size <= self.length
            require(right, f"{self.size} bytes of a body of {self.length}")
        if not more:
            self.complete = True
            right = self.length in (None, self.size)
            require(right, f"a complete body of {self.size} bytes, content-length {self.length}")


class Answer:
    """One answer of HTTP. `prefix`: how its messages are called, which differs for a WebSocket
    that is denied."""

    def __init__(self, prefix: str, method: str) -> None:
        self.start, self.body = f"{prefix}.start", f"{prefix}.body"
        self.pathsend, self.trailers = f"{prefix}.pathsend", f"{prefix}.trailers"
        self.before = (f"{prefix}.early_hint", f"{prefix}.push", f"{prefix}.debug")
        self.without_body = method == "HEAD"
        self.state = "not begun"
        self.promised_trailers = False
        self.length: int | None = None
        self.size = 0

    @property
    def complete(self) -> bool:
        return self.state == "complete"

    def sent(self, message: Message) -> None:
        name = message["type"]
        if name in self.before:
            require(self.state == "not begun", f"{name} after the answer began")
        elif name == self.start:
            require(self.state == "not begun", f"a second {name}")
            self.begin(message)
        elif name in (self.body, self.pathsend):
            require(self.state != "not begun", f"{name} before {self.start}")
            require(self.state in ("head", "body"), f"{name} after the body was complete")
            self.add(message)
        elif name == self.trailers:
            require(self.promised_trailers, f"{name}, which {self.start} did not promise")
            require(self.state == "trailers", f"{name} when the answer is {self.state}")
            if not message.get("more_trailers", False):
                self.state = "complete"
        else:
            raise Fault(f"{name} has no place in an answer")

    def begin(self, message: Message) -> None:
        self.state = "head"
        self.promised_trailers = message.get("trailers", False)
        self.length = declared_length(message.get("headers", ()))
        self.without_body = self.without_body or message["status"] in WITHOUT_BODY

    def add(self, message: Message) -> None:
        if message["type"] == self.pathsend:
            require(self.state == "head", "a file behind a part of the body")
            more = False
        else:
            self.size += len(message.get("body", b""))
            more = message.get("more_body", False)
            self.check_length(more)
        ended = "trailers" if self.promised_trailers else "complete"
        self.state = "body" if more else ended

    def check_length(self, more: bool) -> None:
        if self.length is None or self.without_body:
            return
        right = self.size <= self.length if more else self.size == self.length
        require(right, f"{self.size} bytes of body, content-length says {self.length}")


class HttpOrder:
    def __init__(self, scope: Mapping[str, Any]) -> None:
        self.upload = Upload(scope["headers"])
        self.answer = Answer("http.response", scope["method"])

    def received(self, message: Message) -> None:
        self.upload.received(message)

    def sent(self, message: Message) -> None:
        self.answer.sent(message)

    def left(self) -> None:
        self.upload.disconnected = True

    def returned(self) -> None:
        over = self.answer.complete or self.upload.disconnected
        require(over, f"the app returned when its answer was {self.answer.state}")


class WebSocketOrder:
    """connecting > denying | open > closed; the server's side ends with one disconnect."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self.offered = list(scope["subprotocols"])
        self.state = "connecting"
        self.connected = self.disconnected = False
        self.denial = Answer("websocket.http.response", "GET")

    def received(self, message: Message) -> None:
        name = message["type"]
        if name == "websocket.connect":
            require(not self.connected, "a second websocket.connect")
            self.connected = True
            return
        require(self.connected, f"{name} before websocket.connect")
        if name == "websocket.disconnect":
            self.disconnected = True
            return
        require(not self.disconnected, f"{name} after websocket.disconnect")
        # What came before the app closed may still be on its way; not so before it accepted.
        right = self.state in ("open", "closed")
        require(right, f"{name} when the app is {self.state}")

    def sent(self, message: Message) -> None:
        name = message["type"]
        # An app may refuse without a look at what it refuses, as Starlette does.
        right = self.connected or name not in ("websocket.accept", "websocket.send")
        require(right, f"{name} before websocket.connect was received")
        if name.startswith("websocket.http.response."):
            require(self.state in ("connecting", "denying"), f"{name} when it is {self.state}")
            self.state = "denying"
            self.denial.sent(message)
            if self.denial.complete:
                self.state = "closed"
        elif name == "websocket.accept":
            require(self.state == "connecting", f"{name} when it is {self.state}")
            chosen = message.get("subprotocol")
            right = chosen is None or chosen in self.offered
            require(right, f"the subprotocol {chosen!r}, offered were {self.offered}")
            self.state = "open"
        elif name == "websocket.send":
            require(self.state == "open", f"{name} when it is {self.state}")
        else:
            right = self.state in ("connecting", "open") or self.disconnected
            require(right, f"{name} when it is {self.state}")
            self.state = "closed"

    def left(self) -> None:
        self.disconnected = True

    def returned(self) -> None:
        # An app that returns from an open one leaves the closing to the server (1000).
        over = self.state in ("open", "closed") or self.disconnected
        require(over, f"the app returned when it was {self.state}")


class LifespanOrder:
    def __init__(self, scope: Mapping[str, Any]) -> None:
        self.asked: list[str] = []
        self.told: list[str] = []

    def received(self, message: Message) -> None:
        name = message["type"]
        require(name not in self.asked, f"a second {name}")
        if name == "lifespan.shutdown":
            right = "lifespan.startup.complete" in self.told
            require(right, f"{name} without a complete start-up")
        self.asked.append(name)

    def sent(self, message: Message) -> None:
        name = message["type"]
        stage, _, _ = name.rpartition(".")
        require(stage in self.asked, f"{name} before {stage} was received")
        again = any(told.startswith(stage) for told in self.told)
        require(not again, f"{name} after {self.told}")
        self.told.append(name)

    def left(self) -> None:
        pass

    def returned(self) -> None:
        for stage in self.asked:
            told = any(name.startswith(stage) for name in self.told)
            require(told, f"the app returned without a word on {stage}")


ORDERS = {"http": HttpOrder, "websocket": WebSocketOrder, "lifespan": LifespanOrder}


def order_of(scope: Mapping[str, Any]) -> Order:
    return ORDERS[scope["type"]](scope)
