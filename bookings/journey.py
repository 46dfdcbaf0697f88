"""Where a campaign stands, as the steps that people know: brief, budget, research, decision, booking."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from accounts.times import told
from bookings.selectors import CampaignView
from bookings.states import CampaignStatus, CompensationState, LineStatus, RecommendationState, ReportState

S = CampaignStatus
JOURNEY = (
    ("Brief", (S.INITIALIZED,)),
    ("Budget", (S.BRIEF_RECEIVED, S.BUDGET_ALLOCATED)),
    ("Research", (S.RESEARCHING,)),
    ("Decision", (S.AWAITING_APPROVAL,)),
    ("Booking", (S.EXECUTING_BOOKINGS,)),
    ("Done", (S.COMPLETED,)),
)


@dataclass(frozen=True)
class JourneyStep:
    label: str
    state: str  # done, current, waiting, failed, skipped, todo: the stepper's own words
    note: str = ""


def journey(view: CampaignView, deadline: dt.datetime | None) -> list[JourneyStep]:
    """Every step with its state; after a failure or a cancellation, how far the campaign came."""
    notes = _notes(view, deadline)
    states = _states(view)
    return [
        JourneyStep(label, state, notes[label] if state not in ("todo", "skipped") else "")
        for (label, _), state in zip(JOURNEY, states, strict=True)
    ]


def _states(view: CampaignView) -> list[str]:
    status = view.campaign.status
    if status == S.COMPLETED:
        return ["done"] * len(JOURNEY)
    at = next((index for index, (_, states) in enumerate(JOURNEY) if status in states), None)
    if at is None:
        return _spread(_reached(view), "failed", "skipped")
    return _spread(at, "waiting" if status == S.AWAITING_APPROVAL else "current", "todo")


def _spread(at: int, here: str, after: str) -> list[str]:
    return ["done"] * at + [here] + [after] * (len(JOURNEY) - at - 1)


def _reached(view: CampaignView) -> int:
    """The step at which a campaign ended that did not complete."""
    if view.lines:
        return 4
    if view.recommendations:
        return 3
    if view.channels:
        return 2
    return 0


def _notes(view: CampaignView, deadline: dt.datetime | None) -> dict[str, str]:
    funded = sum(row.amount > 0 for row in view.channels)
    approved = sum(row.state == RecommendationState.APPROVED for row in view.recommendations)
    booked = sum(line.status == LineStatus.BOOKED for line in view.lines)
    return {
        "Brief": f"{view.campaign.created_at:%d %b, %H:%M}",
        "Budget": f"{funded} channel{'s' if funded != 1 else ''}" if view.channels else "",
        "Research": _research_note(view),
        "Decision": _decision_note(view, approved, deadline),
        "Booking": _booking_note(view, booked),
        "Done": "",
    }


def _booking_note(view: CampaignView, booked: int) -> str:
    if any(row.ended_at is None for row in view.unwindings):
        states = [line.undoing.state for line in view.lines if line.undoing is not None]
        return f"taking back, {states.count(CompensationState.DONE)} of {len(states)} cancelled"
    return f"{booked} of {len(view.lines)} booked" if view.lines else ""


def _research_note(view: CampaignView) -> str:
    """While it runs, nobody knows how many answers there will be."""
    asked = len(view.reports)
    if view.campaign.status == S.RESEARCHING or not asked:
        return f"{asked} answer{'s' if asked != 1 else ''} so far" if asked else ""
    return f"{sum(report.state != ReportState.FAILED for report in view.reports)} of {asked} answers"


def _decision_note(view: CampaignView, approved: int, deadline: dt.datetime | None) -> str:
    if approved:
        return f"{approved} of {len(view.recommendations)} approved"
    if view.campaign.status == S.AWAITING_APPROVAL and deadline is not None:
        return f"until {told(deadline, '%H:%M')}"
    return ""
