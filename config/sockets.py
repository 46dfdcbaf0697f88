"""Live hints over a websocket: 'this subject is now at position n'. The page fetches what changed."""

from __future__ import annotations

import asyncio
from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.urls import path

from config.live_hub import Pass, hub
from config.watching.metrics import SOCKET_MESSAGES, SOCKETS_OPEN


class SubjectSocket(AsyncJsonWebsocketConsumer):
    """One page watching one campaign. Nothing that a client sends is obeyed."""

    channel_layer_alias = "none"  # it needs no channel of its own: the hub listens for all sockets

    async def connect(self) -> None:
        user, place = self.scope["user"], self.scope["url_route"]["kwargs"]
        self.seen = self.newest = -1
        self.due_beat = False
        self.news = asyncio.Event()
        self.writer: asyncio.Task[None] | None = None
        if user is None or not user.is_authenticated or place["kind"] != "campaign":
            await self.close(code=4404)
            return
        self.ticket = Pass(self.scope["session"].session_key or "", user.pk, str(place["pk"]))
        position = await hub().join(self)
        if position is None:
            await self.close(code=4404)
            return
        SOCKETS_OPEN.inc()
        await self.accept()
        self.tell(position)
        self.writer = asyncio.create_task(self._write())

    async def disconnect(self, code: int) -> None:
        if self.writer is None:
            return
        SOCKETS_OPEN.dec()
        self.writer.cancel()
        await hub().leave(self)

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any
    ) -> None:
        """The page has nothing to say."""

    def tell(self, position: int) -> None:
        if position > self.newest:
            self.newest = position
            self.news.set()

    def beat(self) -> None:
        self.due_beat = True
        self.news.set()

    async def turn_away(self) -> None:
        await self.close(code=4401)

    async def _write(self) -> None:
        """At the reader's own pace: whoever is slow gets the newest position only, and holds up nobody."""
        while True:
            await self.news.wait()
            self.news.clear()
            if self.newest > self.seen:
                self.seen = self.newest
                await self._send({"seq": self.seen})
            if self.due_beat:
                self.due_beat = False
                await self._send({"beat": True})

    async def _send(self, hint: dict[str, Any]) -> None:
        await self.send_json(hint)
        SOCKET_MESSAGES.inc()


socket_routes = [path("ws/subjects/<slug:kind>/<uuid:pk>/", SubjectSocket.as_asgi())]
