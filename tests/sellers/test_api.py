"""`/api/sellers`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.roles import Role
from flows import events
from flows.actors import Actor
from sellers import services
from sellers.models import Seller
from simulator.testing import running_seller
from tests.sellers.conftest import KEY
from tests.sellers.people import signed_in, with_key

pytestmark = pytest.mark.django_db

URL = "http://127.0.0.1:8001"
BODY = {
    "url": URL,
    "dialect": "seller-agent",
    "name": "Harbor",
    "key": KEY,
    "agency_id": "a",
    "advertiser_id": "b",
}
READERS = {Role.OPS, Role.MANAGER, Role.APPROVER}


@pytest.fixture
def ops() -> APIClient:
    return with_key()


@pytest.fixture
def harbor(operator: Actor) -> Seller:
    return services.add_seller(actor=operator, url=URL, dialect="seller-agent", name="Harbor", key=KEY)


def test_ops_register_a_seller(ops: APIClient) -> None:
    answer = ops.post("/api/sellers", BODY, format="json")
    assert answer.status_code == 201
    assert answer["Location"].endswith("/api/sellers/harbor")
    assert (answer.json()["slug"], answer.json()["has_key"], answer.json()["status"]) == (
        "harbor",
        True,
        "unprobed",
    )
    assert KEY not in answer.content.decode()
    seller = Seller.objects.get()
    assert seller.created_by is not None
    event = events.since("seller", seller.pk)[0]
    assert (event.actor_kind, event.type) == ("api_key", "seller.added")


def test_sellers_are_listed_and_read(ops: APIClient, harbor: Seller) -> None:
    listed, one = ops.get("/api/sellers"), ops.get("/api/sellers/harbor")
    assert [row["slug"] for row in listed.json()["results"]] == ["harbor"]
    assert one.json() == listed.json()["results"][0]
    assert KEY not in (listed.content + one.content).decode()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "http://10.0.0.1"}, "url"),
        ({"url": 5}, "url"),
        ({"url": None}, "url"),
        ({"dialect": "adcp"}, "dialect"),
        ({"agency_id": ""}, "agency_id"),
        ({"key": "a\nb"}, "key"),
        ({"name": ["x"]}, "name"),
        ({"options": {"proxy": "x"}}, "options.proxy"),
        ({"enabled": False}, "enabled"),
        ({"origin": "https://x"}, "origin"),
        ({"probe_result": {"ok": True}}, "probe_result"),
    ],
    ids=range(11),
)
def test_what_is_wrong_is_named_and_nothing_is_stored(
    ops: APIClient, change: dict[str, Any], field: str
) -> None:
    answer = ops.post("/api/sellers", BODY | change, format="json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert KEY not in answer.content.decode()
    assert not Seller.objects.exists()


@pytest.mark.parametrize("body", [[], "x", 5, None])
def test_a_body_that_is_no_object_is_refused(ops: APIClient, body: Any) -> None:
    assert ops.post("/api/sellers", body, format="json").status_code == 400


def test_the_same_seller_twice_is_named(ops: APIClient, harbor: Seller) -> None:
    answer = ops.post("/api/sellers", BODY | {"slug": "other"}, format="json")
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [("url", "duplicate")]


def test_a_repeated_request_registers_once(ops: APIClient) -> None:
    first = ops.post("/api/sellers", BODY, format="json", HTTP_IDEMPOTENCY_KEY="register-harbor-1")
    again = ops.post("/api/sellers", BODY, format="json", HTTP_IDEMPOTENCY_KEY="register-harbor-1")
    other = ops.post(
        "/api/sellers", BODY | {"name": "X"}, format="json", HTTP_IDEMPOTENCY_KEY="register-harbor-1"
    )
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 409)
    assert first.json() == again.json()
    assert Seller.objects.count() == 1


@pytest.mark.parametrize(("verb", "enabled"), [("disable", False), ("enable", True)])
def test_switches(ops: APIClient, harbor: Seller, verb: str, enabled: bool) -> None:
    answer = ops.post(f"/api/sellers/harbor/{verb}")
    assert (answer.status_code, answer.json()["enabled"]) == (200, enabled)


def test_a_probe_answers_with_what_it_found(ops: APIClient, tmp_path: Path) -> None:
    with running_seller("seller-agent", tmp_path) as running:
        ops.post("/api/sellers", BODY | {"url": running.url}, format="json")
        answer = ops.post("/api/sellers/harbor/probe")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert answer.json()["probe"]["products"] > 20


def test_a_probe_of_a_dead_seller_still_answers(ops: APIClient, operator: Actor) -> None:
    services.add_seller(actor=operator, url="http://127.0.0.1:1", dialect="seller-agent", name="Dead")
    answer = ops.post("/api/sellers/dead/probe")
    assert (answer.status_code, answer.json()["status"]) == (200, "failing")


@pytest.mark.parametrize("path", ["", "/disable", "/enable", "/probe"])
def test_an_unknown_seller_is_a_404(ops: APIClient, path: str) -> None:
    answer = ops.get(f"/api/sellers/nobody{path}") if not path else ops.post(f"/api/sellers/nobody{path}")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_nothing_is_edited_or_deleted(ops: APIClient, harbor: Seller, method: str) -> None:
    assert getattr(ops, method)("/api/sellers/harbor", {"base_url": "https://x.example"}).status_code == 405
    assert Seller.objects.get().base_url == URL


@pytest.mark.parametrize(
    "path", ["/api/sellers/harbor/disable", "/api/sellers/harbor/enable", "/api/sellers/harbor/probe"]
)
def test_a_get_changes_nothing(ops: APIClient, harbor: Seller, path: str) -> None:
    assert ops.get(path).status_code == 405
    assert len(events.since("seller", harbor.pk)) == 1


# --- who may -----------------------------------------------------------------------------------------------------


def test_anonymous_may_nothing(harbor: Seller) -> None:
    nobody = APIClient()
    for path in ("", "/harbor"):
        assert nobody.get(f"/api/sellers{path}").status_code == 401
    for path in ("", "/harbor/disable", "/harbor/enable", "/harbor/probe"):
        assert nobody.post(f"/api/sellers{path}", BODY, format="json").status_code == 401
    assert len(events.since("seller", harbor.pk)) == 1


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("door", [with_key, signed_in])
def test_each_role_may_what_the_table_says(harbor: Seller, role: Role, door: Any) -> None:
    client = door(role)
    assert client.get("/api/sellers").status_code == (200 if role in READERS else 403)
    assert client.get("/api/sellers/harbor").status_code == (200 if role in READERS else 403)
    for path in ("/harbor/disable", "/harbor/enable"):
        assert client.post(f"/api/sellers{path}").status_code == (200 if role == Role.OPS else 403)
    created = client.post(
        "/api/sellers", BODY | {"url": "http://127.0.0.1:8002", "name": "Two"}, format="json"
    )
    assert created.status_code == (201 if role == Role.OPS else 403)


def test_a_key_without_the_scope_may_not(harbor: Seller) -> None:
    reader = with_key(Role.OPS, ["seller:read"])
    assert reader.get("/api/sellers").status_code == 200
    assert reader.post("/api/sellers/harbor/disable").status_code == 403
    assert Seller.objects.get().enabled
