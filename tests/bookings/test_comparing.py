"""The nightly comparison against real sellers: honest, forgetful, lying, huge, cut in the middle, killed."""

from __future__ import annotations

import datetime as dt
import json
import urllib.request
from typing import Any

import pytest

from bookings import findings, settling
from bookings.comparing import lines as comparing_lines
from bookings.comparing import run as comparing
from bookings.discrepancies import Comparison, Discrepancy
from bookings.models import Line
from bookings.settling import Person
from flows import runner, steps
from flows.actors import SYSTEM_ACTOR
from flows.clock import now, today
from flows.models import Step
from simulator.testing import RunningSeller
from tests.bookings.clearing import (
    AGENT_ONLY,
    DIRECT_ONLY,
    SILENT_DIRECT,
    best_line,
    escalated_line,
    turn,
    unknown_line,
)
from tests.driving import Desk, drive

ACCOUNT = "/v2/accounts/acc-demo/orders"


def compare(desk: Desk, slug: str) -> Comparison:
    """One whole run, from its start to its end."""
    comparison = comparing.start_comparison(seller=desk.seller(slug), actor=SYSTEM_ACTOR)
    assert comparison is not None
    turn(comparison, "compare")
    comparison.refresh_from_db()
    return comparison


def booked(desk: Desk, wanted: dict[str, Any]) -> Line:
    campaign = desk.planned(**wanted)
    line = best_line(desk, campaign)
    assert drive(campaign).status == "completed"
    line.refresh_from_db()
    return line


def found(**wanted: Any) -> list[tuple[str, str]]:
    rows = Discrepancy.objects.filter(closed_at__isnull=True, **wanted).order_by("kind", "reference")
    return [(row.kind, row.reference) for row in rows]


def post(seller: RunningSeller, path: str, body: Any, header: str = "AccessToken") -> dict[str, Any]:
    """A write at the seller that did not come from us, with our key or another buyer's."""
    request = urllib.request.Request(seller.origin + path, json.dumps(body).encode(), method="POST")
    request.add_header("Content-Type", "application/json")
    request.add_header(header, seller.client_key)
    with urllib.request.urlopen(request) as answer:
        parsed: dict[str, Any] = json.load(answer)
    return parsed


def get(seller: RunningSeller, path: str) -> dict[str, Any]:
    request = urllib.request.Request(seller.origin + path, headers={"AccessToken": seller.client_key})
    with urllib.request.urlopen(request) as answer:
        parsed: dict[str, Any] = json.load(answer)
    return parsed


def copy_of(seller: RunningSeller, line: Line, **changes: Any) -> str:
    """The same line once more in the same order, as a hand or a fault at the seller would make it."""
    path = f"{ACCOUNT}/{line.refs['order_id']}/lines"
    row = get(seller, f"{path}/{line.refs['line_id']}")
    kept = ("name", "productid", "startdate", "enddate", "qty", "comment", "providerdata")
    return str(post(seller, path, {name: row[name] for name in kept} | changes)["id"])


# --- agreement ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("slug", "wanted"), [("agent", AGENT_ONLY), ("direct", DIRECT_ONLY)])
def test_where_both_say_the_same_nothing_is_found(desk: Desk, slug: str, wanted: dict[str, Any]) -> None:
    booked(desk, wanted)
    comparison = compare(desk, slug)
    assert (comparison.status, comparison.counts["unread"]) == ("completed", 0)
    assert comparison.counts["lines"] >= 1
    assert found() == []


def test_a_comparison_only_reads(desk: Desk) -> None:
    booked(desk, DIRECT_ONLY)
    before = len(desk.direct.journal.effects())
    compare(desk, "direct")
    assert len(desk.direct.journal.effects()) == before


# --- disagreement ------------------------------------------------------------------------------------------------


def test_a_line_that_the_seller_cancelled_is_found_and_closed_when_it_is_back(desk: Desk) -> None:
    line = booked(desk, DIRECT_ONLY)
    desk.direct.decide(line.refs["line_id"], "Canceled", "We oversold.")
    compare(desk, "direct")
    assert found() == [("state", line.refs["line_id"])]
    line.refresh_from_db()
    assert line.status == "booked"  # a person decides what follows
    desk.direct.decide(line.refs["line_id"], "Booked")
    compare(desk, "direct")
    assert found() == []
    assert Discrepancy.objects.get().closed_because == "No longer found by the comparison."


def test_a_cancelled_deal_is_found_although_deals_cannot_be_listed(desk: Desk) -> None:
    line = booked(desk, AGENT_ONLY)
    desk.agent.decide(line.refs["deal_id"], "cancelled")
    compare(desk, "agent")
    assert found() == [("state", line.refs["deal_id"])]


