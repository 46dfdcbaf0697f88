"""The audit page: what each role finds in it, filters, export, verification."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.db import connection

from flows.actors import SYSTEM_ACTOR
from flows.events import first_bad_position, hash_of, record
from flows.models import Event
from tests.agency import Agency
from tests.deciding import approve
from tests.pages.conftest import Browse, text_of
from tests.plans import waiting_campaign

AUDIT = "/audit/"


def rows_of(client: Any, **asked: str) -> list[dict[str, str]]:
    answer = client.get(f"{AUDIT}export/", asked)
    return list(csv.DictReader(io.StringIO(answer.getvalue().decode())))


def test_it_names_who_did_what_with_before_and_after(agency: Agency, browse: Browse) -> None:
    approve(agency, waiting_campaign(agency))
    words = text_of(browse("ops").get(AUDIT))
    assert "Lines approved" in words
    assert "approver" in words
    assert "awaiting approval executing bookings" in words.replace("state ", "")


def test_everybody_finds_what_concerns_their_clients_and_ops_everything(
    agency: Agency, browse: Browse
) -> None:
    campaign = waiting_campaign(agency)
    record(subject_type="user", subject_id=7, type="user.role_changed", actor=SYSTEM_ACTOR)
    ids = {
        name: {row["subject_id"] for row in rows_of(browse(name))} for name in ("manager", "finance", "ops")
    }
    assert (
        ids["manager"]
        == ids["finance"]
        == {str(campaign.pk)} | {row for row in ids["manager"] if row != str(campaign.pk)}
    )
    assert "7" not in ids["manager"]
    assert "7" in ids["ops"]
    assert rows_of(browse("outsider")) == []
    assert browse("viewer").get(AUDIT).status_code == 403
    assert browse("client").get(f"{AUDIT}export/").status_code == 403


@pytest.mark.parametrize(
    ("asked", "types"),
    [
        ({"what": "approval."}, {"approval.requested", "approval.granted"}),
        ({"who": "approver", "what": "approval."}, {"approval.granted"}),
        ({"since": "2999-01-01"}, set()),
        ({"until": "2001-01-01"}, set()),
        ({"subject": "00000000-0000-0000-0000-000000000000"}, set()),
    ],
)
def test_filters(agency: Agency, browse: Browse, asked: dict[str, str], types: set[str]) -> None:
    approve(agency, waiting_campaign(agency))
    found = {row["type"] for row in rows_of(browse("manager"), **asked)}
    assert {name for name in found if name != "approval.close"} == types


def test_one_object_s_trail_is_found_by_its_id(agency: Agency, browse: Browse) -> None:
    one, two = waiting_campaign(agency), waiting_campaign(agency)
    found = rows_of(browse("ops"), subject=str(one.pk))
    assert found
    assert str(two.pk) not in {row["subject_id"] for row in found}


def test_calls_to_sellers_are_left_out_unless_asked_for(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    record(
        subject_type="campaign",
        subject_id=campaign.pk,
        type="seller.called",
        actor=SYSTEM_ACTOR,
        correlation_id=campaign.correlation_id,
    )
    assert "seller.called" not in {row["type"] for row in rows_of(browse("ops"))}
    assert "seller.called" in {row["type"] for row in rows_of(browse("ops"), calls="yes")}


def test_old_entries_come_by_pages(agency: Agency, browse: Browse) -> None:
    for number in range(60):
        record(
            subject_type="user", subject_id=9, type="user.noted", actor=SYSTEM_ACTOR, payload={"n": number}
        )
    first = browse("ops").get(AUDIT, {"what": "user."})
    assert len(first.context["events"]) == 50
    second = browse("ops").get(f"{AUDIT}?{first.context['next']}")
    assert len(second.context["events"]) == 10
    assert not second.context["next"]


@pytest.mark.parametrize(
    "asked", ["before=x", "before=-1", "since=yesterday", "subject=%00", "what=evil", "since=0001-01-01"]
)
def test_nonsense_is_as_if_it_were_not_there(agency: Agency, browse: Browse, asked: str) -> None:
    waiting_campaign(agency)
    assert browse("ops").get(f"{AUDIT}?{asked}").status_code == 200


def test_an_altered_entry_is_found(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    asked = {"subject": str(campaign.pk), "verify": "yes"}
    assert "chain verified" in text_of(browse("ops").get(AUDIT, asked))
    third = Event.objects.filter(subject_id=str(campaign.pk)).order_by("position")[2]
    _forge(third.pk)
    words = text_of(browse("ops").get(AUDIT, asked))
    assert "does not hold" in words
    assert "position 3: content was altered" in words


def _forge(pk: int) -> None:
    """As somebody with the database's own rights would; the product's rights do not suffice."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE flows_event SET actor_label = 'somebody else' WHERE id = %s", [pk])
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = DEFAULT")


def test_no_cell_of_the_export_is_a_formula(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    actor = type(SYSTEM_ACTOR)("human", "1", "=cmd|' /C calc'!A0")
    record(
        subject_type="campaign",
        subject_id=campaign.pk,
        type="campaign.noted",
        actor=actor,
        correlation_id=campaign.correlation_id,
    )
    (row,) = [row for row in rows_of(browse("ops")) if row["type"] == "campaign.noted"]
    assert row["actor"].startswith("'=cmd")
    assert "<script>" not in browse("ops").get(AUDIT, {"who": "<script>"}).content.decode()


def test_a_persons_act_tells_where_it_came_from_and_the_chain_covers_it(
    agency: Agency, browse: Browse, api: Any
) -> None:
    campaign = waiting_campaign(agency)
    client = browse("manager")
    client.post(
        f"/campaigns/{campaign.pk}/ask/", {"person": agency.person("approver").pk}, REMOTE_ADDR="192.0.2.7"
    )
    asked = Event.objects.get(type="approval.asked")
    assert asked.origin["address"] == "192.0.2.7"
    assert len(asked.origin["session"]) == 12
    assert client.session.session_key not in str(asked.origin)
    assert Event.objects.get(type="approval.requested").origin == {}  # the system asked
    api("manager").post(f"/api/bookings/{campaign.pk}/ask", {"person": "approver"}, format="json")
    by_key = Event.objects.filter(type="approval.asked").latest("pk")
    assert (by_key.actor_kind, "session" in by_key.origin) == ("api_key", False)
    assert "From 192.0.2.7, session" in text_of(browse("ops").get(AUDIT))
    assert first_bad_position("campaign", str(campaign.pk)) is None
    asked.origin = asked.origin | {"address": "192.0.2.8"}
    assert hash_of(asked) != asked.hash
