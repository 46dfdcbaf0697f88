"""Guessing passwords, slowed down: counted in the database, so that every process sees the same number.

An attempt is written down before the password is looked at and taken back when it was right; attempts in the
same instant therefore cannot slip past the limit together.
"""

from __future__ import annotations

import datetime as dt
import hashlib

from django.db import transaction

from accounts.models import FailedLogin
from flows.clock import now
from flows.locks import one_at_a_time

WINDOW = dt.timedelta(minutes=15)
PER_ACCOUNT_AND_ADDRESS = 10
PER_ADDRESS = 100


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


def forget_old() -> int:
    """Drops what no longer counts; returns how many."""
    deleted, _ = FailedLogin.objects.filter(at__lte=now() - WINDOW).delete()
    return deleted


def _account(username: str) -> str:
    return hashlib.sha256(username.strip().casefold().encode()).hexdigest()