def test_other_terms_are_found_and_told_with_both_values(desk: Desk) -> None:
    line = booked(desk, DIRECT_ONLY)
    desk.direct.faults(
        {"kind": "mutate", "method": "GET", "path": ACCOUNT, "contains": "/lines", "factor": 1.0}
        | {"set": {"lines.0.qty": line.impressions - 1}}
    )
    compare(desk, "direct")
    assert found() == [("differs", line.refs["line_id"])]
    row = Discrepancy.objects.get()
    assert f"{line.impressions:,}" in row.details[0]
    assert f"{line.impressions - 1:,}" in row.details[0]
    assert str(line.cpm) not in row.summary


def test_a_line_that_is_gone_is_missing(desk: Desk) -> None:
    line = booked(desk, DIRECT_ONLY)
    Line.objects.filter(pk=line.pk).update(refs={**line.refs, "line_id": "line-0000000000000000"})
    copy_gone = {
        "kind": "mutate",
        "method": "GET",
        "path": ACCOUNT,
        "contains": "/lines?",
        "set": {"lines": []},
    }
    desk.direct.faults(copy_gone | {"factor": 1.0})
    compare(desk, "direct")
    assert found() == [("missing", "line-0000000000000000")]


def test_a_list_that_leaves_a_line_out_makes_nothing_missing(desk: Desk) -> None:
    booked(desk, DIRECT_ONLY)
    desk.direct.faults(
        {"kind": "mutate", "method": "GET", "path": ACCOUNT, "contains": "/lines?", "set": {"lines": []}}
        | {"factor": 1.0}
    )
    compare(desk, "direct")
    assert found() == []


def test_a_line_that_stands_twice_is_found_and_left_alone(desk: Desk) -> None:
    line = booked(desk, DIRECT_ONLY)
    twin = copy_of(desk.direct, line)
    before = len(desk.direct.journal.effects())
    compare(desk, "direct")
    assert found() == [("doubled", twin)]
    assert len(desk.direct.journal.effects()) == before


def test_our_reference_on_something_unknown_is_told(desk: Desk) -> None:
    line = booked(desk, DIRECT_ONLY)
    strange = copy_of(
        desk.direct, line, comment="fd-" + "0" * 32, providerdata={"campaignid": "fd-" + "0" * 32}
    )
    compare(desk, "direct")
    assert found() == [("unknown_ours", strange)]


# --- what is not ours --------------------------------------------------------------------------------------------


def test_another_buyers_lines_are_counted_and_otherwise_left_alone(desk: Desk) -> None:
    line = booked(desk, DIRECT_ONLY)
    order = {
        "accountid": "acc-demo",
        "publisherid": "org-northlight",
        "advertiserbrandid": "brand-advertiser-demo",
    }
    theirs = post(desk.direct, ACCOUNT, order | {"name": "Somebody's own order", "currency": "USD"})["id"]
    inside = copy_of(
        desk.direct, line, name="By hand", comment="by hand", providerdata={"campaignid": "PO 7"}
    )
    before = len(desk.direct.journal.effects())
    compare(desk, "direct")
    assert found() == [("foreign", "account"), ("foreign", line.refs["order_id"])]
    assert Discrepancy.objects.get(reference="account").details == [theirs]
    assert Discrepancy.objects.get(reference=line.refs["order_id"]).details == [inside]
    assert len(desk.direct.journal.effects()) == before


def test_other_buyers_order_records_are_no_business_of_ours(desk: Desk) -> None:
    booked(desk, AGENT_ONLY)
    for number in range(5):
        post(
            desk.agent,
            "/api/v1/orders",
            {"deal_id": f"DEMO-{number}", "metadata": {"note": "theirs"}},
            "X-Api-Key",
        )
    compare(desk, "agent")
    assert found() == []


def test_forged_marks_cannot_flood_the_list(desk: Desk) -> None:
    for number in range(70):
        post(desk.agent, "/api/v1/orders", {"metadata": {"ref": f"fd-{number:032x}"}}, "X-Api-Key")
    compare(desk, "agent")
    assert len(found(kind="unknown_ours")) == 51


def test_a_forged_order_record_does_not_make_a_strange_deal_ours(desk: Desk) -> None:
    other = booked(desk, AGENT_ONLY)
    line, claim = escalated_line(desk)
    record = {"deal_id": other.refs["deal_id"], "metadata": {"ref": f"fd-{line.pk.hex}"}}
    post(desk.agent, "/api/v1/orders", record, "X-Api-Key")
    compare(desk, "agent")
    claim.refresh_from_db()
    line.refresh_from_db()
    assert claim.state == "escalated"
    assert "deal_id" not in line.refs


# --- lost answers and late truth ---------------------------------------------------------------------------------


