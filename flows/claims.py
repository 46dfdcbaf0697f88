"""Claims: committed before a call that commits money or a promise outside, settled by what the other side says.

All functions run inside the step's transaction (`Work.commit`). The rule of reliability.md 6.2: a missing local record
never means that nothing happened, and an unknown outcome is asked about under the same key, never sent under a new one.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import F

from flows.clock import in_seconds, now
from flows.ids import jitter
from flows.models import Claim, Flow
from flows.states import UNSETTLED_CLAIMS, ClaimState

LONGEST_PAUSE = 60.0
ESCALATED_PAUSE = 600.0


class PayloadChanged(Exception):
    """The same key was claimed for other content. Never send it."""


@dataclass(frozen=True)
class Opened:
    claim: Claim
    fresh: bool  # True: this very call created it, so nothing can have been sent yet


def open_claim(
    *,
    flow: Flow,
    subject_id: uuid.UUID,
    kind: str,
    target: str,
    key: str,
    payload_hash: str,
    stop_checks_at: dt.datetime,
) -> Opened:
    """The claim for this key, created now or found. Raises `PayloadChanged` when it stands for other content."""
    claim, fresh = Claim.objects.get_or_create(
        key=key,
        defaults={
            "flow_name": flow.flow_name,
            "flow_id": flow.pk,
            "subject_id": subject_id,
            "kind": kind,
            "target": target,
            "payload_hash": payload_hash,
            "stop_checks_at": stop_checks_at,
            "at_work_until": _at_work_until(),
        },
    )
    if claim.payload_hash != payload_hash:
        raise PayloadChanged(f"claim {key} stands for other content")
    return Opened(claim, fresh)


def settle(claim: Claim, state: ClaimState, answer: dict[str, Any]) -> None:
    """The other side has answered for good."""
    claim.state = state
    claim.answer = answer
    claim.next_check_at = claim.at_work_until = None
    claim.settled_at = now()
    claim.save(update_fields=["state", "answer", "next_check_at", "at_work_until", "settled_at"])


def pause_after(claim: Claim) -> float:
    """Seconds until the next question: doubling from one second to a minute, then every ten minutes for ever,
    because late truth still wins."""
    if now() >= claim.stop_checks_at:
        return jitter(ESCALATED_PAUSE)
    return jitter(min(2.0 ** min(claim.checks, 10), LONGEST_PAUSE))


def note_unknown(claim: Claim, pause: float, said: str) -> None:
    """Still not known: keep what was said. Past `stop_checks_at` the claim is escalated to ops."""
    escalated = now() >= claim.stop_checks_at
    _note(claim, ClaimState.ESCALATED if escalated else ClaimState.UNKNOWN, pause, said)


def note_not_sent(claim: Claim, pause: float, said: str) -> None:
    """The call never left, and those before it, if any, are proven to have done nothing."""
    claim.at_work_until = None
    _note(claim, ClaimState.NOT_SENT, pause, said)


def _note(claim: Claim, state: ClaimState, pause: float, said: str) -> None:
    if Claim.objects.filter(pk=claim.pk, state=ClaimState.DONE).exists():
        return  # settled meanwhile by another subject that shares it
    claim.state = state
    claim.checks += 1
    claim.evidence = [*claim.evidence, {"at": now().isoformat(), "said": said[:500]}][-50:]
    claim.next_check_at = in_seconds(pause)
    claim.save(update_fields=["state", "checks", "evidence", "next_check_at", "at_work_until"])


def note_resend(claim: Claim) -> bool:
    """The other side has shown that nothing happened; the same key and content go out once more.

    False when somebody else who shares the claim was faster: then nothing may be sent.
    """
    won = Claim.objects.filter(pk=claim.pk, state=claim.state, sends=claim.sends).update(
        state=ClaimState.SENDING, sends=F("sends") + 1, at_work_until=_at_work_until()
    )
    claim.refresh_from_db()
    return bool(won)


def call_ended(claim: Claim, *, timed_out: bool) -> None:
    """The call is over for us; after a timeout it may go on over there. Stored with the next note."""
    claim.at_work_until = _at_work_until() if timed_out else None


def still_at_work(claim: Claim) -> float:
    """For how many seconds a call of ours may still be at work: so long, seeing nothing proves nothing."""
    if claim.at_work_until is None:
        return 0.0
    return max(0.0, (claim.at_work_until - now()).total_seconds())


def _at_work_until() -> dt.datetime:
    return in_seconds(settings.FLIGHTDECK_CALL_DEADLINE_SECONDS)


def unsettled(flow: Flow) -> list[Claim]:
    return list(Claim.objects.filter(flow_name=flow.flow_name, flow_id=flow.pk, state__in=UNSETTLED_CLAIMS))
