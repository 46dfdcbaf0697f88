"""Who knocks at the registry's doors."""

from __future__ import annotations

from rest_framework.test import APIClient

from accounts.models import ApiKey, User
from accounts.permissions import scopes_of
from accounts.roles import Role


def person(role: str, name: str = "") -> User:
    return User.objects.create_user(name or f"{role}-user", password="a long pass phrase 42", role=role)


def signed_in(role: str) -> APIClient:
    client = APIClient()
    client.force_login(person(role))
    return client


def with_key(role: str = Role.OPS, scopes: list[str] | None = None) -> APIClient:
    issued = ApiKey.issue(person(role), "test", scopes_of(role) if scopes is None else scopes, None)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {issued[1]}")
    return client
