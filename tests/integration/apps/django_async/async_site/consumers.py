from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer

from async_site.views import noted


class Chat(AsyncJsonWebsocketConsumer):
    async def connect(self) -> None:
        self.room = self.scope["url_route"]["kwargs"]["room"]
        await self.channel_layer.group_add(self.room, self.channel_name)
        await self.accept()

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        message = {"type": "chat.said", "said": content}
        await self.channel_layer.group_send(self.room, message)

    async def chat_said(self, message: dict[str, Any]) -> None:
        await self.send_json({"room": self.room, "said": message["said"]})

    async def disconnect(self, code: int) -> None:
        noted["chat"] = code
        await self.channel_layer.group_discard(self.room, self.channel_name)
