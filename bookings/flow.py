"""The DealBookingFlow, step by step in reading order (seed: booking-flow.md).

    receive -> allocate -> research -> consolidate -> (a person decides) -> book[line] x n
                                                               (what must not stand) -> compensate[line]

Each function does its outside work first and hands back what is to be recorded; the kernel commits that together with
the step itself. Waiting for the person is no step: it is a row in `approvals`.
"""

from __future__ import annotations

from typing import Any

from bookings import booking, compensating, proposals, researching
from bookings.approving import approve_by_policy
from bookings.models import Campaign, ChannelBudget
from bookings.states import CampaignStatus, ChannelState
from bookings.validation import problems_here_and_now
from flows import lifecycle, steps
from flows.actors import SYSTEM_ACTOR
from flows.models import Step
from flows.registry import flow_kind
from flows.work import Done, Later, Work
from planning import codec
from planning.allocation import Infeasible
from planning.allocation import allocate as split_budget
from planning.audience import plan_audience
from planning.types import CHANNELS
from sellers.selectors import eligible_sellers

booking_flow = flow_kind("campaign", "bookings.Campaign")


STOPPED = "stopped"


def stopped(campaign: Campaign, step: Step, error: str) -> None:
    """From these states nothing leads to `failed`: the campaign says what stopped it, and stays where it is."""
    message = (
        f"This stopped before it was done: {error}. Operations can run it again, or it can be cancelled."
    )
    campaign.errors = [*campaign.errors, {"code": STOPPED, "message": message[:2000]}]
    campaign.save(update_fields=["errors"])


def _goes_on(campaign: Campaign) -> None:
    campaign.errors = [error for error in campaign.errors if error["code"] != STOPPED]


@booking_flow.step(given_up=stopped)
def receive(work: Work) -> Done:
    """Step 1: does the brief hold here and now: dates, sellers, constraints?"""
    errors = problems_here_and_now(work.flow())

    def record(campaign: Campaign) -> None:
        _goes_on(campaign)
        if errors:
            _apply(campaign, "fail_validation", errors=errors)
            return
        _apply(campaign, "receive_campaign_brief")
        steps.open_step(campaign, "allocate")

    return Done(record=record)


@booking_flow.step(given_up=stopped)
def allocate(work: Work) -> Done:
    """Steps 2 and 3: who can be reached where, and what each channel gets."""
    brief = work.flow().read_brief()
    audience = plan_audience(brief)
    allocations = split_budget(brief, audience)

    def record(campaign: Campaign) -> None:
        _goes_on(campaign)
        ChannelBudget.objects.bulk_create(
            ChannelBudget(
                campaign=campaign,
                channel=part.channel,
                position=position,
                share=part.share,
                amount=part.amount,
                reasons=list(part.reasons),
                state=ChannelState.RESEARCHING if part.amount > 0 else ChannelState.UNFUNDED,
            )
            for position, part in enumerate(allocations)
        )
        amounts = {part.channel: str(part.amount) for part in allocations}
        _apply(
            campaign, "allocate_budget", payload={"amounts": amounts}, audience_plan=codec.to_json(audience)
        )
        _apply(campaign, "start_research")
        steps.open_step(campaign, "research")

    return Done(record=record)


def research_given_up(campaign: Campaign, step: Step, error: str) -> None:
    for channel in _researched_by(campaign, step):
        channel.state, channel.note = ChannelState.FAILED, f"Research stopped: {error}"[:2000]
        channel.save(update_fields=["state", "note"])
    consolidate_when_all_reported(campaign)


@booking_flow.step(given_up=research_given_up)
def research(work: Work) -> Done:
    """Step 4, all funded channels side by side: what every eligible seller offers in each of them."""
    campaign = work.flow()
    brief = campaign.read_brief()
    sellers = eligible_sellers(brief.constraints.sellers_included, brief.constraints.sellers_excluded)
    budgets = {row.channel: row.amount for row in _researched_by(campaign, work.step)}
    researching.research_channels(work, campaign, list(sellers), budgets)

    def record(campaign: Campaign) -> None:
        researching.close_channels(campaign, _researched_by(campaign, work.step))
        consolidate_when_all_reported(campaign)

    return Done(record=record)


