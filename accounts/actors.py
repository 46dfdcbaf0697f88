"""From a request to the actor that events name."""

from __future__ import annotations

from typing import Any

from accounts.models import ApiKey, User
from flows.actors import API_KEY, HUMAN, Actor


def actor_of(request: Any) -> Actor:
    """The person or the key behind an authenticated request. PermissionError for an anonymous one."""
    key = getattr(request, "auth", None)
    if isinstance(key, ApiKey):
        return actor_of_key(key)
    if not request.user.is_authenticated:
        raise PermissionError("an anonymous request has no actor")
    return actor_of_user(request.user)


def actor_of_user(user: User) -> Actor:
    return Actor(HUMAN, str(user.pk), user.label)


def actor_of_key(key: ApiKey) -> Actor:
    return Actor(API_KEY, str(key.pk), f"{key.user.label} by key {key.name}")
