"""Records of calls are kept for a time, and for as long as somebody may still have to argue with them."""

from __future__ import annotations

import datetime as dt
import logging

from django.conf import settings
from django.db.models import Exists, OuterRef

from flows.clock import now
from flows.models import Claim
from flows.states import UNSETTLED_CLAIMS
from sellers.models import Exchange

logger = logging.getLogger(__name__)

BATCH = 1_000  # rows per statement: some 10 ms, then others may write
MOST_BATCHES = 200  # per run; the next run goes on


def prune_exchanges() -> int:
    """Delete what is older than `FLIGHTDECK_EXCHANGE_DAYS`, in batches; returns how many.

    What was said for a campaign with an unsettled claim stays, however old: it may be all there is to show what
    became of the money.
    """
    before = now() - dt.timedelta(days=max(1, settings.FLIGHTDECK_EXCHANGE_DAYS))
    unsettled = Claim.objects.filter(flow_id=OuterRef("flow_id"), state__in=UNSETTLED_CLAIMS)
    old = (
        Exchange.objects.filter(~Exists(unsettled), at__lt=before).order_by("at").values_list("pk", flat=True)
    )
    deleted = 0
    for _ in range(MOST_BATCHES):
        batch = list(old[:BATCH])
        # A claim that was opened since the batch was read belongs to a flow that said something just now.
        deleted += Exchange.objects.filter(pk__in=batch).delete()[0]
        if len(batch) < BATCH:
            break
    logger.info("deleted %d records of calls to sellers from before %s", deleted, f"{before:%Y-%m-%d}")
    return deleted
