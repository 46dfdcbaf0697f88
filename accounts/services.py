"""Commands on people and keys; each is one transaction with its event."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import ApiKey, User
from accounts.permissions import SCOPES
from accounts.roles import Role
from accounts.times import Times
from flows import events
from flows.actors import Actor
from flows.clock import now
from planning.zones import zone_named


def issue_key(
    *, user: User, name: str, scopes: Iterable[str], actor: Actor, expires_at: dt.datetime | None = None
) -> tuple[ApiKey, str]:
    """A key that acts for `user`, and its token, shown this once.

    ValidationError for an unknown scope or an end in the past.
    """
    wanted = sorted(set(scopes))
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown:
        raise ValidationError({"scopes": f"There is no scope {', '.join(unknown)}."}, code="unknown_scope")
    check_expiry(expires_at)
    with transaction.atomic():
        key, token = ApiKey.issue(user, name, wanted, expires_at)
        _record("api_key", key.pk, "issued", actor, {"user": user.pk, "prefix": key.prefix, "scopes": wanted})
    return key, token


def check_expiry(expires_at: dt.datetime | None) -> None:
    """ValidationError for an instant that has passed."""
    if expires_at is not None and expires_at <= now():
        raise ValidationError("This is in the past.", code="past")


def revoke_key(*, key: ApiKey, actor: Actor) -> None:
    """The next request with this key is a 401. Revoking twice keeps the first time."""
    with transaction.atomic():
        changed = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now())
        if changed:
            _record("api_key", key.pk, "revoked", actor, {"prefix": key.prefix})
    key.refresh_from_db()


def change_access(
    *, user: User, actor: Actor, role: str | None = None, is_active: bool | None = None
) -> None:
    """Another role, or disabled or enabled; takes effect with the user's next request."""
    before = {"role": user.role, "is_active": user.is_active}
    user.role = Role(role) if role is not None else user.role
    user.is_active = user.is_active if is_active is None else is_active
    after = {"role": str(user.role), "is_active": user.is_active}
    if after == before:
        return
    with transaction.atomic():
        user.save(update_fields=["role", "is_active"])
        record_access(user, before, after, actor)


def choose_times(*, user: User, times: str, timezone: str) -> None:
    """How pages show this person times. ValidationError naming `times` or `timezone`; then nothing has changed."""
    if times not in Times.values:
        raise ValidationError({"times": f"Choose one of {', '.join(Times.values)}."}, code="unknown_times")
    user.times, user.timezone = times, known_zone(timezone)
    user.save(update_fields=["times", "timezone"])


def known_zone(name: str) -> str:
    """As the database spells it. ValidationError naming `timezone`."""
    found = zone_named(name)
    if found is None:
        text = f"{name[:64]!r} is not an IANA time zone, such as Europe/Berlin."
        raise ValidationError({"timezone": text}, code="unknown_timezone")
    return found


def choose_form_style(*, user: Any, one_page: bool) -> None:
    """Long forms whole, or in steps."""
    if user.one_page_forms != one_page:
        user.one_page_forms = one_page
        user.save(update_fields=["one_page_forms"])


def record_access(user: User, before: dict[str, Any], after: dict[str, Any], actor: Actor) -> None:
    """The event of a changed role or state, in the transaction of the change."""
    _record("user", user.pk, "access_changed", actor, {"from": before, "to": after})


def _record(subject_type: str, subject_id: object, what: str, actor: Actor, payload: dict[str, Any]) -> None:
    events.record(
        subject_type=subject_type,
        subject_id=subject_id,
        type=f"{subject_type}.{what}",
        actor=actor,
        payload=payload,
    )
