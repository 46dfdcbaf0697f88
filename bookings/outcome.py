"""When a line is settled: the seller's next line starts, and after the last one the campaign ends."""

from __future__ import annotations

from typing import Any

from bookings.models import Campaign, Line
from bookings.states import LINE_LOST, LINE_OPEN, LINE_TO_SEND, CampaignStatus, LineStatus
from flows import lifecycle, steps
from flows.actors import SYSTEM_ACTOR
from flows.clock import now


def settle_line(campaign: Campaign, line: Line) -> None:
    """Under the campaign's lock, in the transaction that settled the line."""
    line.settled_at = now()
    line.save()
    start_next(campaign, line.seller_id)
    finish_if_settled(campaign)


def start_next(campaign: Campaign, seller_id: Any) -> None:
    """A seller's lines are sent one after the other, sellers side by side. A line that the seller has taken and
    only has to confirm holds up nobody, and neither does one that operations must look at."""
    waiting = (
        campaign.lines.filter(seller_id=seller_id, status__in=LINE_TO_SEND, attention=False)
        .order_by("position")
        .first()
    )
    if waiting is not None:
        steps.open_step(campaign, "book", key=str(waiting.pk))


def finish_if_settled(campaign: Campaign) -> None:
    """Every line settled: completed with what stands and the refusals listed, or failed when nothing stands."""
    if campaign.status != CampaignStatus.EXECUTING_BOOKINGS:
        return
    if campaign.lines.filter(status__in=LINE_OPEN).exists():
        return
    lost = campaign.lines.filter(status__in=LINE_LOST).select_related("recommendation", "seller")
    refusals = [_refusal(line) for line in lost]
    booked = campaign.lines.filter(status=LineStatus.BOOKED)
    payload = {
        "booked": booked.count(),
        "refused": len(refusals),
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
