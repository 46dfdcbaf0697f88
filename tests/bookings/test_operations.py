"""A person clears what the seller does not tell: ask now, declare it not booked, adopt it; and late truth wins."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
import time_machine
from django.db import connection

from approvals.errors import Refused
from bookings import services, settling
from bookings.adopting import look
from bookings.discrepancies import Declaration, Discrepancy
from bookings.models import Line
from bookings.selectors import campaign_view
from bookings.settling import Person
from flows import events
from flows.clock import now
from flows.models import Claim, Event, Step
from tests.bookings.clearing import (
    AGENT_ONLY,
    DIRECT_ONLY,
    NOTHING_AT_AGENT,
    SILENT_AGENT,
    SILENT_DIRECT,
    best_line,
    escalated_line,
    hurry,
    turn,
    unknown_line,
)
from tests.driving import Desk, drive

REASON = "Their desk has no such booking, says Kim."


def person(desk: Desk, name: str = "ops") -> Person:
    decider = desk.agency.decider(name)
    return Person(decider.user_id, decider.actor)


def declare(desk: Desk, claim: Claim, by: str = "ops", **more: Any) -> Declaration:
    return settling.declare_not_booked(claim_id=claim.pk, person=person(desk, by), reason=REASON, **more)


def booked_deal(desk: Desk) -> str:
    (effect,) = desk.agent.journal.effects("deal.booked")
    return str(effect.data["deal_id"])


def types(line: Line) -> list[str]:
    return [event.type for event in events.since("campaign", line.campaign_id, 0, 500)]


# --- declaring -----------------------------------------------------------------------------------------------------


def test_a_declared_line_is_given_back_with_its_money_and_by_whom(desk: Desk) -> None:
    line, claim = escalated_line(desk)
    assert campaign_view(line.campaign).money.reserved == line.cost
    declare(desk, claim)
    line.refresh_from_db()
    line.campaign.refresh_from_db()
    assert (line.status, line.code, line.back_to_person) == ("declined", "declared_not_booked", True)
    assert campaign_view(line.campaign).money.reserved == 0
    assert line.campaign.status == "failed"
    event = Event.objects.get(type="claim.declared_not_booked")
    assert event.actor_id == str(desk.agency.person("ops").pk)
    assert event.payload["reason"] == REASON


def test_while_the_product_still_asks_the_words_must_be_typed(desk: Desk) -> None:
    line, claim = unknown_line(desk)
    Claim.objects.filter(pk=claim.pk).update(at_work_until=None)
    with pytest.raises(Refused) as refused:
        declare(desk, claim, confirmation="yes")
    assert refused.value.code == "confirmation_required"
    line.refresh_from_db()
    assert line.status == "draft"
    declare(desk, claim, confirmation="Not booked")
    line.refresh_from_db()
    assert line.status == "declined"


def test_a_declaration_needs_a_reason(desk: Desk) -> None:
    _, claim = escalated_line(desk)
    with pytest.raises(Refused) as refused:
        settling.declare_not_booked(claim_id=claim.pk, person=person(desk), reason="  no ")
    assert refused.value.code == "reason_required"


def test_of_two_people_at_once_one_declares_and_the_other_is_told_who(desk: Desk) -> None:
    _, claim = escalated_line(desk)
    outcomes: list[Any] = []
    both = threading.Barrier(2)

    def press(name: str) -> None:
        try:
            both.wait(timeout=10)
            outcomes.append(declare(desk, claim, by=name))
        except Refused as refused:
            outcomes.append(refused)
        finally:
            connection.close()

    people = [threading.Thread(target=press, args=(name,)) for name in ("ops", "manager")]
    for one in people:
        one.start()
    for one in people:
        one.join(timeout=30)
    (won,) = [one for one in outcomes if isinstance(one, Declaration)]
    (lost,) = [one for one in outcomes if isinstance(one, Refused)]
    assert lost.code == "already_declared"
    assert won.by_label in lost.message


def test_a_worker_that_asks_while_the_line_is_declared_cannot_write(desk: Desk) -> None:
    line, claim = escalated_line(desk)
    step = Step.objects.get(name="book", key=str(line.pk))
    declare(desk, claim)
    after = Step.objects.get(pk=step.pk)
    assert after.state == "dropped"
    assert after.token > step.token


# --- late truth ----------------------------------------------------------------------------------------------------


def test_a_deal_that_was_declared_not_booked_is_cancelled_at_the_seller(desk: Desk) -> None:
    line, claim = escalated_line(desk)
    declare(desk, claim)
    desk.agent.clear_faults()
    hurry(line.campaign, "late_truth", str(claim.pk))
    turn(line.campaign, "late_truth")
    claim.refresh_from_db()
    assert [effect.data["deal_id"] for effect in desk.agent.journal.effects("deal.cancelled")] == [
        booked_deal(desk)
    ]
    assert claim.state == "done"
    row = Discrepancy.objects.get(kind="late")
    assert (row.closed_because, row.line_id) == ("Cancelled at the seller.", line.pk)
    assert {"line.late_truth", "compensation.sent", "compensation.done"} <= set(types(line))
    line.refresh_from_db()
    assert line.status == "declined"


def test_a_cancellation_whose_answer_was_lost_is_done_once(desk: Desk) -> None:
    line, claim = escalated_line(desk)
    declare(desk, claim)
    desk.agent.clear_faults()
    desk.agent.faults(kind="cut", method="POST", path="/api/v1/deals/bulk", when="after", count=1)
    hurry(line.campaign, "late_truth", str(claim.pk))
    turn(line.campaign, "late_truth")
    assert Discrepancy.objects.get(kind="late").closed_at is None
    hurry(line.campaign, "late_truth", str(claim.pk))
    turn(line.campaign, "late_truth")
    assert len(desk.agent.journal.effects("deal.cancelled")) == 1
    assert len(desk.agent.journal.requests("POST", "/api/v1/deals/bulk")) == 1
    assert Discrepancy.objects.get(kind="late").closed_at is not None


def test_a_seller_that_refuses_to_cancel_leaves_it_with_operations(desk: Desk) -> None:
    line, claim = escalated_line(desk)
    declare(desk, claim)
    desk.agent.clear_faults()
    desk.agent.faults(
        {
            "kind": "status",
            "method": "POST",
            "path": "/api/v1/deals/bulk",
            "status": 403,
            "body": {"detail": "no"},
        }
    )
    hurry(line.campaign, "late_truth", str(claim.pk))
    turn(line.campaign, "late_truth")
    row = Discrepancy.objects.get(kind="late")
    assert row.closed_at is None
    assert "refuses" in row.details[0]
    assert "compensation.failed" in types(line)
    step = Step.objects.get(name="late_truth", key=str(claim.pk))
    assert step.state == "pending"  # and tried again for as long as it stands there


def test_nothing_there_is_believed_only_after_a_day(desk: Desk) -> None:
    line, claim = escalated_line(desk, faults=NOTHING_AT_AGENT)
    declare(desk, claim)
    desk.agent.clear_faults()
    hurry(line.campaign, "late_truth", str(claim.pk))
    turn(line.campaign, "late_truth")
    assert Step.objects.get(name="late_truth").state == "pending"
    with time_machine.travel(now() + dt.timedelta(hours=23, minutes=30)):
        turn(line.campaign, "late_truth")
    assert Step.objects.get(name="late_truth").state == "pending"
    Declaration.objects.update(at=now() - dt.timedelta(days=2))
    hurry(line.campaign, "late_truth", str(claim.pk))
    turn(line.campaign, "late_truth")
    claim.refresh_from_db()
    assert (Step.objects.get(name="late_truth").state, claim.state) == ("done", "refused")
    assert desk.agent.journal.effects("deal.booked") == []


def test_an_opendirect_line_that_was_declared_not_booked_is_removed_there(desk: Desk) -> None:
    line, claim = escalated_line(desk, faults=SILENT_DIRECT, wanted=DIRECT_ONLY)
    declare(desk, claim)
    desk.direct.clear_faults()
    hurry(line.campaign, "late_truth", str(claim.pk))
    turn(line.campaign, "late_truth")
    assert len(desk.direct.journal.effects("line.created")) == 1
    assert len(desk.direct.journal.effects("line.deleted")) == 1
    assert Discrepancy.objects.get(kind="late").closed_at is not None


# --- adopting ------------------------------------------------------------------------------------------------------


def test_the_sellers_deal_id_is_adopted_and_the_line_is_booked(desk: Desk) -> None:
    line, claim = escalated_line(desk)
    sighting = look(claim, f" {booked_deal(desk)} ")
    settling.adopt(claim_id=claim.pk, actor=person(desk).actor, sighting=sighting)
    campaign = drive(line.campaign)
    line.refresh_from_db()
    assert (campaign.status, line.status) == ("completed", "booked")
    assert line.refs["deal_id"] == booked_deal(desk)
    assert len(desk.agent.journal.effects("deal.booked")) == 1
    assert Event.objects.get(type="claim.adopted").actor_id == str(desk.agency.person("ops").pk)


def test_a_deal_of_another_line_is_not_adopted(desk: Desk) -> None:
    other = desk.planned(**AGENT_ONLY)
    best_line(desk, other)
    drive(other)
    taken = booked_deal(desk)
    _, claim = escalated_line(desk)
    with pytest.raises(Refused) as refused:
        settling.adopt(claim_id=claim.pk, actor=person(desk).actor, sighting=look(claim, taken))
    assert refused.value.code == "differs"
    claim.refresh_from_db()
    assert claim.state == "escalated"


@pytest.mark.parametrize("reference", ["DEMO-000000000000", "../quotes", "x" * 200, "<script>"])
def test_an_id_that_the_seller_does_not_know_is_not_adopted(desk: Desk, reference: str) -> None:
    _, claim = escalated_line(desk)
    with pytest.raises(Refused) as refused:
        settling.adopt(claim_id=claim.pk, actor=person(desk).actor, sighting=look(claim, reference))
    assert refused.value.status == 422


def test_a_dearer_deal_is_refused_with_the_difference(desk: Desk) -> None:
    raised = {"kind": "price", "method": "POST", "path": "/api/v1/deals", "factor": 1.1, "count": 1}
    _, claim = escalated_line(desk, faults=(raised, *SILENT_AGENT))
    with pytest.raises(Refused) as refused:
        settling.adopt(claim_id=claim.pk, actor=person(desk).actor, sighting=look(claim, booked_deal(desk)))
    assert "CPM" in refused.value.extra["differences"][0]


def test_a_deal_that_is_tied_to_nothing_of_ours_must_state_every_term(desk: Desk) -> None:
    """Typed by hand, without our quote on it: then what the seller does not say is a reason for doubt."""
    _, claim = escalated_line(desk)
    desk.agent.faults(
        {"kind": "mutate", "method": "GET", "path": "/api/v1/deals", "factor": 1.0}
        | {"drop": ["deal.quote_id", "deal.terms.impressions"]}
    )
    with pytest.raises(Refused) as refused:
        settling.adopt(claim_id=claim.pk, actor=person(desk).actor, sighting=look(claim, booked_deal(desk)))
    assert "does not state: impressions" in refused.value.message


def test_what_was_adopted_cannot_be_declared_and_the_other_way_round(desk: Desk) -> None:
    _, claim = escalated_line(desk)
    sighting = look(claim, booked_deal(desk))
    settling.adopt(claim_id=claim.pk, actor=person(desk, "manager").actor, sighting=sighting)
    with pytest.raises(Refused) as refused:
        declare(desk, claim)
    assert refused.value.code == "already_settled"
    assert desk.agency.person("manager").label in refused.value.message


def test_an_opendirect_line_is_adopted_from_our_order(desk: Desk) -> None:
    line, claim = escalated_line(desk, faults=SILENT_DIRECT, wanted=DIRECT_ONLY)
    (created,) = desk.direct.journal.effects("line.created")
    desk.direct.clear_faults()
    sighting = look(claim, created.data["line_id"])
    settling.adopt(claim_id=claim.pk, actor=person(desk).actor, sighting=sighting)
    assert drive(line.campaign).status == "completed"
    assert len(desk.direct.journal.effects("line.created")) == 1


# --- the clock -----------------------------------------------------------------------------------------------------


def test_asking_now_asks_the_seller_at_once(desk: Desk) -> None:
    line, claim = escalated_line(desk)
    desk.agent.clear_faults()
    assert settling.check_now(claim_id=claim.pk, actor=person(desk).actor)
    campaign = drive(line.campaign)
    line.refresh_from_db()
    assert (campaign.status, line.status) == ("completed", "booked")


# --- keys that the seller no longer knows -----------------------------------------------------------------------


def test_after_the_replay_window_nothing_goes_out_again_by_itself(desk: Desk) -> None:
    """The quote still shows as available: but a key that the seller has forgotten is no replay, it is a booking."""
    desk.agent.set_options(quote_ttl=5 * 86_400.0)
    line, claim = unknown_line(desk, faults=NOTHING_AT_AGENT)
    desk.agent.clear_faults()
    desk.agent.set_options(key_life=0.0)
    posts = len(desk.agent.journal.requests("POST", "/api/v1/deals"))
    with time_machine.travel(now() + dt.timedelta(hours=20)):
        hurry(line.campaign, "book", str(line.pk))
        turn(line.campaign, "book", most=3)
        claim.refresh_from_db()
        line.refresh_from_db()
    assert len(desk.agent.journal.requests("POST", "/api/v1/deals")) == posts
    assert (claim.state, line.attention) == ("escalated", True)
    assert "no longer knows our key" in claim.evidence[-1]["said"]


def test_within_the_replay_window_proof_that_nothing_happened_sends_it_again(desk: Desk) -> None:
    line, claim = unknown_line(desk, faults=NOTHING_AT_AGENT)
    desk.agent.clear_faults()
    assert drive(line.campaign).status == "completed"
    claim.refresh_from_db()
    assert claim.sends == 2
    assert len(desk.agent.journal.effects("deal.booked")) == 1


def test_checks_end_before_the_price_and_after_two_hours_at_most(desk: Desk) -> None:
    line, claim = unknown_line(desk)
    latest = min(claim.created_at + dt.timedelta(hours=2), line.recommendation.quote_expires_at)
    assert claim.created_at < claim.stop_checks_at <= latest + dt.timedelta(seconds=5)


# --- kept after all -----------------------------------------------------------------------------------------------


def refused_to_cancel(desk: Desk) -> tuple[Line, Claim]:
    """Declared not booked, found late, and the seller will not cancel it."""
    line, claim = escalated_line(desk)
    declare(desk, claim)
    desk.agent.clear_faults()
    desk.agent.faults(
        {
            "kind": "status",
            "method": "POST",
            "path": "/api/v1/deals/bulk",
            "status": 403,
            "body": {"detail": "no"},
        }
    )
    hurry(line.campaign, "late_truth", str(claim.pk))
    turn(line.campaign, "late_truth")
    return line, claim


def test_what_cannot_be_cancelled_is_kept_while_its_money_is_free(desk: Desk) -> None:
    line, claim = refused_to_cancel(desk)
    sighting = look(claim, booked_deal(desk))
    settling.keep_late(claim_id=claim.pk, actor=person(desk).actor, sighting=sighting)
    turn(line.campaign, "book")
    line.refresh_from_db()
    claim.refresh_from_db()
    assert (line.status, line.refs["deal_id"], claim.state) == ("booked", booked_deal(desk), "done")
    assert Discrepancy.objects.get(kind="late").closed_at is not None
    assert Step.objects.get(name="late_truth").state == "dropped"
    assert campaign_view(line.campaign).money.committed == line.cost


def test_what_was_spent_again_is_not_kept(desk: Desk) -> None:
    line, claim = refused_to_cancel(desk)
    campaign = line.campaign
    services.plan_the_rest(
        campaign_id=campaign.pk,
        prepared_by=desk.agency.person("manager"),
        actor=person(desk, "manager").actor,
        door="page",
    )
    with pytest.raises(Refused) as refused:
        settling.keep_late(
            claim_id=claim.pk, actor=person(desk).actor, sighting=look(claim, booked_deal(desk))
        )
    assert refused.value.code == "money_spent"
    line.refresh_from_db()
    assert line.status == "declined"


def test_nothing_is_kept_before_its_cancellation_was_tried(desk: Desk) -> None:
    _, claim = escalated_line(desk)
    declare(desk, claim)
    with pytest.raises(Refused) as refused:
        settling.keep_late(
            claim_id=claim.pk, actor=person(desk).actor, sighting=look(claim, booked_deal(desk))
        )
    assert refused.value.code == "already_declared"
