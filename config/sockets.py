"""Live hints over a websocket: 'this subject is now at position n'. The page fetches what changed."""

from __future__ import annotations

import asyncio
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.contrib.auth import get_user_model
from django.urls import path

from bookings.selectors import visible_campaign
from config.watching.metrics import SOCKET_MESSAGES, SOCKETS_OPEN
from flows.feed import group_of
from flows.models import EventChain

LOOK_AGAIN_EVERY = 5.0  # seconds: a lost hint and a lost permission are both noticed within this


class SubjectSocket(AsyncJsonWebsocketConsumer):
    """One page watching one campaign. Nothing that a client sends is obeyed."""

    async def connect(self) -> None:
        self.subject = (
            self.scope["url_route"]["kwargs"]["kind"],
            str(self.scope["url_route"]["kwargs"]["pk"]),
        )
        if not await self._may_watch():
            await self.close(code=4404)
            return
        await self.channel_layer.group_add(group_of(*self.subject), self.channel_name)
        await self.accept()
        SOCKETS_OPEN.inc()
        self.seen = -1
        self.watch = asyncio.create_task(self._look_again())
        await self._tell(await self._position())

    async def disconnect(self, code: int) -> None:
        if hasattr(self, "watch"):
            SOCKETS_OPEN.dec()
            self.watch.cancel()
            await self.channel_layer.group_discard(group_of(*self.subject), self.channel_name)

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any
    ) -> None:
        """The page has nothing to say."""

    async def subject_moved(self, event: dict[str, Any]) -> None:
        await self._tell(event["seq"])

    async def _tell(self, position: int) -> None:
        if position > self.seen:
            self.seen = position
            await self._send({"seq": position})

    async def _send(self, hint: dict[str, Any]) -> None:
        await self.send_json(hint)
        SOCKET_MESSAGES.inc()

    async def _look_again(self) -> None:
        while True:
            await asyncio.sleep(LOOK_AGAIN_EVERY)
            if not await self._may_watch():
                await self.close(code=4401)
                return
            await self._tell(await self._position())
            await self._send({"beat": True})

    @database_sync_to_async
    def _may_watch(self) -> bool:
        user = self.scope["user"]
        if user is None or not user.is_authenticated or self.subject[0] != "campaign":
            return False
        user = get_user_model()._default_manager.filter(pk=user.pk, is_active=True).first()
        if user is None or not self.scope["session"].exists(self.scope["session"].session_key or ""):
            return False
        return visible_campaign(user, self.subject[1]) is not None

    @database_sync_to_async
    def _position(self) -> int:
        row = EventChain.objects.filter(subject_type=self.subject[0], subject_id=self.subject[1]).first()
        return row.length if row else 0


socket_routes = [path("ws/subjects/<slug:kind>/<uuid:pk>/", SubjectSocket.as_asgi())]
