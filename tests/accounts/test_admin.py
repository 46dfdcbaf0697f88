"""The admin of people and keys, over HTTP, by ops."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import ApiKey, User
from accounts.roles import Role
from flows.models import Event
from tests.agency import PASSWORD


@pytest.fixture
def ops(make_user) -> Client:
    client = Client()
    client.force_login(make_user("olu", role=Role.OPS))
    return client


def access_form(user: User, **changed: str) -> dict[str, str]:
    fields = {"username": user.username, "email": user.email, "role": user.role, "is_active": "on"}
    return fields | changed


def test_the_admin_has_no_login_form_of_its_own(client, make_user):
    answer = client.get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0].startswith("/login/?next=/admin/")
    answer = client.post("/admin/login/", {"username": "mara", "password": PASSWORD})
    assert answer["Location"].startswith("/login/")
    client.force_login(make_user("mara"))
    assert client.get("/admin/", follow=True).status_code == 403


def test_a_key_is_issued_and_its_token_shown_once(ops, make_user):
    user = make_user("desk", role=Role.API_CLIENT)
    form = {"user": user.pk, "name": "planning tool", "scopes": ["booking:read", "booking:write"]}
    form |= {"expires_at_0": "", "expires_at_1": ""}
    answer = ops.post(reverse("admin:accounts_apikey_add"), form)
    assert answer.status_code == 200
    token = re.search(r"fd_[a-z0-9]{8}\.[\w-]{43}", answer.content.decode()).group()
    key = ApiKey.of_token(token)
    assert key.name == "planning tool"
    assert key.scopes == ["booking:read", "booking:write"]

    secret = token.split(".")[1]
    for page in ("admin:accounts_apikey_changelist", "admin:index"):
        assert secret not in ops.get(reverse(page)).content.decode()
    shown = ops.get(reverse("admin:accounts_apikey_change", args=[key.pk])).content.decode()
    assert secret not in shown
    assert key.secret_hash not in shown
    assert secret not in str(ops.cookies)


def test_a_key_is_revoked_by_its_action(ops, make_user):
    key, token = ApiKey.issue(make_user("desk"), "desk")
    form = {"action": "revoke", "_selected_action": [str(key.pk)]}
    ops.post(reverse("admin:accounts_apikey_changelist"), form)
    assert ApiKey.of_token(token) is None
    assert Event.objects.get(type="api_key.revoked").actor_label == "olu"


def test_ops_change_the_role_of_another_with_an_event(ops, make_user):
    mara = make_user("mara")
    ops.post(reverse("admin:accounts_user_change", args=[mara.pk]), access_form(mara, role=Role.APPROVER))
    mara.refresh_from_db()
    assert mara.role == Role.APPROVER
    row = Event.objects.get(type="user.access_changed")
    assert (row.payload["from"]["role"], row.payload["to"]["role"]) == ("manager", "approver")


def test_ops_cannot_change_the_own_role_or_become_superuser(ops):
    olu = User.objects.get(username="olu")
    form = access_form(olu, role=Role.APPROVER, is_superuser="on", email="new@agency.example")
    ops.post(reverse("admin:accounts_user_change", args=[olu.pk]), form)
    olu.refresh_from_db()
    assert olu.email == "new@agency.example"
    assert olu.role == Role.OPS
    assert not olu.is_superuser


def test_ops_cannot_touch_a_superuser(ops, make_user):
    root = make_user("root", is_superuser=True)
    url = reverse("admin:accounts_user_change", args=[root.pk])
    assert ops.post(url, access_form(root, email="mine@evil.example")).status_code == 403
    password = reverse("admin:auth_user_password_change", args=[root.pk])
    assert ops.get(password).status_code == 403


def test_nobody_is_deleted(ops, make_user):
    mara = make_user("mara")
    assert ops.post(reverse("admin:accounts_user_delete", args=[mara.pk]), {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=mara.pk).exists()


@pytest.mark.parametrize("name", ["user_changelist", "user_add", "apikey_changelist", "apikey_add"])
def test_every_page_opens(ops, name):
    assert ops.get(reverse(f"admin:accounts_{name}")).status_code == 200


@pytest.mark.parametrize("role", sorted(set(Role.values) - {Role.OPS}))
def test_no_other_role_gets_in(client, make_user, role):
    client.force_login(make_user("someone", role=role))
    assert client.get(reverse("admin:accounts_user_changelist"), follow=True).status_code == 403


def test_a_new_user_gets_the_chosen_role(ops):
    form = {"username": "jun", "email": "jun@agency.example", "role": Role.FINANCE, "usable_password": "true"}
    ops.post(reverse("admin:accounts_user_add"), form | {"password1": PASSWORD, "password2": PASSWORD})
    jun = User.objects.get(username="jun")
    assert jun.role == Role.FINANCE
    assert not jun.is_staff
    assert jun.check_password(PASSWORD)
