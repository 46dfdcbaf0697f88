"""What a notice must know of a campaign: its name, its client, its page and who prepared it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from bookings.selectors import campaigns_for


@dataclass(frozen=True)
class _Everything:
    """Reads for the whole agency; whom the result is told is asked person by person."""

    is_authenticated = True
    is_active = True
    sees_every_client = True


@dataclass(frozen=True)
class About:
    name: str
    client: str
    url: str
    organization_id: uuid.UUID
    preparers: tuple[object, ...]


def about(campaign_id: object) -> About | None:
    """None where there is no such campaign."""
    campaign = campaigns_for(_Everything()).filter(pk=str(campaign_id)).first()
    if campaign is None:
        return None
    return About(
        name=campaign.name,
        client=campaign.organization.name,
        url=campaign.get_absolute_url(),
        organization_id=campaign.organization_id,
        preparers=(campaign.prepared_by_id, *campaign.editors),
    )
