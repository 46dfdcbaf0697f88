from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client

from accounts.idempotency import forget_expired
from accounts.models import IdempotencyRecord
from crm.models import Organization
from flows.clock import now

pytestmark = pytest.mark.urls("tests.accounts.sample_urls")

KEY = "order-2026-0001"


def post(token: str, body: object, key: str | None = KEY, path: str = "/api/parties"):
    headers = {"Authorization": f"Bearer {token}"}
    if key is not None:
        headers["Idempotency-Key"] = key
    return Client().post(path, body, "application/json", headers=headers)


@pytest.fixture
def token(make_user, token_for) -> str:
    return token_for(make_user())


def test_the_same_request_gets_the_same_answer_and_happens_once(token):
    first, second = (post(token, {"name": "Alder", "n": 1.50}) for _ in range(2))
    assert first.status_code == second.status_code == 202
    assert first.content == second.content
    assert first["Location"] == second["Location"]
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert Organization.objects.count() == 1


def test_the_order_and_spacing_of_the_body_do_not_matter(token):
    post(token, '{"name": "Alder", "x": [1, {"a": 1.0, "b": null}]}')
    again = post(token, '{ "x":[1,{"b":null,"a":1.00}],\n"name":"\\u0041lder"}')
    assert again["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    "other", [{"name": "Birch"}, {"name": "Alder", "x": None}, {"name": "Alder", "x": [1, 2]}]
)
def test_another_body_under_the_same_key_is_a_conflict(token, other):
    post(token, {"name": "Alder", "x": [2, 1]})
    answer = post(token, other)
    assert answer.status_code == 409
    assert answer.json()["code"] == "idempotency_conflict"
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
    assert Organization.objects.count() == 1


def test_another_query_under_the_same_key_is_a_conflict(token):
    post(token, {"name": "Alder"})
    assert post(token, {"name": "Alder"}, path="/api/parties?client=x").status_code == 409


def test_a_conflict_does_not_spoil_the_first_answer(token):
    first = post(token, {"name": "Alder"})
    post(token, {"name": "Birch"})
    assert post(token, {"name": "Alder"}).content == first.content


def test_keys_of_different_users_do_not_meet(make_user, token_for):
    one, two = token_for(make_user("one")), token_for(make_user("two"))
    assert post(one, {"name": "Alder"}).status_code == 202
    answer = post(two, {"name": "Birch"})
    assert answer.status_code == 202
    assert "Idempotent-Replayed" not in answer


def test_a_retry_after_a_key_rotation_still_finds_its_answer(make_user, token_for):
    user = make_user()
    first, second = post(token_for(user), {"name": "Alder"}), post(token_for(user), {"name": "Alder"})
    assert second["Idempotent-Replayed"] == "true"
    assert first.content == second.content


def test_without_the_header_each_request_is_its_own(token):
    assert post(token, {"name": "Alder"}, key=None).status_code == 202
    assert post(token, {"name": "Birch"}, key=None).status_code == 202
    assert not IdempotencyRecord.objects.exists()


@pytest.mark.parametrize("body", [{"name": ""}, {"name": "teapot"}])
def test_a_refusal_is_not_kept_and_the_key_stays_free(token, body):
    assert post(token, body).status_code in (400, 422)
    assert not IdempotencyRecord.objects.exists()
    assert post(token, {"name": "Alder"}).status_code == 202


@pytest.mark.parametrize(
    "key", ["", "short", "x" * 256, "with space 1", "ümlaut-key-1", '"quoted-key-1"', "a,b,c,d,e,f"]
)
def test_an_unusable_key_is_named(token, key):
    answer = post(token, {"name": "Alder"}, key=key)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
    assert not Organization.objects.exists()


@pytest.mark.parametrize("key", ["12345678", "x" * 255, "A.b_c:d-9"])
def test_the_limits_of_a_key_are_usable(token, key):
    assert post(token, {"name": "Alder"}, key=key).status_code == 202


def test_after_seven_days_a_key_is_new_again(token):
    start = now()
    post(token, {"name": "Alder"})
    with time_machine.travel(start + dt.timedelta(days=6, hours=23)):
        assert post(token, {"name": "Alder"})["Idempotent-Replayed"] == "true"
        assert forget_expired() == 0
    with time_machine.travel(start + dt.timedelta(days=7, minutes=1)):
        assert post(token, {"name": "Birch"}).status_code == 202
    with time_machine.travel(start + dt.timedelta(days=15)):
        assert forget_expired() == 1


@pytest.mark.django_db(transaction=True)
def test_eight_at_once_make_one(make_user, token_for):
    token, start = token_for(make_user()), threading.Barrier(8)

    def send(_: int):
        start.wait()
        try:
            return post(token, {"name": "Alder"})
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))

    assert [answer.status_code for answer in answers] == [202] * 8
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer for answer in answers) == 7
    assert Organization.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_who_cannot_wait_any_longer_is_told_so(make_user, token_for):
    """The first request holds its claim for longer than the second may wait."""
    user = make_user()
    token, held, release = token_for(user), threading.Event(), threading.Event()
    claim = {"principal": f"user:{user.pk}", "route": "POST api/parties", "key": KEY}

    def hold() -> None:
        with transaction.atomic():
            IdempotencyRecord.objects.create(request_digest="", **claim)
            held.set()
            release.wait(30)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    try:
        with short_waits():
            answer = post(token, {"name": "Alder"})
    finally:
        release.set()
        holder.join()
    assert answer.status_code == 409
    assert answer.json()["code"] == "idempotency_in_flight"
    assert answer["Retry-After"] == "1"
    assert not Organization.objects.exists()


@contextmanager
def short_waits() -> Iterator[None]:
    """The test's own connection, which the test client uses too, gives up after 200 ms and not after seconds."""
    sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 200" if sqlite else "SET lock_timeout = 200")
    yield
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 20000" if sqlite else "RESET lock_timeout")
