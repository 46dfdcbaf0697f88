from __future__ import annotations

import datetime as dt
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection
from django.test import Client

from accounts import throttle
from accounts.models import FailedLogin
from accounts.roles import Role
from accounts.services import change_access
from flows.actors import SYSTEM_ACTOR
from flows.clock import now
from tests.agency import PASSWORD

pytestmark = pytest.mark.urls("tests.accounts.sample_urls")


def sign_in(username: str = "mara", password: str = PASSWORD, address: str = "203.0.113.7", **more: str):
    client = Client(REMOTE_ADDR=address)
    return client.post("/login/", {"username": username, "password": password, **more})


def test_the_right_password_signs_in_with_a_new_session(make_user):
    make_user()
    client = Client()
    client.get("/login/")
    before = client.session.session_key
    answer = client.post("/login/", {"username": "mara", "password": PASSWORD})
    assert answer.status_code == 302
    assert client.session.session_key not in (None, before)
    cookie = client.cookies["flightdeck"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


@pytest.mark.parametrize(
    ("target", "lands"),
    [
        ("/campaigns/7/?a=b", "/campaigns/7/?a=b"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("http:///evil.example", "/"),
    ],
)
def test_next_leads_to_this_host_only(make_user, target, lands):
    make_user()
    assert sign_in(next=target)["Location"] == lands


def test_wrong_unknown_and_disabled_look_the_same(make_user):
    make_user("mara")
    change_access(user=make_user("gone"), is_active=False, actor=SYSTEM_ACTOR)
    pages = [sign_in("mara", "wrong"), sign_in("nobody", "wrong"), sign_in("gone", PASSWORD)]
    texts = {
        re.sub(r"mara|nobody|gone|value=\"[A-Za-z0-9]{64}\"", "", page.content.decode()) for page in pages
    }
    assert {page.status_code for page in pages} == {200}
    assert len(texts) == 1
    assert "do not belong together" in texts.pop()


def test_wrong_unknown_and_disabled_cost_the_same_work(make_user, monkeypatch):
    make_user("mara")
    change_access(user=make_user("gone"), is_active=False, actor=SYSTEM_ACTOR)
    hashed, plain = [], MD5PasswordHasher.encode

    def counted(self: MD5PasswordHasher, password: str, salt: str) -> str:
        hashed.append(password)
        return plain(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    for name in ("mara", "nobody", "gone"):
        sign_in(name, f"wrong for {name}")
    assert hashed == ["wrong for mara", "wrong for nobody", "wrong for gone"]


def test_the_eleventh_attempt_is_429_even_with_the_right_password(make_user):
    make_user()
    assert [sign_in(password="wrong").status_code for _ in range(10)] == [200] * 10
    answer = sign_in()
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 15 * 60
    assert "Too many wrong attempts" in answer.content.decode()


def test_the_right_password_from_another_address_still_works(make_user):
    make_user()
    for _ in range(11):
        sign_in(password="wrong")
    assert sign_in(address="203.0.113.8").status_code == 302


def test_another_account_from_the_same_address_still_works(make_user):
    make_user("mara")
    make_user("jun")
    for _ in range(11):
        sign_in("mara", "wrong")
    assert sign_in("jun").status_code == 302


def test_spelling_the_name_differently_does_not_help(make_user):
    make_user()
    for name in ["mara", "MARA", " mara ", "Mara"] * 3:
        last = sign_in(name, "wrong")
    assert last.status_code == 429


def test_many_names_from_one_address_are_stopped(db, monkeypatch):
    monkeypatch.setattr(throttle, "PER_ADDRESS", 5)
    statuses = [sign_in(f"name{number}", "wrong").status_code for number in range(6)]
    assert statuses == [200] * 5 + [429]


def test_an_unknown_name_is_limited_too(db):
    assert [sign_in("nobody", "wrong").status_code for _ in range(11)] == [200] * 10 + [429]


def test_after_a_quarter_of_an_hour_it_goes_on(make_user):
    make_user()
    for _ in range(11):
        sign_in(password="wrong")
    with time_machine.travel(now() + dt.timedelta(minutes=15, seconds=5)):
        assert sign_in().status_code == 302


def test_a_success_clears_the_count(make_user):
    make_user()
    for _ in range(9):
        sign_in(password="wrong")
    assert sign_in().status_code == 302
    assert not FailedLogin.objects.exists()


def test_what_was_typed_as_a_name_is_not_kept(db):
    sign_in("my-password-by-mistake", "wrong")
    assert "my-password" not in repr(FailedLogin.objects.values().get())


def test_old_attempts_are_forgotten(db):
    sign_in("nobody", "wrong")
    assert throttle.forget_old() == 0
    with time_machine.travel(now() + dt.timedelta(minutes=16)):
        assert throttle.forget_old() == 1


@pytest.mark.django_db(transaction=True)
def test_attempts_at_once_do_not_slip_past_the_limit():
    def attempt(_: int) -> bool:
        try:
            return throttle.begin("mara", "203.0.113.7") is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        let_through = sum(pool.map(attempt, range(30)))
    assert let_through == throttle.PER_ACCOUNT_AND_ADDRESS


def test_logout_takes_a_post_with_a_token(make_user):
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user())
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").status_code == 403
    assert "_auth_user_id" in client.session


def test_after_logout_the_old_cookie_is_nobodys(make_user):
    client = Client()
    client.force_login(make_user())
    old = client.cookies["flightdeck"].value
    client.post("/logout/")
    client.cookies["flightdeck"] = old
    assert client.get("/api/parties").status_code == 401


def test_login_needs_a_csrf_token(make_user):
    make_user()
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/login/", {"username": "mara", "password": PASSWORD}).status_code == 403


def test_pages_send_strangers_to_login_and_others_away(client, make_user):
    answer = client.get("/console/")
    assert answer.status_code == 302
    assert answer["Location"] == "/login/?next=/console/"
    client.force_login(make_user())
    assert client.get("/console/").status_code == 403
    client.force_login(make_user("olu", role=Role.OPS))
    assert client.get("/console/").content == b"console"


def test_only_the_demo_login_page_names_its_people(client, make_user, settings):
    make_user("mara", role=Role.MANAGER)
    make_user("robot", role=Role.API_CLIENT)
    settings.FLIGHTDECK_DEMO = False
    assert client.get("/login/").context["demo_users"] == []
    settings.FLIGHTDECK_DEMO, settings.FLIGHTDECK_DEMO_PASSWORD = True, "demo-password"
    [shown] = client.get("/login/").context["demo_users"]
    assert (shown["username"], shown["role"]) == ("mara", "Campaign manager")
    assert shown["password"] == "demo-password"


@pytest.mark.parametrize("password", ["short7!", "password1", "12345678901", "mara-voss"])
def test_weak_passwords_are_refused(make_user, password):
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError

    with pytest.raises(ValidationError):
        validate_password(password, make_user(username="mara-voss"))


def test_long_passwords_are_accepted():
    from django.contrib.auth.password_validation import validate_password

    validate_password("correct horse battery staple " * 3)
