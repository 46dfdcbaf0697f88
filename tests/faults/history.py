"""What our own records say of a campaign: money over time, legal transitions, decisions, nothing forgotten."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

STEP_LIMIT = 20.0  # I5: a seller deadline and a commit; lease and sweep come on top


@dataclass
class Findings:
    """What a check has seen: broken invariants in words, and what was counted on the way."""

    broken: list[str] = field(default_factory=list)
    effects: int = 0  # bookings at the sellers
    duplicates: int = 0  # bookings of a line beyond the first
    unknown: int = 0  # lines whose outcome is open, with the money reserved
    campaigns: int = 0
    booked: int = 0  # campaigns whose every line is booked

    def say(self, invariant: str, subject: object, text: str) -> None:
        self.broken.append(f"{invariant} {subject}: {text}")

    def add(self, other: Findings) -> None:
        self.broken += other.broken
        for name in ("effects", "duplicates", "unknown", "campaigns", "booked"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def check_money_over_time(campaign: Any, findings: Findings) -> None:
    """I3: at each instant what is booked or may still be is no more than was approved, and than the budget."""
    approved = {line.pk: line.cost for line in campaign.lines.all()}
    decided = sum(
        (row.total for row in _decisions(campaign) if row.verdict == "approve" and not row.is_undone),
        Decimal(0),
    )
    held = sum(approved.values(), Decimal(0))
    moments: list[tuple[Any, Any, Decimal]] = []
    for line in campaign.lines.all():
        if line.confirmed_cost is not None and line.confirmed_cost > line.cost:
            findings.say("I3", line.pk, f"confirmed {line.confirmed_cost} above the approved {line.cost}")
        moments += [(event.at, line, -line.cost) for event in _events("line", line.pk) if _frees(event)]
    if held > min(decided, campaign.budget):
        findings.say("I3", campaign.pk, f"{held} reserved of {decided} approved and {campaign.budget} budget")
    for at, line, change in sorted(moments, key=lambda moment: moment[0]):
        held += change
        if held < 0:
            findings.say("I3", campaign.pk, f"{line.pk} was released twice, at {at}")
    standing = sum(
        (approved[line.pk] for line in campaign.lines.all() if line.status not in _lost()), Decimal(0)
    )
    if held != standing:
        findings.say("I3", campaign.pk, f"events leave {held} committed, lines say {standing}")


def _lost() -> tuple[str, ...]:
    from bookings.states import LINE_LOST

    return tuple(str(one) for one in LINE_LOST)


def _frees(event: Any) -> bool:
    return event.payload.get("to") in _lost() and event.payload.get("from") not in _lost()


def check_history(campaign: Any, findings: Findings) -> None:
    """I4: legal transitions in an unbroken row, hash chains whole."""
    from bookings.models import Campaign, Line
    from flows.events import first_bad_position

    subjects = [
        ("campaign", campaign.pk, Campaign),
        *(("line", line.pk, Line) for line in campaign.lines.all()),
    ]
    for kind, pk, model in subjects:
        if bad := first_bad_position(kind, str(pk)):
            findings.say("I4", f"{kind}:{pk}", f"audit position {bad[0]}: {bad[1]}")
        legal = _legal(model)
        at = None
        for event in _events(kind, pk):
            before, after = event.payload.get("from"), event.payload.get("to")
            if before is None or not event.type.startswith(f"{kind}."):
                continue
            if at is not None and before != at:
                findings.say("I4", f"{kind}:{pk}", f"{event.type} from {before}, but it was {at}")
            if (event.type.partition(".")[2], before, after) not in legal:
                findings.say("I4", f"{kind}:{pk}", f"{event.type}: {before} to {after} is not legal")
            at = after


def _legal(model: Any) -> set[tuple[str, str, str]]:
    return {
        (one.name, str(one.source), str(one.target))
        for one in model._meta.get_field("status").get_all_transitions(model)
    }


def check_decisions(campaign: Any, findings: Findings) -> None:
    """I4: each version of a line is decided once."""
    decided: Counter[str] = Counter()
    for decision in _decisions(campaign):
        decided.update(str(item) for item in decision.item_ids)
    for item, times in decided.items():
        if times > 1:
            findings.say("I4", campaign.pk, f"line {item} was decided {times} times")
    lines = Counter(str(line.recommendation_id) for line in campaign.lines.all())
    if any(count > 1 for count in lines.values()) or set(lines) - set(decided):
        findings.say("I4", campaign.pk, "a line stands without its decision, or twice")


def check_overdue(campaign: Any, findings: Findings, settled: bool) -> None:
    """I5: nothing that should be running has been forgotten, and nothing died unseen."""
    from django.conf import settings

    from flows.models import Step
    from flows.states import OPEN_STEPS, StepState

    steps = Step.objects.filter(flow_name="campaign", flow_id=campaign.pk)
    limit = dt.timedelta(seconds=settings.FLIGHTDECK_LEASE_SECONDS + 1 + STEP_LIMIT)
    now = dt.datetime.now(dt.UTC)
    for step in steps.filter(state__in=OPEN_STEPS):
        due = max(one for one in (step.not_before, step.lease_until) if one)
        if settled and campaign.is_over():
            findings.say("I5", campaign.pk, f"over, but {step} is {step.state}")
        elif due + limit < now:
            findings.say("I5", campaign.pk, f"{step} has been {step.state} since {due:%H:%M:%S}")
    for step in steps.filter(state=StepState.DEAD):
        if not campaign.is_over() or step.name == "book":
            findings.say("I5", campaign.pk, f"{step} is dead: {step.error[:200]}")


def _decisions(campaign: Any) -> list[Any]:
    from approvals.models import Decision

    return list(Decision.objects.filter(request__subject_type="campaign", request__subject_id=campaign.pk))


def _events(kind: str, pk: Any) -> Iterable[Any]:
    from flows.models import Event

    return Event.objects.filter(subject_type=kind, subject_id=str(pk)).order_by("position")
