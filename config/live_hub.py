"""One subscription per subject and process, however many pages watch it; one look at the database for all of them.

With a channel of its own in the layer each socket costs a queue, a task and queries: 150 events for 1,000 pages are
then 150,000 messages, of which Redis and queues drop some. Here they are at most ten rounds a second of the newest
position, and what is lost all the same is found by the next look.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.contrib.sessions.models import Session
from django.utils import timezone

from bookings.selectors import watchable
from flows.events import positions
from flows.feed import group_of
from flows.seldom import Seldom

logger = logging.getLogger(__name__)
_deaf, _blind = Seldom(logger), Seldom(logger)  # no hints; no looks

LOOK_AGAIN_EVERY = 5.0  # seconds: a lost hint and a lost permission are both noticed within this
SPACING = 0.1  # seconds between two rounds for one subject; pages gather news for longer than that
LISTEN_AGAIN_AFTER = 1.0  # seconds after hints could not be read; the regular look goes on meanwhile
LOOKED_AT_ONCE = 500


@dataclass(frozen=True)
class Pass:
    """Who watches what, by which session."""

    session: str
    user: int
    campaign: str


class Watcher(Protocol):
    ticket: Pass

    def tell(self, position: int) -> None:
        """Note it and return at once."""

    def beat(self) -> None:
        """The server is alive and the watcher still may watch."""

    async def turn_away(self) -> None:
        """The session or the permission is gone."""


class Hub:
    """Of one event loop. Its tasks run while anybody watches."""

    def __init__(self) -> None:
        self._layer = get_channel_layer()
        self._watchers: dict[str, set[Watcher]] = {}
        self._newest: dict[str, int] = {}
        self._telling: set[str] = set()
        self._asking: list[tuple[Pass, asyncio.Future[int | None]]] = []
        self._looking: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None
        self._short: set[asyncio.Task[None]] = set()  # kept from the garbage collector until they are done
        self._channel = ""
        self._subscribing = asyncio.Lock()

    async def join(self, watcher: Watcher) -> int | None:
        """The subject's position; None where the watcher may not watch, and then it is not told anything.

        Subscribed first and looked up then: no event falls between the two.
        """
        group = _group(watcher.ticket)
        self._watchers.setdefault(group, set()).add(watcher)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_regularly())
        position = None
        try:
            await self._subscribe(group)
            position = await self._ask(watcher.ticket)
        finally:
            if position is None:
                await self.leave(watcher)
        return position

    async def leave(self, watcher: Watcher) -> None:
        group = _group(watcher.ticket)
        watchers = self._watchers.get(group, set())
        watchers.discard(watcher)
        if watchers or group not in self._watchers:
            return
        del self._watchers[group]
        self._newest.pop(group, None)
        channel = self._channel
        if not self._watchers:
            self._end()
        if self._layer is not None and channel:
            await self._layer.group_discard(group, channel)

    async def _subscribe(self, group: str) -> None:
        """Again and again is harmless. Where it fails, the regular look tries again and tells meanwhile."""
        if self._layer is None:
            return
        try:
            async with self._subscribing:
                if not self._channel:
                    self._channel = await self._layer.new_channel()
                    self._listening = asyncio.create_task(self._listen(self._channel))
            await self._layer.group_add(group, self._channel)
        except Exception:
            _deaf.warn("no live hints for %s for now", group, exc_info=True)

    async def _listen(self, channel: str) -> None:
        while True:
            try:
                message = await self._layer.receive(channel)
                self._moved(message["group"], message["seq"])
                _deaf.over("live hints are read again")
            except Exception:
                _deaf.warn("live hints cannot be read for now", exc_info=True)
                await asyncio.sleep(LISTEN_AGAIN_AFTER)

    def _moved(self, group: str, position: int) -> None:
        if group not in self._watchers:
            return
        self._newest[group] = max(position, self._newest.get(group, 0))
        if group not in self._telling:
            self._telling.add(group)
            self._begin(self._tell(group))

    async def _tell(self, group: str) -> None:
        told = -1
        try:
            while self._newest.get(group, -1) > told:
                told = self._newest[group]
                for watcher in self._watchers.get(group, ()):
                    watcher.tell(told)
                await asyncio.sleep(SPACING)
        finally:
            self._telling.discard(group)

    async def _look_regularly(self) -> None:
        while True:
            await asyncio.sleep(LOOK_AGAIN_EVERY)
            for group in list(self._watchers):
                await self._subscribe(group)
            try:
                await self._look_at_all()
                _blind.over("watchers are looked after again")
            except Exception:  # no beat is sent, so that pages notice and come back
                _blind.warn("watchers could not be looked after", exc_info=True)

    async def _look_at_all(self) -> None:
        everybody = [watcher for watchers in self._watchers.values() for watcher in watchers]
        for first in range(0, len(everybody), LOOKED_AT_ONCE):
            some = everybody[first : first + LOOKED_AT_ONCE]
            found = await database_sync_to_async(look)([watcher.ticket for watcher in some])
            for watcher in some:
                position = found.get(watcher.ticket)
                if position is None:
                    await watcher.turn_away()
                    continue
                watcher.tell(position)
                watcher.beat()

    async def _ask(self, ticket: Pass) -> int | None:
        """Those who come while others are being looked up are looked up together."""
        answer: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._asking.append((ticket, answer))
        if len(self._asking) == 1:
            self._begin(self._answer())
        return await answer

    async def _answer(self) -> None:
        while self._asking:
            asked = self._asking[:LOOKED_AT_ONCE]
            try:
                found = await database_sync_to_async(look)([ticket for ticket, _ in asked])
            except Exception as error:
                for _, answer in asked:
                    if not answer.done():
                        answer.set_exception(error)
            else:
                for ticket, answer in asked:
                    if not answer.done():
                        answer.set_result(found.get(ticket))
            del self._asking[: len(asked)]

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._short.add(task)
        task.add_done_callback(self._short.discard)

    def _end(self) -> None:
        for task in (self._looking, self._listening):
            if task is not None:
                task.cancel()
        self._looking = self._listening = None
        self._channel = ""


def look(tickets: Sequence[Pass]) -> dict[Pass, int]:
    """The positions of their subjects, for those who may still watch. Five queries, however many they are."""
    sessions = set(
        Session.objects.filter(
            session_key__in={ticket.session for ticket in tickets}, expire_date__gt=timezone.now()
        ).values_list("session_key", flat=True)
    )
    signed_in = [ticket for ticket in tickets if ticket.session in sessions]
    allowed = watchable({(ticket.user, ticket.campaign) for ticket in signed_in})
    still = [ticket for ticket in signed_in if (ticket.user, ticket.campaign) in allowed]
    at = positions("campaign", {ticket.campaign for ticket in still})
    return {ticket: at.get(ticket.campaign, 0) for ticket in still}


def _group(ticket: Pass) -> str:
    return group_of("campaign", ticket.campaign)


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The running loop's."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())
