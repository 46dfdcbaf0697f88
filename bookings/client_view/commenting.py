"""Comments between client and agency, beside the plan."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction

from approvals.errors import Refused
from bookings.client_view.models import LONGEST_TEXT, ClientComment, Side
from bookings.client_view.reading import is_client
from bookings.client_view.text import clean, refuse_longer
from bookings.models import Campaign
from flows import events, lifecycle
from flows.actors import Actor
from flows.clock import now

MOST_COMMENTS = 500  # of one campaign: all of them are shown


def write_comment(*, campaign_id: uuid.UUID, user: Any, actor: Actor, text: str) -> ClientComment:
    """Add a comment. The same text by the same person as the newest one is that one: a form sent twice.

    Raises `Refused`; then nothing has changed.
    """
    words = clean(text)
    if not words:
        raise Refused(400, "text_required", "Write something first.", field="text")
    refuse_longer(words, LONGEST_TEXT, "text")
    with transaction.atomic():
        campaign = lifecycle.lock(Campaign, campaign_id)
        last = campaign.client_comments.order_by("-at", "-id").first()
        if last is not None and last.user_id == user.pk and last.text == words:
            return last
        if campaign.client_comments.count() >= MOST_COMMENTS:
            raise Refused(
                409, "too_many_comments", f"A campaign holds {MOST_COMMENTS} comments at most.", field="text"
            )
        row = ClientComment.objects.create(
            campaign=campaign,
            user=user,
            label=actor.label[:160],
            side=Side.CLIENT if is_client(user) else Side.AGENCY,
            text=words,
            at=now(),
        )
        events.record(
            subject_type="campaign",
            subject_id=campaign.pk,
            type="client.commented",
            actor=actor,
            correlation_id=campaign.correlation_id,
            payload={"comment": str(row.pk), "side": row.side, "text": row.text},
        )
    return row
