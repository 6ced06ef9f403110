"""A WebSocket on a stream of HTTP/2 (RFC 8441): h2 below, wsproto's frames in it.

with Client(server.port, tls=context) as client:
    ws = StreamWebSocket(client, "/chat")
    ws.send("hello")
    assert ws.receive() == "hello"
    assert ws.close() == 1000
"""

from __future__ import annotations

from h2.settings import SettingCodes
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Message, Ping, TextMessage

from harness.h2_client import Client, Field

VERSION = ("sec-websocket-version", "13")


class StreamWebSocket:
    def __init__(self, client: Client, target: str, *fields: Field, accepted: bool = True) -> None:
        self.client = client
        client.wait(lambda: self.offered(client), "the server's SETTINGS")
        self.stream = client.connect("websocket", target, [VERSION, *fields])
        self.answer = client.answers[self.stream]
        self.frames = Connection(ConnectionType.CLIENT)
        self.read = 0  # of the answer's body
        self.messages: list[str | bytes] = []
        self.finished = False
        self.code: int | None = None  # of the server's close frame
        self._parts: list[str | bytes] = []
        if accepted:
            client.wait_head(self.stream)
            assert self.answer.status == 200, self.answer

    @staticmethod
    def offered(client: Client) -> bool:
        return client.h2.remote_settings.get(SettingCodes.ENABLE_CONNECT_PROTOCOL) == 1

    def send(self, message: str | bytes) -> None:
        if isinstance(message, str):
            self._write(TextMessage(data=message))
        else:
            self._write(BytesMessage(data=message))

    def receive(self) -> str | bytes:
        while not self.messages:
            assert self._more(), f"the stream ended without a message, code {self.code}"
        return self.messages.pop(0)

    def wait_closed(self) -> int | None:
        """Until the server ended the stream: the code of its close frame."""
        while self._more():
            pass
        return self.code

    def close(self, code: int = 1000) -> int | None:
        """Until the server ends the stream for it: the code of its own close frame."""
        self._write(CloseConnection(code))
        return self.wait_closed()

    def _write(self, event: Event) -> None:
        frame = self.frames.send(event)
        if not self.answer.over:
            self.client.say(self.stream, frame)

    def _finish(self) -> None:
        """Our half ends with the server's (RFC 8441 5)."""
        if not self.finished and self.answer.reset is None:
            self.client.finish(self.stream)
        self.finished = True

    def _more(self) -> bool:
        """Waits for bytes and heeds them; False: the stream has ended."""
        body = self.answer.body
        self.client.wait(lambda: len(body) > self.read or self.answer.over, "more of the stream")
        came = bytes(body[self.read :])
        self.read += len(came)
        if not came:
            self._finish()
            return False
        self.frames.receive_data(came)
        for event in self.frames.events():
            self._heed(event)
        return True

    def _heed(self, event: Event) -> None:
        if isinstance(event, Message):
            self._parts.append(event.data)
            if event.message_finished:
                self.messages.append(type(event.data)().join(self._parts))
                self._parts.clear()
        elif isinstance(event, Ping):
            self._write(event.response())
        elif isinstance(event, CloseConnection):
            self.code = int(event.code)
            if self.frames.state.name == "REMOTE_CLOSING":
                self._write(event.response())
