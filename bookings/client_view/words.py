"""Where a campaign stands, and what is guaranteed of it, in the words of a client."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from bookings.journey import JourneyStep
from bookings.models import Campaign, Line, Recommendation
from bookings.states import LINE_OPEN, CampaignStatus, LineStatus

S = CampaignStatus
PLANNING = (S.INITIALIZED, S.BRIEF_RECEIVED, S.BUDGET_ALLOCATED, S.RESEARCHING)
LABELS = ("Planned", "Agreed", "Booked", "Running")
GUARANTEED = "Guaranteed: the publisher commits to deliver these impressions."
NOT_GUARANTEED = {
    "PG": "Not guaranteed: booked in advance, but the publisher does not commit to the number.",
    "PD": "Not guaranteed: access is reserved, the number depends on what is free.",
    "PA": "Not guaranteed: bought in an auction, the number may differ.",
}
UNKNOWN_TERMS = "Not guaranteed."


@dataclass(frozen=True)
class Standing:
    """One sentence and the steps; `tone` is that of notices."""

    sentence: str
    tone: str
    steps: list[JourneyStep]


@dataclass(frozen=True)
class Booked:
    """Placements of the campaign by where they are, in numbers."""

    confirmed: int
    open: int
    lost: int

    @property
    def all(self) -> int:
        return self.confirmed + self.open + self.lost


def booked_of(lines: list[Line]) -> Booked:
    confirmed = sum(line.status == LineStatus.BOOKED for line in lines)
    still_open = sum(line.status in LINE_OPEN for line in lines)
    return Booked(confirmed, still_open, len(lines) - confirmed - still_open)


def standing(campaign: Campaign, booked: Booked, today: dt.date) -> Standing:
    """`today` in the campaign's time zone."""
    if campaign.status in PLANNING:
        return Standing(_planning(campaign), "progress", _steps("current", "todo", "todo", "todo"))
    if campaign.status == S.AWAITING_APPROVAL:
        text = "The plan is ready and waits for a decision. Nothing is booked yet."
        return Standing(text, "waiting", _steps("done", "waiting", "todo", "todo"))
    if campaign.status == S.EXECUTING_BOOKINGS:
        text = f"The plan is agreed and is being booked: {_count(booked)}."
        return Standing(text, "progress", _steps("done", "done", "current", "todo"))
    if campaign.status == S.COMPLETED and booked.confirmed:
        return _running(campaign, booked, today)
    return _ended(campaign, booked)


def _planning(campaign: Campaign) -> str:
    if campaign.plan_version > 1:
        return "The agency is making a new plan. Nothing is booked yet."
    return "The agency is putting the plan together. Nothing is booked yet."


def _running(campaign: Campaign, booked: Booked, today: dt.date) -> Standing:
    if today < campaign.start_date:
        text, state = f"{_counted(booked)}. The campaign starts on {_day(campaign.start_date)}.", "todo"
    elif today <= campaign.end_date:
        text, state = f"{_counted(booked)}. The campaign runs until {_day(campaign.end_date)}.", "current"
    else:
        text, state = f"{_counted(booked)}. The campaign ended on {_day(campaign.end_date)}.", "done"
    tone = "warn" if booked.lost else "good"
    return Standing(text, tone, _steps("done", "done", "done", state))


def _ended(campaign: Campaign, booked: Booked) -> Standing:
    """Nothing is booked, and nothing will be by itself."""
    if campaign.status == S.CANCELLED:
        return Standing("Cancelled. Nothing was booked.", "neutral", _stopped(campaign, "skipped"))
    tried = "None of the placements could be booked." if booked.all else "Nothing was booked."
    return Standing(
        f"{tried} The agency can tell you what happens next.", "bad", _stopped(campaign, "failed")
    )


def _stopped(campaign: Campaign, here: str) -> list[JourneyStep]:
    if campaign.status in (S.COMPLETED, S.FAILED) and campaign.lines.exists():
        return _steps("done", "done", here, "skipped")
    if campaign.recommendations.exists():
        return _steps("done", here, "skipped", "skipped")
    return _steps(here, "skipped", "skipped", "skipped")


def _steps(*states: str) -> list[JourneyStep]:
    return [JourneyStep(label, state) for label, state in zip(LABELS, states, strict=True)]


def _count(booked: Booked) -> str:
    return f"{booked.confirmed} of {booked.all} placement{'' if booked.all == 1 else 's'} confirmed"


def _counted(booked: Booked) -> str:
    if not booked.lost and not booked.open:
        return "Every placement is confirmed" if booked.all > 1 else "The placement is confirmed"
    verb = "is" if booked.confirmed == 1 else "are"
    return f"{booked.confirmed} of {booked.all} placements {verb} confirmed"


def _day(day: dt.date) -> str:
    return f"{day.day} {day:%B %Y}"


def guarantee(row: Recommendation) -> str:
    """In words, from the type of the deal."""
    return GUARANTEED if row.guaranteed else NOT_GUARANTEED.get(row.deal_type, UNKNOWN_TERMS)
