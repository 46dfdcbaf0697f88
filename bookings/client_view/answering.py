"""The client's opinion of a waiting plan. It commits nothing: the approver reads it and decides."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction

from approvals.checks import SHORTEST_REASON
from approvals.errors import Refused
from bookings.client_view.models import LONGEST_TEXT, Answer, ClientAnswer
from bookings.client_view.reading import current_binding
from bookings.client_view.text import clean, refuse_longer
from bookings.models import Campaign
from bookings.states import CampaignStatus
from flows import events, lifecycle
from flows.actors import Actor
from flows.clock import now


def answer_plan(
    *, campaign_id: uuid.UUID, user: Any, actor: Actor, answer: str, text: str, seen: str
) -> ClientAnswer:
    """Agree with the plan that waits or object to it; a second answer of the same person replaces the first.

    `seen` is the seal of the plan as it was shown. Raises `Refused`; then nothing has changed.
    """
    words = clean(text)
    _refuse_unusable(answer, words)
    with transaction.atomic():
        campaign = lifecycle.lock(Campaign, campaign_id)
        binding = current_binding(campaign)
        if binding is None:
            raise _not_waiting(campaign)
        if not binding.is_shown_by(seen):
            raise Refused(
                409,
                "changed_since_shown",
                "The plan has changed since it was shown to you. Read it as it is now, then answer.",
                field="plan",
            )
        earlier = ClientAnswer.objects.filter(campaign=campaign, version=binding.version, user=user).first()
        if earlier is not None and _says_the_same(earlier, answer, words, binding.fingerprint):
            return earlier
        row, _ = ClientAnswer.objects.update_or_create(
            campaign=campaign,
            version=binding.version,
            user=user,
            defaults={
                "label": actor.label[:160],
                "fingerprint": binding.fingerprint,
                "answer": answer,
                "text": words,
                "at": now(),
            },
        )
        _tell(campaign, row, actor, changed_from=earlier.answer if earlier else "")
    return row


def _refuse_unusable(answer: str, words: str) -> None:
    if answer not in Answer.values:
        raise Refused(400, "answer_required", "Choose whether you agree or object.", field="answer")
    refuse_longer(words, LONGEST_TEXT, "text")
    if answer == Answer.OBJECT and len(words) < SHORTEST_REASON:
        raise Refused(
            400,
            "reason_required",
            f"Say what you object to, in at least {SHORTEST_REASON} characters.",
            field="text",
        )


def _not_waiting(campaign: Campaign) -> Refused:
    if campaign.status in (CampaignStatus.EXECUTING_BOOKINGS, CampaignStatus.COMPLETED):
        text = "The plan has been decided. You can still write a comment."
    else:
        text = "No plan waits for an answer. You can still write a comment."
    return Refused(409, "not_waiting", text, field="plan")


def _says_the_same(earlier: ClientAnswer, answer: str, words: str, fingerprint: str) -> bool:
    return (earlier.answer, earlier.text, earlier.fingerprint) == (answer, words, fingerprint)


def _tell(campaign: Campaign, row: ClientAnswer, actor: Actor, changed_from: str) -> None:
    payload = {
        "answer_id": str(row.pk),
        "answer": row.answer,
        "version": row.version,
        "fingerprint": row.fingerprint,
        "text": row.text,
    }
    events.record(
        subject_type="campaign",
        subject_id=campaign.pk,
        type="client.answered",
        actor=actor,
        correlation_id=campaign.correlation_id,
        payload=payload | ({"changed_from": changed_from} if changed_from else {}),
    )
