"""Registering sellers, their keys and their switches."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import FieldError as QueryError
from django.core.serializers import serialize
from django.db import connection as database
from django.db import transaction

from flows import events
from flows.actors import Actor
from flows.ids import new_id
from flows.models import Event
from planning.types import FieldError
from sellers import crypto, selectors, services
from sellers.crypto import UnreadableSecret
from sellers.exchange import ExchangeRecord
from sellers.models import Exchange, Seller
from sellers.presenting import seller_as_json, status_of
from sellers.sessions import dialect_for, save_exchanges
from simulator.testing import running_seller
from tests.sellers.conftest import KEY
from tests.sellers.rawserver import answer, says, serving

pytestmark = pytest.mark.django_db

URL = "http://127.0.0.1:8001"


def add(operator: Actor, **changes: Any) -> Seller:
    given: dict[str, Any] = {"url": URL, "dialect": "seller-agent", "name": "Harbor", "key": KEY}
    return services.add_seller(actor=operator, **given | changes)


def refused(operator: Actor, **changes: Any) -> list[FieldError]:
    before = Seller.objects.count(), Event.objects.count()
    with pytest.raises(services.InvalidSeller) as invalid:
        add(operator, **changes)
    assert (Seller.objects.count(), Event.objects.count()) == before
    return invalid.value.errors


def told(seller: Seller) -> list[str]:
    return [event.type for event in events.since("seller", seller.pk)]


def test_a_seller_is_registered_with_its_event(operator: Actor) -> None:
    seller = add(operator, agency_id="a", advertiser_id="b", seat_id="s")
    event = events.since("seller", seller.pk)[0]
    assert (seller.slug, seller.enabled, seller.origin) == ("harbor", True, "http://127.0.0.1:8001")
    assert (event.type, event.actor_label) == ("seller.added", "Olga Ops")
    assert KEY not in str(event.payload)
    assert events.first_bad_position("seller", str(seller.pk)) is None


def test_the_name_comes_from_the_host_and_the_slug_from_the_name(operator: Actor) -> None:
    first = add(operator, name="")
    second = add(operator, name="127.0.0.1", url="http://127.0.0.1:8002")
    assert (first.name, first.slug, second.slug) == ("127.0.0.1", "127001", "127001-2")


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"url": ""}, "url", "required"),
        ({"url": "https://10.0.0.1/"}, "url", "address_not_allowed"),
        ({"url": "http://192.168.0.1:8001"}, "url", "https_required"),
        ({"url": "ftp://127.0.0.1:8001"}, "url", "scheme_not_allowed"),
        ({"url": "http://me:secret@127.0.0.1:8001"}, "url", "credentials_in_url"),
        ({"dialect": "adcp"}, "dialect", "invalid"),
        ({"dialect": "opendirect"}, "url", "version"),
        ({"advertiser_id": "b"}, "agency_id", "required"),
        ({"key": "line\nbreak"}, "key", "invalid"),
        ({"key": "schlüssel"}, "key", "invalid"),
        ({"key": " padded "}, "key", "invalid"),
        ({"key": "x" * 5000}, "key", "invalid"),
        ({"name": "x" * 121}, "name", "too_long"),
        ({"name": "a\x00b"}, "name", "invalid"),
        ({"slug": "Not A Slug"}, "slug", "invalid"),
        ({"account_id": "x" * 37}, "account_id", "too_long"),
        ({"currency": "dollars"}, "currency", "invalid"),
        ({"options": []}, "options", "invalid"),
        ({"options": {"proxy": "http://x"}}, "options.proxy", "unknown"),
        ({"options": {"auth_header": "Host"}}, "options.auth_header", "invalid"),
        ({"options": {"auth_header": "X-A\r\nX-B"}}, "options.auth_header", "invalid"),
        ({"options": {"auth_scheme": "Bearer x"}}, "options.auth_scheme", "invalid"),
        ({"options": {"method": "DELETE"}}, "options.method", "invalid"),
        ({"options": {"concurrency": 0}}, "options.concurrency", "invalid"),
        ({"options": {"concurrency": 101}}, "options.concurrency", "invalid"),
        ({"options": {"concurrency": "5"}}, "options.concurrency", "invalid"),
        ({"options": {"concurrency": True}}, "options.concurrency", "invalid"),
        ({"options": {"agent_url": "http://127.0.0.1/"}}, "options.agent_url", "invalid"),
    ],
    ids=range(28),
)
def test_what_is_wrong_is_named(operator: Actor, changes: dict[str, Any], field: str, code: str) -> None:
    if changes.get("options") == []:
        changes = {"options": [1]}
    assert [(error.field, error.code) for error in refused(operator, **changes)] == [(field, code)]


def test_every_error_is_named_at_once(operator: Actor) -> None:
    errors = refused(operator, url="ftp://x", key="a\nb", advertiser_id="b", slug="A B")
    assert {error.field for error in errors} == {"url", "key", "agency_id", "slug"}


def test_the_same_origin_and_dialect_is_registered_once(operator: Actor) -> None:
    add(operator)
    assert [error.code for error in refused(operator, url=URL + "/other/", name="Other")] == ["duplicate"]
    assert [error.code for error in refused(operator, url="http://127.0.0.1:8009", slug="harbor")] == [
        "duplicate"
    ]
    add(operator, dialect="opendirect", url=URL + "/v2", name="Also OpenDirect")


def test_the_default_is_deny(operator: Actor, settings: Any) -> None:
    settings.FLIGHTDECK_ALLOWED_PRIVATE_SELLERS = []
    assert [error.code for error in refused(operator)] == ["https_required"]


# --- the key -----------------------------------------------------------------------------------------------------


def test_the_key_is_encrypted_at_rest(operator: Actor) -> None:
    seller = add(operator)
    with database.cursor() as cursor:
        cursor.execute("SELECT api_key FROM sellers_seller")
        (stored,) = cursor.fetchone()
    assert KEY not in stored
    assert crypto.decrypt(stored) == KEY
    assert Seller.objects.get(pk=seller.pk).api_key == KEY
    assert KEY not in serialize("json", [seller])


def test_a_stored_key_cannot_be_searched_for(operator: Actor) -> None:
    add(operator)
    with pytest.raises(QueryError):
        Seller.objects.filter(api_key=KEY).count()
    with pytest.raises(QueryError):
        Seller.objects.filter(api_key__startswith="ask").count()


def test_old_keys_stay_readable_after_rotation(operator: Actor, settings: Any) -> None:
    seller = add(operator)
    old, new = settings.FLIGHTDECK_ENCRYPTION_KEYS, Fernet.generate_key().decode()
    settings.FLIGHTDECK_ENCRYPTION_KEYS = [new, *old]
    assert Seller.objects.get(pk=seller.pk).api_key == KEY
    assert services.reencrypt_all() == 1
    settings.FLIGHTDECK_ENCRYPTION_KEYS = [new]
    assert Seller.objects.get(pk=seller.pk).api_key == KEY


def test_an_altered_or_foreign_secret_is_refused(settings: Any) -> None:
    token = crypto.encrypt(KEY)
    with pytest.raises(UnreadableSecret):
        crypto.decrypt(token[:-10] + "A" * 10)
    settings.FLIGHTDECK_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(UnreadableSecret):
        crypto.decrypt(token)


def test_another_origin_does_not_get_the_key(operator: Actor) -> None:
    seller = add(operator)
    seller.base_url = "https://elsewhere.example/"
    assert seller.connection().api_key == ""
    seller.save()
    assert Seller.objects.get(pk=seller.pk).api_key == ""


def test_another_path_of_the_origin_keeps_the_key(operator: Actor) -> None:
    seller = add(operator)
    seller.base_url = URL + "/other"
    seller.save()
    assert Seller.objects.get(pk=seller.pk).connection().api_key == KEY


def test_a_row_changed_past_the_model_still_does_not_leak_the_key(operator: Actor) -> None:
    seller = add(operator)
    Seller.objects.filter(pk=seller.pk).update(
        base_url="https://elsewhere.example/", origin="https://elsewhere.example:443"
    )
    assert Seller.objects.get(pk=seller.pk).connection().api_key == ""


def test_a_key_is_rotated_with_an_event_that_does_not_tell_it(operator: Actor) -> None:
    seller = add(operator)
    services.rotate_key(seller_id=seller.pk, key="fresh-key-1234567890", actor=operator)
    assert Seller.objects.get(pk=seller.pk).connection().api_key == "fresh-key-1234567890"
    assert told(seller) == ["seller.added", "seller.key_rotated"]
    assert "fresh-key" not in str([event.payload for event in events.since("seller", seller.pk)])
    with pytest.raises(services.InvalidSeller):
        services.rotate_key(seller_id=seller.pk, key="", actor=operator)


@pytest.mark.parametrize(("key", "hint"), [("", ""), ("short", "set"), ("ask_live_abcdef", "...cdef")])
def test_people_see_four_characters_of_a_long_key(operator: Actor, key: str, hint: str) -> None:
    assert add(operator, key=key).key_hint == hint


def test_what_is_shown_never_holds_the_key(operator: Actor) -> None:
    seller = add(operator)
    assert KEY not in str(seller_as_json(seller)) + repr(seller.connection())


# --- switches and reads ------------------------------------------------------------------------------------------


def test_disabling_twice_is_one_event(operator: Actor) -> None:
    seller = add(operator)
    for _ in range(2):
        services.disable_seller(seller_id=seller.pk, actor=operator)
    services.enable_seller(seller_id=seller.pk, actor=operator)
    assert told(seller) == ["seller.added", "seller.disabled", "seller.enabled"]


def test_an_event_and_its_change_stand_or_fall_together(operator: Actor) -> None:
    seller = add(operator)

    @transaction.atomic
    def disabled_then_undone() -> None:
        services.disable_seller(seller_id=seller.pk, actor=operator)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        disabled_then_undone()
    assert Seller.objects.get(pk=seller.pk).enabled
    assert told(seller) == ["seller.added"]


def test_who_is_asked(operator: Actor) -> None:
    for number, name in enumerate(("Alpha", "Beta", "Gamma")):
        add(operator, name=name, url=f"http://127.0.0.1:{8100 + number}")
    services.disable_seller(seller_id=selectors.seller_by_slug("gamma").pk, actor=operator)

    def slugs(*args: Any) -> list[str]:
        return [seller.slug for seller in selectors.eligible_sellers(*args)]

    assert slugs() == ["alpha", "beta"]
    assert slugs(["beta", "gamma"], []) == ["beta"]
    assert slugs([], ["beta"]) == ["alpha"]
    assert slugs(["beta"], ["beta"]) == []


# --- probing and what was said -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["seller-agent", "opendirect"])
def test_a_probe_is_stored_with_what_was_said(operator: Actor, tmp_path: Path, dialect: str) -> None:
    with running_seller(dialect, tmp_path) as running:
        seller = add(
            operator,
            url=running.url,
            dialect=dialect,
            agency_id="agency-demo",
            advertiser_id="advertiser-demo",
        )
        result = services.probe_seller(seller_id=seller.pk, actor=operator)
    seller.refresh_from_db()
    assert result.ok
    assert result.products > 20
    assert (seller.probe_result["ok"], status_of(seller)) == (True, "ok")
    assert told(seller) == ["seller.added", "seller.probed"]
    assert seller.exchanges.count() >= 3
    assert KEY not in str(list(Exchange.objects.values()))


def test_a_probe_of_a_dead_seller_is_a_result(operator: Actor) -> None:
    seller = add(operator, url="http://127.0.0.1:1")
    result = services.probe_seller(seller_id=seller.pk, actor=operator)
    seller.refresh_from_db()
    assert (result.ok, seller.probe_result["detail"]["code"], status_of(seller)) == (
        False,
        "connect",
        "failing",
    )
    assert seller.exchanges.first() is not None


def test_exchanges_are_kept_with_their_flow(connect: Any, operator: Actor) -> None:
    async def talk() -> list[ExchangeRecord]:
        script = says(answer(b'{"products": [], "nul": "\\u0000"}'))
        async with serving(script) as server, dialect_for(connect(server.url)) as dialect:
            await dialect.catalogue(channel="", inventory_types=())
        return dialect.http.exchanges

    flow_id, correlation = new_id(), new_id()
    save_exchanges(add(operator).pk, asyncio.run(talk()), correlation, flow_id)
    kept = selectors.exchanges_of_flow(flow_id)
    assert [(one.correlation_id, one.status, one.method) for one in kept] == [(correlation, 200, "GET")]
