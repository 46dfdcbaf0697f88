"""The operations list: everything that needs a person and is not an approval, in one order, whatever its kind.

Ops see all of it, managers what concerns their clients. Each source counts and slices in the database, so that a page
costs the same however long the list is. Reads only.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Value

from accounts.permissions import can
from bookings import operations_rows as rows
from bookings import operations_system as system
from bookings.discrepancies import Comparison, ComparisonStatus, Discrepancy
from bookings.models import Campaign, Line
from bookings.operations_rows import Row
from bookings.states import TERMINAL
from crm.selectors import visible_organizations
from flows.clock import now
from flows.models import Claim, Heartbeat, Step
from flows.registry import steps_after_the_end
from flows.states import ClaimState, StepState
from sellers.models import Seller, SellerOutage

PAGE_SIZE = 25
LONGEST_STEP = 110.0  # seconds that a step may take (CELERY_TASK_TIME_LIMIT)
SWEEP = 1.0
SILENT_AFTER = dt.timedelta(seconds=30)  # of the sweep, which writes each second
OUTCOMES = (ClaimState.ESCALATED, ClaimState.UNKNOWN)


@dataclass(frozen=True)
class Source:
    """One kind of row. `build` turns a slice of `found` into rows, with a fixed number of queries."""

    kind: str
    label: str
    one: str  # a single row of it, inside a sentence
    found: QuerySet[Any] | Sequence[Any]
    build: Callable[[Sequence[Any]], list[Row]]

    def count(self) -> int:
        return self.found.count() if isinstance(self.found, QuerySet) else len(self.found)


@dataclass(frozen=True)
class Page:
    rows: list[Row]
    counts: dict[str, int]  # by kind, with the other filters applied
    labels: dict[str, str]
    number: int
    pages: int
    total: int
    summary: str  # how many rows, and of which kinds


def operations_page(user: Any, *, kind: str = "", seller: str = "", number: int = 1) -> Page:
    """One page of the list. An unknown kind or seller gives an empty list; a number beyond the last, the last page."""
    sources = _sources(user, seller)
    counts = {source.kind: source.count() for source in sources}
    chosen = [source for source in sources if not kind or source.kind == kind]
    total = sum(counts[source.kind] for source in chosen)
    pages = max(1, -(-total // PAGE_SIZE))
    number = min(max(number, 1), pages)
    found = _slice(chosen, counts, (number - 1) * PAGE_SIZE)
    labels = {source.kind: source.label for source in sources}
    return Page(found, counts, labels, number, pages, total, _summary(sources, counts, total))


def _summary(sources: Sequence[Source], counts: dict[str, int], total: int) -> str:
    kinds = [
        rows.counted(counts[source.kind], source.one, source.label.lower())
        for source in sources
        if counts[source.kind]
    ]
    return ", ".join([rows.counted(total, "row"), *kinds])


def _slice(sources: Sequence[Source], counts: dict[str, int], start: int) -> list[Row]:
    found: list[Row] = []
    for source in sources:
        size = counts[source.kind]
        if start < size and len(found) < PAGE_SIZE:
            found += source.build(list(source.found[start : start + PAGE_SIZE - len(found)]))
        start = max(0, start - size)
    return found


def waiting_for_operations(user: Any) -> int:
    """For the navigation: how much needs a person. What is still being asked by itself does not count yet."""
    if not can(user, "operations.read"):
        return 0
    found = [source.found for source in _sources(user, "") if source.kind not in ("outcome", "overdue")]
    rows = [some for some in found if isinstance(some, QuerySet)]
    rows.append(claims_of(user).filter(state=ClaimState.ESCALATED))
    return _count_all(rows) + sum(len(some) for some in found if not isinstance(some, QuerySet))


def _count_all(found: Sequence[QuerySet[Any]]) -> int:
    """How many rows they have together, in one query: every page asks for it."""
    counts = [
        rows.order_by()
        .annotate(of=Value(number))
        .values("of")
        .annotate(rows=Count("pk"))
        .values_list("of", "rows")
        for number, rows in enumerate(found)
    ]
    return sum(count for _, count in counts[0].union(*counts[1:], all=True))


def campaigns_of(user: Any) -> QuerySet[Campaign]:
    return Campaign.objects.filter(organization__in=visible_organizations(user))


def claims_of(user: Any) -> QuerySet[Claim]:
    """Outcomes that nobody knows, of this user's clients. A late cancellation shows as its discrepancy instead."""
    found = Claim.objects.filter(
        flow_name=Campaign.flow_name, state__in=OUTCOMES, declaration__isnull=True
    ).exclude(key__startswith="fd-late-cancel-")
    return found if user.sees_every_client else found.filter(flow_id__in=campaigns_of(user).values("pk"))


def claim_for(user: Any, claim_id: uuid.UUID) -> Claim | None:
    """Any claim of this user's clients, settled ones too: the command says what became of it."""
    claim = Claim.objects.filter(pk=claim_id, flow_name=Campaign.flow_name).first()
    return claim if claim and campaigns_of(user).filter(pk=claim.flow_id).exists() else None


def line_for(user: Any, line_id: uuid.UUID) -> Line | None:
    """Any line of this user's clients, in whatever state."""
    return Line.objects.filter(pk=line_id, campaign__in=campaigns_of(user)).first()


