"""Unknown outcomes for tests: a line whose seller keeps silent, and a worker's turn for any flow."""

from __future__ import annotations

import datetime as dt
from typing import Any

from bookings.models import Campaign, Line
from flows import runner, steps
from flows.clock import now
from flows.models import Claim, Step
from tests.driving import Desk, drive

AGENT_ONLY: dict[str, Any] = {"constraints": {"sellers_included": ["agent"]}, "channels": ["ctv"]}
DIRECT_ONLY: dict[str, Any] = {"constraints": {"sellers_included": ["direct"]}, "channels": ["ctv"]}
# A deal is booked, its answer is lost, and the seller does not tell what became of the quote.
SILENT_AGENT = (
    {"kind": "cut", "method": "POST", "path": "/api/v1/deals", "when": "after", "count": 1},
    {"kind": "status", "method": "GET", "path": "/api/v1/quotes", "status": 503},
)
SILENT_DIRECT = (
    {
        "kind": "cut",
        "method": "POST",
        "path": "/v2/accounts",
        "contains": "/lines",
        "when": "after",
        "count": 1,
    },
    # The look before the write is answered; those after it are not.
    {
        "kind": "status",
        "method": "GET",
        "path": "/v2/accounts",
        "contains": "/lines",
        "status": 503,
        "nth": 2,
    },
)
# The same, and nothing was booked.
NOTHING_AT_AGENT = (
    {"kind": "cut", "method": "POST", "path": "/api/v1/deals", "when": "before", "count": 1},
    {"kind": "status", "method": "GET", "path": "/api/v1/quotes", "status": 503},
)


def best_line(desk: Desk, campaign: Campaign) -> Line:
    best = campaign.recommendations.order_by("rank").first()
    assert best is not None
    desk.approve(campaign, recommendation_ids=[best.pk])
    return campaign.lines.get()


def unknown_line(desk: Desk, *, faults: Any = SILENT_AGENT, wanted: Any = AGENT_ONLY) -> tuple[Line, Claim]:
    """A line whose outcome is not known, and its claim, which is still being asked."""
    campaign = desk.planned(**wanted)
    seller = desk.agent if wanted is AGENT_ONLY else desk.direct
    seller.faults(*faults)
    line = best_line(desk, campaign)
    claims = Claim.objects.filter(subject_id=line.pk, state="unknown")
    drive(campaign, until=lambda row: claims.exists())
    line.refresh_from_db()
    return line, claims.get()


def escalated_line(desk: Desk, *, faults: Any = SILENT_AGENT, wanted: Any = AGENT_ONLY) -> tuple[Line, Claim]:
    """The same, past the time of automatic checks."""
    line, claim = unknown_line(desk, faults=faults, wanted=wanted)
    Claim.objects.filter(pk=claim.pk).update(stop_checks_at=now() - dt.timedelta(minutes=1))
    hurry(line.campaign, "book", str(line.pk))
    drive(line.campaign, until=lambda row: Claim.objects.filter(pk=claim.pk, state="escalated").exists())
    line.refresh_from_db()
    claim.refresh_from_db()
    return line, claim


def hurry(campaign: Campaign, name: str, key: str) -> None:
    assert steps.hurry(campaign, name, key)


def turn(flow: Any, name: str, *, key: str | None = None, most: int = 200) -> int:
    """Run the due steps of this name until none is due; returns how many turns it took."""
    rows = Step.objects.filter(flow_id=flow.pk, name=name, state__in=("pending", "running"))
    for count in range(most):
        step = rows.filter(not_before__lte=now()).first()
        if step is None:
            return count
        runner.run(step.pk)
    raise AssertionError(f"{name} is still due after {most} turns")
