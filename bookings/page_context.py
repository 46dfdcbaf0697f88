"""What the campaign page needs beyond the plain reads: sums per channel, who may do what, what changed.

The page is made of parts; each has a version, a digest of what it shows. A page that follows the flow names the
versions that it holds and gets back only the parts that differ, so nobody's ticks are redrawn without a reason.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model

from accounts.permissions import RULES, can
from approvals.models import ApprovalRequest, Decision
from approvals.policy import Limits, left_for_preparer, limits_for, prepared
from approvals.states import RejectionKind, RequestState
from bookings import comparison, page_rights, pending_context, table_view, what_if
from bookings.approving import free_until
from bookings.client_view.reading import said_to_approver
from bookings.journey import journey
from bookings.models import Campaign, Recommendation
from bookings.page_versions import versions_of
from bookings.proposals import fingerprint_of
from bookings.saga_models import Unwinding
from bookings.selectors import CampaignView
from bookings.services import DECIDABLE
from bookings.states import (
    BEFORE_BOOKING,
    LINE_LOST,
    LINE_OPEN,
    CampaignStatus,
    CompensationState,
    LineStatus,
    RecommendationState,
)
from flows.clock import now
from planning.booking_policy import consequence, name_of, unwinds
from planning.money import currency_exponent

S = CampaignStatus
MANY = 100  # lines of a plan; beyond them a line's reasons are fetched when they are asked for
NEWS_FOR = dt.timedelta(minutes=10)  # how long somebody else's decision is news on an open page


@dataclass(frozen=True)
class Lane:
    """One channel: its budget, its coverage, what its sellers said."""

    row: Any
    coverage: Decimal | None
    gaps: list[str]
    coverage_reasons: list[str]
    reports: list[Any]
    recommended: Decimal


@dataclass(frozen=True)
class Choice:
    """A recommendation as the table shows it."""

    row: Recommendation
    fingerprint: str
    expired: bool
    can_tick: bool
    micros: int  # cost in millionths, so that the page adds whole numbers
    weighed: comparison.Weighed


@dataclass(frozen=True)
class PolicyShown:
    """The booking policy as the approver sees it; `free_until` is the earliest of the open lines' last free days."""

    name: str
    text: str
    unwinds: bool
    free_until: dt.date | None
    not_free: int


@dataclass(frozen=True)
class TakenBack:
    """One approval that is being taken back, in numbers of lines."""

    row: Unwinding
    wanted: int  # to be cancelled at their sellers
    done: int
    failed: int
    asking: int  # sent, and not known yet whether they are booked


@dataclass(frozen=True)
class LineSums:
    booked: int
    open: int
    lost: int
    back: int  # lost, and worth a new decision
    approved: Decimal
    confirmed: Decimal


def campaign_context(view: CampaignView, user: Any) -> dict[str, Any]:
    campaign, request = view.campaign, view.request
    decide = can(user, "booking.decide") and campaign.status in DECIDABLE
    weighed = comparison.weigh(campaign, view.recommendations) if view.recommendations else {}
    choices = [_choice(row, decide, weighed[row.pk]) for row in view.recommendations]
    open_choices = [choice for choice in choices if choice.row.state == RecommendationState.OPEN]
    decisions = list(request.decisions.select_related("undone_by").order_by("at")) if request else []
    limits = limits_for(request.kind, request.currency) if request else None
    context = {
        "campaign": campaign,
        "view": view,
        "brief": campaign.read_brief(),
        "money": view.money,
        "remaining": campaign.budget - view.money.approved,
        "exponent": currency_exponent(campaign.currency),
        "deadline": min(
            (choice.row.quote_expires_at for choice in open_choices if not choice.expired), default=None
        ),
        "lanes": [_lane(view, row) for row in view.channels],
        "choices": choices,
        "many": len(choices) > MANY,
        "open_choices": open_choices,
        "volume": sum(row.impressions for row in view.recommendations),
        "blended_cpm": _blended_cpm(view.recommendations),
        "gap_percent": _gap_percent(campaign.plan),
        "lines": view.lines,
        "line_sums": _line_sums(view),
        "policy": _policy(view, open_choices),
        "unwinding": [_taken_back(view, row) for row in view.unwindings],
        "prices": can(user, "money.read"),
        "may_decide": decide and any(choice.can_tick for choice in choices),
        "limits": limits,
        "self_limit": _self_limit(view, user, limits),
        "deciders": _deciders(campaign) if campaign.status == S.AWAITING_APPROVAL else [],
        "may_cancel": can(user, "booking.cancel") and campaign.status in BEFORE_BOOKING,
        "may_plan_rest": can(user, "booking.create") and page_rights.has_rest(view),
        "may_check": can(user, "booking.run"),
        "may_stop": can(user, "booking.run") and page_rights.may_stop(view),
        "may_requote": can(user, "booking.create")
        and page_rights.may_requote(campaign, view.recommendations),
        "what_if": what_if.fields_of(campaign) if page_rights.may_explore(view, user) else None,
        "may_revise": can(user, "booking.create"),
        "may_edit": page_rights.may_edit(view, view.recommendations, user),
        "follower": campaign.followers.exclude(status=S.CANCELLED).first() if campaign.is_over() else None,
        "decisions": decisions,
        "undoable": pending_context.undoable(decisions, user),
        "endorsed": pending_context.waiting(request, limits, view.recommendations, user),
        "client_said": said_to_approver(campaign, view.recommendations),
        "news": _news(decisions, user),
        "needs_live": not campaign.is_over(),
        "plan_view": table_view.query_of(user) if choices else "",
        "plan_columns": table_view.COLUMNS,
        "shows_people": can(user, "work.read"),
        "crumbs": [{"label": "Campaigns", "url": "/campaigns/"}, {"label": campaign.name}],
        "rejection_kinds": RejectionKind.choices,
        "asked": request if request and request.asked_id and request.status == RequestState.OPEN else None,
        "may_ask": page_rights.whom_to_ask(view, user),
        "now": now(),
    }
    context["journey"] = journey(view, context["deadline"])
    context["versions"] = versions_of(view, context)
    return context


