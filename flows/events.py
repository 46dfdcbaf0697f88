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

from django.db import connection, transaction

from flows import feed, origin
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
    came_from = origin.of_act(actor.kind)
    with joined():
        subject = (subject_type, str(subject_id))
        length, head = _locked_head(subject)
        added = []
        for fact in facts:
            event = Event(
                subject_type=subject[0],
                subject_id=subject[1],
                position=length + 1,
                type=fact.type,
                actor_kind=actor.kind,
                actor_id=actor.id[:64],
                actor_label=actor.label[:160],
                correlation_id=correlation,
                payload=fact.payload,
                origin=came_from,
                at=now(),
                previous=head,
            )
            event.hash = hash_of(event)
            length, head = event.position, event.hash
            added.append(event)
        Event.objects.bulk_create(added)
        _move_head(subject, length, head)
    last = added[-1]
    transaction.on_commit(lambda: feed.hint(last.subject_type, last.subject_id, last.position), robust=True)
    return added


def hash_of(event: Event) -> str:
    """SHA-256 over everything that the event says and over its predecessor's hash."""
    # Events that were written before origins were kept have none, and their hashes hold as they are.
    extra = {"origin": event.origin} if event.origin else {}
    return digest(
        {
            **extra,
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


# By hand: every transition of every flow passes here, and having these put together anew costs more than running them.
HEAD = "SELECT length, head FROM flows_eventchain WHERE subject_type = %s AND subject_id = %s"
BEGIN = """INSERT INTO flows_eventchain (subject_type, subject_id, length, head) VALUES (%s, %s, 0, '')
    ON CONFLICT (subject_type, subject_id) DO NOTHING"""
MOVE = "UPDATE flows_eventchain SET length = %s, head = %s WHERE subject_type = %s AND subject_id = %s"


def _locked_head(subject: tuple[str, str]) -> tuple[int, str]:
    """Length and last hash of the chain, which nobody else may change until the transaction ends."""
    lock = HEAD + (" FOR UPDATE" if connection.features.has_select_for_update else "")
    with connection.cursor() as cursor:
        cursor.execute(lock, subject)
        found = cursor.fetchone()
        if found is None:
            # Of two that begin a chain the second waits here for the first, and then finds its row.
            cursor.execute(BEGIN, subject)
            if cursor.rowcount == 1:
                return 0, ""
            cursor.execute(lock, subject)
            found = cursor.fetchone()
    return int(found[0]), str(found[1])


def _move_head(subject: tuple[str, str], length: int, head: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(MOVE, [length, head, *subject])


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
