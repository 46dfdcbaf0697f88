"""Sending a waiting plan to the person who shall decide it."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q

from accounts.permissions import can
from accounts.roles import SEES_EVERY_CLIENT
from approvals import selectors as approvals_selectors
from approvals.asking import ask_person
from approvals.errors import Refused
from bookings.models import Campaign
from flows import lifecycle
from flows.actors import Actor


def people_to_ask(campaign: Campaign, but: Any) -> list[Any]:
    """Who may approve or confirm for this client, without the one who asks; sorted by name."""
    people = get_user_model()._default_manager.filter(is_active=True, is_superuser=False).exclude(pk=but.pk)
    seeing = Q(assignments__organization=campaign.organization_id) | Q(role__in=SEES_EVERY_CLIENT)
    found = [person for person in people.filter(seeing).distinct() if can(person, "booking.confirm")]
    return sorted(found, key=lambda person: person.label.casefold())


def ask_for_decision_of(
    *, campaign_id: uuid.UUID, person_id: str, user: Any, actor: Actor, note: str = ""
) -> Campaign:
    """Raises `Refused`: nothing waits, nobody of that name may decide, the note is too long."""
    with transaction.atomic():
        campaign = lifecycle.lock(Campaign, campaign_id)
        request = approvals_selectors.open_request("campaign", campaign.pk)
        if request is None:
            raise Refused(409, "wrong_state", "Nothing of this plan waits for a decision.", field="status")
        person = next(
            (one for one in people_to_ask(campaign, user) if person_id in (str(one.pk), one.username)), None
        )
        if person is None:
            text = "Choose one of the other people who may decide for this client."
            raise Refused(422, "unknown_person", text, field="person")
        ask_person(
            request=request, person=person, actor=actor, note=note, correlation_id=campaign.correlation_id
        )
        return campaign
