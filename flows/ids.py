"""The one source of ids and of chance, so that tests can hold them."""

from __future__ import annotations

import random
import uuid

_chance = random.Random()


def new_id() -> uuid.UUID:
    return uuid.uuid4()


def jitter(seconds: float, share: float = 0.2) -> float:
    """`seconds` moved by up to `share` either way, so that retries of many flows do not march in step."""
    return seconds * (1 + share * (2 * _chance.random() - 1))