def test_a_lost_answer_is_adopted(desk: Desk) -> None:
    line, claim = unknown_line(desk, faults=SILENT_DIRECT, wanted=DIRECT_ONLY)
    desk.direct.clear_faults()
    compare(desk, "direct")
    claim.refresh_from_db()
    assert claim.state == "done"
    assert drive(line.campaign).status == "completed"
    assert len(desk.direct.journal.effects("line.created")) == 1
    assert found() == []


def test_a_lost_answer_at_other_terms_is_taken_back_by_reconciliation(desk: Desk) -> None:
    line, claim = unknown_line(desk, faults=SILENT_DIRECT, wanted=DIRECT_ONLY)
    desk.direct.clear_faults()
    desk.direct.faults(
        {"kind": "mutate", "method": "GET", "path": ACCOUNT, "contains": "/lines", "count": 3, "factor": 1.0}
        | {"set": {"lines.0.qty": line.impressions - 1}}
    )
    compare(desk, "direct")
    claim.refresh_from_db()
    assert claim.answer.get("adopted_by") is None
    campaign = drive(line.campaign)
    line.refresh_from_db()
    assert (campaign.status, line.code) == ("failed", "differs")


def test_an_order_record_leads_to_the_deal_whose_quote_is_silent(desk: Desk) -> None:
    """GET quote answers 410 after a day even for a booked quote; an order record still names the deal."""
    line, _ = escalated_line(desk)
    deal = desk.agent.journal.effects("deal.booked")[0].data["deal_id"]
    record = {"deal_id": deal, "quote_id": line.recommendation.quote_id, "metadata": {}}
    post(desk.agent, "/api/v1/orders", record, "X-Api-Key")
    compare(desk, "agent")
    assert drive(line.campaign).status == "completed"
    line.refresh_from_db()
    assert (line.status, line.refs["deal_id"]) == ("booked", deal)


def test_what_was_declared_not_booked_is_found_by_night_and_cancelled(desk: Desk) -> None:
    line, claim = escalated_line(desk)
    decider = desk.agency.decider("ops")
    person = Person(decider.user_id, decider.actor)
    settling.declare_not_booked(claim_id=claim.pk, person=person, reason="They have nothing.")
    deal = desk.agent.journal.effects("deal.booked")[0].data["deal_id"]
    record = {"deal_id": deal, "quote_id": line.recommendation.quote_id, "metadata": {}}
    post(desk.agent, "/api/v1/orders", record, "X-Api-Key")
    compare(desk, "agent")
    assert found() == [("late", deal)]
    turn(line.campaign, "late_truth")
    assert [effect.data["deal_id"] for effect in desk.agent.journal.effects("deal.cancelled")] == [deal]
    assert found() == []


# --- sellers that fail -------------------------------------------------------------------------------------------


def test_an_incomplete_list_closes_nothing_and_makes_nothing_missing(desk: Desk) -> None:
    line = booked(desk, DIRECT_ONLY)
    desk.direct.decide(line.refs["line_id"], "Canceled")
    compare(desk, "direct")
    desk.direct.decide(line.refs["line_id"], "Booked")
    desk.direct.faults(
        {"kind": "mutate", "method": "GET", "path": f"{ACCOUNT}?", "factor": 1.0}
        | {"set": {"orders.0.id": None}}
    )
    comparison = compare(desk, "direct")
    assert comparison.status == "partial"
    assert found() == [("state", line.refs["line_id"])]


def test_a_seller_that_is_cut_in_the_middle_is_read_on_later(desk: Desk, monkeypatch: Any) -> None:
    monkeypatch.setattr(comparing, "FIRST_PAUSE", 0.0)
    booked(desk, DIRECT_ONLY)
    desk.direct.faults({"kind": "cut", "method": "GET", "path": ACCOUNT, "contains": "/lines?", "count": 3})
    comparison = compare(desk, "direct")
    assert (comparison.status, comparison.counts["unread"]) == ("completed", 0)


def test_a_seller_that_is_down_all_night_fails_the_run_and_nothing_else(desk: Desk, monkeypatch: Any) -> None:
    monkeypatch.setattr(comparing, "FIRST_PAUSE", 0.0)
    line = booked(desk, DIRECT_ONLY)
    desk.direct.stop()
    comparison = compare(desk, "direct")
    assert comparison.status == "failed"
    assert comparison.errors[0]["message"]
    assert found() == []
    line.refresh_from_db()
    assert line.status == "booked"
    desk.direct.start()


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "null",
        '{"orders": {"a": 1}}',
        '{"orders": [7, null, {"id": {}}]}',
        "<html>",
        '{"orders": 1e999}',
    ],
)
def test_a_list_that_is_no_list_is_told_and_harms_nothing(desk: Desk, monkeypatch: Any, text: str) -> None:
    monkeypatch.setattr(comparing, "FIRST_PAUSE", 0.0)
    booked(desk, DIRECT_ONLY)
    desk.direct.faults({"kind": "bad_json", "method": "GET", "path": f"{ACCOUNT}?", "text": text})
    compare(desk, "direct")
    assert found(kind__in=["missing", "state", "differs", "doubled"]) == []