def _researched_by(campaign: Campaign, step: Step) -> list[ChannelBudget]:
    """All channels still open. A step whose key is a channel, as earlier versions opened them, has that one."""
    channels = campaign.channels.filter(state=ChannelState.RESEARCHING).order_by("position")
    return list(channels.filter(channel=step.key) if step.key in CHANNELS else channels)


def consolidate_when_all_reported(campaign: Campaign) -> None:
    """Under the flow's lock: the last channel to report, whichever it is, opens the one consolidation."""
    if campaign.status != CampaignStatus.RESEARCHING:
        return
    if campaign.channels.filter(state=ChannelState.RESEARCHING).exists():
        return
    steps.open_step(campaign, "consolidate", key=campaign.plan_key)


def consolidate_given_up(campaign: Campaign, step: Step, error: str) -> None:
    _apply(
        campaign,
        "fail",
        errors=[{"code": "consolidation_failed", "message": f"No plan could be made: {error}"}],
    )


@booking_flow.step(given_up=consolidate_given_up)
def consolidate(work: Work) -> Done:
    """Step 5, exactly once: the best plan within the constraints, at prices that the sellers stand by."""
    campaign = work.flow()
    try:
        proposal = proposals.propose(campaign)
    except Infeasible as problem:
        errors = [{"code": e.code, "field": e.field, "message": e.message} for e in problem.errors]
        return Done(record=lambda campaign: _apply(campaign, "fail", errors=errors))

    def record(campaign: Campaign) -> None:
        plan = proposals.plan_as_json(campaign, proposal)
        if not proposal.plan.lines:
            proposals.keep_proposal_calls(campaign, proposal)
            _apply(campaign, "fail", errors=_why_nothing(campaign), plan=plan)
            return
        rows = proposals.write_proposal(campaign, proposal)
        summary = {"lines": len(rows), "cost": plan["cost"], "gap": plan["gap"], "digest": plan["digest"]}
        _apply(campaign, "consolidate_recommendations", payload=summary, plan=plan)
        proposals.ask_for_decision(campaign, rows)
        if campaign.auto_approve:
            approve_by_policy(campaign)

    return Done(record=record)


def _why_nothing(campaign: Campaign) -> list[dict[str, str]]:
    """Said plainly: nothing to decide, channel by channel."""
    funded = campaign.channels.exclude(state=ChannelState.UNFUNDED)
    found = [{"code": "no_inventory", "message": "No seller offers anything that fits this brief."}]
    if all(channel.state == ChannelState.FAILED for channel in funded):
        message = "No seller was heard, so there is nothing to decide on. The brief can be submitted again."
        found = [{"code": "research_failed", "message": message}]
    for channel in funded:
        reason = (
            channel.note
            or "Offers came in, but none fits the budget, the price ceiling and the minimum buys."
        )
        found.append({"code": channel.state, "field": f"channels.{channel.channel}", "message": reason})
    return found


def book_given_up(campaign: Campaign, step: Step, error: str) -> None:
    booking.gave_up(campaign, step.key, error)


@booking_flow.step(given_up=book_given_up)
def book(work: Work) -> Done | Later:
    """Step 7, once per approved line: only the seller's word makes it booked."""
    return booking.advance(work)


def compensate_given_up(campaign: Campaign, step: Step, error: str) -> None:
    compensating.gave_up(campaign, step.key, error)


@booking_flow.step(given_up=compensate_given_up, after_the_end=True)
def compensate(work: Work) -> Done | Later:
    """Once per line that must not stand: only the seller's word makes it cancelled."""
    return compensating.advance(work)


def _apply(
    campaign: Campaign, transition: str, *, payload: dict[str, Any] | None = None, **arguments: Any
) -> None:
    lifecycle.apply(
        campaign,
        transition,
        actor=SYSTEM_ACTOR,
        subject_type="campaign",
        correlation_id=campaign.correlation_id,
        payload=(payload or {}) | ({"errors": arguments["errors"]} if "errors" in arguments else {}),
        **arguments,
    )
