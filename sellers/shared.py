"""What all processes know together about each seller, in Redis: who calls at this moment, and how the seller is.

Everything here may be lost at any time: a process then goes on with what it knows itself. The calls to Redis are
short and blocking on purpose: a call that cannot be cancelled halfway cannot leak a slot, and the event loop that
waits for it belongs to one step.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from sellers import circuit as circuits
from sellers.circuit import CLEAN, Circuit

T = TypeVar("T")

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 0.3  # that Redis has to answer
REST_SECONDS = 3.0  # for which Redis is left alone after it did not
KEPT_SECONDS = 24 * 3600
ATTEMPTS = 20  # at changing what others change at the same time
WAITER_SECONDS = 2  # after which somebody who has not asked again no longer waits

# By the clock of Redis, so that the clocks of the processes need not agree. A holder that was killed gives its slot
# back by running out; a waiter keeps its place in the queue by asking again.
_TAKE = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local holders, queue, waiters = KEYS[1], KEYS[2], KEYS[3]
local me, limit, ttl, patience = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
redis.call('ZREMRANGEBYSCORE', holders, '-inf', now)
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', waiters, '-inf', now)) do
  redis.call('ZREM', queue, gone)
  redis.call('ZREM', waiters, gone)
end
if not redis.call('ZSCORE', queue, me) then
  local last = redis.call('ZREVRANGE', queue, 0, 0, 'WITHSCORES')
  redis.call('ZADD', queue, last[2] and (tonumber(last[2]) + 1) or 1, me)
end
if redis.call('ZRANK', queue, me) >= limit - redis.call('ZCARD', holders) then
  redis.call('ZADD', waiters, now + patience, me)
  redis.call('EXPIRE', queue, 60)
  redis.call('EXPIRE', waiters, 60)
  return 0
end
redis.call('ZREM', queue, me)
redis.call('ZREM', waiters, me)
redis.call('ZADD', holders, now + ttl, me)
redis.call('EXPIRE', holders, math.ceil(ttl) + 60)
return 1
"""
_SWAP = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
"""


class Away(Exception):
    """Redis does not answer, or holds nonsense. Go on without it."""


class SharedState:
    """One connection pool for the process; safe to use from any thread."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 1),  # a pooled connection that Redis closed is worth one more try
            decode_responses=True,
        )
        self._take = self._redis.register_script(_TAKE)
        self._swap = self._redis.register_script(_SWAP)
        self._lock = threading.Lock()
        self._rests_until = 0.0

    def take_slot(self, seller: str, holder: str, limit: int, seconds: float) -> bool:
        """A slot for at most `seconds`, else a place in the queue. Raises `Away`."""
        keys = [_key(seller, name) for name in ("calls", "queue", "waiters")]
        return bool(self._ask(lambda: self._take(keys, [holder, limit, seconds, WAITER_SECONDS])))

    def give_slot_back(self, seller: str, holder: str) -> None:
        """Redis being away is no error: the slot runs out."""
        self._remove(seller, holder, "calls")

    def leave_queue(self, seller: str, holder: str) -> None:
        """Somebody who waited gives up; with him the slot that he may have been given."""
        self._remove(seller, holder, "calls", "queue", "waiters")

    def _remove(self, seller: str, holder: str, *names: str) -> None:
        try:
            for name in names:
                self._ask(partial(self._redis.zrem, _key(seller, name), holder))
        except Away:
            return

    def circuit(self, seller: str) -> Circuit:
        """Raises `Away`."""
        return _read(self._ask(lambda: self._redis.get(_key(seller, "circuit"))))

    def change(self, seller: str, change: Callable[[Circuit], tuple[Circuit, T]]) -> tuple[Circuit, T]:
        """Compare and set: `change` may run several times. Raises `Away`."""
        key = _key(seller, "circuit")
        for _ in range(ATTEMPTS):
            text = self._ask(lambda: self._redis.get(key)) or ""
            before = _read(text)
            after, result = change(before)
            if after == before or self._swapped(key, text, circuits.dumps(after)):
                return after, result
        raise Away

    def forget(self) -> None:
        """Everything about every seller."""
        try:
            keys = self._ask(lambda: list(self._redis.scan_iter(_key("*", "*"))))
            if keys:
                self._ask(lambda: self._redis.delete(*keys))
        except Away:
            return

    def close(self) -> None:
        self._redis.close()

    def _swapped(self, key: str, before: str, after: str) -> bool:
        return bool(self._ask(lambda: self._swap([key], [before, after, KEPT_SECONDS])))

    def _ask(self, question: Callable[[], Any]) -> Any:
        if time.monotonic() < self._rests_until:
            raise Away
        try:
            return question()
        except (redis.RedisError, OSError) as error:
            with self._lock:
                if time.monotonic() >= self._rests_until:
                    self._rests_until = time.monotonic() + REST_SECONDS
                    logger.warning(
                        "limits of calls to sellers hold per process for now: Redis does not answer (%s)",
                        type(error).__name__,
                    )
            raise Away from error


def _key(seller: str, name: str) -> str:
    return f"flightdeck:seller:{seller}:{name}"


def _read(text: str | None) -> Circuit:
    if not text:
        return CLEAN
    try:
        return circuits.loads(text)
    except ValueError:
        logger.warning("what Redis holds about a seller is unreadable; starting anew")
        return CLEAN
