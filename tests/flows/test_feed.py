"""Hints leave through a thread of their own: who records an event does not wait for them."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from channels.layers import InMemoryChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer

from config.local_servers import LocalRedis
from flows import feed
from flows.feed import _Messenger, group_of
from flows.seldom import Seldom


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[LocalRedis]:
    server = LocalRedis(tmp_path)
    server.start()
    yield server
    server.stop("immediate")


class Held(InMemoryChannelLayer):
    """A layer whose first send takes until it is let go; keeps what was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.go, self.begun, self.done = threading.Event(), threading.Event(), threading.Event()
        self.sent: list[tuple[str, int]] = []
        self.last = 0

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        self.begun.set()
        await asyncio.to_thread(self.go.wait, 30)
        self.sent.append((group, message["seq"]))
        if message["seq"] == self.last:
            self.done.set()


def test_hints_that_wait_become_one_and_the_last_position_arrives() -> None:
    layer = Held()
    layer.last = 50
    messenger = _Messenger(layer)
    messenger.take("a", 1)
    assert layer.begun.wait(30)
    for position in range(2, 51):
        messenger.take("a", position)
    layer.go.set()
    assert layer.done.wait(30)
    assert layer.sent == [("a", 1), ("a", 50)]


def test_a_send_that_fails_does_not_stop_the_next_one() -> None:
    class Failing(Held):
        async def group_send(self, group: str, message: dict[str, Any]) -> None:
            if group == "broken":
                raise ConnectionError("no server")
            await super().group_send(group, message)

    layer = Failing()
    layer.go.set()
    layer.last = 7
    messenger = _Messenger(layer)
    messenger.take("broken", 1)
    messenger.take("a", 7)
    assert layer.done.wait(30)


class Unsteady(Held):
    """A layer that fails as long as `away` says; each send is waited for with `after`."""

    def __init__(self) -> None:
        super().__init__()
        self.away = True
        self.tried = threading.Semaphore(0)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        try:
            if self.away:
                raise ConnectionError("no server")
        finally:
            self.tried.release()


def test_hints_that_are_not_sent_are_a_line_a_minute_and_one_when_they_are_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    moment = [0.0]
    monkeypatch.setattr(feed, "_unsent", Seldom(feed.logger, clock=lambda: moment[0]))
    layer = Unsteady()
    messenger = _Messenger(layer)

    def send(position: int) -> None:
        messenger.take("a", position)
        assert layer.tried.acquire(timeout=30)
        assert messenger._quiet.wait(30)

    for second in range(0, 61, 5):
        moment[0] = second
        send(second)
    layer.away = False
    send(61)
    send(62)
    assert caplog.messages == [
        "live hint for a was not sent",
        "live hint for a was not sent (12 failures since the last line)",
        "live hints are sent again",
    ]


async def test_a_watcher_on_redis_hears_of_it(redis: LocalRedis, monkeypatch: Any) -> None:
    layer = RedisPubSubChannelLayer(hosts=[redis.url()])
    monkeypatch.setattr(feed, "get_channel_layer", lambda: layer)
    monkeypatch.setattr(feed, "_the_messenger", None)
    group = group_of("campaign", "x")
    channel = await layer.new_channel()
    await layer.group_add(group, channel)
    feed.hint("campaign", "x", 3)
    message = await asyncio.wait_for(layer.receive(channel), 30)
    assert message == {"type": "subject.moved", "group": group, "seq": 3}
    await layer.flush()
