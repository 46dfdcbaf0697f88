"""Notices that no event leads to: time passes. Open requests are looked at, and each share of time is told once."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from accounts.models import User
from approvals.models import ApprovalRequest
from approvals.selectors import open_requests
from flows.clock import now
from notifications import people
from notifications.models import Preference, Told
from notifications.on_decisions import counted, decision_draft, money
from notifications.registry import UNTIL, Draft

HALF, MOST = 50, 90  # per cent of the time from the request to its deadline
EXPIRED = 100
FORGET_AFTER = dt.timedelta(days=1)  # a deadline that passed longer ago is no news
AT_ONCE = 100  # requests of one look


@dataclass(frozen=True)
class Stage:
    """One request and the highest share of its time that has passed."""

    request_id: uuid.UUID
    share: int
    version: int
    deadline: dt.datetime

    def key(self, share: int) -> str:
        """A later deadline of the same plan, once the first price is decided, is not another half of its time."""
        if share == EXPIRED:
            return f"expired:{self.request_id}:{self.deadline:%Y%m%d%H%M%S}"
        return f"deadline:{self.request_id}:{self.version}:{share}"

    @property
    def keys(self) -> list[str]:
        return [self.key(share) for share in (HALF, MOST, EXPIRED) if share <= self.share]


def due_stages() -> list[Stage]:
    """What has not been told yet, the nearest deadline first."""
    moment = now()
    rows = open_requests(None).filter(deadline__gt=moment - FORGET_AFTER).order_by("deadline")
    reached = [
        Stage(pk, share, version, deadline)
        for pk, created, version, deadline in rows.values_list("pk", "created_at", "version", "deadline")
        if deadline is not None and (share := _share(created, deadline, moment))
    ]
    told = _told([stage.key(stage.share) for stage in reached])
    return [stage for stage in reached if stage.key(stage.share) not in told][:AT_ONCE]


def _share(created: dt.datetime, deadline: dt.datetime, moment: dt.datetime) -> int:
    """Of 50, 90 and 100 the highest that has passed; 0 for none."""
    if moment >= deadline:
        return EXPIRED
    passed = (moment - created) / (deadline - created) * 100
    return next((share for share in (MOST, HALF) if passed >= share), 0)


def _told(keys: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(keys), 500):
        rows = Told.objects.filter(key__in=keys[start : start + 500])
        found |= set(rows.values_list("key", flat=True))
    return found


def drafts_of_stage(stage: Stage) -> list[Draft]:
    """Nothing when somebody was faster."""
    request = open_requests(None).filter(pk=stage.request_id).first()
    if request is None or request.deadline is None:
        return []
    if stage.share == EXPIRED:
        return [_expired(request, stage)]
    deciders = people.deciders(request)
    if stage.share == HALF:
        return [_near(request, stage, deciders)]
    deputies = _deputies(deciders)
    rest = [user for user in deciders if user.pk not in deputies]
    chosen = [user for user in deciders if user.pk in deputies]
    return [_near(request, stage, rest), _to_deputies(request, chosen)]


def _near(request: ApprovalRequest, stage: Stage, deciders: Iterable[User]) -> Draft:
    over = "Half" if stage.share == HALF else "Nine tenths"
    amount = money(request.open_amount, request.currency)
    return Draft(
        kind="deadline_near",
        key=stage.key(stage.share),
        title=f"Decide until {UNTIL}: {request.title}",
        text=f"{over} of the time is over. {counted(request.open_items, 'line')} for {amount} wait for a decision.",
        url=request.url,
        recipients=frozenset(user.pk for user in deciders),
        organization_id=request.organization_id,
        request_id=request.pk,
        until=request.deadline,
    )


def _expired(request: ApprovalRequest, stage: Stage) -> Draft:
    told = people.of_these(request.preparers, "booking.read", request.organization_id)
    return Draft(
        kind="quote_expired",
        key=stage.key(EXPIRED),
        title=f"Price expired: {request.title}",
        text="A seller's price ended before anybody decided. The line can no longer be approved at that price.",
        url=request.url,
        recipients=told | {user.pk for user in people.deciders(request)},
        organization_id=request.organization_id,
    )


def _deputies(deciders: Sequence[User]) -> set[int]:
    """Those whom one of the people who were asked has named, and who may decide it themselves."""
    asked = {user.pk for user in deciders}
    rows = Preference.objects.filter(user__in=asked, deputy__in=asked)
    return set(rows.values_list("deputy_id", flat=True))


def _to_deputies(request: ApprovalRequest, deputies: Sequence[User]) -> Draft:
    """Told whatever they chose to hear about plans of their own."""
    why = "You stand in for somebody who has not decided, and nine tenths of the time are over."
    draft = decision_draft(request, f"deputy:{request.pk}:{request.version}", deputies, why)
    return replace(draft, insist=True)
