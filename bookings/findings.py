"""Discrepancies: one row per thing found, opened, seen again, closed, resolved."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from approvals.errors import Refused
from bookings.discrepancies import Discrepancy, DiscrepancyKind
from bookings.models import Line
from bookings.services import SHORTEST_REASON
from flows import events
from flows.actors import SYSTEM_ACTOR, Actor
from flows.clock import now
from flows.fingerprint import digest
from sellers.models import Seller

LONGEST_REFERENCE = 255


@dataclass(frozen=True)
class Finding:
    """What was found. `summary` names no price; `details` may."""

    kind: DiscrepancyKind
    reference: str  # the seller's id of the thing, or ours where it has none
    summary: str
    details: tuple[str, ...] = ()
    line_id: uuid.UUID | None = None


def open_finding(seller: Seller, finding: Finding) -> Discrepancy:
    """Inside the caller's transaction: the finding's row, opened now, or seen again.

    A row that a person resolved stays resolved as long as the same is found; what changed since is opened again.
    """
    found = digest([finding.summary, list(finding.details)])
    row, fresh = Discrepancy.objects.select_for_update().get_or_create(
        seller=seller,
        kind=finding.kind,
        reference=finding.reference[:LONGEST_REFERENCE],
        defaults={"opened_at": now(), "seen_at": now(), "digest": found, **_content(finding)},
    )
    if fresh:
        _tell(row, "discrepancy.opened", SYSTEM_ACTOR, {"details": list(finding.details)})
        return row
    again = row.closed_at is not None or (row.resolved_at is not None and row.digest != found)
    row.seen_at, row.digest = now(), found
    row.summary, row.details, row.line_id = finding.summary, list(finding.details), finding.line_id
    if again:
        _open_again(row)
    row.save()
    return row


def _content(finding: Finding) -> dict[str, Any]:
    return {"summary": finding.summary, "details": list(finding.details), "line_id": finding.line_id}


def _open_again(row: Discrepancy) -> None:
    row.opened_at, row.closed_at, row.closed_because = now(), None, ""
    row.resolved_at, row.resolved_by, row.resolution = None, None, ""
    _tell(row, "discrepancy.opened", SYSTEM_ACTOR, {"details": row.details, "again": True})


def close(row: Discrepancy, because: str) -> None:
    """Inside the caller's transaction: it is no longer so."""
    if row.closed_at is not None:
        return
    row.closed_at, row.closed_because = now(), because[:200]
    row.save(update_fields=["closed_at", "closed_because"])
    _tell(row, "discrepancy.closed", SYSTEM_ACTOR, {"because": because})


def close_unseen(seller: Seller, kinds: Collection[DiscrepancyKind], since: dt.datetime) -> int:
    """Close what a complete comparison that began at `since` no longer found."""
    rows = Discrepancy.objects.select_for_update().filter(
        seller=seller, kind__in=kinds, closed_at__isnull=True, seen_at__lt=since
    )
    found = list(rows)
    for row in found:
        close(row, "No longer found by the comparison.")
    return len(found)


def resolve(*, discrepancy_id: uuid.UUID, user_id: int, actor: Actor, note: str) -> Discrepancy:
    """A person has cleared it with the seller by other means. Raises `Refused`, naming whoever was faster."""
    if len(note.strip()) < SHORTEST_REASON:
        text = f"Say how it was cleared, in at least {SHORTEST_REASON} characters."
        raise Refused(400, "reason_required", text, field="note")
    with transaction.atomic():
        row = Discrepancy.objects.select_for_update().filter(pk=discrepancy_id).first()
        if row is None:
            raise Refused(404, "not_found", "There is no such discrepancy.")
        if row.resolved_at is not None or row.closed_at is not None:
            raise _too_late(row)
        row.resolved_by_id, row.resolved_at, row.resolution = user_id, now(), note.strip()[:2000]
        row.save(update_fields=["resolved_by", "resolved_at", "resolution"])
        _tell(row, "discrepancy.resolved", actor, {"note": row.resolution})
        return row


def _too_late(row: Discrepancy) -> Refused:
    if row.resolved_at is not None:
        by = row.resolved_by.label if row.resolved_by else "somebody"
        text = f"{by} resolved it at {row.resolved_at:%Y-%m-%d %H:%M:%S} UTC: {row.resolution}"
        return Refused(409, "already_resolved", text, extra={"by": by})
    return Refused(409, "already_closed", f"It is closed already: {row.closed_because}")


def open_rows(seller: Seller, kind: DiscrepancyKind, references: Sequence[str]) -> list[Discrepancy]:
    return list(
        Discrepancy.objects.select_for_update().filter(
            seller=seller, kind=kind, reference__in=references, closed_at__isnull=True
        )
    )


def _tell(row: Discrepancy, type: str, actor: Actor, payload: dict[str, Any]) -> None:
    """On the campaign's stream where a line of ours is concerned, else on the seller's."""
    what = {"discrepancy": str(row.pk), "kind": row.kind, "reference": row.reference, "summary": row.summary}
    line = Line.objects.filter(pk=row.line_id).select_related("campaign").first() if row.line_id else None
    events.record(
        subject_type="campaign" if line else "seller",
        subject_id=line.campaign_id if line else row.seller_id,
        type=type,
        actor=actor,
        correlation_id=line.campaign.correlation_id if line else None,
        payload=what | payload,
    )
