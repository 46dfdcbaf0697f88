"""What people are told about. Which event or deadline leads to which kind: the `on_*` modules."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models


class Channel(models.TextChoices):
    APP = "app", "In Flightdeck"
    MAIL = "mail", "E-mail"
    HOOK = "hook", "Webhook"


@dataclass(frozen=True)
class Kind:
    """`action` is what one must be allowed (accounts/permissions.py) to be told of it, then and later.

    `while_open`: worth a message only as long as the request that it is about waits for a decision.
    """

    name: str
    label: str
    meaning: str
    action: str
    tone: str
    mail: bool = False  # without being asked for
    while_open: bool = False


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "decision_needed",
            "Decision needed",
            "A plan of your client waits and you may decide it.",
            action="booking.confirm",
            tone="waiting",
            mail=True,
            while_open=True,
        ),
        Kind(
            "second_needed",
            "Second approval needed",
            "Somebody approved lines above the limit; another person must approve the same.",
            action="booking.confirm",
            tone="waiting",
            mail=True,
            while_open=True,
        ),
        Kind(
            "asked",
            "Asked to decide",
            "Somebody sent you a plan and asks for your decision.",
            action="booking.confirm",
            tone="waiting",
            mail=True,
            while_open=True,
        ),
        Kind(
            "deadline_near",
            "Deadline near",
            "Half, then nine tenths of the time to decide is over.",
            action="booking.confirm",
            tone="warn",
            mail=True,
            while_open=True,
        ),
        Kind(
            "client_answered",
            "Client answered",
            "A client agreed with a waiting plan that you prepared, or objected to it.",
            action="booking.create",
            tone="info",
        ),
        Kind(
            "decided",
            "Decided by somebody else",
            "Lines that you prepared or could decide were approved, rejected or taken back.",
            action="booking.read",
            tone="info",
        ),
        Kind(
            "trouble",
            "Booking failed or unclear",
            "A campaign failed, a line needs a person, or its outcome at the seller is unknown.",
            action="booking.read",
            tone="bad",
            mail=True,
        ),
        Kind(
            "quote_expired",
            "Price expired",
            "A seller's price ended before it was decided on or booked.",
            action="booking.read",
            tone="warn",
        ),
        Kind(
            "completed",
            "Campaign completed",
            "Every line of a campaign of yours is settled, and something is booked.",
            action="booking.read",
            tone="good",
        ),
        Kind(
            "seller_down",
            "Seller does not answer",
            "Calls to a seller fail; it is left alone but for a try now and then.",
            action="operations.read",
            tone="bad",
        ),
    )
}