def test_a_huge_list_is_read_in_bounded_parts(desk: Desk, monkeypatch: Any) -> None:
    """Thousands of orders of others beside ours; ours are still compared."""
    line = booked(desk, DIRECT_ONLY)
    ours = get(desk.direct, f"{ACCOUNT}?count=1&offset=0")["orders"][0]
    others = [
        {"id": f"ord-{number}", "name": f"Theirs {number}", "orderstatus": "APPROVED"}
        for number in range(9_000)
    ]
    everything = json.dumps({"orders": [*others, ours], "paging": {"totalrecords": 9_001}})
    desk.direct.faults({"kind": "bad_json", "method": "GET", "path": f"{ACCOUNT}?", "text": everything})
    desk.direct.decide(line.refs["line_id"], "Canceled")
    comparison = compare(desk, "direct")
    assert comparison.counts["orders"] == 9_001
    assert found() == [("foreign", "account"), ("state", line.refs["line_id"])]
    assert len(Discrepancy.objects.get(kind="foreign").details) == 20


# --- durable -----------------------------------------------------------------------------------------------------


def test_a_run_that_was_killed_goes_on_where_it_was_and_doubles_nothing(desk: Desk, monkeypatch: Any) -> None:
    monkeypatch.setattr(comparing_lines, "ORDERS_A_PART", 1)
    lines = [booked(desk, DIRECT_ONLY), booked(desk, DIRECT_ONLY)]
    for line in lines:
        desk.direct.decide(line.refs["line_id"], "Canceled")
    comparison = comparing.start_comparison(seller=desk.seller("direct"), actor=SYSTEM_ACTOR)
    assert comparison is not None
    step = Step.objects.get(flow_id=comparison.pk)
    runner.run(step.pk)  # the orders
    runner.run(step.pk)  # the lines of the first
    real = findings.open_finding

    class Died(BaseException):
        """Nothing of ours runs after it, as after SIGKILL."""

    def dying(*args: Any) -> Any:
        real(*args)
        raise Died

    monkeypatch.setattr(findings, "open_finding", dying)
    with pytest.raises(Died):
        runner.run(step.pk)
    monkeypatch.setattr(findings, "open_finding", real)
    assert Discrepancy.objects.count() == 1
    steps.release_abandoned()
    Step.objects.filter(pk=step.pk).update(lease_until=now() - dt.timedelta(seconds=1), rung_at=None)
    read_before = len(desk.direct.journal.requests("GET", f"{ACCOUNT}?"))
    runner.run(step.pk)
    turn(comparison, "compare")
    comparison.refresh_from_db()
    assert comparison.status == "completed"
    assert found() == sorted(("state", line.refs["line_id"]) for line in lines)
    assert len(desk.direct.journal.requests("GET", f"{ACCOUNT}?")) == read_before


def test_one_night_has_one_run_per_seller_however_often_the_bell_rings(desk: Desk) -> None:
    assert comparing.start_nightly(today()) == 2
    for comparison in Comparison.objects.all():
        turn(comparison, "compare")
    assert comparing.start_nightly(today()) == 0
    assert Comparison.objects.count() == 2
    assert comparing.start_nightly(today() + dt.timedelta(days=1)) == 2


def test_a_second_press_finds_the_run_that_is_under_way(desk: Desk) -> None:
    first = comparing.start_comparison(seller=desk.seller("direct"), actor=SYSTEM_ACTOR)
    second = comparing.start_comparison(seller=desk.seller("direct"), actor=SYSTEM_ACTOR)
    assert first == second
    assert Step.objects.filter(name="compare").count() == 1


# --- resolving ---------------------------------------------------------------------------------------------------


def test_what_a_person_resolved_stays_so_until_something_else_is_found(desk: Desk) -> None:
    line = booked(desk, DIRECT_ONLY)
    desk.direct.decide(line.refs["line_id"], "Canceled")
    compare(desk, "direct")
    decider = desk.agency.decider("ops")
    row = Discrepancy.objects.get()
    findings.resolve(
        discrepancy_id=row.pk, user_id=decider.user_id, actor=decider.actor, note="Credited, says Kim."
    )
    compare(desk, "direct")
    row.refresh_from_db()
    assert row.resolution == "Credited, says Kim."
    desk.direct.decide(line.refs["line_id"], "Stopped")
    compare(desk, "direct")
    row.refresh_from_db()
    assert (row.resolved_at, row.closed_at) == (None, None)
