"""Read-only links for people without a login: made, found, counted and revoked."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
import secrets
import string
import uuid
from contextlib import suppress
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import F

from approvals.errors import Refused
from bookings.client_view.models import LONGEST_NOTE, ClientLink
from bookings.client_view.text import clean, refuse_longer
from bookings.models import Campaign
from flows import events, lifecycle
from flows.actors import Actor
from flows.clock import now

SHORTEST_DAYS, DEFAULT_DAYS, LONGEST_DAYS = 1, 14, 60
MOST_LINKS = 50  # usable ones of one campaign
ALPHABET = string.ascii_lowercase + string.digits
TOKEN = re.compile(r"\A([a-z0-9]{8})\.([A-Za-z0-9_-]{43})\Z", re.ASCII)


def make_link(
    *, campaign_id: uuid.UUID, user: Any, actor: Actor, days: int = DEFAULT_DAYS, note: str = ""
) -> tuple[ClientLink, str]:
    """A new link and its token `xxxxxxxx.secret`, which cannot be read again. Raises `Refused`.

    A fast hash is enough: the secret is 256 random bits, so there is nothing to guess.
    """
    if not SHORTEST_DAYS <= days <= LONGEST_DAYS:
        raise Refused(
            400,
            "days_out_of_range",
            f"A link lives {SHORTEST_DAYS} to {LONGEST_DAYS} days. Give a whole number in between.",
            field="days",
        )
    whom = " ".join(clean(note).split())
    refuse_longer(whom, LONGEST_NOTE, "note")
    prefix = "".join(secrets.choice(ALPHABET) for _ in range(8))
    secret = secrets.token_urlsafe(32)
    with transaction.atomic():
        campaign = lifecycle.lock(Campaign, campaign_id)
        _refuse_too_many(campaign)
        moment = now()
        link = ClientLink.objects.create(
            campaign=campaign,
            prefix=prefix,
            secret_hash=_hash(secret),
            note=whom,
            made_by=user,
            made_by_label=actor.label[:160],
            created_at=moment,
            expires_at=moment + dt.timedelta(days=days),
        )
        _tell(link, "client.link_made", actor, {"note": whom, "expires_at": link.expires_at.isoformat()})
    return link, f"{prefix}.{secret}"


def revoke_link(*, campaign_id: uuid.UUID, link_id: uuid.UUID, actor: Actor) -> ClientLink | None:
    """The next opening finds nothing. Revoking twice keeps the first time; None where the campaign has no such link."""
    with transaction.atomic():
        lifecycle.lock(Campaign, campaign_id)
        link = ClientLink.objects.select_related("campaign").filter(pk=link_id, campaign=campaign_id).first()
        if link is None or link.revoked_at is not None:
            return link
        link.revoked_at = now()
        link.save(update_fields=["revoked_at"])
        _tell(link, "client.link_revoked", actor, {"note": link.note, "opened": link.opened})
    return link


def link_of_token(token: str) -> ClientLink | None:
    """The usable link of this token, else None. Unknown, wrong, expired and revoked take the same path."""
    match = TOKEN.match(token)
    prefix, secret = match.groups() if match else ("", "")
    link = ClientLink.objects.select_related("campaign__organization").filter(prefix=prefix).first()
    right = hmac.compare_digest(_hash(secret), link.secret_hash if link else "0" * 128)
    return link if link is not None and right and link.is_usable else None


def note_opening(link: ClientLink) -> None:
    with suppress(OperationalError):  # a database too busy for this note may still show the page
        ClientLink.objects.filter(pk=link.pk).update(opened=F("opened") + 1, last_opened_at=now())


def links_of(campaign: Campaign) -> list[ClientLink]:
    """Newest first, ended ones included: who opened them stays of interest."""
    return list(campaign.client_links.all()[: 4 * MOST_LINKS])


def _refuse_too_many(campaign: Campaign) -> None:
    usable = campaign.client_links.filter(revoked_at=None, expires_at__gt=now()).count()
    if usable >= MOST_LINKS:
        text = f"This campaign has {usable} links that can be opened. Revoke one before you make another."
        raise Refused(409, "too_many_links", text)


def _tell(link: ClientLink, type: str, actor: Actor, payload: dict[str, Any]) -> None:
    events.record(
        subject_type="campaign",
        subject_id=link.campaign_id,
        type=type,
        actor=actor,
        correlation_id=link.campaign.correlation_id,
        payload={"link": str(link.pk)} | payload,
    )


def _hash(secret: str) -> str:
    return hashlib.sha512(secret.encode()).hexdigest()
