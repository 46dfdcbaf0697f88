"""What stands at the sellers by their own journals, held against what we say: invariants I1, I2 and I3."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any
from uuid import UUID

from bookings.models import Campaign, Line
from bookings.selectors import campaign_view
from bookings.states import LINE_LOST
from flows.models import Claim
from flows.states import UNSETTLED_CLAIMS
from tests.driving import Desk, drive

OVER = {"line.canceled", "line.stopped", "line.declined", "line.expired"}


def standing(desk: Desk) -> dict[str, list[str]]:
    """Ids of bookings that stand (accepted, held or booked; drafts bind nobody), by the first 12 digits of our line."""
    found: dict[str, list[str]] = defaultdict(list)
    for deal_id, ours in _deals(desk).items():
        found[ours].append(deal_id)
    for line_id, ours in _lines(desk).items():
        found[ours].append(line_id)
    return dict(found)


def drafts(desk: Desk) -> list[str]:
    """Lines that were written down at the OpenDirect seller and are neither booked nor gone."""
    last: dict[str, str] = {}
    for effect in desk.direct.journal.effects():
        if effect.type.startswith("line."):
            last[effect.data["line_id"]] = effect.type
    return [line_id for line_id, state in last.items() if state in ("line.created", "line.updated")]


def _deals(desk: Desk) -> dict[str, str]:
    live: dict[str, str] = {}
    for effect in desk.agent.journal.effects():
        if effect.type == "deal.booked" and "notes" in effect.data:
            live[effect.data["deal_id"]] = effect.data["notes"].removeprefix("fd-")[:12]
        elif effect.type in ("deal.cancelled", "deal.rejected", "deal.expired"):
            live.pop(effect.data["deal_id"], None)
    return live


def _lines(desk: Desk) -> dict[str, str]:
    live: dict[str, str] = {}
    for effect in desk.direct.journal.effects():
        if effect.type in ("line.pendingbooking", "line.booked", "line.reserved", "line.inflight"):
            live[effect.data["line_id"]] = effect.data["name"][:12]
        elif effect.type in OVER:
            live.pop(effect.data["line_id"], None)
    return live


def check_standing(desk: Desk, campaign: Campaign) -> None:
    """At any instant: at most one booking per line, each known or being asked about, its money counted."""
    lines = {line.pk.hex[:12]: line for line in campaign.lines.all()}
    found = standing(desk)
    for ours, ids in found.items():
        assert len(ids) == 1, f"two bookings for one line: {ids}"
        line = lines[ours]
        assert _is_known(line, ids[0]), f"{ids[0]} stands at the seller and is not known"
        assert line.status not in LINE_LOST, f"{ids[0]} stands although its line is {line.status}"
    money = campaign_view(campaign).money
    assert sum(lines[ours].cost for ours in found) <= money.reserved <= money.approved <= money.budget
    assert money.committed <= money.reserved


def _is_known(line: Line, seller_id: str) -> bool:
    if seller_id in line.refs.values():
        return True
    asked: list[UUID] = [line.pk, line.campaign_id]
    return Claim.objects.filter(subject_id__in=asked, state__in=UNSETTLED_CLAIMS).exists()


def drive_checked(
    desk: Desk, campaign: Campaign, *, until: Callable[[Campaign], bool] | None = None, seconds: float = 40.0
) -> Campaign:
    """`drive`, with the invariants checked after every round of steps and at the end."""

    def look(row: Campaign) -> bool:
        check_standing(desk, row)
        return until is not None and until(row)

    campaign = drive(campaign, until=look, seconds=seconds)
    check_standing(desk, campaign)
    return campaign


def check_end(desk: Desk, campaign: Campaign) -> None:
    """At the end: exactly what stands at the sellers is what we call booked, and nothing is written down there."""
    booked = {line.pk.hex[:12]: line.seller_reference for line in campaign.lines.filter(status="booked")}
    assert {ours: ids[0] for ours, ids in standing(desk).items()} == booked
    assert drafts(desk) == []


def events(campaign: Campaign, prefix: str) -> list[Any]:
    from flows.models import Event

    rows = Event.objects.filter(subject_type="campaign", subject_id=str(campaign.pk), type__startswith=prefix)
    return list(rows.order_by("position"))
