"""Notices about what clients say of a plan."""

from __future__ import annotations

from collections.abc import Iterable

from flows.models import Event
from notifications import people
from notifications.campaigns import about
from notifications.registry import Draft, on


@on("client.answered")
def client_answered(event: Event) -> Iterable[Draft]:
    """To the preparers, again when the client changes its mind. The words are the client's."""
    found = about(event.subject_id)
    if found is None:
        return
    payload = event.payload
    verb = "agreed to" if payload["answer"] == "agree" else "objects to"
    words = f' "{payload["text"]}"' if payload["text"] else ""
    yield Draft(
        kind="client_answered",
        key=f"client:{event.subject_id}:{event.position}",
        title=f"Client {verb} the plan: {found.name}",
        text=f"{event.actor_label} {verb} version {payload['version']}.{words}",
        url=found.url,
        recipients=people.of_these(found.preparers, "booking.create", found.organization_id),
        organization_id=found.organization_id,
    )
