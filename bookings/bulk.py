"""One decision on many plans: each plan is decided for itself, by the same service as everywhere, and answers for
itself. What was shown binds: a plan that has changed since is not touched."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from approvals.errors import Refused
from approvals.models import ApprovalRequest
from approvals.services import Decider
from approvals.states import Verdict
from bookings import selectors, services
from bookings.worklist_rows import open_items, shown_as

MOST = 50  # plans in one go: as many as the page shows


@dataclass(frozen=True)
class Outcome:
    title: str
    url: str
    done: bool
    text: str


def decide_plans(
    *, user: Any, decider: Decider, shown: Mapping[uuid.UUID, str], verdict: Verdict, reason: str = ""
) -> list[Outcome]:
    """Approve or reject every open line of these requests, `shown` as `worklist_rows.shown_as` gave it."""
    if not shown:
        raise Refused(400, "nothing_chosen", "Tick at least one plan.", field="plan")
    if len(shown) > MOST:
        raise Refused(400, "too_many", f"Decide on at most {MOST} plans at once.", field="plan")
    requests = ApprovalRequest.objects.in_bulk(list(shown))
    return [_one(user, decider, requests.get(pk), seen, verdict, reason) for pk, seen in shown.items()]


def _one(
    user: Any,
    decider: Decider,
    request: ApprovalRequest | None,
    seen: str,
    verdict: Verdict,
    reason: str,
) -> Outcome:
    if request is None or not selectors.is_visible(user, request.subject_id):
        return Outcome("A plan", "", False, "It is not there, or not yours to see.")
    try:
        text = _decide(decider, request, seen, verdict, reason)
    except Refused as refused:
        return Outcome(request.title, request.url, False, refused.message)
    return Outcome(request.title, request.url, True, text)


def _decide(decider: Decider, request: ApprovalRequest, seen: str, verdict: Verdict, reason: str) -> str:
    with transaction.atomic():
        items = open_items([request.pk])[request.pk]
        if shown_as(request.version, items) != seen:
            raise Refused(
                409, "changed_since_shown", "It has changed since the list was shown. Look at it again."
            )
        ids = [item.id for item in items]
        if verdict == Verdict.REJECT:
            services.reject_lines(
                campaign_id=request.subject_id, decider=decider, reason=reason, recommendation_ids=ids
            )
            return f"{_lines(len(ids))} rejected."
        decision, _ = services.approve_lines(
            campaign_id=request.subject_id,
            decider=decider,
            recommendation_ids=ids,
            seen={item.id: item.fingerprint for item in items},
        )
    if decision.verdict == Verdict.ENDORSE:
        return f"{_lines(len(ids))} approved by you; another person must approve them too."
    text = f"{_lines(len(ids))} approved for {decision.total:,.2f} {decision.currency}."
    return f"{text} On its page this can be undone for a few seconds." if decision.can_be_undone else text


def _lines(count: int) -> str:
    return f"{count} line{'s' if count != 1 else ''}"