def discrepancies_of(user: Any) -> QuerySet[Discrepancy]:
    found = Discrepancy.objects.select_related(
        "seller", "line__campaign__organization", "line__recommendation"
    )
    return found if user.sees_every_client else found.filter(line__campaign__in=campaigns_of(user))


def steps_of(user: Any) -> QuerySet[Step]:
    if user.sees_every_client:
        return Step.objects.all()
    return Step.objects.filter(flow_name=Campaign.flow_name, flow_id__in=campaigns_of(user).values("pk"))


def dead_steps_of(user: Any) -> QuerySet[Step]:
    """Steps that were given up and can be run again. What ended with its flow needs nobody."""
    over = (
        Q(flow_name=Campaign.flow_name)
        & Q(flow_id__in=Campaign.objects.filter(status__in=TERMINAL).values("pk"))
        & ~Q(name__in=steps_after_the_end(Campaign.flow_name))
    )
    compared = Q(flow_name=Comparison.flow_name)  # its end is told by the comparison itself
    return steps_of(user).filter(state=StepState.DEAD).exclude(over | compared)


def _overdue(user: Any) -> QuerySet[Step]:
    """Invariant I5: nothing is older than lease, sweep and step limit together without being seen here."""
    limit = now() - dt.timedelta(seconds=settings.FLIGHTDECK_LEASE_SECONDS + SWEEP + LONGEST_STEP)
    waiting = Q(state=StepState.PENDING, not_before__lt=limit)
    abandoned = Q(state=StepState.RUNNING, lease_until__lt=limit)
    return steps_of(user).filter(waiting | abandoned)


def _lines(user: Any) -> QuerySet[Line]:
    """Lines that need a look and are not told by their unknown outcome already."""
    asked = Claim.objects.filter(subject_id=OuterRef("pk"), state__in=OUTCOMES, flow_name=Campaign.flow_name)
    found = Line.objects.filter(attention=True).exclude(Exists(asked))
    return found if user.sees_every_client else found.filter(campaign__in=campaigns_of(user))


def _sources(user: Any, seller: str) -> list[Source]:
    """In the order of the page: what is broken for everybody first, then by urgency."""
    prices = can(user, "money.read")
    everyone = user.sees_every_client
    claims = claims_of(user).order_by("state", "created_at", "id")  # escalated before unknown
    lines = _lines(user).select_related("campaign__organization", "recommendation", "seller", "compensation")
    findings = discrepancies_of(user).filter(closed_at__isnull=True, resolved_at__isnull=True)
    dead, overdue = dead_steps_of(user), _overdue(user)
    if seller:
        claims, lines = claims.filter(target=seller), lines.filter(seller__slug=seller)
        findings = findings.filter(seller__slug=seller)
        dead, overdue = dead.none(), overdue.none()
    return [
        Source("system", "System", "system alarm", _system(everyone and not seller), system.of_system),
        Source("outage", "Seller outages", "seller outage", _outages(everyone, seller), system.of_outages),
        Source("dead", "Stopped steps", "stopped step", dead.order_by("-finished_at", "id"), system.of_dead_steps),
        Source("outcome", "Unknown outcomes", "unknown outcome", claims, lambda found: rows.of_claims(found, prices)),
        Source("discrepancy", "Discrepancies", "discrepancy", findings.order_by("opened_at", "id"),
               lambda found: rows.of_discrepancies(found, prices)),
        Source("line", "Lines to look at", "line to look at", lines.order_by("created_at", "id"),
               lambda found: rows.of_lines(found, prices)),
        Source("comparison", "Comparisons", "comparison", _comparisons(everyone, seller), system.of_comparisons),
        Source("overdue", "Overdue steps", "overdue step", overdue.order_by("not_before", "id"), system.of_overdue),
    ]  # fmt: skip


def _system(shown: bool) -> list[Heartbeat | None]:
    """The sweep's heartbeat when it is old, None when there never was one."""
    if not shown:
        return []
    beat = Heartbeat.objects.filter(name="sweep").first()
    if beat is None:
        return [None]
    return [beat] if beat.at < now() - SILENT_AFTER else []


def _outages(shown: bool, seller: str) -> QuerySet[SellerOutage]:
    """Sellers that are left alone for now, because they failed too often."""
    if not shown:
        return SellerOutage.objects.none()
    found = SellerOutage.objects.filter(ended_at__isnull=True).select_related("seller").order_by("began_at")
    return found.filter(seller__slug=seller) if seller else found


def _comparisons(shown: bool, seller: str) -> QuerySet[Comparison]:
    """The last run of a seller, when it could not read everything."""
    if not shown:
        return Comparison.objects.none()
    newer = Comparison.objects.filter(seller=OuterRef("seller"), created_at__gt=OuterRef("created_at"))
    found = Comparison.objects.filter(status__in=(ComparisonStatus.FAILED, ComparisonStatus.PARTIAL))
    found = found.exclude(Exists(newer)).select_related("seller").order_by("created_at", "id")
    return found.filter(seller__slug=seller) if seller else found


def sellers_to_choose() -> list[Seller]:
    return list(Seller.objects.order_by("name"))


def last_comparisons() -> list[Comparison]:
    """The newest run of each seller."""
    newer = Comparison.objects.filter(seller=OuterRef("seller"), created_at__gt=OuterRef("created_at"))
    return list(Comparison.objects.exclude(Exists(newer)).select_related("seller").order_by("seller__name"))
