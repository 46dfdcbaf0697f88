"""What is old and done with goes."""

from __future__ import annotations

import datetime as dt

from django.db.models import Q

from flows.clock import now
from notifications.models import DeliveryState, Notice, Told

KEEP = dt.timedelta(days=90)
AT_ONCE = 1000


def prune() -> int:
    """Read notices, and those that were never to be listed, older than ninety days. Unread ones stay, and so do those
    whose delivery still waits or has failed. Returns how many went."""
    old = now() - KEEP
    rows = Notice.objects.filter(Q(read_at__lt=old) | Q(in_app=False), created_at__lt=old)
    unsettled = (DeliveryState.WAITING, DeliveryState.FAILED)
    rows = rows.exclude(deliveries__status__in=unsettled).exclude(digest__status__in=unsettled)
    gone = 0
    while ids := list(rows.values_list("pk", flat=True)[:AT_ONCE]):
        Notice.objects.filter(pk__in=ids).delete()
        gone += len(ids)
    Told.objects.filter(at__lt=old).delete()
    return gone
