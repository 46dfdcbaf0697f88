"""The work queue: what waits for this person, what needs a look, what runs, what was just booked. Reads only.

Every group counts and slices in the database; the page costs the same number of queries however much waits.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Count, DecimalField, Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from accounts.permissions import can
from approvals import selectors as approvals_selectors
from approvals.models import ApprovalPolicy, ApprovalRequest, Decision
from approvals.states import Verdict
from bookings.models import Campaign, Line, Recommendation
from bookings.states import BEFORE_BOOKING, LINE_LOST, CampaignStatus, RecommendationState
from crm.models import Organization
from crm.selectors import visible_organizations
from flows.clock import now

MINE, TEAM, HISTORY = "mine", "team", "history"
TABS = ((MINE, "Mine"), (TEAM, "Team"), (HISTORY, "History"))
AGES = (
    ("", "Any age"),
    ("1h", "Older than 1 hour"),
    ("8h", "Older than 8 hours"),
    ("2d", "Older than 2 days"),
)
AGE = {"1h": dt.timedelta(hours=1), "8h": dt.timedelta(hours=8), "2d": dt.timedelta(days=2)}
FIRST = 50  # rows of a group; `show` asks for one group whole, by pages of this size
NEWS_FOR = dt.timedelta(days=7)  # so long a booking is "just booked", and a lost line needs a decision
RUNNING = (
    *(status for status in BEFORE_BOOKING if status != CampaignStatus.AWAITING_APPROVAL),
    CampaignStatus.EXECUTING_BOOKINGS,
)


@dataclass(frozen=True)
class Filters:
    """What the page was asked for, cleaned. `at_least` in the currency of each row."""

    tab: str = MINE
    client: str = ""
    seller: str = ""
    at_least: Decimal | None = None
    age: str = ""
    show: str = ""  # the one group that is shown alone
    page: int = 1

    @property
    def any(self) -> bool:
        return bool(self.client or self.seller or self.at_least is not None or self.age)


@dataclass(frozen=True)
class Group:
    name: str
    title: str
    empty: str
    total: int
    rows: list[Any]

    @property
    def more(self) -> int:
        return max(0, self.total - len(self.rows))


@dataclass(frozen=True)
class Work:
    """The page. `clients` maps the ids of the shown rows to names; `digest_parts` changes when anything shown does."""

    groups: list[Group]
    filters: Filters
    clients: dict[uuid.UUID, str] = field(default_factory=dict)


def work_for(user: Any, filters: Filters, names: Mapping[uuid.UUID, str] | None = None) -> Work:
    """The groups of the tab, each with its first rows and its full count. `names` of clients that are known already
    are not asked for again."""
    found = {
        "decide": decisions_of(user, filters),
        "attention": attention_of(user, filters),
        "running": running_of(user, filters),
        "booked": booked_of(user, filters),
    }
    counts = _count_all(list(found.values()))
    groups = []
    for (name, rows), total in zip(found.items(), counts, strict=True):
        if filters.show and filters.show != name:
            continue
        if name == "decide" and not can(user, "booking.confirm"):
            continue
        title, empty = WORDS[name]
        groups.append(Group(name, title, empty, total, list(_slice(rows, filters)) if total else []))
    return Work(groups, filters, _clients(groups, names or {}))


WORDS = {
    "decide": ("To decide", "No plan waits for a decision."),
    "attention": ("Needs attention", "Nothing went wrong and nothing is unclear."),
    "running": ("Running now", "Nothing is being researched or booked."),
    "booked": ("Just booked", "Nothing was booked in the last seven days."),
}


def _slice(rows: QuerySet[Any], filters: Filters) -> QuerySet[Any]:
    start = (filters.page - 1) * FIRST if filters.show else 0
    size = FIRST if filters.show else (FIRST if rows.model is ApprovalRequest else 10)
    return rows[start : start + size]


def decisions_of(user: Any, filters: Filters) -> QuerySet[ApprovalRequest]:
    """Plans with something open. Mine: those that this person could decide now."""
    rows = approvals_selectors.inbox(None)
    if not user.sees_every_client:
        rows = rows.filter(organization_id__in=visible_organizations(user).values("pk"))
    if filters.tab == MINE:
        rows = _decidable_by(user, rows)
    if filters.client:
        rows = rows.filter(organization_id__in=Organization.objects.filter(slug=filters.client).values("pk"))
    if filters.seller:
        offered = Recommendation.objects.filter(
            campaign=OuterRef("subject_id"), seller__slug=filters.seller, state=RecommendationState.OPEN
        )
        rows = rows.filter(Exists(offered))
    if filters.at_least is not None:
        rows = rows.filter(open_amount__gte=filters.at_least)
    if filters.age:
        rows = rows.filter(created_at__lt=now() - AGE[filters.age])
    return rows


def _decidable_by(user: Any, rows: QuerySet[ApprovalRequest]) -> QuerySet[ApprovalRequest]:
    """Without own plans above the limit, and for those who only confirm, with an approval that waits for them."""
    limit = ApprovalPolicy.objects.filter(kind=OuterRef("kind"), currency=OuterRef("currency"))
    own = Campaign.objects.filter(pk=OuterRef("subject_id"), prepared_by=user)
    allowed = Coalesce(
        Subquery(limit.values("self_approval_limit")[:1]), Decimal(0), output_field=DecimalField()
    )
    if can(user, "booking.create"):  # nobody else has plans of their own
        rows = rows.annotate(allowed=allowed).exclude(Exists(own) & Q(open_amount__gt=F("allowed")))
    if can(user, "booking.decide"):
        return rows
    waiting = Decision.objects.filter(request=OuterRef("pk"), verdict=Verdict.ENDORSE, undone_by__isnull=True)
    return rows.filter(Exists(waiting.exclude(user=user)))


def count_to_decide(user: Any, limit: int) -> int:
    """For the navigation: how much waits for this person, counted up to `limit` + 1."""
    return decisions_of(user, Filters()).order_by()[: limit + 1].count()


def attention_of(user: Any, filters: Filters) -> QuerySet[Line]:
    """Lines whose outcome is unknown or that could not be cancelled, and lately lost ones that nobody took up."""
    lost = Q(back_to_person=True, status__in=LINE_LOST, settled_at__gt=now() - NEWS_FOR)
    taken_up = Campaign.objects.filter(follows=OuterRef("campaign")).exclude(status=CampaignStatus.CANCELLED)
    rows = Line.objects.filter(Q(attention=True) | (lost & ~Exists(taken_up)))
    rows = rows.select_related("campaign", "recommendation", "seller", "compensation").order_by(
        "-attention", "created_at", "id"
    )
    rows = rows.filter(campaign__in=_campaigns(user, filters)) if _limits(user, filters) else rows
    if filters.seller:
        rows = rows.filter(seller__slug=filters.seller)
    if filters.at_least is not None:
        rows = rows.filter(cost__gte=filters.at_least)
    return rows


def running_of(user: Any, filters: Filters) -> QuerySet[Campaign]:
    """Campaigns at work, the newest first."""
    rows = _campaigns(user, filters).filter(status__in=RUNNING).order_by("-created_at", "-id")
    return _of_amount(_of_seller(rows, filters), filters)


def booked_of(user: Any, filters: Filters) -> QuerySet[Campaign]:
    """Campaigns completed in the last days, the newest first, with their lines counted."""
    rows = _campaigns(user, filters).filter(status=CampaignStatus.COMPLETED, updated_at__gt=now() - NEWS_FOR)
    return _of_amount(_of_seller(rows, filters), filters).order_by("-updated_at", "-id")


def _count_all(found: Sequence[QuerySet[Any]]) -> list[int]:
    """How many rows each has, in one query."""
    counted = [
        rows.order_by()
        .annotate(of=Value(number))
        .values("of")
        .annotate(rows=Count("pk"))
        .values_list("of", "rows")
        for number, rows in enumerate(found)
    ]
    totals = dict(counted[0].union(*counted[1:], all=True))
    return [totals.get(number, 0) for number in range(len(found))]


def _clients(groups: Sequence[Group], names: Mapping[uuid.UUID, str]) -> dict[uuid.UUID, str]:
    """The names of the clients of what is shown."""
    ids = {
        row.campaign.organization_id if isinstance(row, Line) else row.organization_id
        for group in groups
        for row in group.rows
    }
    unknown = ids - names.keys() - {None}
    asked = Organization.objects.filter(pk__in=unknown).values_list("pk", "name") if unknown else ()
    return {**names, **dict(asked)}


def _limits(user: Any, filters: Filters) -> bool:
    return not user.sees_every_client or filters.tab == MINE or bool(filters.client or filters.age)


def _campaigns(user: Any, filters: Filters) -> QuerySet[Campaign]:
    rows = Campaign.objects.all()
    if not user.sees_every_client:
        rows = rows.filter(organization__in=visible_organizations(user))
    if filters.tab == MINE and not user.sees_every_client:
        decided = Decision.objects.filter(request__subject_id=OuterRef("pk"), user=user)
        rows = rows.filter(Q(prepared_by=user) | Exists(decided))
    if filters.client:
        rows = rows.filter(organization__slug=filters.client)
    if filters.age:
        rows = rows.filter(created_at__lt=now() - AGE[filters.age])
    return rows


def _of_seller(rows: QuerySet[Campaign], filters: Filters) -> QuerySet[Campaign]:
    if not filters.seller:
        return rows
    lines = Recommendation.objects.filter(campaign=OuterRef("pk"), seller__slug=filters.seller)
    return rows.filter(Exists(lines))


def _of_amount(rows: QuerySet[Campaign], filters: Filters) -> QuerySet[Campaign]:
    return rows if filters.at_least is None else rows.filter(budget__gte=filters.at_least)
