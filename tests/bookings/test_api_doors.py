"""Who gets through which door of the booking API, and what they are shown."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from rest_framework.test import APIClient

from accounts.services import issue_key
from approvals.models import Decision
from bookings.models import Campaign
from flows.actors import SYSTEM_ACTOR
from tests.agency import Agency, set_limits
from tests.briefs import brief
from tests.plans import waiting_campaign

Api = Callable[[str], APIClient]
MONEY_NAMES = {
    *("cpm", "list_cpm", "cost", "saving", "quote_id", "quote_note", "explanation", "fingerprint", "score"),
    *("approved_cpm", "approved_cost", "confirmed", "confirmed_cost", "refs", "seller_reference", "totals"),
}
BODIES = {
    "approve": {},
    "approve-all": {},
    "reject": {"reason": "Not needed"},
    "cancel": {"reason": "Not needed"},
}


def url(campaign: Any, verb: str = "") -> str:
    return f"/api/bookings/{getattr(campaign, 'pk', campaign)}" + (f"/{verb}" if verb else "")


def names_in(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | set().union(*map(names_in, value.values()), set())
    return set().union(*map(names_in, value), set()) if isinstance(value, list) else set()


def doors(campaign: Any) -> list[tuple[str, str, dict[str, Any]]]:
    reads = [("get", url(campaign), {}), ("get", url(campaign, "events"), {})]
    return (
        reads
        + [("post", url(campaign, verb), body) for verb, body in BODIES.items()]
        + [("post", url(campaign, "rest"), {})]
    )


def without_ids(answer: Any, *ids: object) -> str:
    text = answer.content.decode()
    for one in ids:
        text = text.replace(str(one), "ID")
    return re.sub(r'"request_id": "[^"]+"', "", text)


def test_a_foreign_booking_looks_like_none_at_all(agency: Agency, api: Api) -> None:
    campaign, nothing = waiting_campaign(agency), uuid.uuid4()
    client = api("outsider")
    for (method, theirs, body), (_, missing, _) in zip(doors(campaign), doors(nothing), strict=True):
        one = getattr(client, method)(theirs, body, format="json")
        other = getattr(client, method)(missing, body, format="json")
        assert one.status_code == other.status_code == 404, theirs
        assert without_ids(one, campaign.pk) == without_ids(other, nothing)
    campaign.refresh_from_db()
    assert campaign.status == "awaiting_approval"
    assert client.get("/api/bookings").json()["results"] == []


def test_strangers_are_asked_for_a_key(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    for method, path, body in [
        *doors(campaign),
        ("get", "/api/bookings", {}),
        ("post", "/api/bookings", brief()),
    ]:
        answer = getattr(APIClient(), method)(path, body, format="json")
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == 'Bearer realm="flightdeck"'
        assert answer["Content-Type"] == "application/problem+json"
    assert Campaign.objects.count() == 1


@pytest.mark.parametrize("token", ["fd_00000000.x", "nonsense", "", "x" * 300])
def test_a_wrong_key_is_no_key(agency: Agency, token: str) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    answer = client.get("/api/bookings")
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_key")


# Written out by hand from security.md 8.2; what is not named is 403.
MAY = {
    "read": {"manager", "approver", "finance", "ops", "viewer", "client"},
    "create": {"manager", "client"},
    "approve": {"manager", "approver", "finance"},
    "approve-all": {"manager", "approver"},
    "reject": {"manager", "approver"},
    "cancel": {"manager", "ops", "client"},
}


@pytest.mark.parametrize("role", ["manager", "approver", "finance", "ops", "viewer", "client"])
@pytest.mark.parametrize("door", MAY)
def test_each_role_gets_through_its_doors_only(agency: Agency, api: Api, role: str, door: str) -> None:
    campaign = waiting_campaign(agency)
    client = api(role)
    if door == "read":
        answer = client.get(url(campaign))
    elif door == "create":
        answer = client.post("/api/bookings", brief(client="aurora-outdoor", budget=-1), format="json")
    else:
        answer = client.post(url(campaign, door), BODIES[door], format="json")
    assert (answer.status_code != 403) == (role in MAY[door]), answer.content
    if answer.status_code == 403:
        confirms = role == "finance" and door == "approve-all"  # after somebody else, never first
        assert answer.json()["code"] == ("nothing_to_confirm" if confirms else "permission_denied")
        campaign.refresh_from_db()
        assert campaign.status == "awaiting_approval"
        assert not Decision.objects.exists()


@pytest.mark.parametrize("role", ["viewer", "ops"])
def test_no_price_for_who_may_not_see_money(agency: Agency, api: Api, role: str) -> None:
    campaign = waiting_campaign(agency)
    assert api("approver").post(url(campaign, "approve-all"), {}, format="json").status_code == 202
    detail = api(role).get(url(campaign)).json()
    full = api("finance").get(url(campaign)).json()
    assert names_in(full) >= MONEY_NAMES
    assert not names_in(detail) & (MONEY_NAMES - {"cost"})
    assert detail["plan"] is None
    shown = str([detail["recommendations"], detail["booked_lines"], detail["approval"]])
    assert not {price for price in ("10000.00", "20000.00", "35000.00") if price in shown}
    assert len(detail["recommendations"]) == len(detail["booked_lines"]) == 3
    events = api(role).get(url(campaign, "events")).json()["events"]
    assert events
    assert all(event["payload"] == {} for event in events)


@pytest.mark.parametrize("missing", ["booking:read", "booking:write", "booking:decide"])
def test_a_key_does_what_its_scopes_say(agency: Agency, missing: str) -> None:
    scopes = [one for one in ("booking:read", "booking:write", "booking:decide") if one != missing]
    user = agency.person("manager")
    _, token = issue_key(user=user, name="narrow", scopes=scopes, actor=SYSTEM_ACTOR)
    campaign = waiting_campaign(agency)
    client = APIClient()
    client.credentials(HTTP_X_API_KEY=token)
    answers = {
        "booking:read": client.get(url(campaign)),
        "booking:write": client.post("/api/bookings", {}, format="json"),
        "booking:decide": client.post(url(campaign, "approve"), {}, format="json"),
    }
    assert {scope for scope, answer in answers.items() if answer.status_code == 403} == {missing}


def test_a_revoked_key_is_refused_at_once(agency: Agency, api: Api) -> None:
    client = api("manager")
    assert client.get("/api/bookings").status_code == 200
    agency.person("manager").is_active = False
    agency.person("manager").save()
    assert client.get("/api/bookings").status_code == 401


def test_the_preparer_is_refused_at_every_door(agency: Agency, api: Api) -> None:
    set_limits(self_approval=0, auto_approve=0)
    campaign = waiting_campaign(agency)
    ids = [str(row.pk) for row in campaign.recommendations.all()]
    products = [row.product_id for row in campaign.recommendations.all()]
    bodies = [
        ("approve", {"recommendation_ids": ids}),
        ("approve", {"recommendation_ids": ids[:1]}),
        ("approve", {"approved_product_ids": products}),
        ("approve-all", {}),
    ]
    for verb, body in bodies:
        answer = api("manager").post(url(campaign, verb), body, format="json")
        assert (answer.status_code, answer.json()["code"]) == (403, "preparer_cannot_approve")
    assert not Decision.objects.exists()
    assert api("approver").post(url(campaign, "approve-all"), {}, format="json").status_code == 202


def test_a_session_needs_a_csrf_token(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(agency.person("approver"))
    assert client.get(url(campaign)).status_code == 200
    for method, path, body in doors(campaign):
        if method == "post":
            answer = client.post(path, body, format="json")
            assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")
    assert not Decision.objects.exists()


def test_looking_at_a_decision_door_decides_nothing(agency: Agency, api: Api) -> None:
    campaign = waiting_campaign(agency)
    for verb in BODIES:
        for method in ("get", "head", "put", "patch", "delete"):
            answer = getattr(api("approver"), method)(url(campaign, verb))
            assert answer.status_code == 405
            assert "POST" in answer["Allow"]
    assert not Decision.objects.exists()


@pytest.mark.parametrize(
    ("role", "path", "allow"),
    [
        ("manager", "/api/bookings", "GET, POST, HEAD, OPTIONS"),
        ("manager", "ID", "GET, HEAD, OPTIONS"),
        ("approver", "ID/approve", "POST, OPTIONS"),
        ("manager", "ID/events", "GET, HEAD, OPTIONS"),
    ],
)
def test_options_tells_what_a_route_can(agency: Agency, api: Api, role: str, path: str, allow: str) -> None:
    campaign = waiting_campaign(agency)
    answer = api(role).options(path.replace("ID", url(campaign)))
    assert (answer.status_code, answer["Allow"]) == (200, allow)


def test_head_is_a_get_without_a_body(agency: Agency, api: Api) -> None:
    campaign = waiting_campaign(agency)
    for path in ("/api/bookings", url(campaign), url(campaign, "events")):
        answer = api("manager").head(path)
        assert (answer.status_code, answer.content) == (200, b"")


def test_of_two_approvals_at_once_one_wins_and_the_other_learns_who(agency: Agency, live_server: Any) -> None:
    campaign = waiting_campaign(agency)
    together, answers = threading.Barrier(2), {}

    def approve(name: str) -> None:
        headers = {"Authorization": f"Bearer {agency.keys[name]}"}
        with httpx.Client(base_url=live_server.url, headers=headers, trust_env=False, timeout=30) as client:
            client.get("/api/bookings")
            together.wait()
            answers[name] = client.post(url(campaign, "approve-all"), json={})

    threads = [threading.Thread(target=approve, args=(name,)) for name in ("manager", "approver")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers.values()) == [202, 409]
    winner, loser = sorted(answers, key=lambda name: answers[name].status_code)
    refusal = answers[loser].json()
    assert refusal["code"] == "already_decided"
    assert refusal["decided_by"] == Decision.objects.get().actor_label == f"{winner} by key desk"
    assert campaign.lines.count() == 3
