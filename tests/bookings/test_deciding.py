"""The decision: what it binds, what it refuses, and that a refusal changes nothing."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from decimal import Decimal

import pytest
import time_machine
from django.db import connection

from approvals.errors import Refused
from approvals.models import Decision
from bookings import services
from bookings.models import Recommendation
from bookings.proposals import fingerprint_of
from flows.clock import now
from tests.agency import Agency, set_limits
from tests.deciding import approve, ids_of, refused, reject
from tests.plans import waiting_campaign


def test_approving_some_lines_leaves_the_others_open(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    first, second, third = ids_of(campaign)
    decision, lines = approve(agency, campaign, recommendation_ids=[first, third])
    assert [line.recommendation_id for line in lines] == [first, third]
    assert decision.total == 15_000
    states = dict(campaign.recommendations.values_list("pk", "state"))
    assert states == {first: "approved", second: "open", third: "approved"}
    campaign.refresh_from_db()
    assert campaign.status == "executing_bookings"


def test_an_open_line_may_be_approved_while_the_others_are_being_booked(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    first, second, _ = ids_of(campaign)
    approve(agency, campaign, recommendation_ids=[first])
    approve(agency, campaign, recommendation_ids=[second])
    assert campaign.lines.count() == 2


def test_the_decision_is_bound_to_lines_and_total(agency: Agency) -> None:
    campaign, other = waiting_campaign(agency), waiting_campaign(agency)
    one, _ = approve(agency, campaign, recommendation_ids=ids_of(campaign)[:1])
    two, _ = approve(agency, other)
    assert len(one.fingerprint) == 64
    assert one.fingerprint != two.fingerprint
    with pytest.raises(TypeError, match="append-only"):
        one.delete()


def test_naming_lines_by_product_id_as_in_the_seed(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    _, lines = approve(agency, campaign, product_ids=["product-2"])
    assert [line.cost for line in lines] == [20_000]


def test_unknown_and_foreign_ids_are_refused(agency: Agency) -> None:
    campaign, other = waiting_campaign(agency), waiting_campaign(agency)
    mine = ids_of(campaign)[:1]
    for strange in (uuid.uuid4(), ids_of(other)[0]):
        refusal = refused(
            "unknown_id", lambda s=strange: approve(agency, campaign, recommendation_ids=[*mine, s]), campaign
        )
        assert refusal.status == 422
        assert refusal.extra["unknown"] == [str(strange)]
    refused("unknown_id", lambda: approve(agency, campaign, product_ids=["nope"]), campaign)


def test_choosing_nothing_is_refused(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    assert (
        refused("nothing_chosen", lambda: approve(agency, campaign, recommendation_ids=[]), campaign).status
        == 400
    )


def test_an_expired_quote_is_refused(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    with time_machine.travel(now() + dt.timedelta(hours=24, seconds=1), tick=False):
        assert refused("quote_expired", lambda: approve(agency, campaign), campaign).status == 409


def test_a_total_above_the_budget_is_refused_also_in_two_halves(agency: Agency) -> None:
    campaign = waiting_campaign(agency, costs=(40_000, 30_000))
    assert refused("over_budget", lambda: approve(agency, campaign), campaign).extra["excess"] == "10000.000"
    first, second = ids_of(campaign)
    approve(agency, campaign, recommendation_ids=[first])
    refused("over_budget", lambda: approve(agency, campaign, recommendation_ids=[second]), campaign)


def test_a_line_that_changed_since_it_was_shown_is_refused(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    Recommendation.objects.filter(campaign=campaign, rank=1).update(cpm=Decimal("10.01"))
    refusal = refused("changed_since_shown", lambda: approve(agency, campaign), campaign)
    assert refusal.status == 409


def test_what_the_approver_saw_must_be_what_there_is(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    rows = list(campaign.recommendations.all())
    seen = {row.pk: fingerprint_of(row) for row in rows}
    ids = list(seen)
    stale = {**seen, ids[0]: "0" * 64}
    refused(
        "changed_since_shown", lambda: approve(agency, campaign, recommendation_ids=ids, seen=stale), campaign
    )
    refused(
        "total_changed",
        lambda: approve(agency, campaign, recommendation_ids=ids, seen=seen, seen_total=Decimal(1)),
        campaign,
    )
    approve(agency, campaign, recommendation_ids=ids, seen=seen, seen_total=Decimal(35_000))


def test_rejecting_needs_a_reason(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    for reason in ("", "   ", "no"):
        assert (
            refused("reason_required", lambda r=reason: reject(agency, campaign, r), campaign).field
            == "reason"
        )


def test_rejecting_everything_ends_the_campaign(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    reject(agency, campaign, "Client changed their mind")
    campaign.refresh_from_db()
    assert campaign.status == "cancelled"
    assert "Client changed their mind" in campaign.errors[0]["message"]
    assert campaign.recommendations.filter(state="rejected").count() == 3


def test_deciding_twice_tells_who_was_first(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    first = ids_of(campaign)[:1]
    approve(agency, campaign, by="approver", recommendation_ids=first)
    refusal = refused(
        "already_decided",
        lambda: approve(agency, campaign, by="manager", recommendation_ids=first),
        campaign,
    )
    assert refusal.status == 409
    assert refusal.extra["decided_by"] == "approver"
    assert "approver" in refusal.message


def test_a_cancelled_campaign_cannot_be_decided_on(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    person = agency.decider("manager").actor
    services.cancel_campaign(campaign_id=campaign.pk, actor=person, reason="Budget was withdrawn")
    assert refused("wrong_state", lambda: approve(agency, campaign), campaign).status == 409
    refused(
        "wrong_state",
        lambda: services.cancel_campaign(
            campaign_id=campaign.pk, actor=person, reason="Budget was withdrawn"
        ),
        campaign,
    )


def test_cancelling_ends_at_the_first_approval(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    approve(agency, campaign, recommendation_ids=ids_of(campaign)[:1])
    person = agency.decider("manager").actor
    refused(
        "wrong_state",
        lambda: services.cancel_campaign(
            campaign_id=campaign.pk, actor=person, reason="Budget was withdrawn"
        ),
        campaign,
    )


def test_the_preparer_may_not_approve_above_the_limit_not_even_in_parts(agency: Agency) -> None:
    set_limits(self_approval=12_000, auto_approve=0)
    campaign = waiting_campaign(agency)
    first, second, third = ids_of(campaign)  # 10,000, 20,000 and 5,000
    preparer = lambda *ids: approve(agency, campaign, by="manager", recommendation_ids=list(ids))  # noqa: E731
    assert refused("preparer_cannot_approve", lambda: preparer(second), campaign).status == 403
    preparer(first)
    refused("preparer_cannot_approve", lambda: preparer(third), campaign)
    approve(agency, campaign, by="approver", recommendation_ids=[second, third])


def test_a_currency_without_limits_lets_no_preparer_through(agency: Agency) -> None:
    campaign = waiting_campaign(agency, costs=(1,), currency="SEK")
    refused("preparer_cannot_approve", lambda: approve(agency, campaign, by="manager"), campaign)


@pytest.mark.parametrize("round_number", range(5))
def test_of_two_approvals_in_the_same_instant_one_wins(agency: Agency, round_number: int) -> None:
    campaign = waiting_campaign(agency)
    start, outcomes = threading.Barrier(2), []

    def race(name: str) -> None:
        start.wait()
        try:
            approve(agency, campaign, by=name)
            outcomes.append((name, "won"))
        except Refused as refusal:
            outcomes.append((name, refusal.code))
        finally:
            connection.close()

    threads = [threading.Thread(target=race, args=(name,)) for name in ("manager", "approver")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcome for _, outcome in outcomes) == ["already_decided", "won"]
    assert Decision.objects.filter(request__subject_id=campaign.pk).count() == 1
    assert campaign.lines.count() == 3
