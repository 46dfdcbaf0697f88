"""What strangers may do only so often: guessing passwords, and opening shared links.

Passwords are counted in the database, so that every process sees the same number.

An attempt is written down before the password is looked at and taken back when it was right; attempts in the
same instant therefore cannot slip past the limit together.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import time

from django.core.cache import cache
from django.db import transaction
from redis.exceptions import RedisError

from accounts.models import FailedLogin
from accounts.rate import counted
from flows.clock import now
from flows.locks import one_at_a_time

logger = logging.getLogger(__name__)

WINDOW = dt.timedelta(minutes=15)
PER_ACCOUNT_AND_ADDRESS = 10
PER_ADDRESS = 100
OPENINGS_WINDOW = 60  # seconds
OPENINGS_PER_ADDRESS = 60


def begin(username: str, address: str) -> FailedLogin | None:
    """An attempt to be settled by `succeed`, or None when there were too many; those are not counted."""
    account = _account(username)
    with transaction.atomic():
        one_at_a_time(f"login:{address}")
        attempt = FailedLogin.objects.create(account=account, address=address, at=now())
        recent = FailedLogin.objects.filter(address=address, at__gt=now() - WINDOW)
        of_account = recent.filter(account=account).count()
        if of_account <= PER_ACCOUNT_AND_ADDRESS and recent.count() <= PER_ADDRESS:
            return attempt
        attempt.delete()
        return None


def succeed(attempt: FailedLogin) -> None:
    """The password was right: the account is no longer counted from this address."""
    FailedLogin.objects.filter(account=attempt.account, address=attempt.address).delete()


def seconds_to_wait(username: str, address: str) -> int:
    """Until the oldest counted attempt leaves the window; at least 1."""
    recent = FailedLogin.objects.filter(address=address, at__gt=now() - WINDOW).order_by("at")
    oldest = recent.filter(account=_account(username)).first() or recent.first()
    if oldest is None:
        return 1
    return max(1, int((oldest.at + WINDOW - now()).total_seconds()) + 1)


def seconds_until_next_opening(address: str) -> int:
    """0 while this address may open shared links, else the seconds to wait. Counts the opening.

    There is nothing to guess in their 256 bits; this keeps one address from keeping the database busy. Counted in the
    cache, which all processes share; one that cannot be reached holds nobody up.
    """
    moment = time.time()
    window = int(moment // OPENINGS_WINDOW)
    try:
        count = counted(cache, f"opening:{address}:{window}", OPENINGS_WINDOW + 5)
    except RedisError:
        logger.warning("openings of links are not counted: the cache cannot be reached")
        return 0
    return 0 if count <= OPENINGS_PER_ADDRESS else max(1, int((window + 1) * OPENINGS_WINDOW - moment))


def forget_old() -> int:
    """Drops what no longer counts; returns how many."""
    deleted, _ = FailedLogin.objects.filter(at__lte=now() - WINDOW).delete()
    return deleted


def _account(username: str) -> str:
    return hashlib.sha256(username.strip().casefold().encode()).hexdigest()
