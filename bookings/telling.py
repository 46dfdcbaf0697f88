"""Events of a campaign that tell about one of its lines."""

from __future__ import annotations

from collections.abc import Mapping

from bookings.models import Campaign, Line
from flows import events
from flows.actors import SYSTEM_ACTOR, Actor


def tell(
    campaign: Campaign,
    line: Line | None,
    type: str,
    payload: Mapping[str, object],
    actor: Actor = SYSTEM_ACTOR,
) -> None:
    about = {"line": str(line.pk)} if line is not None else {}
    events.record(
        subject_type="campaign",
        subject_id=campaign.pk,
        type=type,
        actor=actor,
        correlation_id=campaign.correlation_id,
        payload={**about, **payload},
    )
