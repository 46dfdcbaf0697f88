"""Asking one person for a decision: a word for lists and messages. It changes nobody's right to decide."""

from __future__ import annotations

import uuid
from typing import Any

from approvals import writing
from approvals.errors import Refused
from approvals.models import ApprovalRequest
from approvals.states import RequestState
from flows.actors import Actor
from flows.clock import now

LONGEST_NOTE = 500


def ask_person(
    *, request: ApprovalRequest, person: Any, actor: Actor, note: str, correlation_id: uuid.UUID
) -> None:
    """Under the subject's lock. The caller knows that the person may decide this subject. Raises `Refused`."""
    note = " ".join(note.split())
    if request.status != RequestState.OPEN:
        raise Refused(409, "wrong_state", "Nothing of this plan waits for a decision.", field="status")
    if len(note) > LONGEST_NOTE:
        raise Refused(400, "too_long", f"Shorten the note to {LONGEST_NOTE} characters.", field="note")
    request.asked, request.asked_by, request.asked_note, request.asked_at = person, actor.label, note, now()
    request.save(update_fields=["asked", "asked_by", "asked_note", "asked_at"])
    told = {"person": person.pk, "name": person.label, "note": note}
    writing.tell(request, "approval.asked", actor, correlation_id, told)
