"""Live hints: 'subject so-and-so is now at position n'. A hint may be lost; pages catch up from the database."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import threading
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import BaseChannelLayer, get_channel_layer

from flows.layer import LoopBoundInMemoryLayer
from flows.seldom import Seldom

logger = logging.getLogger(__name__)

LAST_WORDS_SECONDS = 1.0  # how long a process that ends waits for its last hints to leave

_unsent = Seldom(logger)


def group_of(subject_type: str, subject_id: str) -> str:
    return f"subject.{subject_type}.{subject_id}"


def hint(subject_type: str, subject_id: str, position: int) -> None:
    """Tell whoever watches. Never raises and does not wait: the truth is already committed."""
    layer = get_channel_layer()
    if layer is None:
        return
    group = group_of(subject_type, subject_id)
    try:
        if isinstance(layer, LoopBoundInMemoryLayer):
            _within_this_process(layer, group, position)
        else:
            _messenger(layer).take(group, position)
    except Exception:
        _unsent.warn("live hint for %s was not sent", group, exc_info=True)


def message_of(group: str, position: int) -> dict[str, Any]:
    return {"type": "subject.moved", "group": group, "seq": position}


def _within_this_process(layer: LoopBoundInMemoryLayer, group: str, position: int) -> None:
    message = message_of(group, position)
    if not layer.post(group, message):
        async_to_sync(layer.group_send)(group, message)


class _Messenger:
    """Sends the hints of one process from a thread of its own over a connection that stays open.

    Who records an event pays for a note to this thread, not for a round trip and a connection each. While one hint is
    under way, later ones of the same subject become one: only the last position matters.
    """

    def __init__(self, layer: BaseChannelLayer) -> None:
        self.pid = os.getpid()
        self._layer = layer
        self._positions: dict[str, int] = {}
        self._lock = threading.Lock()
        self._news, self._quiet = threading.Event(), threading.Event()
        self._quiet.set()
        threading.Thread(target=self._work, name="hints", daemon=True).start()
        atexit.register(self._quiet.wait, LAST_WORDS_SECONDS)

    def take(self, group: str, position: int) -> None:
        with self._lock:
            self._positions[group] = max(position, self._positions.get(group, 0))
            self._quiet.clear()
        self._news.set()

    def _work(self) -> None:
        loop = asyncio.new_event_loop()
        while True:
            self._news.wait()
            self._news.clear()
            loop.run_until_complete(self._send_all())

    async def _send_all(self) -> None:
        while positions := self._taken():
            for group, position in positions.items():
                try:
                    await self._layer.group_send(group, message_of(group, position))
                    _unsent.over("live hints are sent again")
                except Exception:
                    _unsent.warn("live hint for %s was not sent", group, exc_info=True)

    def _taken(self) -> dict[str, int]:
        with self._lock:
            positions, self._positions = self._positions, {}
            if not positions:
                self._quiet.set()
        return positions


_the_messenger: _Messenger | None = None
_making = threading.Lock()


def _messenger(layer: BaseChannelLayer) -> _Messenger:
    """This process's own: threads do not survive a fork."""
    global _the_messenger
    found = _the_messenger
    if found is not None and found.pid == os.getpid():
        return found
    with _making:
        if _the_messenger is None or _the_messenger.pid != os.getpid():
            _the_messenger = _Messenger(layer)
        return _the_messenger
