"""The nightly comparison: what one seller holds for us beside what we have, as durable work.

    orders -> lines of each order that is ours -> whatever else we hold there, read one by one -> the end

One step does all, a bounded part per visit; the cursor commits with what the part found. So a kill repeats at most
one part, and a part that is read twice finds the same rows again. It reads only, and what does not carry our
reference is counted and otherwise left alone. A list that could not be read to its end proves nothing missing.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import IntegrityError, transaction

from bookings import findings
from bookings.comparing.lines import read_known, read_lines
from bookings.comparing.orders import read_orders
from bookings.discrepancies import Comparison, ComparisonStatus, DiscrepancyKind
from bookings.models import Line
from flows import events, lifecycle, steps
from flows.actors import SYSTEM_ACTOR, Actor
from flows.clock import now
from flows.models import Step
from flows.registry import flow_kind
from flows.work import Done, Later, Work
from sellers.dialects.base import SellerError
from sellers.models import Seller

comparison_flow = flow_kind("comparison", "bookings.Comparison")

TRIES = 5
FIRST_PAUSE = (
    30.0  # seconds, doubling: a seller that is down at night is asked for about a quarter of an hour
)
BOUND_TO_A_RUN = tuple(kind for kind in DiscrepancyKind if kind != DiscrepancyKind.LATE)


def start_comparison(*, seller: Seller, actor: Actor, night: dt.date | None = None) -> Comparison | None:
    """Start reading the seller's records; the run under way if there is one. None when this night's run exists."""
    try:
        with transaction.atomic():
            running = Comparison.objects.filter(seller=seller, status=ComparisonStatus.RUNNING).first()
            if running is not None:
                return running
            if night is not None and Comparison.objects.filter(seller=seller, night=night).exists():
                return None
            comparison = Comparison.objects.create(seller=seller, night=night, cursor={"phase": "orders"})
            _tell(comparison, "comparison.started", actor, {"night": str(night) if night else None})
            steps.open_step(comparison, "compare")
            return comparison
    except IntegrityError:  # another process was faster by a moment
        return Comparison.objects.filter(seller=seller, status=ComparisonStatus.RUNNING).first()


def start_nightly(night: dt.date) -> int:
    """One run per seller that we buy from or still hold something at; returns how many began."""
    held = Line.objects.filter(recommendation__end_date__gte=night).values("seller_id")
    sellers = Seller.objects.filter(enabled=True) | Seller.objects.filter(pk__in=held)
    done = set(Comparison.objects.filter(night=night).values_list("seller_id", flat=True))
    waiting = [seller for seller in sellers.distinct() if seller.pk not in done]
    return sum(
        start_comparison(seller=seller, actor=SYSTEM_ACTOR, night=night) is not None for seller in waiting
    )


def compare_given_up(comparison: Comparison, step: Step, error: str) -> None:
    _end(comparison, "fail", errors=[{"code": "stopped", "message": f"The comparison stopped: {error}"}])


@comparison_flow.step(given_up=compare_given_up)
def compare(work: Work) -> Done | Later:
    """The next part of the run."""
    comparison: Comparison = work.flow()
    phase = comparison.cursor.get("phase", "orders")
    try:
        part = PARTS[phase](comparison)
    except SellerError as failed:
        return _try_again(comparison, failed)

    def record(row: Comparison) -> None:
        row.cursor, row.counts = part.cursor, _added(row.counts, part.counts)
        if part.orders is not None:
            row.orders = part.orders
        row.save()
        part.record(row)
        if part.cursor["phase"] == "end":
            _finish(row)

    return Done(record=record) if part.cursor["phase"] == "end" else Later(0.0, phase, record)


PARTS = {"orders": read_orders, "lines": read_lines, "known": read_known}


def _added(counts: dict[str, int], more: dict[str, int]) -> dict[str, int]:
    return {name: counts.get(name, 0) + more.get(name, 0) for name in {*counts, *more}}


def _try_again(comparison: Comparison, failed: SellerError) -> Done | Later:
    tries = comparison.cursor.get("tries", 0) + 1
    if tries >= TRIES or not failed.retryable:
        errors = [{"code": failed.code, "message": failed.message[:500]}]
        return Done(record=lambda row: _end(row, "fail", errors=errors))

    def record(row: Comparison) -> None:
        row.cursor = {**row.cursor, "tries": tries}
        row.save(update_fields=["cursor"])

    return Later(FIRST_PAUSE * 2 ** (tries - 1), failed.message, record)


def _finish(comparison: Comparison) -> None:
    """What a complete run no longer found is closed; an incomplete one closes nothing."""
    if comparison.counts.get("unread"):
        _end(comparison, "end_partial")
        return
    findings.close_unseen(comparison.seller, BOUND_TO_A_RUN, comparison.created_at)
    _end(comparison, "complete")


def _end(comparison: Comparison, transition: str, **arguments: Any) -> None:
    comparison.finished_at = now()
    comparison.orders = []  # only needed on the way
    payload = {"counts": comparison.counts} | arguments
    lifecycle.apply(
        comparison,
        transition,
        actor=SYSTEM_ACTOR,
        subject_type="comparison",
        correlation_id=comparison.correlation_id,
        payload={"seller": comparison.seller.slug} | payload,
        **arguments,
    )


def _tell(comparison: Comparison, type: str, actor: Actor, payload: dict[str, Any]) -> None:
    events.record(
        subject_type="comparison",
        subject_id=comparison.pk,
        type=type,
        actor=actor,
        correlation_id=comparison.correlation_id,
        payload={"seller": comparison.seller.slug} | payload,
    )
