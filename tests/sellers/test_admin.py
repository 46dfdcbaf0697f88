"""The registry in the admin: as seen by operations and by everybody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.roles import Role
from flows import events
from flows.actors import Actor
from sellers import services
from sellers.models import Seller
from simulator.testing import running_seller
from tests.sellers.conftest import KEY
from tests.sellers.people import person

pytestmark = pytest.mark.django_db

URL = "http://127.0.0.1:8001"
FORM = {
    "url": URL,
    "dialect": "seller-agent",
    "name": "Harbor",
    "key": KEY,
    "currency": "USD",
    "options": "{}",
}
ACTIONS = ("probe", "limit_calls", "rotate_key", "disable", "enable")


@pytest.fixture
def ops(client: Client) -> Client:
    client.force_login(person(Role.OPS))
    return client


@pytest.fixture
def harbor(operator: Actor) -> Seller:
    return services.add_seller(actor=operator, url=URL, dialect="seller-agent", name="Harbor", key=KEY)


def page_of(seller: Seller) -> str:
    return reverse("admin:sellers_seller_change", args=[seller.pk])


def action(name: str, seller: Seller) -> str:
    return reverse(f"admin:sellers_seller_{name}", args=[seller.pk])


def test_pages_show_the_seller_and_never_its_key(ops: Client, harbor: Seller) -> None:
    listed, shown = ops.get(reverse("admin:sellers_seller_changelist")), ops.get(page_of(harbor))
    assert (listed.status_code, shown.status_code) == (200, 200)
    assert "Harbor" in listed.content.decode()
    assert f"...{KEY[-4:]}" in shown.content.decode()
    assert KEY not in (listed.content + shown.content).decode()


def test_a_seller_is_added_through_the_service(ops: Client) -> None:
    assert ops.get(reverse("admin:sellers_seller_add")).status_code == 200
    answer = ops.post(reverse("admin:sellers_seller_add"), FORM)
    assert answer.status_code == 302
    seller = Seller.objects.get()
    assert (seller.slug, seller.api_key) == ("harbor", KEY)
    event = events.since("seller", seller.pk)[0]
    assert (event.type, event.actor_kind) == ("seller.added", "human")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "http://10.0.0.1/"}, "url"),
        ({"advertiser_id": "b"}, "agency_id"),
        ({"key": "a\tb"}, "key"),
        ({"options": '{"proxy": 1}'}, "options"),
        ({"slug": "A B"}, "slug"),
    ],
)
def test_what_is_wrong_stays_on_the_form(ops: Client, change: dict[str, str], field: str) -> None:
    answer = ops.post(reverse("admin:sellers_seller_add"), FORM | change)
    assert answer.status_code == 200
    assert field in answer.context["adminform"].form.errors
    assert KEY not in answer.content.decode()
    assert not Seller.objects.exists()


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_asks_first_and_a_get_changes_nothing(ops: Client, harbor: Seller, name: str) -> None:
    answer = ops.get(action(name, harbor))
    assert answer.status_code == 200
    assert '<form method="post"' in answer.content.decode()
    assert len(events.since("seller", harbor.pk)) == 1


@pytest.mark.parametrize(("name", "enabled"), [("disable", False), ("enable", True)])
def test_switches(ops: Client, harbor: Seller, name: str, enabled: bool) -> None:
    answer = ops.post(action(name, harbor), {"_form_submitted": "True"})
    assert (answer.status_code, answer["Location"]) == (302, page_of(harbor))
    assert Seller.objects.get().enabled is enabled


def test_the_dialog_leads_back_to_the_page(ops: Client, harbor: Seller) -> None:
    answer = ops.post(action("disable", harbor), {"_form_submitted": "True"}, HTTP_HX_REQUEST="true")
    assert (answer.status_code, answer["HX-Redirect"]) == (204, page_of(harbor))


def test_the_key_is_replaced_and_not_shown(ops: Client, harbor: Seller) -> None:
    ops.post(action("rotate_key", harbor), {"_form_submitted": "True", "key": "fresh-key-1234567890"})
    assert Seller.objects.get().api_key == "fresh-key-1234567890"
    assert "fresh-key" not in ops.get(page_of(harbor)).content.decode()
    refused = ops.post(action("rotate_key", harbor), {"_form_submitted": "True", "key": "a\tb"})
    assert refused.status_code == 200
    assert Seller.objects.get().api_key == "fresh-key-1234567890"


def test_a_limit_of_its_own_is_set_and_taken_away(ops: Client, harbor: Seller) -> None:
    ops.post(action("limit_calls", harbor), {"_form_submitted": "True", "calls": "3"})
    assert Seller.objects.get().options == {"concurrency": 3}
    assert (
        ops.post(action("limit_calls", harbor), {"_form_submitted": "True", "calls": "0"}).status_code == 200
    )
    assert (
        ops.post(action("limit_calls", harbor), {"_form_submitted": "True", "calls": "101"}).status_code
        == 200
    )
    assert Seller.objects.get().options == {"concurrency": 3}
    ops.post(action("limit_calls", harbor), {"_form_submitted": "True", "calls": ""})
    assert Seller.objects.get().options == {}
    told = [(event.type, event.payload["concurrency"]) for event in events.since("seller", harbor.pk)[1:]]
    assert told == [("seller.calls_limited", 3), ("seller.calls_limited", None)]


def test_a_probe_from_the_page(ops: Client, tmp_path: Path, operator: Actor) -> None:
    with running_seller("seller-agent", tmp_path) as running:
        seller = services.add_seller(
            actor=operator, url=running.url, dialect="seller-agent", name="Live", key=KEY
        )
        ops.post(action("probe", seller), {"_form_submitted": "True"})
    seller.refresh_from_db()
    assert seller.probe_result["ok"]
    exchanges = ops.get(reverse("admin:sellers_exchange_changelist"))
    one = ops.get(reverse("admin:sellers_exchange_change", args=[seller.exchanges.first().pk]))  # type: ignore[union-attr]
    assert (exchanges.status_code, one.status_code) == (200, 200)
    assert KEY not in (exchanges.content + one.content).decode()


def test_a_seller_is_neither_edited_nor_deleted_by_hand(ops: Client, harbor: Seller) -> None:
    assert ops.post(page_of(harbor), {"base_url": "https://evil.example"}).status_code == 403
    assert (
        ops.post(reverse("admin:sellers_seller_delete", args=[harbor.pk]), {"post": "yes"}).status_code == 403
    )
    assert Seller.objects.get().base_url == URL


@pytest.mark.parametrize("role", [role for role in Role if role != Role.OPS])
def test_nobody_else_comes_in(client: Client, harbor: Seller, role: Role) -> None:
    client.force_login(person(role))
    paths = [
        reverse("admin:sellers_seller_changelist"),
        reverse("admin:sellers_exchange_changelist"),
        page_of(harbor),
    ]
    for path in paths:
        assert client.get(path).status_code in (302, 403)
    for name in ACTIONS:
        assert client.post(
            action(name, harbor), {"_form_submitted": "True", "key": "x" * 20}
        ).status_code in (302, 403)
    seller = Seller.objects.get()
    assert (seller.enabled, seller.api_key) == (True, KEY)


def test_without_a_token_nothing_is_changed(harbor: Seller) -> None:
    strict: Any = Client(enforce_csrf_checks=True)
    strict.force_login(person(Role.OPS))
    assert strict.post(action("disable", harbor), {"_form_submitted": "True"}).status_code == 403
    assert Seller.objects.get().enabled
