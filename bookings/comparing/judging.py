"""What the seller's records of one line mean beside ours. Reads only; what is to be done about it is `comparing`'s."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bookings import terms
from bookings.adopting import Sighting
from bookings.discrepancies import DiscrepancyKind
from bookings.findings import Finding
from bookings.models import Line
from bookings.states import LINE_LOST, LineStatus
from planning.money import round_money

# A draft or a hold binds nobody; these do, or may any moment.
NOT_BINDING = ("draft", "reserved", "pending_reservation")


@dataclass(frozen=True)
class Verdict:
    """Findings to keep; `lost_answer` is what we never heard of a line that is still open; `late` what stands there for
    a line that is no longer wanted."""

    findings: tuple[Finding, ...] = ()
    lost_answer: Sighting | None = None
    late: Sighting | None = None


def judge(line: Line, seen: Sequence[Sighting]) -> Verdict:
    """`seen` is everything that the seller holds under this line's reference; empty: it has nothing."""
    alive = [one for one in seen if one.line_status not in LINE_LOST]
    if line.status in LINE_LOST:
        return _of_lost(line, [one for one in alive if one.line_status not in NOT_BINDING])
    doubled = tuple(_doubled(line, one) for one in _extra(line, alive))
    if line.status == LineStatus.BOOKED:
        return Verdict((*doubled, *_of_booked(line, seen)))
    if line.status == LineStatus.PENDING_BOOKING:
        return Verdict((*doubled, *([] if seen else [missing(line)])))
    # Open and never answered: one row is the lost answer; of two nobody knows which, a person must look.
    lost = alive[0] if len(alive) == 1 and not _known(line, alive[0]) else None
    return Verdict(doubled, lost_answer=lost)


def _known(line: Line, one: Sighting) -> bool:
    return one.reference == line.seller_reference


def _extra(line: Line, alive: Sequence[Sighting]) -> list[Sighting]:
    """Everything alive beside the one that we know, or beside the first when we know none."""
    known = next((one for one in alive if _known(line, one)), alive[0] if alive else None)
    return [one for one in alive if one is not known]


def _of_lost(line: Line, alive: Sequence[Sighting]) -> Verdict:
    if not alive:
        return Verdict()
    summary = f"{_name(line)} is {line.get_status_display().lower()} here; the seller shows it as"
    findings = tuple(
        Finding(DiscrepancyKind.STATE, one.reference, f"{summary} {one.seller_status}.", (), line.pk)
        for one in alive
    )
    return Verdict(findings, late=alive[0])


def _of_booked(line: Line, seen: Sequence[Sighting]) -> list[Finding]:
    one = next((one for one in seen if _known(line, one)), seen[0] if seen else None)
    if one is None:
        return [missing(line)]
    if one.problem:
        return [_differs(line, one, [f"It cannot be read: {one.problem}."])]
    if one.line_status in (*LINE_LOST, *NOT_BINDING):
        summary = f"{_name(line)} is booked here; the seller shows it as {one.seller_status}."
        return [Finding(DiscrepancyKind.STATE, one.reference, summary, (), line.pk)]
    wrong = [f"The seller says: {part}." for part in terms.differences(line, one.terms)] + _dearer(line, one)
    return [_differs(line, one, wrong)] if wrong else []


def _dearer(line: Line, one: Sighting) -> list[str]:
    """Confirmed cheaper than approved, and dearer now: within the approval, and still not what was confirmed."""
    if one.terms.cost is None or line.confirmed_cost is None:
        return []
    cost = round_money(one.terms.cost, line.currency)
    if not line.confirmed_cost < cost <= line.cost:
        return []
    return [f"The seller says: cost {cost:,.2f} instead of the confirmed {line.confirmed_cost:,.2f}."]


def missing(line: Line) -> Finding:
    reference = line.seller_reference or line.pk.hex
    summary = (
        f"{_name(line)} is {line.get_status_display().lower()} here; the seller does not have {reference}."
    )
    return Finding(DiscrepancyKind.MISSING, reference, summary, (), line.pk)


def _doubled(line: Line, one: Sighting) -> Finding:
    summary = (
        f"{_name(line)} stands at the seller a second time, as {one.reference} ({one.seller_status}); "
        f"we know {line.seller_reference or 'none of them'}."
    )
    return Finding(DiscrepancyKind.DOUBLED, one.reference, summary, (), line.pk)


def _differs(line: Line, one: Sighting, details: list[str]) -> Finding:
    summary = f"{_name(line)} has other terms at the seller than approved."
    return Finding(DiscrepancyKind.DIFFERS, one.reference, summary, tuple(details), line.pk)


def _name(line: Line) -> str:
    return f"{line.recommendation.product_name[:120]} in {line.campaign.name}"
