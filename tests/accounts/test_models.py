from __future__ import annotations

import re

import pytest

from accounts.models import ApiKey
from accounts.roles import Role


def test_losing_the_ops_role_closes_the_admin(make_user):
    user = make_user(role=Role.OPS)
    assert user.is_staff
    assert user.has_perm("crm.change_organization")
    assert user.has_module_perms("crm")

    user.role = Role.MANAGER
    user.save(update_fields=["role"])
    user.refresh_from_db()

    assert not user.is_staff
    assert not user.has_perm("crm.change_organization")


def test_only_ops_hold_model_permissions(make_user):
    for role in set(Role.values) - {Role.OPS}:
        user = make_user(role, role=role)
        assert not user.is_staff
        assert not user.has_perm("crm.view_organization")


def test_a_disabled_ops_user_holds_none(make_user):
    assert not make_user(role=Role.OPS, is_active=False).has_perm("crm.view_organization")


def test_a_token_has_a_readable_prefix_and_256_bits(make_user):
    key, token = ApiKey.issue(make_user(), "desk", ["booking:read"])
    prefix, secret = token.split(".")
    assert re.fullmatch(r"fd_[a-z0-9]{8}", prefix)
    assert key.prefix == prefix
    assert len(secret) == 43  # 32 bytes in base64url


def test_the_secret_is_nowhere_in_the_row(make_user):
    key, token = ApiKey.issue(make_user(), "desk")
    secret = token.split(".")[1]
    row = ApiKey.objects.values().get(pk=key.pk)
    assert secret not in repr(row)
    assert len(row["secret_hash"]) == 128


def test_tokens_differ(make_user):
    user = make_user()
    assert len({ApiKey.issue(user, "desk")[1] for _ in range(20)}) == 20


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-1],
        lambda token: token + "x",
        lambda token: token.split(".")[0],
        lambda token: token.split(".")[1],
        lambda token: token.upper(),
        lambda token: "",
        lambda token: ".",
        lambda token: token.replace("fd_", "xx_"),
    ],
)
def test_only_the_whole_token_opens(make_user, spoil):
    key, token = ApiKey.issue(make_user(), "desk")
    assert ApiKey.of_token(token) == key
    assert ApiKey.of_token(spoil(token)) is None


def test_another_keys_secret_does_not_open(make_user):
    user = make_user()
    _, one = ApiKey.issue(user, "one")
    _, two = ApiKey.issue(user, "two")
    assert ApiKey.of_token(f"{one.split('.')[0]}.{two.split('.')[1]}") is None
