"""The operations page and its REST twin: what it lists, who may act, what it says, and that looking changes nothing."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from bookings import findings
from bookings.discrepancies import Comparison, Declaration, Discrepancy, DiscrepancyKind
from bookings.findings import Finding
from bookings.models import Campaign, Line
from flows.clock import now
from flows.models import Claim, Event, Heartbeat, Step
from sellers import circuit, gate
from sellers.calls import Call
from sellers.models import SellerOutage
from tests.agency import Agency
from tests.bookings.clearing import AGENT_ONLY, best_line, escalated_line, unknown_line
from tests.driving import Desk, drive
from tests.pages.conftest import Browse, text_of
from tests.plans import make_seller, waiting_campaign

URL = "/operations/"
REASON = "Their desk has no such booking."


@pytest.fixture(autouse=True)
def _beating(request: pytest.FixtureRequest) -> None:
    if "agency" in request.fixturenames or "desk" in request.fixturenames:
        request.getfixturevalue("agency")
        Heartbeat.objects.create(name="sweep", at=now() + dt.timedelta(hours=1))


def finding(seller: Any, number: int = 0, **changes: Any) -> Discrepancy:
    given = {
        "kind": DiscrepancyKind.STATE,
        "reference": f"line-{number:04}",
        "summary": f"Product {number} is booked here; the seller shows it as Canceled.",
        "details": ("The seller says: cost 31.00 instead of 30.00.",),
    }
    with transaction.atomic():
        return findings.open_finding(seller, Finding(**(given | changes)))


def dead_step(campaign: Campaign, name: str = "receive", **changes: Any) -> Step:
    moment = now()
    given = {
        "key": "again",
        "state": "dead",
        "not_before": moment,
        "finished_at": moment,
        "error": "<b>no</b>",
    }
    return Step.objects.create(flow_name="campaign", flow_id=campaign.pk, name=name, **(given | changes))


# --- what is listed ------------------------------------------------------------------------------------------------


def test_when_all_is_well_the_page_says_so(browse: Browse) -> None:
    assert "Nothing waits for you" in text_of(browse("ops").get(URL))


def test_an_unknown_outcome_is_told_in_plain_words_with_everything_about_it(
    desk: Desk, browse: Browse
) -> None:
    line, claim = escalated_line(desk)
    words = text_of(browse("manager").get(URL))
    assert line.recommendation.product_name in words
    assert "got no clear answer" in words
    assert "Asked next in" in words
    assert "Price ends in" in words
    assert f"USD {line.cost:,.2f}" in words
    assert claim.evidence[-1]["said"].split(":")[0] in words
    assert "Declare not booked" in words


def test_the_text_for_the_seller_has_our_references_and_no_secret(desk: Desk, browse: Browse) -> None:
    line, _ = escalated_line(desk)
    page = browse("manager").get(URL).content.decode()
    (text,) = re.findall(r'data-copy="([^"]*)"', page)
    row = line.recommendation
    for wanted in (
        f"fd-{line.pk.hex}",
        row.quote_id,
        row.product_id,
        f"{line.impressions:,}",
        f"{line.cpm:,.2f}",
        "UTC",
    ):
        assert wanted in text
    assert f"FD {line.campaign_id.hex[:12]}" in text
    assert desk.agent.client_key not in page


def test_ops_see_no_price(desk: Desk, browse: Browse) -> None:
    line, _ = escalated_line(desk)
    finding(line.seller, line_id=line.pk)
    page = browse("ops").get(URL).content.decode()
    assert line.recommendation.product_name in page
    assert f"{line.cost:,.2f}" not in page
    assert f"{line.cpm:,.2f} CPM" not in page
    assert "31.00" not in page


def test_what_sellers_write_is_escaped(agency: Agency, browse: Browse) -> None:
    finding(make_seller(), reference="<script>alert(1)</script>", summary='"><img src=x onerror=alert(1)>')
    page = browse("ops").get(URL).content.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_every_kind_of_trouble_has_its_row(agency: Agency, browse: Browse) -> None:
    campaign, seller = waiting_campaign(agency), make_seller()
    dead_step(campaign)
    Step.objects.create(
        flow_name="campaign", flow_id=campaign.pk, name="allocate", not_before=now() - dt.timedelta(hours=1)
    )
    finding(seller)
    SellerOutage.objects.create(seller=seller, began_at=now(), reason="connect", calls_failed=4)
    Comparison.objects.create(seller=seller, counts={"unread": 2})
    Comparison.objects.get().fail(errors=[])
    failed = Comparison.objects.get()
    failed.fail(errors=[{"code": "connect", "message": "The seller cannot be reached."}])
    failed.save()
    Heartbeat.objects.filter(name="sweep").update(at=now() - dt.timedelta(minutes=5))
    words = text_of(browse("ops").get(URL))
    for said in (
        "No worker has been heard of",
        "Campaign stopped at receive",
        "Campaign is late at allocate",
        "4 calls failed",
        "The seller cannot be reached.",
        "In another state at the seller: line-0000",
    ):
        assert said in words


def test_what_there_is_one_of_is_told_as_one(agency: Agency, browse: Browse) -> None:
    campaign, seller = waiting_campaign(agency), make_seller()
    dead_step(campaign)
    finding(seller)
    SellerOutage.objects.create(seller=seller, began_at=now(), reason="connect", calls_failed=1)
    words = text_of(browse("ops").get(URL))
    assert "3 rows, 1 seller outage, 1 stopped step, 1 discrepancy" in words
    assert "1 call failed; last reason: connect." in words
    assert "because it failed 1 time." in words
    finding(seller, 1)
    dead_step(campaign, name="allocate", attempt=4)
    words = text_of(browse("ops").get(URL))
    assert "5 rows, 1 seller outage, 2 stopped steps, 2 discrepancies" in words
    assert "because it failed 5 times." in words
    alone = text_of(browse("ops").get(reverse("operations-news"), {"kind": "outage"}))
    assert alone.startswith(" 1 row, 1 seller outage")


def test_a_line_that_operations_must_look_at_has_its_row(desk: Desk, browse: Browse) -> None:
    campaign = desk.planned(**AGENT_ONLY)
    line = best_line(desk, campaign)
    drive(campaign)
    Line.objects.filter(pk=line.pk).update(attention=True, note="The seller refuses to cancel it.")
    words = text_of(browse("manager").get(URL))
    assert "The seller refuses to cancel it." in words
    assert text_of(browse("manager").get(URL, {"kind": "line"})).count("What happened") == 1


def test_an_unknown_outcome_is_one_row_and_not_also_a_line(desk: Desk, browse: Browse) -> None:
    escalated_line(desk)
    assert text_of(browse("ops").get(URL)).count("What happened") == 1


def test_what_ended_with_its_campaign_needs_nobody(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    dead_step(campaign, name="research")
    Campaign.objects.filter(pk=campaign.pk).update(status="failed")
    assert "Nothing waits for you" in text_of(browse("ops").get(URL))


def test_the_list_comes_in_pages_and_by_kind_and_seller(agency: Agency, browse: Browse) -> None:
    north, harbor = make_seller("northlight"), make_seller("harbor")
    for number in range(30):
        finding(north if number % 2 else harbor, number)
    dead_step(waiting_campaign(agency))
    client = browse("ops")
    first, second = text_of(client.get(URL)), text_of(client.get(URL, {"page": 2}))
    assert first.count("What happened") == 25
    assert second.count("What happened") == 6
    assert "Page 2 of 2, 31 rows" in second
    assert text_of(client.get(URL, {"kind": "discrepancy", "seller": "harbor"})).count("What happened") == 15
    assert "Nothing of this kind waits" in text_of(client.get(URL, {"kind": "nonsense"}))
    assert text_of(client.get(URL, {"page": "99999"})).count("What happened") == 6
    assert client.get(URL, {"page": "-1", "seller": "' OR 1=1"}).status_code == 200


def test_a_long_list_costs_no_more_queries(
    agency: Agency, browse: Browse, django_assert_max_num_queries: Any
) -> None:
    campaign = waiting_campaign(agency)
    for number in range(20):
        finding(make_seller(), number)
        dead_step(campaign, name=f"step-{number}")
    client = browse("ops")
    with django_assert_max_num_queries(30):
        client.get(URL)


def test_the_navigation_counts_what_needs_ops(agency: Agency, browse: Browse) -> None:
    finding(make_seller())
    page = browse("ops").get(reverse("campaigns")).content.decode()
    assert re.search(r'href="/operations/".*?nav__count">1<', page, re.DOTALL)


def test_the_open_page_hears_of_news_without_losing_what_is_typed(agency: Agency, browse: Browse) -> None:
    client, news = browse("ops"), reverse("operations-news")
    assert "has changed" not in text_of(client.get(news, {"shown": "0"}))
    finding(make_seller())
    answer = client.get(news, {"shown": "0"})
    assert "The list has changed: 1 row now" in text_of(answer)
    assert b"<form" not in answer.content


# --- who ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", ["approver", "finance", "viewer", "client"])
def test_other_roles_do_not_see_it(browse: Browse, person: str) -> None:
    assert browse(person).get(URL).status_code == 403


def test_a_manager_sees_the_own_clients_only(desk: Desk, browse: Browse) -> None:
    line, claim = escalated_line(desk)
    finding(line.seller, line_id=line.pk)
    finding(line.seller, number=1)
    dead_step(line.campaign, name="research")
    assert text_of(browse("manager").get(URL)).count("What happened") == 3
    outsider = browse("outsider")
    assert "Nothing waits for you" in text_of(outsider.get(URL))
    for name, pk in (
        ("claim-check", claim.pk),
        ("claim-declare", claim.pk),
        ("claim-adopt", claim.pk),
        ("discrepancy-resolve", Discrepancy.objects.filter(line=line).get().pk),
        ("step-run-again", Step.objects.get(state="dead").pk),
    ):
        assert outsider.post(reverse(name, args=[pk]), {"reason": REASON, "note": REASON}).status_code == 404
    assert not Declaration.objects.exists()


@pytest.mark.parametrize(
    "name", ["claim-check", "claim-declare", "claim-adopt", "discrepancy-resolve", "step-run-again"]
)
def test_a_link_changes_nothing(desk: Desk, browse: Browse, name: str) -> None:
    line, claim = escalated_line(desk)
    others = {"discrepancy-resolve": finding(line.seller).pk, "step-run-again": dead_step(line.campaign).pk}
    pk = others.get(name, claim.pk)
    before = Event.objects.count(), Claim.objects.values().get(pk=claim.pk)
    assert browse("ops").get(reverse(name, args=[pk])).status_code == 405
    assert browse("ops").get(URL, {"kind": "outcome"}).status_code == 200
    assert (Event.objects.count(), Claim.objects.values().get(pk=claim.pk)) == before


def test_a_page_from_elsewhere_cannot_declare(desk: Desk, agency: Agency) -> None:
    _, claim = escalated_line(desk)
    client = Client(enforce_csrf_checks=True)
    client.force_login(agency.person("ops"))
    assert client.post(reverse("claim-declare", args=[claim.pk]), {"reason": REASON}).status_code == 403
    assert not Declaration.objects.exists()


# --- acting -----------------------------------------------------------------------------------------------------------


def test_declaring_on_the_page(desk: Desk, browse: Browse) -> None:
    line, claim = escalated_line(desk)
    answer = browse("ops").post(reverse("claim-declare", args=[claim.pk]), {"reason": REASON}, follow=True)
    assert "Declared not booked" in text_of(answer)
    line.refresh_from_db()
    assert line.status == "declined"


def test_the_second_person_is_told_who_was_faster(desk: Desk, browse: Browse, agency: Agency) -> None:
    _, claim = escalated_line(desk)
    url = reverse("claim-declare", args=[claim.pk])
    browse("ops").post(url, {"reason": REASON})
    answer = browse("manager").post(url, {"reason": REASON})
    assert answer.status_code == 409
    assert f"{agency.person('ops').label} declared it not booked" in text_of(answer)


def test_a_declaration_too_early_asks_for_the_words(desk: Desk, browse: Browse) -> None:
    _, claim = unknown_line(desk)
    Claim.objects.filter(pk=claim.pk).update(at_work_until=None)
    url = reverse("claim-declare", args=[claim.pk])
    answer = browse("ops").post(url, {"reason": REASON})
    assert answer.status_code == 400
    assert "Type: not booked" in text_of(answer)
    assert "is still being asked" in text_of(answer)


def test_adopting_on_the_page(desk: Desk, browse: Browse) -> None:
    line, claim = escalated_line(desk)
    deal = desk.agent.journal.effects("deal.booked")[0].data["deal_id"]
    answer = browse("ops").post(reverse("claim-adopt", args=[claim.pk]), {"reference": deal}, follow=True)
    assert "Adopted" in text_of(answer)
    assert drive(line.campaign).status == "completed"


def test_an_adoption_that_differs_is_refused_without_prices_for_ops(desk: Desk, browse: Browse) -> None:
    line, claim = escalated_line(desk)
    deal = desk.agent.journal.effects("deal.booked")[0].data["deal_id"]
    desk.agent.faults(kind="mutate", method="GET", path="/api/v1/deals", factor=1.5)
    url = reverse("claim-adopt", args=[claim.pk])
    for_ops = browse("ops").post(url, {"reference": deal})
    assert for_ops.status_code == 422
    assert "CPM" not in text_of(for_ops)
    assert f"instead of {line.cpm:,.2f}" in text_of(browse("manager").post(url, {"reference": deal}))


def test_a_stopped_step_runs_again(agency: Agency, browse: Browse) -> None:
    step = dead_step(waiting_campaign(agency))
    url = reverse("step-run-again", args=[step.pk])
    assert "It runs again" in text_of(browse("ops").post(url, follow=True))
    step.refresh_from_db()
    assert (step.state, step.attempt) == ("pending", 0)
    assert browse("ops").post(url).status_code == 409


def test_a_discrepancy_is_noted_as_cleared(agency: Agency, browse: Browse) -> None:
    row = finding(make_seller())
    url = reverse("discrepancy-resolve", args=[row.pk])
    assert browse("ops").post(url, {"note": "ok"}).status_code == 400
    assert "Noted as cleared" in text_of(
        browse("ops").post(url, {"note": "Credited, says Kim."}, follow=True)
    )
    late = browse("ops").post(url, {"note": "Credited, says Lou."})
    assert late.status_code == 409
    assert "Credited, says Kim." in text_of(late)
    assert "Nothing waits for you" in text_of(browse("ops").get(URL))


def test_ops_start_a_comparison_and_managers_cannot(agency: Agency, browse: Browse) -> None:
    make_seller("northlight")
    url = reverse("operations-compare")
    assert browse("manager").post(url, {"compare": "northlight"}).status_code == 403
    assert browse("ops").post(url, {"compare": "nobody"}).status_code == 404
    assert "are being compared" in text_of(browse("ops").post(url, {"compare": "northlight"}, follow=True))
    assert Comparison.objects.get().status == "running"


# --- REST -------------------------------------------------------------------------------------------------------------

Api = Callable[[str], APIClient]


def test_rest_lists_the_same_rows(desk: Desk, api: Api) -> None:
    line, claim = escalated_line(desk)
    body = api("manager").get("/api/operations", {"kind": "outcome"}).json()
    (row,) = body["results"]
    assert (row["claim_id"], body["total"], body["counts"]["outcome"]) == (str(claim.pk), 1, 1)
    assert Decimal(row["amount"]) == line.cost
    assert set(row["acts"]) == {"check", "declare", "adopt"}
    (blind,) = api("ops").get("/api/operations").json()["results"]
    assert blind["amount"] is None
    assert f"{line.cost:,.2f}" not in blind["contact"]
    assert api("outsider").get("/api/operations").json()["total"] == 0
    assert api("viewer").get("/api/operations").status_code == 403


@pytest.mark.parametrize("page", ["0x", "", "0", "1e3", "9999999", "²"])
def test_rest_refuses_a_page_that_is_no_number(api: Api, page: str) -> None:
    assert api("ops").get("/api/operations", {"page": page}).status_code == 400


def test_rest_declares_once_per_key(desk: Desk, api: Api) -> None:
    _, claim = escalated_line(desk)
    client, url = api("ops"), f"/api/operations/claims/{claim.pk}/declare-not-booked"
    assert client.post(url, {"reason": ""}, format="json").status_code == 400
    answers = [
        client.post(url, {"reason": REASON}, format="json", HTTP_IDEMPOTENCY_KEY="declare-0001")
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1]["Idempotent-Replayed"] == "true"
    assert Declaration.objects.count() == 1
    again = api("manager").post(url, {"reason": REASON}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "already_declared")
    assert api("outsider").post(url, {"reason": REASON}, format="json").status_code == 404


def test_rest_adopts_once_per_key(desk: Desk, api: Api) -> None:
    line, claim = escalated_line(desk)
    deal = desk.agent.journal.effects("deal.booked")[0].data["deal_id"]
    client, url = api("ops"), f"/api/operations/claims/{claim.pk}/adopt"
    assert client.post(url, {"reference": "DEMO-1"}, format="json").status_code == 422
    for _ in range(2):
        answer = client.post(url, {"reference": deal}, format="json", HTTP_IDEMPOTENCY_KEY="adopt-00001")
        assert (answer.status_code, answer.json()["done"]) == (200, "adopted")
    assert Event.objects.filter(type="claim.adopted").count() == 1
    assert drive(line.campaign).status == "completed"


def test_rest_asks_now(desk: Desk, api: Api) -> None:
    line, claim = escalated_line(desk)
    desk.agent.clear_faults()
    answer = api("manager").post(f"/api/operations/claims/{claim.pk}/check", format="json")
    assert answer.json() == {"done": "check_requested", "waiting": True}
    assert drive(line.campaign).status == "completed"


@pytest.mark.parametrize(
    "path", ["claims/{}/check", "claims/{}/declare-not-booked", "claims/{}/adopt", "steps/{}/run-again"]
)
def test_rest_knows_nothing_of_what_does_not_exist(api: Api, path: str) -> None:
    url = "/api/operations/" + path.format(uuid.uuid4())
    assert api("ops").post(url, {"reason": REASON, "reference": "x"}, format="json").status_code == 404


def test_rest_resolves_runs_again_and_compares(agency: Agency, api: Api) -> None:
    row, step = finding(make_seller()), dead_step(waiting_campaign(agency))
    client = api("ops")
    resolved = client.post(
        f"/api/operations/discrepancies/{row.pk}/resolve", {"note": "Credited."}, format="json"
    )
    assert resolved.status_code == 200
    assert client.post(f"/api/operations/steps/{step.pk}/run-again", format="json").status_code == 200
    started = client.post("/api/operations/comparisons", {"seller": "northlight"}, format="json")
    assert (started.status_code, started.json()["state"]) == (202, "running")
    assert (
        api("manager")
        .post("/api/operations/comparisons", {"seller": "northlight"}, format="json")
        .status_code
        == 403
    )


# --- the machinery --------------------------------------------------------------------------------------------------


def test_operations_see_how_the_machinery_stands_and_others_do_not(agency: Agency, browse: Browse) -> None:
    campaign, seller = waiting_campaign(agency), make_seller("quietone")
    dead_step(campaign)
    ill = gate.Gate(seller.connection(), 5.0)
    for _ in range(circuit.FAILURES_TO_OPEN):
        ill.failed(Call("GET", "/products", None, True), "deadline")
    words = text_of(browse("ops").get(URL))
    assert "The machinery" in words
    assert "1 stopped, 0 whose worker is gone" in words
    assert "5 calls failed, the last reason is deadline" in words
    assert "The machinery" not in text_of(browse("manager").get(URL))
