"""When a line is settled: the seller's next line starts, and after the last one the campaign ends."""

from __future__ import annotations

from typing import Any

from bookings import saga
from bookings.models import Campaign, Line
from bookings.states import LINE_LOST, LINE_OPEN, LINE_TO_SEND, CampaignStatus, LineStatus
from flows import lifecycle, steps
from flows.actors import SYSTEM_ACTOR
from flows.clock import now
from planning.booking_policy import unwinds


def settle_line(campaign: Campaign, line: Line) -> None:
    """Under the campaign's lock, in the transaction that settled the line."""
    line.settled_at = now()
    line.save()
    if line.status == LineStatus.BOOKED:
        saga.line_stands(campaign, line)
    else:
        saga.line_lost(campaign, line)
    start_next(campaign, line.seller_id)
    _start_held_back(campaign)
    finish_if_settled(campaign)


def start_next(campaign: Campaign, seller_id: Any) -> None:
    """A seller's lines are sent one after the other, sellers side by side. A line that the seller has taken and
    only has to confirm holds up nobody, and neither does one that operations must look at, is being cancelled, or
    waits for the lines that can be cancelled free of charge."""
    waiting = campaign.lines.filter(
        seller_id=seller_id, status__in=LINE_TO_SEND, attention=False, compensation__isnull=True
    ).order_by("position")
    line = next((row for row in waiting if not saga.is_held_back(campaign, row)), None)
    if line is not None:
        steps.open_step(campaign, "book", key=str(line.pk), after=line.seconds_to_wait())


def _start_held_back(campaign: Campaign) -> None:
    """What waited for the lines that can be cancelled may go now, whoever its seller is."""
    if not unwinds(campaign.booking_policy):
        return
    held = campaign.lines.filter(status__in=LINE_TO_SEND, free_cancel_until__isnull=True)
    for seller_id in set(held.order_by().values_list("seller_id", flat=True)):
        start_next(campaign, seller_id)


def finish_if_settled(campaign: Campaign) -> None:
    """Every line settled and nothing being cancelled: completed with what stands and the refusals listed, or failed
    when nothing stands."""
    saga.close_unwindings(campaign)
    if campaign.status != CampaignStatus.EXECUTING_BOOKINGS:
        return
    if campaign.lines.filter(status__in=LINE_OPEN).exists() or saga.still_cancelling(campaign):
        return
    lost = campaign.lines.filter(status__in=LINE_LOST).select_related("recommendation", "seller")
    refusals = [*saga.errors_of(campaign), *(_refusal(line) for line in lost)]
    booked = campaign.lines.filter(status=LineStatus.BOOKED)
    payload = {
        "booked": booked.count(),
        "refused": lost.count(),
        "committed": str(sum((line.confirmed_cost or line.cost for line in booked), start=0)),
    }
    _withdraw_open_request(campaign)
    transition, arguments = ("complete", {}) if payload["booked"] else ("fail", {"errors": refusals})
    if payload["booked"]:
        campaign.errors = [*campaign.errors, *refusals]
    lifecycle.apply(
        campaign,
        transition,
        actor=SYSTEM_ACTOR,
        subject_type="campaign",
        correlation_id=campaign.correlation_id,
        payload=payload,
        **arguments,
    )


def _refusal(line: Line) -> dict[str, str]:
    return {
        "code": line.code or str(line.status),
        "field": f"lines.{line.pk}",
        "message": f"{line.recommendation.product_name} at {line.seller.name}: {line.note}",
    }


def _withdraw_open_request(campaign: Campaign) -> None:
    """What nobody decided stays undecided on the plan, but no longer waits in an inbox."""
    from approvals import selectors
    from approvals import services as approvals

    request = selectors.open_request("campaign", campaign.pk)
    if request is not None:
        approvals.withdraw(request=request, actor=SYSTEM_ACTOR, correlation_id=campaign.correlation_id)
