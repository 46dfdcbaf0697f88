"""Writing and reading the event stream.

`record` runs inside the transaction of the change that it tells about. The hash of each event covers its content and
the hash of its predecessor for the same subject, so that an altered, missing or swapped event is found by
`first_bad_position`.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from flows import feed
from flows.actors import Actor
from flows.clock import now
from flows.fingerprint import digest
from flows.locks import joined
from flows.models import Event, EventChain


@dataclass(frozen=True)
class Fact:
    """One thing that happened, for `record_many`."""

    type: str
    payload: dict[str, Any] = field(default_factory=dict)


def record(
    *,
    subject_type: str,
    subject_id: object,
    type: str,
    actor: Actor,
    payload: dict[str, Any] | None = None,
    correlation_id: uuid.UUID | None = None,
) -> Event:
    """Append one event and tell the subject's watchers once the transaction has committed."""
    (event,) = record_many(
        subject_type=subject_type,
        subject_id=subject_id,
        facts=[Fact(type, payload or {})],
        actor=actor,
        correlation_id=correlation_id,
    )
    return event


def record_many(
    *,
    subject_type: str,
    subject_id: object,
    facts: Sequence[Fact],
    actor: Actor,
    correlation_id: uuid.UUID | None = None,
) -> list[Event]:
    """Append events in order, with one lock of the chain and one hint."""
    if not facts:
        return []
    correlation = correlation_id or uuid.uuid4()
    with joined():
        chain = _locked_chain(subject_type, str(subject_id))
        added = []
        for fact in facts:
            event = Event(
                subject_type=subject_type,
                subject_id=str(subject_id),
                position=chain.length + 1,
                type=fact.type,
                actor_kind=actor.kind,
                actor_id=actor.id[:64],
                actor_label=actor.label[:160],
                correlation_id=correlation,
                payload=fact.payload,
                at=now(),
                previous=chain.head,
            )
            event.hash = hash_of(event)
            chain.length, chain.head = event.position, event.hash
            added.append(event)
        Event.objects.bulk_create(added)
        chain.save(update_fields=["length", "head"])
    last = added[-1]
    transaction.on_commit(lambda: feed.hint(last.subject_type, last.subject_id, last.position), robust=True)
    return added


def hash_of(event: Event) -> str:
    """SHA-256 over everything that the event says and over its predecessor's hash."""
    return digest(
        {
            "subject": [event.subject_type, event.subject_id],
            "position": event.position,
            "type": event.type,
            "actor": [event.actor_kind, event.actor_id, event.actor_label],
            "correlation": event.correlation_id,
            "payload": _without_floats(event.payload),
            "at": event.at,
            "previous": event.previous,
        }
    )


def first_bad_position(subject_type: str, subject_id: str) -> tuple[int, str] | None:
    """The first position of the chain that does not hold, with the reason; None when the chain is whole."""
    expected, previous = 1, ""
    for event in _in_order(subject_type, subject_id):
        if event.position != expected:
            return expected, "event missing"
        if event.previous != previous:
            return event.position, "does not follow its predecessor"
        if event.hash != hash_of(event):
            return event.position, "content was altered"
        expected, previous = event.position + 1, event.hash
    chain = EventChain.objects.filter(subject_type=subject_type, subject_id=subject_id).first()
    if chain is None:
        return (1, "chain head missing") if expected > 1 else None
    if chain.length != expected - 1 or chain.head != previous:
        return expected, "tail is cut or head was altered"
    return None


def since(subject_type: str, subject_id: object, position: int = 0, limit: int = 200) -> list[Event]:
    """Events after `position`, oldest first: how a page catches up after a cut socket."""
    return list(
        Event.objects.filter(
            subject_type=subject_type, subject_id=str(subject_id), position__gt=position
        ).order_by("position")[:limit]
    )


def positions(subject_type: str, subject_ids: Collection[str]) -> dict[str, int]:
    """Where each of these subjects' streams stands; nothing for one without events."""
    chains = EventChain.objects.filter(subject_type=subject_type, subject_id__in=subject_ids)
    return dict(chains.values_list("subject_id", "length"))


def _locked_chain(subject_type: str, subject_id: str) -> EventChain:
    rows = EventChain.objects.filter(subject_type=subject_type, subject_id=subject_id)
    chain = rows.select_for_update().first()
    if chain is None:
        # Of two that begin a chain the second waits here for the first, and then finds its row.
        EventChain.objects.bulk_create(
            [EventChain(subject_type=subject_type, subject_id=subject_id)], ignore_conflicts=True
        )
        chain = rows.select_for_update().get()
    return chain


def _in_order(subject_type: str, subject_id: str) -> Iterator[Event]:
    rows = Event.objects.filter(subject_type=subject_type, subject_id=subject_id).order_by("position")
    return rows.iterator(chunk_size=500)


def _without_floats(value: Any) -> Any:
    """JSON numbers come back from the database as floats; their shortest text is the same on every machine."""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        return {key: _without_floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_floats(item) for item in value]
    return value
