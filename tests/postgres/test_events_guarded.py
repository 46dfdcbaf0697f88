"""The database itself keeps the event stream, whoever writes to it."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from flows import events
from flows.actors import SYSTEM_ACTOR
from flows.models import Event, EventChain

SUBJECT = ("campaign", "22222222-2222-2222-2222-222222222222")


def tell(type: str = "something.happened") -> Event:
    return events.record(subject_type=SUBJECT[0], subject_id=SUBJECT[1], type=type, actor=SYSTEM_ACTOR)


@pytest.mark.parametrize(
    "statement", ["UPDATE flows_event SET type = 'other'", "DELETE FROM flows_event WHERE position = 1"]
)
def test_an_event_stays_as_it_was_written(db: None, statement: str) -> None:
    tell()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(statement)
    assert Event.objects.get().type == "something.happened"


@pytest.mark.django_db(transaction=True)
def test_no_transaction_ends_with_a_chain_that_does_not_match_its_events() -> None:
    tell()
    with pytest.raises(IntegrityError, match="does not end with its last event"):
        EventChain.objects.update(length=7)
    assert EventChain.objects.get().length == 1


@pytest.mark.django_db(transaction=True)
def test_within_a_transaction_the_head_may_lag_behind() -> None:
    with transaction.atomic():
        tell()
        tell()
    assert EventChain.objects.get().length == 2
    assert events.first_bad_position(*SUBJECT) is None