def _policy(view: CampaignView, open_choices: list[Choice]) -> PolicyShown:
    """What an approval agrees to, and what of it can no longer be cancelled free of charge."""
    policy = view.campaign.booking_policy
    ends = [free_until(choice.row) for choice in open_choices] if unwinds(policy) else []
    return PolicyShown(
        name=name_of(policy),
        text=consequence(policy),
        unwinds=unwinds(policy),
        free_until=min((day for day in ends if day is not None), default=None),
        not_free=sum(day is None for day in ends),
    )


def _taken_back(view: CampaignView, row: Unwinding) -> TakenBack:
    lines = [line for line in view.lines if line.decision_id == row.decision_id]
    states = [line.undoing.state for line in lines if line.undoing is not None]
    return TakenBack(
        row=row,
        wanted=len(states),
        done=states.count(CompensationState.DONE),
        failed=states.count(CompensationState.FAILED),
        asking=sum(line.status in LINE_OPEN and line.undoing is None for line in lines),
    )


def _choice(row: Recommendation, decide: bool, weighed: comparison.Weighed) -> Choice:
    expired = row.quote_expires_at <= now()
    return Choice(
        row=row,
        fingerprint=fingerprint_of(row),
        expired=expired,
        can_tick=decide and not expired and row.state == RecommendationState.OPEN,
        micros=int(row.cost * 1_000_000),
        weighed=weighed,
    )


def _lane(view: CampaignView, row: Any) -> Lane:
    coverage: dict[str, Any] = next(
        (
            entry
            for entry in (view.campaign.audience_plan or {}).get("coverage", [])
            if entry["channel"] == row.channel
        ),
        {},
    )
    return Lane(
        row=row,
        coverage=Decimal(coverage["coverage"]) * 100 if coverage else None,
        gaps=list(coverage.get("gaps", [])),
        coverage_reasons=list(coverage.get("reasons", [])),
        reports=[report for report in view.reports if report.channel == row.channel],
        recommended=sum((one.cost for one in view.recommendations if one.channel == row.channel), Decimal(0)),
    )


def _blended_cpm(rows: list[Recommendation]) -> Decimal | None:
    """Cost per 1,000 impressions over the whole plan."""
    impressions = sum(row.impressions for row in rows)
    if not impressions:
        return None
    cost = sum((row.cost for row in rows), Decimal(0))
    return (cost * 1000 / impressions).quantize(Decimal("0.01"))


def _gap_percent(plan: dict[str, Any] | None) -> Decimal | None:
    """How much of the best possible value the plan reaches, in percent."""
    if not plan or Decimal(plan["bound"]) == 0:
        return None
    return (1 - Decimal(plan["gap"])) * 100


def _line_sums(view: CampaignView) -> LineSums:
    lost = [line for line in view.lines if line.status in LINE_LOST]
    return LineSums(
        booked=sum(line.status == LineStatus.BOOKED for line in view.lines),
        open=sum(line.status in LINE_OPEN for line in view.lines),
        lost=len(lost),
        back=sum(line.back_to_person for line in lost),
        approved=view.money.approved,
        confirmed=view.money.committed,
    )


def _self_limit(view: CampaignView, user: Any, limits: Limits | None) -> Decimal | None:
    """What is left of the amount up to which the preparer may decide; None for everybody else."""
    request: ApprovalRequest | None = view.request
    if request is None or limits is None or not prepared(request, user.pk):
        return None
    return left_for_preparer(request, user.pk, limits)


def _deciders(campaign: Campaign) -> list[Any]:
    """The people whom this plan waits for."""
    people = get_user_model().objects.filter(
        is_active=True,
        is_superuser=False,
        role__in=RULES["booking.decide"].roles,
        assignments__organization=campaign.organization_id,
    )
    return list(people.order_by("first_name", "username")[:6])


def _news(decisions: list[Decision], user: Any) -> Decision | None:
    """The newest decision, if somebody else took it just now."""
    if not decisions or decisions[-1].user_id == user.pk or decisions[-1].at < now() - NEWS_FOR:
        return None
    return decisions[-1]
