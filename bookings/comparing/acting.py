"""What follows from a verdict: a finding is kept, a lost answer reaches its claim, the watch over a declared line is
told. Nothing is changed at the seller from here."""

from __future__ import annotations

from collections.abc import Sequence

from approvals.errors import Refused
from bookings import findings, settling, terms
from bookings.adopting import Sighting, objections
from bookings.comparing.judging import judge
from bookings.discrepancies import Declaration
from bookings.late_truth import note_late
from bookings.models import Campaign, Line
from flows import lifecycle, steps
from flows.actors import SYSTEM_ACTOR
from flows.models import Claim
from flows.states import UNSETTLED_CLAIMS


def act_on(line: Line, seen: Sequence[Sighting]) -> None:
    """Keep what was found; give a lost answer to its claim; tell the watch over a declared line."""
    verdict = judge(line, seen)
    declared = None
    if verdict.late is not None:
        declared = _declaration_of(line)
    if declared is not None and verdict.late is not None:
        _late(declared, line, verdict.late)
        return
    for finding in verdict.findings:
        findings.open_finding(line.seller, finding)
    if verdict.lost_answer is not None:
        _lost_answer(line, verdict.lost_answer)


def _declaration_of(line: Line) -> Declaration | None:
    rows = Declaration.objects.filter(claim__flow_id=line.campaign_id).select_related("claim")
    return next((row for row in rows if str(line.pk) in row.lines), None)


def _late(declaration: Declaration, line: Line, sighting: Sighting) -> None:
    campaign = lifecycle.lock(Campaign, line.campaign_id)
    if not declaration.found or declaration.ended_at is not None:
        declaration.ended_at, declaration.ending = None, ""
        declaration.save(update_fields=["ended_at", "ending"])
        note_late(campaign, declaration, line, dict(sighting.refs), sighting.seller_status)
    steps.reopen(campaign, "late_truth", str(declaration.claim_id))
    steps.hurry(campaign, "late_truth", str(declaration.claim_id))


def _lost_answer(line: Line, sighting: Sighting) -> None:
    claim = (
        Claim.objects.filter(subject_id=line.pk, state__in=UNSETTLED_CLAIMS).exclude(kind="cancel").first()
    )
    if claim is None:
        return
    if objections(claim, sighting):
        steps.hurry(line.campaign, "book", str(line.pk))  # reconciliation takes back what differs
        return
    _adopt(claim, sighting)


def _adopt(claim: Claim, sighting: Sighting) -> None:
    try:
        settling.adopt(claim_id=claim.pk, actor=SYSTEM_ACTOR, sighting=sighting)
    except Refused:
        return  # settled or declared meanwhile: the next run sees what became of it


def adopt_order(campaign: Campaign, order: dict[str, str], slug: str) -> None:
    """The answer to our creating the order was lost: here it is."""
    claim = Claim.objects.filter(
        flow_id=campaign.pk, kind__in=terms.ORDER_KINDS, target=slug, state__in=UNSETTLED_CLAIMS
    ).first()
    line = campaign.lines.filter(seller__slug=slug).first()
    if claim is None or line is None:
        return
    refs = {"order_id": order["order"]}
    sighting = Sighting(line, order["order"], refs, seller_status=order["status"], bound=True)
    _adopt(claim, sighting)
