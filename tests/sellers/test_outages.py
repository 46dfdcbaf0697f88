"""Outages as rows, told from what the circuits know and from what is on record."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction

from accounts.roles import Role
from flows import events
from flows.actors import Actor
from sellers import gate, outages, services, tasks
from sellers.dialects.base import SellerDialect
from sellers.models import Exchange, Seller, SellerOutage
from sellers.sessions import converse, save_exchanges
from simulator.testing import RunningSeller
from tests.sellers.conftest import KEY
from tests.sellers.people import person, with_key

pytestmark = pytest.mark.django_db(transaction=True)

SOON = dt.timedelta(seconds=30)


@pytest.fixture
def seller(agent: RunningSeller, operator: Actor) -> Seller:
    return services.add_seller(
        actor=operator, url=agent.url, dialect="seller-agent", name="Harbor", key=KEY, slug="harbor"
    )


def talk(seller: Seller, calls: int = 1) -> None:
    """Calls one after the other, kept as a step keeps them."""

    async def question(dialect: SellerDialect) -> None:
        for _ in range(calls):
            await dialect.http.write("GET", "/products?limit=1")

    _, said = converse(seller.connection(), question)
    save_exchanges(seller.pk, said)


def fall_ill(agent: RunningSeller, seller: Seller, **fault: Any) -> None:
    agent.faults(**({"kind": "status", "status": 500} | fault))
    talk(seller, 5)


def later() -> Any:
    return time_machine.travel(dt.datetime.now(dt.UTC) + SOON)


def test_an_open_circuit_is_an_outage_and_a_closed_one_ends_it(agent: RunningSeller, seller: Seller) -> None:
    fall_ill(agent, seller)
    outage = SellerOutage.objects.get()
    assert (outage.seller, outage.ended_at, outage.reason, outage.calls_failed) == (
        seller,
        None,
        "http_500",
        5,
    )
    agent.clear_faults()
    with later():
        talk(seller)
    outage.refresh_from_db()
    assert outage.ended_at is not None
    assert outage.ended_at > outage.began_at
    told = [event.type for event in events.since("seller", seller.pk)]
    assert told[-2:] == ["seller.outage_began", "seller.outage_ended"]


def test_telling_it_twice_changes_nothing(agent: RunningSeller, seller: Seller) -> None:
    fall_ill(agent, seller)
    outages.note(seller.pk)
    tasks.note_outages()
    assert SellerOutage.objects.count() == 1
    agent.clear_faults()
    with later():
        talk(seller)
        outages.note(seller.pk)
        tasks.note_outages()
    assert SellerOutage.objects.filter(ended_at=None).count() == 0
    assert SellerOutage.objects.count() == 1


def test_failures_during_the_outage_are_counted(agent: RunningSeller, seller: Seller) -> None:
    fall_ill(agent, seller)
    agent.clear_faults()
    agent.faults(kind="status", status=503)
    with later():
        talk(seller)
    outage = SellerOutage.objects.get()
    assert (outage.reason, outage.calls_failed, outage.ended_at) == ("http_503", 6, None)


def test_an_outage_whose_step_crashed_is_told_by_the_beat(agent: RunningSeller, seller: Seller) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        fall_ill(agent, seller)
        raise ZeroDivisionError
    assert not SellerOutage.objects.exists()
    assert not Exchange.objects.exists()
    tasks.note_outages()
    assert SellerOutage.objects.get().ended_at is None


def test_one_that_began_and_ended_unseen_is_told_all_the_same(agent: RunningSeller, seller: Seller) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        fall_ill(agent, seller)
        agent.clear_faults()
        with later():
            talk(seller)
        raise ZeroDivisionError
    tasks.note_outages()
    assert SellerOutage.objects.get().ended_at is not None


def test_a_process_that_forgot_ends_the_outage_with_the_next_good_answer(
    agent: RunningSeller, seller: Seller
) -> None:
    fall_ill(agent, seller)
    gate.forget_all()
    tasks.note_outages()
    assert SellerOutage.objects.get().ended_at is None  # nobody has heard anything good of it
    agent.clear_faults()
    with later():
        talk(seller)
        tasks.note_outages()
    assert SellerOutage.objects.get().ended_at is not None


def test_a_seller_that_stays_ill_over_a_restart_has_one_outage(agent: RunningSeller, seller: Seller) -> None:
    fall_ill(agent, seller)
    gate.forget_all()
    with later():
        talk(seller, 5)
        tasks.note_outages()
    assert [outage.ended_at for outage in SellerOutage.objects.all()] == [None]


def test_a_second_illness_is_a_second_outage(agent: RunningSeller, seller: Seller) -> None:
    fall_ill(agent, seller)
    agent.clear_faults()
    with later():
        talk(seller)
        fall_ill(agent, seller)
    newest, first = SellerOutage.objects.all()
    assert first.ended_at is not None
    assert newest.ended_at is None
    assert newest.began_at >= first.ended_at


def test_an_outage_that_is_over_may_not_reach_into_the_next_by_a_wrong_clock(
    agent: RunningSeller, seller: Seller
) -> None:
    """Another process, whose clock is an hour ahead, has ended one; by our clock the next begins before that."""
    ahead = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    SellerOutage.objects.create(
        seller=seller, began_at=ahead - dt.timedelta(hours=2), ended_at=ahead, reason="reset"
    )
    fall_ill(agent, seller)
    assert SellerOutage.objects.get(ended_at=None).began_at == ahead


# --- what the database keeps by itself -----------------------------------------------------------------------------


def test_a_seller_has_one_open_outage(seller: Seller) -> None:
    at = dt.datetime.now(dt.UTC)
    SellerOutage.objects.create(seller=seller, began_at=at, reason="reset")
    with pytest.raises(IntegrityError), transaction.atomic():
        SellerOutage.objects.create(seller=seller, began_at=at + SOON, reason="reset")


def test_an_outage_does_not_end_before_it_began(seller: Seller) -> None:
    at = dt.datetime.now(dt.UTC)
    with pytest.raises(IntegrityError), transaction.atomic():
        SellerOutage.objects.create(seller=seller, began_at=at, ended_at=at, reason="reset")


def test_two_outages_of_one_seller_never_overlap(
    agent: RunningSeller, seller: Seller, operator: Actor
) -> None:
    """PostgreSQL refuses such a row itself. SQLite has no such constraint: there the service keeps them apart."""
    at = dt.datetime.now(dt.UTC)
    other = services.add_seller(
        actor=operator, url="http://127.0.0.1:9", dialect="seller-agent", name="Other"
    )
    SellerOutage.objects.create(seller=seller, began_at=at - SOON, ended_at=at, reason="reset")
    SellerOutage.objects.create(seller=other, began_at=at - SOON, ended_at=at, reason="reset")
    SellerOutage.objects.create(seller=seller, began_at=at, ended_at=at + SOON, reason="reset")
    fall_ill(agent, seller)
    assert none_overlap(seller)
    assert SellerOutage.objects.filter(seller=seller, ended_at=None).count() == 1
    if connection.vendor == "postgresql":
        within = SellerOutage(seller=seller, began_at=at + SOON / 2, ended_at=at + SOON * 2, reason="reset")
        with pytest.raises(IntegrityError), transaction.atomic():
            within.save()


def test_however_many_tell_of_it_at_once_it_is_one_outage(agent: RunningSeller, seller: Seller) -> None:
    fall_ill(agent, seller)
    SellerOutage.objects.all().delete()
    ready = threading.Barrier(8)

    def tell() -> None:
        try:
            ready.wait(timeout=10)
            outages.note(seller.pk)
        finally:
            connection.close()

    tellers = [threading.Thread(target=tell) for _ in range(8)]
    for one in tellers:
        one.start()
    for one in tellers:
        one.join(timeout=30)
    assert [outage.ended_at for outage in SellerOutage.objects.all()] == [None]


def none_overlap(seller: Seller) -> bool:
    rows = list(SellerOutage.objects.filter(seller=seller).order_by("began_at"))
    return all(
        before.ended_at is not None and before.ended_at <= after.began_at
        for before, after in itertools.pairwise(rows)
    )


# --- what people and programs see ----------------------------------------------------------------------------------


def test_the_api_shows_it(agent: RunningSeller, seller: Seller) -> None:
    services.probe_seller(seller_id=seller.pk, actor=Actor("system", "x", "x"))
    api = with_key()
    assert (
        api.get("/api/sellers/harbor").json()["status"],
        api.get("/api/sellers/harbor").json()["outages"],
    ) == (
        "ok",
        [],
    )
    fall_ill(agent, seller)
    shown = api.get("/api/sellers/harbor").json()
    assert shown["status"] == "out"
    assert (shown["outages"][0]["reason"], shown["outages"][0]["ended_at"]) == ("http_500", None)
    assert api.get("/api/sellers").json()["results"] == [shown]


def test_the_page_shows_it(agent: RunningSeller, seller: Seller, client: Any) -> None:
    client.force_login(person(Role.OPS))
    fall_ill(agent, seller)
    page = client.get("/sellers/").content.decode()
    assert "it answers HTTP 500. 5 calls failed." in page
    agent.clear_faults()
    with later():
        talk(seller)
    page = client.get("/sellers/").content.decode()
    assert "calls failed" not in page
    assert "Last out" in page


def test_the_page_asks_as_many_questions_for_many_sellers_as_for_one(
    seller: Seller, operator: Actor, client: Any, django_assert_max_num_queries: Any
) -> None:
    client.force_login(person(Role.OPS))
    for number in range(6):
        url = f"http://127.0.0.1:{number + 1}"
        one = services.add_seller(actor=operator, url=url, dialect="seller-agent", name=f"Seller {number}")
        SellerOutage.objects.create(seller=one, began_at=dt.datetime.now(dt.UTC), reason="reset")
    with django_assert_max_num_queries(12):
        assert client.get("/sellers/").content.decode().count("it closes the connection") == 6


def test_the_admin_shows_it(agent: RunningSeller, seller: Seller, client: Any) -> None:
    boss = person(Role.OPS)
    boss.is_staff = True
    boss.save()
    client.force_login(boss)
    fall_ill(agent, seller)
    assert (
        "until now: it answers HTTP 500"
        in client.get(f"/admin/sellers/seller/{seller.pk}/change/").content.decode()
    )
    assert client.get("/admin/sellers/selleroutage/").status_code == 200
