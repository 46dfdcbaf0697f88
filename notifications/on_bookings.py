"""Notices about what becomes of approved lines. They name no price: operations are told as well."""

from __future__ import annotations

from collections.abc import Iterable

from flows.models import Event
from notifications import people
from notifications.campaigns import About, about
from notifications.registry import Draft, on


@on("line.outcome_unknown")
def outcome_unknown(event: Event) -> Iterable[Draft]:
    """Once per line, however often the seller is asked again."""
    found = about(event.subject_id)
    if found is not None:
        yield _trouble(
            found,
            key=f"unknown:{event.payload['line']}",
            title=f"Outcome unknown: {found.name}",
            text="A line was sent, and the seller's answer is not clear. The seller is asked; nothing is sent twice.",
        )


@on("line.needs_attention")
def needs_attention(event: Event) -> Iterable[Draft]:
    found = about(event.subject_id)
    if found is not None:
        yield _trouble(
            found,
            key=f"attention:{event.subject_id}:{event.position}",
            title=f"A line needs a person: {found.name}",
            text="Flightdeck cannot go on with one line by itself. It waits safely on the list of operations.",
        )


@on("campaign.fail")
def failed(event: Event) -> Iterable[Draft]:
    found = about(event.subject_id)
    if found is not None:
        yield _trouble(
            found,
            key=f"failed:{event.subject_id}",
            title=f"Campaign failed: {found.name}",
            text="Nothing of it is booked. The campaign's page says why.",
        )


@on("line.status_changed")
def price_ended(event: Event) -> Iterable[Draft]:
    """A line that came back because its price, or its offer at the seller, had ended."""
    if event.payload.get("code") != "quote_expired" and event.payload.get("to") != "expired":
        return
    found = about(event.subject_id)
    if found is not None:
        yield Draft(
            kind="quote_expired",
            key=f"expired-line:{event.payload['line']}",
            title=f"Price expired: {found.name}",
            text="A seller's price ended before the approved line was booked. The line can be planned again.",
            url=found.url,
            recipients=_preparers(found),
            organization_id=found.organization_id,
        )


@on("campaign.complete")
def completed(event: Event) -> Iterable[Draft]:
    found = about(event.subject_id)
    if found is None:
        return
    booked, refused = event.payload.get("booked", 0), event.payload.get("refused", 0)
    rest = f", {refused} not booked" if refused else ""
    yield Draft(
        kind="completed",
        key=f"completed:{event.subject_id}",
        title=f"Campaign completed: {found.name}",
        text=f"Lines booked: {booked}{rest}.",
        url=found.url,
        recipients=_preparers(found),
        organization_id=found.organization_id,
    )


def _trouble(found: About, *, key: str, title: str, text: str) -> Draft:
    ops = {user.pk for user in people.users_who("ops.read", found.organization_id)}
    return Draft(
        kind="trouble",
        key=key,
        title=title,
        text=text,
        url=found.url,
        recipients=_preparers(found) | ops,
        organization_id=found.organization_id,
    )


def _preparers(found: About) -> frozenset[int]:
    return people.of_these(found.preparers, "booking.read", found.organization_id)
