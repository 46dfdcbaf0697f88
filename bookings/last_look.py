"""The last look before something leaves for a seller: is it still what was approved, affordable and wanted?"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from django.db.models import Sum

from bookings import saga
from bookings.models import Campaign, Line
from bookings.proposals import fingerprint_of
from bookings.states import LINE_LOST, CampaignStatus
from flows.clock import now
from flows.models import Claim
from sellers.exchange import ExchangeRecord

EXPIRY_MARGIN = dt.timedelta(seconds=60)  # the seller's clock may be ahead of ours


class CannotSend(Exception):
    """Found before anything was sent: the line must not go out. `code` and the text tell why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.claim: Claim | None = None  # of an earlier call, which the seller has shown to have done nothing
        self.calls: list[ExchangeRecord] = []


def refuse_to_send(campaign: Campaign, line: Line) -> None:
    """The last look before something leaves: decision, budget, price and seller as they are at this instant."""
    if campaign.status != CampaignStatus.EXECUTING_BOOKINGS:
        raise CannotSend("wrong_state", "The campaign is not booking.")
    if saga.is_unwinding(line):
        raise CannotSend(
            saga.POLICY, "Another line of this approval was not booked, so this one is given up."
        )
    if fingerprint_of(line.recommendation) != line.fingerprint:
        raise CannotSend("changed_since_approval", "The line is no longer what was approved.")
    if _promised(campaign) > campaign.budget:
        raise CannotSend("over_budget", "Booking this line would exceed the campaign's budget.")
    line.seller.refresh_from_db(fields=["enabled"])
    if not line.seller.enabled:
        raise CannotSend("seller_disabled", f"{line.seller.name} has been disabled.")
    if line.recommendation.quote_expires_at - EXPIRY_MARGIN <= now():
        raise CannotSend("quote_expired", "The seller's price expired before the line could be sent.")


def _promised(campaign: Campaign) -> Decimal:
    """What is booked or may still be: approved lines that are not lost, unknown outcomes included."""
    lines = campaign.lines.exclude(status__in=LINE_LOST)
    return lines.aggregate(total=Sum("cost"))["total"] or Decimal(0)
