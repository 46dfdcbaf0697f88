"""Notices about sellers."""

from __future__ import annotations

from collections.abc import Iterable

from django.urls import reverse

from flows.models import Event
from notifications import people
from notifications.registry import Draft, on


@on("seller.outage_began")
def seller_down(event: Event) -> Iterable[Draft]:
    """To operations and campaign managers; sellers belong to no client."""
    name = event.payload["name"]
    yield Draft(
        kind="seller_down",
        key=f"outage:{event.subject_id}:{event.payload['began_at']}",
        title=f"{name} does not answer",
        text="The seller is left alone but for one try now and then. Work for it waits, other sellers go on.",
        url=reverse("operations"),
        recipients=frozenset(user.pk for user in people.users_who("operations.read")),
    )
