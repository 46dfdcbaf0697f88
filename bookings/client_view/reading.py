"""The campaign as its client sees it, read with a fixed number of queries. Who may see it is asked before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from accounts.permissions import can
from bookings.approving import rows_of_plan
from bookings.client_view.binding import Binding, binding_of
from bookings.client_view.models import ClientAnswer, ClientComment
from bookings.client_view.plan import ChannelPart, Placement, Totals, channels_of, placements_of, totals_of
from bookings.client_view.words import Standing, booked_of, standing
from bookings.models import Campaign, Recommendation
from flows.clock import now
from flows.models import EventChain
from planning import zones

WIDE = ("explanation", "quote_note")


@dataclass(frozen=True)
class Said:
    """`current`: of exactly the plan that waits, or of the one that was decided on. `version` tells older ones."""

    row: ClientAnswer
    current: bool


@dataclass(frozen=True)
class ClientView:
    campaign: Campaign
    position: int  # of the event stream, read before everything else
    zone: ZoneInfo
    standing: Standing
    channels: list[ChannelPart]
    placements: list[Placement]
    totals: Totals
    binding: Binding | None  # None while no plan waits
    answers: list[Said]
    comments: list[ClientComment]
    has_lines: bool

    @property
    def waits(self) -> bool:
        return self.binding is not None

    @property
    def talk_version(self) -> str:
        """Comments are only ever added."""
        return str(len(self.comments))

    @property
    def seal(self) -> str:
        return self.binding.seal if self.binding else ""


def is_client(user: Any) -> bool:
    """Somebody who reads campaigns as a client does."""
    return can(user, "client_view.answer")


def client_view(campaign: Campaign) -> ClientView:
    chain = EventChain.objects.filter(subject_type="campaign", subject_id=str(campaign.pk)).first()
    campaign = Campaign.objects.select_related("organization").get(pk=campaign.pk)
    rows = list(campaign.recommendations.defer(*WIDE).order_by("rank"))
    lines = list(campaign.lines.all())
    budgets = list(campaign.channels.all())
    placements = placements_of(campaign, rows, lines)
    binding = binding_of(campaign, rows)
    zone = zones.zone(campaign.timezone)
    return ClientView(
        campaign=campaign,
        position=chain.length if chain else 0,
        zone=zone,
        standing=standing(campaign, booked_of(lines), now().astimezone(zone).date()),
        channels=channels_of(budgets, placements),
        placements=placements,
        totals=totals_of(budgets, placements),
        binding=binding,
        answers=said_of(campaign, binding),
        comments=list(campaign.client_comments.all()),
        has_lines=bool(lines),
    )


def said_of(campaign: Campaign, binding: Binding | None) -> list[Said]:
    """The newest answer of each person, oldest first."""
    newest: dict[int, ClientAnswer] = {}
    for row in campaign.client_answers.order_by("version", "at"):
        newest[row.user_id] = row
    found = sorted(newest.values(), key=lambda row: row.at)
    return [Said(row, _is_current(row, campaign, binding)) for row in found]


def said_to_approver(campaign: Campaign, rows: Sequence[Recommendation]) -> list[Said]:
    """The same for the page on which the plan is decided; costs one query where no client has answered."""
    if not campaign.client_answers.exists():
        return []
    return said_of(campaign, binding_of(campaign, rows))


def current_binding(campaign: Campaign) -> Binding | None:
    return binding_of(campaign, rows_of_plan(campaign))


def _is_current(row: ClientAnswer, campaign: Campaign, binding: Binding | None) -> bool:
    if row.version != campaign.plan_version:
        return False
    return binding is None or row.fingerprint == binding.fingerprint


def own_answer(answers: Sequence[Said], user: Any) -> Said | None:
    return next((one for one in answers if one.row.user_id == user.pk), None)
