"""The audit trail over all objects: who, what, when, with before and after, and whether the chains hold. Reads only."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from accounts.permissions import can
from accounts.roles import Role
from accounts.times import zone_in_use
from bookings import selectors
from bookings.csv_cells import row
from bookings.models import Campaign
from flows.events import first_bad_position
from flows.models import Event
from planning.zones import first_instant

PAGE_SIZE = 50
MOST_EXPORTED = 10_000
MOST_VERIFIED = 50
CALL = "seller.called"  # by far the most, and no act of anybody
COLUMNS = (
    "id",
    "at",
    "type",
    "subject_type",
    "subject_id",
    "position",
    "actor_kind",
    "actor",
    "correlation_id",
    "payload",
    "origin",
    "hash",
)


@dataclass(frozen=True)
class Filters:
    what: str = ""  # the beginning of a type, such as "approval."
    who: str = ""
    subject: uuid.UUID | None = None
    since: dt.date | None = None
    until: dt.date | None = None
    calls: bool = False

    @property
    def any(self) -> bool:
        return bool(self.what or self.who or self.subject or self.since or self.until or self.calls)


@dataclass(frozen=True)
class Checked:
    """One chain, and where it first does not hold."""

    subject_type: str
    subject_id: str
    problem: tuple[int, str] | None


def events_for(user: Any, filters: Filters) -> QuerySet[Event]:
    """Ops see everything; everybody else what belongs to campaigns of their clients."""
    rows = Event.objects.order_by("-pk")
    if user.effective_role != Role.OPS:
        campaigns = selectors.campaigns_for(user).order_by()
        rows = rows.filter(correlation_id__in=campaigns.values("correlation_id"))
    if not can(user, "money.read") and user.effective_role != Role.OPS:
        rows = rows.none()
    if not filters.calls:
        rows = rows.exclude(type=CALL)
    if filters.what:
        rows = rows.filter(type__startswith=filters.what)
    if filters.who:
        rows = rows.filter(actor_label__icontains=filters.who)
    if filters.subject:
        campaign = Campaign.objects.filter(pk=filters.subject).values("correlation_id")
        rows = rows.filter(Q(subject_id=str(filters.subject)) | Q(correlation_id__in=campaign))
    if filters.since:
        rows = rows.filter(at__gte=first_instant(filters.since, zone_in_use()))
    if filters.until:
        rows = rows.filter(at__lt=first_instant(filters.until + dt.timedelta(days=1), zone_in_use()))
    return rows


def page_of(rows: QuerySet[Event], before: int | None) -> tuple[list[Event], int | None]:
    """The rows before this number, newest first, and where the next page starts."""
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows[: PAGE_SIZE + 1])
    more = len(found) > PAGE_SIZE
    return found[:PAGE_SIZE], found[PAGE_SIZE - 1].pk if more else None


def verify(rows: Iterable[Event]) -> list[Checked]:
    """The whole chain of every subject among these rows."""
    subjects = dict.fromkeys((row.subject_type, row.subject_id) for row in rows)
    return [Checked(*subject, first_bad_position(*subject)) for subject in list(subjects)[:MOST_VERIFIED]]


def as_csv(rows: QuerySet[Event]) -> Iterator[str]:
    """Line by line; a text that a spreadsheet would compute is marked as text."""
    yield row(COLUMNS)
    for event in rows[:MOST_EXPORTED].iterator(chunk_size=500):
        yield row(
            (
                event.pk,
                event.at.isoformat(),
                event.type,
                event.subject_type,
                event.subject_id,
                event.position,
                event.actor_kind,
                event.actor_label,
                event.correlation_id,
                json.dumps(event.payload, sort_keys=True),
                json.dumps(event.origin, sort_keys=True),
                event.hash,
            )
        )
