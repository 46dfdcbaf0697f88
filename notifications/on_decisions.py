"""Notices about decisions: asked for, endorsed, taken."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from approvals.models import ApprovalRequest
from approvals.states import Door, RequestState
from flows.models import Event
from notifications import people
from notifications.registry import UNTIL, Draft, on

WORDS = {
    "approval.granted": "approved",
    "approval.rejected": "rejected",
    "approval.undone": "taken back",
}


@on("approval.requested")
def decision_needed(event: Event) -> Iterable[Draft]:
    """To everybody who may decide it; to nobody when the policy has decided it already."""
    request = _request(event)
    if request is None or request.status != RequestState.OPEN:
        return
    yield decision_draft(request, f"decision:{request.pk}:{request.version}", people.deciders(request))


@on("approval.asked")
def asked(event: Event) -> Iterable[Draft]:
    """To the person who was asked, once for each time."""
    request = _request(event)
    if request is None or request.status != RequestState.OPEN:
        return
    note = event.payload["note"]
    yield Draft(
        kind="asked",
        key=f"asked:{event.pk}",
        title=f"{event.actor_label} asks for your decision: {request.title}",
        text=f"{note or 'No note was left.'}",
        url=request.url,
        recipients=people.of_these([event.payload["person"]], "booking.confirm", request.organization_id),
        organization_id=request.organization_id,
        request_id=request.pk,
        until=request.deadline,
    )


@on("approval.endorsed")
def second_needed(event: Event) -> Iterable[Draft]:
    """To everybody who may give one more approval: not the preparers, not those who gave theirs."""
    request = _request(event)
    if request is None or request.status != RequestState.OPEN:
        return
    gave = set(request.decisions.filter(verdict="endorse", undone_by__isnull=True).values_list("user_id"))
    others = [user for user in people.deciders(request) if (user.pk,) not in gave]
    total = money(Decimal(event.payload["total"]), request.currency)
    yield Draft(
        kind="second_needed",
        key=f"second:{event.payload['decision']}",
        title=f"Second approval needed: {request.title}",
        text=f"{event.actor_label} approved lines for {total}. One more person must approve exactly these lines.",
        url=request.url,
        recipients=frozenset(user.pk for user in others if str(user.pk) not in request.preparers),
        organization_id=request.organization_id,
        request_id=request.pk,
    )


@on("approval.granted", "approval.rejected", "approval.undone")
def decided(event: Event) -> Iterable[Draft]:
    """To the preparers and to the other deciders; only to the preparers when it was the policy."""
    request = _request(event)
    if request is None:
        return
    told = people.of_these(request.preparers, "booking.read", request.organization_id)
    if event.payload.get("door") != Door.POLICY:
        told |= {user.pk for user in people.users_who("booking.decide", request.organization_id)}
    decider = request.decisions.filter(pk=event.payload["decision"]).values_list("user_id", flat=True).first()
    verb, count = WORDS[event.type], len(event.payload["items"])
    total = money(Decimal(event.payload["total"]), request.currency)
    yield Draft(
        kind="decided",
        key=f"decided:{event.payload['decision']}",
        title=f"{counted(count, 'line')} {verb}: {request.title}",
        text=f"{event.actor_label}: {counted(count, 'line')} for {total} {verb}. {event.payload['reason']}".strip(),
        url=request.url,
        recipients=frozenset(told - {decider}),
        organization_id=request.organization_id,
    )


def decision_draft(request: ApprovalRequest, key: str, users: Iterable[Any], why: str = "") -> Draft:
    amount = money(request.open_amount, request.currency)
    until = f" Prices hold until {UNTIL}." if request.deadline else ""
    text = f"{counted(request.open_items, 'line')} for {amount}, prepared by {request.prepared_label}.{until}"
    return Draft(
        kind="decision_needed",
        key=key,
        title=f"Decision needed: {request.title}",
        text=f"{why} {text}".strip(),
        url=request.url,
        recipients=frozenset(user.pk for user in users),
        organization_id=request.organization_id,
        request_id=request.pk,
        until=request.deadline,
    )


def money(amount: Decimal, currency: str) -> str:
    return f"{currency} {amount:,.2f}"


def counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _request(event: Event) -> ApprovalRequest | None:
    return ApprovalRequest.objects.filter(pk=event.payload.get("request")).first()
