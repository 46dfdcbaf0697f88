"""How many requests one person may make: counted in the cache that all processes share, one atomic step each.

DRF's own throttle reads the list of past requests and writes it back, so that requests at once slip past together.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from django.core.cache.backends.base import BaseCache
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import UserRateThrottle

logger = logging.getLogger(__name__)


class CountedUserRate(UserRateThrottle):
    """At most `rate` requests in each window of the clock. A cache that cannot be reached holds nobody up."""

    num_requests: int
    duration: int  # of a window, in seconds
    window_ends: float = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        key = self.get_cache_key(request, view)
        if self.rate is None or key is None:
            return True
        moment = time.time()
        window = int(moment // self.duration)
        self.window_ends = (window + 1) * self.duration
        try:
            return self._count(f"{key}:{window}") <= self.num_requests
        except RedisError:
            logger.warning("requests are not counted: the cache cannot be reached")
            return True

    def wait(self) -> float:
        return max(1.0, self.window_ends - time.time())

    def _count(self, key: str) -> int:
        return counted(self.cache, key, int(self.duration) + 5)


def counted(cache: BaseCache, key: str, seconds: int) -> int:
    """How often `key` has been counted, this time included; it is forgotten `seconds` after the first."""
    if cache.add(key, 1, timeout=seconds):
        return 1
    try:
        return int(cache.incr(key))
    except ValueError:  # it ran out between the two
        cache.set(key, 1, timeout=seconds)
        return 1
