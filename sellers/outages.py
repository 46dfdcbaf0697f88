"""Outages as rows: what the circuits say, written down from the sync side.

Nothing here hangs on a moment that could be missed. Whoever saved a conversation compares the seller's circuit with
its rows, and so does the beat every few seconds: a step that crashed, or a process that forgot its circuits, only
delays the row. A row that no circuit knows about any more ends with the first good answer on record after it began.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from flows import events
from flows.actors import SYSTEM_ACTOR
from flows.locks import one_at_a_time
from sellers import gate
from sellers.circuit import Circuit, Spell
from sellers.models import Exchange, Seller, SellerOutage

WELL = Q(status__lt=500) | Q(status__in=(501, 505))
SHORTEST = dt.timedelta(milliseconds=1)


def note(seller_id: UUID) -> None:
    """Bring the rows of this seller in line with its circuit. Outside a step's transaction; safe to repeat."""
    seller = Seller.objects.only("slug", "name", "base_url").get(pk=seller_id)
    circuit = gate.circuit_of(gate.key_of(seller.slug, seller.base_url))
    if circuit.spell is not None:
        _settle(seller, circuit)


def note_all() -> None:
    """The same for every seller, those included whose circuit was lost with its process."""
    open_rows = set(SellerOutage.objects.filter(ended_at=None).values_list("seller_id", flat=True))
    for seller in Seller.objects.only("slug", "name", "base_url"):
        circuit = gate.circuit_of(gate.key_of(seller.slug, seller.base_url))
        if circuit.spell is not None or seller.pk in open_rows:
            _settle(seller, circuit)


def last_outages(seller: Seller, count: int = 5) -> list[SellerOutage]:
    """Newest first; an open one comes first. Costs no query for sellers of `selectors.list_sellers`."""
    prefetched: Iterable[SellerOutage] | None = getattr(seller, "last_outages", None)
    rows = seller.outages.order_by("-began_at")[:count] if prefetched is None else prefetched
    return list(rows)[:count]


def open_outage(seller: Seller) -> SellerOutage | None:
    return next((outage for outage in last_outages(seller) if outage.ended_at is None), None)


def _settle(seller: Seller, circuit: Circuit) -> None:
    spell = circuit.spell
    if spell is not None and spell.ended is not None and _is_told(seller, spell):
        return
    with transaction.atomic():
        one_at_a_time(f"outages of {seller.pk}")
        row = SellerOutage.objects.filter(seller=seller, ended_at=None).first()
        if row is not None:
            row = _continued(seller, row, spell)
        if row is None and spell is not None and not _is_told(seller, spell):
            row = _begin(seller, spell)
        if row is not None and spell is not None and spell.ended is not None:
            _end(seller, row, _instant(spell.ended))


def _is_told(seller: Seller, spell: Spell) -> bool:
    """A spell that is over, and a row that reaches at least as far."""
    if spell.ended is None:
        return False
    ended = _instant(spell.ended)
    rows = SellerOutage.objects.filter(seller=seller)
    return rows.filter(ended_at__gte=ended).exists() and not rows.filter(ended_at=None).exists()


def _continued(seller: Seller, row: SellerOutage, spell: Spell | None) -> SellerOutage | None:
    """The open row as it stands now: it goes on, or ends with the first good answer before the present spell."""
    present = spell is not None and abs(_instant(spell.began) - row.began_at) < SHORTEST
    if not present:
        before = _instant(spell.began) if spell is not None else None
        answered = _first_answer(seller, row.began_at, before)
        if answered is not None:
            _end(seller, row, answered)
            return None
    if spell is not None and (row.reason, row.calls_failed) != (spell.reason[:60], spell.failed):
        row.reason, row.calls_failed = spell.reason[:60], max(spell.failed, row.calls_failed)
        row.save(update_fields=["reason", "calls_failed"])
    return row


def _first_answer(seller: Seller, after: dt.datetime, before: dt.datetime | None) -> dt.datetime | None:
    answers = Exchange.objects.filter(WELL, seller=seller, at__gt=after)
    if before is not None:
        answers = answers.filter(at__lt=before)
    return answers.order_by("at").values_list("at", flat=True).first()


def _begin(seller: Seller, spell: Spell) -> SellerOutage:
    last = SellerOutage.objects.filter(seller=seller).order_by("-began_at").first()
    began = _instant(spell.began)
    if last is not None and last.ended_at is not None:
        began = max(began, last.ended_at)  # clocks of two processes differ; outages must not overlap
    row = SellerOutage.objects.create(
        seller=seller, began_at=began, reason=spell.reason[:60], calls_failed=spell.failed
    )
    _tell(seller, "seller.outage_began", row)
    return row


def _end(seller: Seller, row: SellerOutage, at: dt.datetime) -> None:
    row.ended_at = max(at, row.began_at + SHORTEST)
    row.save(update_fields=["ended_at"])
    _tell(seller, "seller.outage_ended", row)


def _tell(seller: Seller, type: str, row: SellerOutage) -> None:
    events.record(
        subject_type="seller",
        subject_id=seller.pk,
        type=type,
        actor=SYSTEM_ACTOR,
        payload={
            "slug": seller.slug,
            "name": seller.name,
            "reason": row.reason,
            "began_at": row.began_at.isoformat(),
            "ended_at": row.ended_at.isoformat() if row.ended_at else None,
            "calls_failed": row.calls_failed,
        },
    )


def _instant(moment: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(moment, dt.UTC)
