"""A WebSocket client in the test's own thread: wsproto's frames on a connection of HTTP/1.1, with
TLS or without, or on a stream of HTTP/2 (RFC 8441).

    with Client(server.port, tls=context) as client:
        ws = StreamWebSocket(client, "/chat")
        ws.send("hello")
        assert ws.receive() == "hello"
        ws.close()
"""

from __future__ import annotations

import time
from typing import Callable

from h2.settings import SettingCodes
from wsproto.connection import Connection as Frames
from wsproto.connection import ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Message, Ping, TextMessage

from harness.client import Connection, plain_request
from harness.h2_client import Client, Field

VERSION = ("sec-websocket-version", "13")
UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec_WebSocket_Version": "13",
    "Sec_WebSocket_Key": "c2l4dGVlbiBieXRlcy4uLg==",
}


class WebSocket:
    """What both have in common; they say how bytes go and come."""

    def __init__(self) -> None:
        self.frames = Frames(ConnectionType.CLIENT)
        self.messages: list[str | bytes] = []
        self.code: int | None = None  # of the server's close frame
        self._parts: list[str | bytes] = []

    def write(self, data: bytes) -> None:
        raise NotImplementedError

    def more(self) -> bool:
        """Waits for bytes and heeds them; False: the connection or its stream has ended."""
        raise NotImplementedError

    def send(self, message: str | bytes) -> None:
        if isinstance(message, str):
            self.write(self.frames.send(TextMessage(data=message)))
        else:
            self.write(self.frames.send(BytesMessage(data=message)))

    def receive(self) -> str | bytes:
        self._wait(lambda: self.messages, "a message")
        return self.messages.pop(0)

    def wait_closed(self) -> int | None:
        """Until the server ended the connection: the code of its close frame."""
        while self.more():
            pass
        return self.code

    def close(self, code: int = 1000) -> int | None:
        """Until the server ends the connection for it: the code of its own close frame. Some have
        none (1005); simple-websocket tells its app before it sends it, and then it may be late."""
        self.write(self.frames.send(CloseConnection(code)))
        return self.wait_closed()

    def heed(self, came: bytes) -> None:
        self.frames.receive_data(came)
        for event in self.frames.events():
            if isinstance(event, Message):
                self._parts.append(event.data)
                if event.message_finished:
                    self.messages.append(type(event.data)().join(self._parts))
                    self._parts.clear()
            elif isinstance(event, Ping):
                self.write(self.frames.send(event.response()))
            elif isinstance(event, CloseConnection):
                self.code = int(event.code)

    def _wait(self, until: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + 20
        while not until():
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            assert self.more(), f"the connection ended while waiting for {what}"


class ConnectionWebSocket(WebSocket):
    """Has the connection from then on."""

    def __init__(self, connection: Connection, target: str, **fields: str) -> None:
        super().__init__()
        self.connection = connection
        connection.send(plain_request("GET", target, **{**UPGRADE, **fields}))
        self.answer = connection.read_response(interim=True)
        assert self.answer.status == 101, self.answer
        self._take()

    def write(self, data: bytes) -> None:
        self.connection.send(data)

    def more(self) -> bool:
        came = self.connection.receive_more()
        self._take()
        return came

    def _take(self) -> None:
        came, self.connection.buffer = self.connection.buffer, b""
        if came:
            self.heed(came)


class StreamWebSocket(WebSocket):
    def __init__(self, client: Client, target: str, *fields: Field, accepted: bool = True) -> None:
        super().__init__()
        self.client = client
        client.wait(lambda: self.offered(client), "the server's SETTINGS")
        self.stream = client.connect("websocket", target, [VERSION, *fields])
        self.answer = client.answers[self.stream]
        self.read = 0  # of the answer's body
        if accepted:
            client.wait_head(self.stream)
            assert self.answer.status == 200, self.answer

    @staticmethod
    def offered(client: Client) -> bool:
        return client.h2.remote_settings.get(SettingCodes.ENABLE_CONNECT_PROTOCOL) == 1

    def write(self, data: bytes) -> None:
        if not self.answer.over:
            self.client.say(self.stream, data)

    def more(self) -> bool:
        body = self.answer.body
        self.client.wait(lambda: len(body) > self.read or self.answer.over, "more of the stream")
        came = bytes(body[self.read :])
        self.read += len(came)
        if came:
            self.heed(came)
        return bool(came)
