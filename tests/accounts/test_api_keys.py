"""Keys over HTTP: who they act for, and every way in which they stop to."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.core.exceptions import ValidationError

from accounts.models import ApiKey
from accounts.permissions import scopes_of
from accounts.roles import Role
from accounts.services import change_access, issue_key, revoke_key
from flows.actors import SYSTEM_ACTOR
from flows.clock import now
from flows.models import Event

pytestmark = pytest.mark.urls("tests.accounts.sample_urls")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_key_acts_for_its_user(client, make_user, token_for):
    answer = client.get("/api/parties", headers=bearer(token_for(make_user("mara"))))
    key = ApiKey.objects.get()
    assert answer.json() == {"actor": ["api_key", str(key.pk), "mara by key desk"]}


def test_the_x_api_key_header_does_the_same(client, make_user, token_for):
    assert client.get("/api/parties", headers={"X-API-Key": token_for(make_user())}).status_code == 200


def test_a_session_acts_for_its_person(client, make_user):
    user = make_user("mara", first_name="Mara", last_name="Voss")
    client.force_login(user)
    assert client.get("/api/parties").json() == {"actor": ["human", str(user.pk), "Mara Voss"]}


def test_without_a_key_the_answer_is_a_challenge(client, db):
    answer = client.get("/api/parties")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "not_authenticated"


@pytest.mark.parametrize(
    "headers", [bearer("fd_unknown1.secret"), bearer(""), bearer("x" * 5000), {"X-API-Key": "x"}]
)
def test_an_unknown_key_is_401(client, db, headers):
    answer = client.get("/api/parties", headers=headers)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["code"] == "invalid_key"


def test_a_bad_key_is_not_saved_by_a_good_session(client, make_user):
    client.force_login(make_user())
    assert client.get("/api/parties", headers=bearer("fd_unknown1.secret")).status_code == 401


def test_a_key_in_the_address_is_ignored(client, make_user, token_for):
    assert client.get("/api/parties", {"api_key": token_for(make_user())}).status_code == 401


def test_a_revoked_key_is_refused_at_once(client, make_user, token_for):
    token = token_for(make_user())
    assert client.get("/api/parties", headers=bearer(token)).status_code == 200
    revoke_key(key=ApiKey.objects.get(), actor=SYSTEM_ACTOR)
    assert client.get("/api/parties", headers=bearer(token)).status_code == 401


def test_an_expired_key_is_refused(client, make_user, token_for):
    start = now()
    token = token_for(make_user(), expires_at=start + dt.timedelta(hours=1))
    with time_machine.travel(start + dt.timedelta(minutes=59)):
        assert client.get("/api/parties", headers=bearer(token)).status_code == 200
    with time_machine.travel(start + dt.timedelta(minutes=61)):
        assert client.get("/api/parties", headers=bearer(token)).status_code == 401
        assert ApiKey.objects.get().state == "expired"


def test_two_keys_overlap_while_one_is_rotated_out(client, make_user, token_for):
    user = make_user()
    old, new = token_for(user), token_for(user)
    assert client.get("/api/parties", headers=bearer(old)).status_code == 200
    assert client.get("/api/parties", headers=bearer(new)).status_code == 200


def test_the_key_of_a_disabled_user_is_refused(client, make_user, token_for):
    user = make_user()
    token = token_for(user)
    change_access(user=user, is_active=False, actor=SYSTEM_ACTOR)
    assert client.get("/api/parties", headers=bearer(token)).status_code == 401
    assert ApiKey.objects.get().state == "user disabled"


def test_the_session_of_a_disabled_user_is_refused(client, make_user):
    user = make_user()
    client.force_login(user)
    change_access(user=user, is_active=False, actor=SYSTEM_ACTOR)
    assert client.get("/api/parties").status_code == 401


def test_a_lost_role_shows_at_the_next_request(client, make_user, token_for):
    user = make_user(role=Role.MANAGER)
    token = token_for(user)
    change_access(user=user, role=Role.APPROVER, actor=SYSTEM_ACTOR)
    answer = client.post("/api/parties", {"name": "x"}, "application/json", headers=bearer(token))
    assert answer.status_code == 403
    assert answer.json()["code"] == "permission_denied"


def test_a_key_without_the_scope_is_403(client, make_user, token_for):
    token = token_for(make_user(), scopes=["booking:read"])
    assert client.get("/api/parties", headers=bearer(token)).status_code == 200
    answer = client.post("/api/parties", {"name": "x"}, "application/json", headers=bearer(token))
    assert answer.status_code == 403


def test_a_method_can_have_its_own_action(client, make_user, token_for):
    manager, ops = token_for(make_user("m")), token_for(make_user("o", role=Role.OPS))
    assert client.delete("/api/parties", headers=bearer(manager)).status_code == 403
    assert client.delete("/api/parties", headers=bearer(ops)).status_code == 204


def test_what_is_not_named_is_refused(client, make_user, token_for):
    token = token_for(make_user(role=Role.OPS))
    assert client.get("/api/closed", headers=bearer(token)).status_code == 200
    assert client.post("/api/closed", headers=bearer(token)).status_code == 403


def test_a_method_that_is_not_served_is_405_for_who_is_signed_in(client, make_user, token_for):
    assert client.patch("/api/closed").status_code == 401
    answer = client.patch("/api/closed", headers=bearer(token_for(make_user())))
    assert answer.status_code == 405
    assert "GET" in answer["Allow"]


def test_use_is_noted_at_most_once_a_minute(client, make_user, token_for):
    token, start = token_for(make_user()), now()
    seen = []
    for seconds in (0, 20, 59, 61):
        with time_machine.travel(start + dt.timedelta(seconds=seconds), tick=False):
            client.get("/api/parties", headers=bearer(token))
        seen.append(ApiKey.objects.get().last_used_at)
    assert seen[0] == seen[1] == seen[2] == start
    assert seen[3] == start + dt.timedelta(seconds=61)


def test_a_session_write_needs_the_csrf_token(make_user):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(make_user())
    answer = strict.post("/api/parties", {"name": "x"}, "application/json")
    assert answer.status_code == 403
    assert answer.json()["code"] == "csrf_failed"


def test_a_key_write_needs_none(make_user, token_for):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    answer = strict.post(
        "/api/parties", {"name": "x"}, "application/json", headers=bearer(token_for(make_user()))
    )
    assert answer.status_code == 202


def test_issue_and_revoke_leave_an_event_without_the_secret(make_user):
    key, token = issue_key(user=make_user(), name="desk", scopes=scopes_of("manager"), actor=SYSTEM_ACTOR)
    revoke_key(key=key, actor=SYSTEM_ACTOR)
    revoke_key(key=key, actor=SYSTEM_ACTOR)
    rows = list(Event.objects.filter(subject_type="api_key", subject_id=str(key.pk)).order_by("position"))
    assert [row.type for row in rows] == ["api_key.issued", "api_key.revoked"]
    assert all(token.split(".")[1] not in str(row.payload) for row in rows)


def test_a_role_change_leaves_an_event_and_no_change_leaves_none(make_user):
    user = make_user(role=Role.MANAGER)
    change_access(user=user, role=Role.MANAGER, actor=SYSTEM_ACTOR)
    change_access(user=user, role=Role.FINANCE, actor=SYSTEM_ACTOR)
    row = Event.objects.get(subject_type="user")
    assert row.payload["from"]["role"] == "manager"
    assert row.payload["to"]["role"] == "finance"


@pytest.mark.parametrize(
    "wrong",
    [{"scopes": ["booking:steal"]}, {"scopes": [], "expires_at": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)}],
)
def test_a_key_with_an_unknown_scope_or_a_past_end_is_not_issued(make_user, wrong):
    with pytest.raises(ValidationError):
        issue_key(user=make_user(), name="desk", actor=SYSTEM_ACTOR, **wrong)
    assert not ApiKey.objects.exists()
