"""The hash chain names the first bad position, whatever was done to it."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from flows import events
from flows.actors import SYSTEM_ACTOR
from flows.models import Event, EventChain

SUBJECT = ("campaign", "11111111-1111-1111-1111-111111111111")


@pytest.fixture
def chain(db: None) -> list[Event]:
    written = [
        events.record(
            subject_type=SUBJECT[0],
            subject_id=SUBJECT[1],
            type="something.happened",
            actor=SYSTEM_ACTOR,
            payload={"number": number, "ratio": 0.1, "nested": {"list": [1, 2.5, None, "ü"]}},
        )
        for number in range(1, 6)
    ]
    connection.check_constraints()  # as a commit would: what is done to the chain from here on comes later
    return written


def bad() -> tuple[int, str] | None:
    return events.first_bad_position(*SUBJECT)


def sql(statement: str) -> None:
    """Behind the application's back, as somebody with the database password could."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SET LOCAL session_replication_role = replica"
            )  # past the triggers: a superuser can
        cursor.execute(statement)


def test_an_untouched_chain_holds(chain: list[Event]) -> None:
    assert bad() is None
    assert [event.position for event in chain] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("statement", "position"),
    [
        ("UPDATE flows_event SET payload = '{}' WHERE position = 3", 3),
        ("UPDATE flows_event SET actor_label = 'Somebody else' WHERE position = 2", 2),
        ("UPDATE flows_event SET at = '2020-01-01 00:00:00' WHERE position = 4", 4),
        ("DELETE FROM flows_event WHERE position = 2", 2),
        ("DELETE FROM flows_event WHERE position = 5", 5),
        ("DELETE FROM flows_event WHERE position >= 3", 3),
        ("DELETE FROM flows_event", 1),
        ("UPDATE flows_event SET hash = 'f' WHERE position = 1", 1),
    ],
)
def test_the_first_bad_position_is_named(chain: list[Event], statement: str, position: int) -> None:
    sql(statement)
    found = bad()
    assert found is not None
    assert found[0] == position


def test_two_swapped_events_are_found(chain: list[Event]) -> None:
    sql("UPDATE flows_event SET position = 99 WHERE position = 2")
    sql("UPDATE flows_event SET position = 2 WHERE position = 3")
    sql("UPDATE flows_event SET position = 3 WHERE position = 99")
    found = bad()
    assert found is not None
    assert found[0] == 2


def test_a_removed_head_is_found(chain: list[Event]) -> None:
    EventChain.objects.all().delete()
    assert bad() is not None


def test_the_command_says_where_and_fails(chain: list[Event]) -> None:
    out, err = StringIO(), StringIO()
    call_command("verify_audit", stdout=out)
    assert "1 chains hold" in out.getvalue()
    sql("UPDATE flows_event SET type = 'x' WHERE position = 4")
    with pytest.raises(SystemExit) as ended:
        call_command("verify_audit", stdout=out, stderr=err)
    assert ended.value.code == 1
    assert f"{SUBJECT[0]}:{SUBJECT[1]} position 4" in err.getvalue()


@pytest.mark.parametrize("act", [lambda e: e.save(), lambda e: e.delete()])
def test_events_are_append_only(chain: list[Event], act: Callable[[Event], object]) -> None:
    with pytest.raises(TypeError, match="append-only"):
        act(chain[0])
