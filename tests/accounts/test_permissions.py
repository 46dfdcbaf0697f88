from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser

from accounts.models import User
from accounts.permissions import RULES, SCOPES, can, can_key, scopes_of
from accounts.roles import MEANINGS, Role
from accounts.services import issue_key
from flows.actors import SYSTEM_ACTOR

# Written out by hand from security.md 8.2: a slip in the table must show here.
ALLOWED = {
    "booking.create": {"manager", "api_client"},
    "booking.run": {"manager", "ops", "api_client"},
    "booking.cancel": {"manager", "ops", "api_client"},
    "booking.read": {"manager", "approver", "finance", "ops", "client_viewer", "api_client"},
    "booking.decide": {"manager", "approver"},
    "booking.confirm": {"manager", "approver", "finance"},
    "booking.ask": {"manager", "approver", "finance"},
    "client_view.answer": {"client_viewer"},
    "client_view.comment": {"manager", "approver", "client_viewer"},
    "client_view.share": {"manager", "approver"},
    "work.read": {"manager", "approver", "finance", "ops"},
    "money.read": {"manager", "approver", "finance", "api_client"},
    "operations.read": {"manager", "ops"},
    "operations.act": {"manager", "ops"},
    "seller.read": {"manager", "approver", "ops"},
    "seller.write": {"ops"},
    "audit.read": {"manager", "approver", "finance", "ops"},
    "user.write": {"ops"},
    "policy.write": {"ops"},
    "ops.read": {"ops"},
    "ops.write": {"ops"},
}


@pytest.mark.parametrize("action", RULES)
@pytest.mark.parametrize("role", Role.values)
def test_each_role_may_exactly_what_the_table_says(role: str, action: str):
    assert can(User(role=role), action) == (role in ALLOWED[action])


@pytest.mark.parametrize("action", RULES)
def test_anonymous_and_disabled_users_may_nothing(action: str):
    assert not can(AnonymousUser(), action)
    assert not any(can(User(role=role, is_active=False), action) for role in Role.values)


@pytest.mark.parametrize("role", Role.values)
def test_a_superuser_is_ops_and_never_decides(role: str):
    superuser = User(role=role, is_superuser=True)
    assert not can(superuser, "booking.decide")
    assert not can(superuser, "booking.confirm")
    assert {action for action in RULES if can(superuser, action)} == {
        action for action, roles in ALLOWED.items() if "ops" in roles
    }


def test_an_unknown_action_is_a_programming_error():
    with pytest.raises(KeyError):
        can(User(role=Role.OPS), "booking.steal")


@pytest.mark.parametrize("action", RULES)
@pytest.mark.parametrize("role", Role.values)
def test_a_key_needs_both_its_scope_and_its_users_role(make_user, role: str, action: str):
    user = make_user(role=role)
    full, _ = issue_key(user=user, name="full", scopes=SCOPES, actor=SYSTEM_ACTOR)
    other = [scope for scope in SCOPES if scope not in RULES[action].scopes]
    without, _ = issue_key(user=user, name="without", scopes=other, actor=SYSTEM_ACTOR)

    assert can_key(full, action) == (role in ALLOWED[action])
    assert not can_key(without, action)


def test_a_key_with_every_scope_of_a_superuser_cannot_decide(make_user):
    user = make_user(role=Role.APPROVER, is_superuser=True)
    key, _ = issue_key(user=user, name="root", scopes=SCOPES, actor=SYSTEM_ACTOR)
    assert not can_key(key, "booking.decide")


def test_the_all_round_scopes_of_a_role():
    assert scopes_of(Role.APPROVER) == [
        *("audit:read", "booking:decide", "booking:read", "client:write", "finance:read", "seller:read")
    ]
    assert "booking:decide" not in scopes_of(Role.OPS) + scopes_of(Role.API_CLIENT)


def test_every_role_has_a_meaning():
    assert set(MEANINGS) == set(Role.values)
    assert Role.OPS.meaning.startswith("Keeps sellers")
