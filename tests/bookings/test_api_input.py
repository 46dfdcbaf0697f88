"""What is sent to the booking API: readable or refused with the field named, and nothing in between."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.request import Request
from rest_framework.test import APIClient, APIRequestFactory
from rest_framework.throttling import UserRateThrottle

from approvals.models import Decision
from bookings.api_decisions import seconds_to_wait
from bookings.models import Campaign, Line
from tests.agency import Agency
from tests.briefs import brief
from tests.driving import Desk
from tests.plans import make_seller, waiting_campaign

Api = Callable[[str], APIClient]
URL = "/api/bookings"


@pytest.fixture(autouse=True)
def _a_seller(agency: Agency) -> None:
    make_seller()


def fields_of(answer: Any, status: int = 400) -> set[str]:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    assert document["instance"]
    assert document["request_id"] == answer["X-Request-ID"]
    return {error["field"] for error in document["errors"]}


def raw(client: APIClient, text: str | bytes, content_type: str = "application/json", path: str = URL) -> Any:
    return client.generic("POST", path, text, content_type)


def test_every_error_comes_at_once_with_its_field(api: Api) -> None:
    answer = api("manager").post(
        URL,
        {
            "name": "",
            "objectives": [],
            "budget": 0,
            "currency": "XXX",
            "start_date": "2027-02-30",
            "end_date": "soon",
            "target_audience": "all",
            "kpis": {"max_cpm": -1},
            "channels": ["radio"],
            "auto_approve": "yes",
        },
        format="json",
    )
    fields = fields_of(answer)
    assert fields >= {
        *("name", "objectives", "currency", "start_date", "end_date", "target_audience"),
        *("kpis.max_cpm", "channels.0", "auto_approve"),
    }
    assert not Campaign.objects.exists()


def test_an_empty_brief_names_what_is_required(api: Api) -> None:
    required = {"name", "objectives", "budget", "start_date", "end_date", "target_audience"}
    assert fields_of(api("manager").post(URL)) == required
    assert fields_of(api("manager").post(URL, {}, format="json")) == required


def test_camel_case_is_the_same_brief(api: Api) -> None:
    snake = brief(constraints={"max_seller_share": 0.9}, kpis={"max_cpm_usd": 40})
    camel = {
        "name": snake["name"],
        "objectives": snake["objectives"],
        "budget": snake["budget"],
        "startDate": snake["start_date"],
        "endDate": snake["end_date"],
        "targetAudience": snake["target_audience"],
        "kpis": {"maxCpmUsd": 40},
        "channels": snake["channels"],
        "constraints": {"maxSellerShare": 0.9},
        "autoApprove": False,
    }
    ids = [api("manager").post(URL, one, format="json").json()["job_id"] for one in (snake, camel)]
    one, other = (Campaign.objects.get(pk=pk) for pk in ids)
    assert one.brief == other.brief
    assert one.unused_fields == other.unused_fields == []


def test_fields_that_are_ours_change_nothing_and_are_listed(agency: Agency, api: Api) -> None:
    ours: dict[str, Any] = {
        "id": "00000000-0000-0000-0000-000000000001",
        "job_id": "00000000-0000-0000-0000-000000000001",
        "status": "completed",
        "progress": 1,
        "approved_by": "approver",
        "prepared_by": "approver",
        "organization_id": str(agency.other_client.pk),
        "errors": ["none"],
        "booked_lines": [{"cost": 1}],
        "version": 9,
        "plan": {"value": 1},
        "created_at": "2001-01-01T00:00:00Z",
    }
    answer = api("manager").post(URL, brief() | ours, format="json")
    assert answer.status_code == 202
    campaign = Campaign.objects.get()
    assert str(campaign.pk) != ours["id"]
    assert (campaign.status, campaign.plan, campaign.errors) == ("initialized", None, [])
    assert (campaign.organization, campaign.prepared_by) == (agency.client, agency.person("manager"))
    assert campaign.created_at.year > 2001
    assert set(api("manager").get(answer["Location"]).json()["unused_fields"]) == set(ours)


@pytest.mark.parametrize("verb", ["approve", "approve-all", "reject", "cancel"])
def test_a_decision_takes_no_field_that_it_does_not_know(agency: Agency, api: Api, verb: str) -> None:
    campaign = waiting_campaign(agency)
    ids = [str(row.pk) for row in campaign.recommendations.all()]
    body = {"reason": "Not needed"} if verb in ("reject", "cancel") else {}
    body |= {"recommendation_ids": ids} if verb in ("approve", "reject") else {}
    extra = {"approved_by": "x", "status": "completed", "total_cost": 1}
    answer = api("manager").post(f"{URL}/{campaign.pk}/{verb}", body | extra, format="json")
    assert fields_of(answer) == set(extra)
    campaign.refresh_from_db()
    assert campaign.status == "awaiting_approval"
    assert not Decision.objects.exists()


def test_a_client_that_one_does_not_work_for_is_unknown(agency: Agency, api: Api) -> None:
    for slug in ("boreal-foods", "no-such-client"):
        answer = api("manager").post(URL, brief(client=slug), format="json")
        assert fields_of(answer) == {"client"}
        assert "boreal" not in answer.json()["detail"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("nonsense", "not JSON"),
        ('{"budget": NaN}', "NaN"),
        ('{"budget": Infinity}', "Infinity"),
        ('{"budget": -Infinity}', "Infinity"),
        ('{"name": "a", "name": "b"}', "repeated name"),
        ('{"name": "a\\u0000b"}', "U+0000"),
        ('{"name": "\\ud800"}', "surrogate"),
        (b'{"name": "\xff"}', "UTF-8"),
        ("[" * 21 + "]" * 21, "nested deeper"),
        ("[" * 100_000, "nested deeper"),
        ('{"a":' * 30 + "1" + "}" * 30, "nested deeper"),
        ("[]", "JSON object"),
        ('"brief"', "JSON object"),
        ("null", "JSON object"),
        ("7", "JSON object"),
    ],
)
@pytest.mark.parametrize("door", ["", "approve"])
def test_unreadable_json_is_refused(
    agency: Agency, api: Api, text: str | bytes, said: str, door: str
) -> None:
    path = f"{URL}/{waiting_campaign(agency).pk}/{door}" if door else URL
    before = Campaign.objects.count()
    answer = raw(api("manager"), text, path=path)
    fields_of(answer)
    assert said in answer.json()["detail"]
    assert Campaign.objects.count() == before
    assert not Decision.objects.exists()


@pytest.mark.parametrize("budget", ["1e400", "-1", "0", "0.001", "1e13", '"ten"', "true", "[]", "1" * 5000])
def test_a_budget_that_is_no_money_is_named(api: Api, budget: str) -> None:
    text = json.dumps(brief()).replace('"budget": 60000', f'"budget": {budget}')
    assert {field.split(".")[0] for field in fields_of(raw(api("manager"), text))} <= {"budget", ""}
    assert not Campaign.objects.exists()


def test_a_large_body_is_413(api: Api) -> None:
    fields_of(raw(api("manager"), json.dumps(brief(notes="x" * 300_000))), 413)
    assert not Campaign.objects.exists()


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml"],
)
def test_only_json_is_read(agency: Agency, api: Api, content_type: str) -> None:
    campaign = waiting_campaign(agency)
    text = json.dumps({"recommendation_ids": [str(campaign.recommendations.all()[0].pk)]})
    fields_of(raw(api("manager"), json.dumps(brief()), content_type), 415)
    for verb in ("approve", "approve-all", "reject", "cancel"):
        fields_of(raw(api("manager"), text, content_type, f"{URL}/{campaign.pk}/{verb}"), 415)
    assert Campaign.objects.count() == 1
    assert not Decision.objects.exists()


def test_json_with_a_charset_is_json(api: Api) -> None:
    answer = raw(api("manager"), json.dumps(brief()), "application/json; charset=utf-8")
    assert answer.status_code == 202


def test_only_json_is_answered(api: Api) -> None:
    fields_of(api("manager").get(URL, HTTP_ACCEPT="text/html"), 406)
    assert api("manager").get(URL, HTTP_ACCEPT="text/html, */*;q=0.1").status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "recommendation_ids"),
        ({"recommendation_ids": []}, "recommendation_ids"),
        ({"recommendation_ids": "all"}, "recommendation_ids"),
        ({"recommendation_ids": ["not-an-id"]}, "recommendation_ids.0"),
        ({"recommendation_ids": [None]}, "recommendation_ids.0"),
        ({"approved_product_ids": [{"id": 1}]}, "approved_product_ids.0"),
        ({"approved_product_ids": ["x" * 256]}, "approved_product_ids.0"),
        ({"recommendation_ids": ["00000000-0000-0000-0000-000000000000"] * 501}, "recommendation_ids"),
        ({"fingerprints": {"x": "y"}}, "fingerprints"),
        ({"expected_total": "much"}, "expected_total"),
        ({"recomendation_ids": []}, "recomendation_ids"),
    ],
)
def test_a_decision_names_its_errors(agency: Agency, api: Api, body: dict[str, Any], field: str) -> None:
    campaign = waiting_campaign(agency)
    answer = api("approver").post(f"{URL}/{campaign.pk}/approve", body, format="json")
    assert fields_of(answer) == {field}
    assert not Line.objects.exists()


def test_what_the_approver_saw_is_what_is_approved(agency: Agency, api: Api) -> None:
    campaign = waiting_campaign(agency)
    client, path = api("approver"), f"{URL}/{campaign.pk}"
    rows = client.get(path).json()["recommendations"]
    ids = [row["recommendation_id"] for row in rows]
    seen = {row["recommendation_id"]: row["fingerprint"] for row in rows}
    wrong: list[dict[str, Any]] = [
        {"expected_total": "34999.99"},
        {"fingerprints": seen | {ids[0]: "0" * 64}},
        {"fingerprints": {ids[0]: seen[ids[0]]}},
    ]
    for body in wrong:
        answer = client.post(f"{path}/approve", {"recommendation_ids": ids} | body, format="json")
        assert fields_of(answer, 409) == set(body)
    assert not Decision.objects.exists()
    right = {"recommendation_ids": ids, "fingerprints": seen, "expected_total": "35000.00"}
    assert client.post(f"{path}/approve", right, format="json").status_code == 202


# --- Idempotency-Key ------------------------------------------------------------------------------------------


def test_a_repeated_brief_is_one_campaign(api: Api) -> None:
    body, head = brief(), {"HTTP_IDEMPOTENCY_KEY": "launch-2027-a"}
    first, again = (api("manager").post(URL, body, format="json", **head) for _ in range(2))
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    assert first["Location"] == again["Location"]
    assert again["Idempotent-Replayed"] == "true"
    assert Campaign.objects.count() == 1


def test_the_same_key_with_another_brief_is_a_conflict(api: Api) -> None:
    head = {"HTTP_IDEMPOTENCY_KEY": "launch-2027-b"}
    api("manager").post(URL, brief(), format="json", **head)
    answer = api("manager").post(URL, brief(budget=1000), format="json", **head)
    assert fields_of(answer, 409) == {"Idempotency-Key"}
    assert Campaign.objects.count() == 1


def test_a_refused_brief_does_not_use_up_the_key(api: Api) -> None:
    head = {"HTTP_IDEMPOTENCY_KEY": "launch-2027-c"}
    assert api("manager").post(URL, brief(budget=-1), format="json", **head).status_code == 400
    assert api("manager").post(URL, brief(), format="json", **head).status_code == 202


@pytest.mark.parametrize("key", ["short", "x" * 256, "with space in it", "umläut-umläut"])
def test_an_unusable_key_is_named(api: Api, key: str) -> None:
    answer = api("manager").post(URL, brief(), format="json", HTTP_IDEMPOTENCY_KEY=key)
    assert fields_of(answer) == {"Idempotency-Key"}
    assert not Campaign.objects.exists()


@pytest.mark.parametrize("verb", ["approve-all", "cancel"])
def test_a_repeated_command_happens_once(agency: Agency, api: Api, verb: str) -> None:
    campaign = waiting_campaign(agency)
    path, head = f"{URL}/{campaign.pk}/{verb}", {"HTTP_IDEMPOTENCY_KEY": "decide-2027-a"}
    body = {"reason": "Not needed"} if verb == "cancel" else {}
    first, again = (api("manager").post(path, body, format="json", **head) for _ in range(2))
    assert first.status_code == again.status_code < 300, again.content
    assert first.json() == again.json()
    other = {"reason": "Another reason"} if verb == "cancel" else {"expected_total": "1.00"}
    assert fields_of(api("manager").post(path, other, format="json", **head), 409) == {"Idempotency-Key"}
    assert Decision.objects.count() == (verb == "approve-all")


# --- Prefer: wait (RFC 7240) ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("wait", 30),
        ("wait=5", 5),
        ("Wait = 5", 5),
        ('wait="5"', 5),
        ("respond-async, wait=7", 7),
        ("wait=7; x=1", 7),
        ("wait=99999", 30),
        ("wait=0", 0),
        ("wait=soon", 0),
        ("wait=-5", 0),
        ("waiting", 0),
        ("respond-async", 0),
        ("", 0),
    ],
)
def test_how_long_a_caller_wants_to_wait(prefer: str, seconds: float) -> None:
    request = Request(APIRequestFactory().post("/", headers={"Prefer": prefer}))
    assert seconds_to_wait(request) == seconds


# --- the list -------------------------------------------------------------------------------------------------


def ids_in(page: dict[str, Any]) -> list[str]:
    return [row["job_id"] for row in page["results"]]


def test_pages_stay_right_while_rows_are_added(agency: Agency, api: Api) -> None:
    client = api("manager")
    old = [str(waiting_campaign(agency).pk) for _ in range(5)][::-1]
    page = client.get(URL, {"page_size": 2}).json()
    seen = ids_in(page)
    while page["next"]:
        waiting_campaign(agency)
        page = client.get(page["next"]).json()
        seen += ids_in(page)
    assert seen == old
    back = client.get(page["previous"]).json()
    assert ids_in(back) == old[2:4]


def test_the_status_filters(agency: Agency, api: Api) -> None:
    waiting = str(waiting_campaign(agency).pk)
    fresh = api("manager").post(URL, brief(), format="json").json()["job_id"]
    client = api("manager")
    assert ids_in(client.get(URL, {"status": "pending"}).json()) == [fresh]
    assert ids_in(client.get(URL, {"status": "initialized"}).json()) == [fresh]
    assert ids_in(client.get(URL, {"status": "awaiting_approval"}).json()) == [waiting]
    assert ids_in(client.get(URL, {"status": "completed"}).json()) == []
    assert [row["status"] for row in client.get(URL).json()["results"]] == ["pending", "awaiting_approval"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "done"}, "status"),
        ({"status": "PENDING"}, "status"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "AAAA"}, "cursor"),
        ({"page_size": "0"}, "page_size"),
        ({"page_size": "many"}, "page_size"),
    ],
)
def test_an_unknown_filter_value_is_named(api: Api, query: dict[str, str], field: str) -> None:
    assert fields_of(api("manager").get(URL, query)) == {field}


@pytest.mark.parametrize("path", ["/not-a-uuid", "/00000000-0000-0000-0000-000000000000", "/", "/x/y/z"])
def test_nothing_there_is_a_problem_document(api: Api, path: str) -> None:
    assert fields_of(api("manager").get(URL + path), 404) == set()


def test_too_many_requests_say_when_to_ask_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UserRateThrottle, "THROTTLE_RATES", {"user": "3/min"})
    client = api("finance")
    answers = [client.get(URL) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    fields_of(answers[-1], 429)
    assert 0 < int(answers[-1]["Retry-After"]) <= 60


def test_two_sellers_with_the_same_product_id_need_the_lines_id(desk: Desk, api: Api) -> None:
    campaign = desk.planned()
    first, second = campaign.recommendations.order_by("seller__slug").distinct()[:2]
    if first.seller_id == second.seller_id:
        second = campaign.recommendations.exclude(seller=first.seller).first()
    campaign.recommendations.filter(pk=second.pk).update(product_id=first.product_id)
    body = {"approved_product_ids": [first.product_id]}
    answer = api("approver").post(f"{URL}/{campaign.pk}/approve", body, format="json")
    assert fields_of(answer, 422) == {"approved_product_ids"}
    assert str(first.pk) in answer.json()["recommendation_ids"]


@pytest.mark.parametrize("given", ["", "nonsense", "COMPLETED", " completed"])
def test_a_status_that_does_not_exist_is_refused(api: Api, given: str) -> None:
    """Nothing is no status either: who wants all of them leaves the parameter out."""
    answer = api("manager").get(URL, {"status": given})
    assert fields_of(answer) == {"status"}
    assert "Leave it out, or use one of: " in answer.json()["errors"][0]["message"]


def test_a_status_filters_the_list(agency: Agency, api: Api) -> None:
    waiting_campaign(agency)
    found = {
        status: len(api("manager").get(URL, {"status": status} if status else {}).json()["results"])
        for status in ("", "awaiting_approval", "completed", "pending", "initialized")
    }
    assert found == {"": 1, "awaiting_approval": 1, "completed": 0, "pending": 0, "initialized": 0}
