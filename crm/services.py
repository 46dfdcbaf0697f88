"""Adding a party and saying who works for it."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.text import slugify

from crm.models import Assignment, Organization, Stage
from flows import events
from flows.actors import Actor


def add_organization(
    *, name: str, actor: Actor, lifecycle: str = Stage.PROSPECT, currency: str = "USD", timezone: str = "UTC"
) -> Organization:
    """A new party. ValidationError (Django's) names each wrong field; a taken name is one."""
    organization = Organization(name=name, lifecycle=lifecycle, currency=currency, timezone=timezone)
    organization.slug = _free_slug(name)
    organization.full_clean()
    with transaction.atomic():
        organization.save(force_insert=True)
        _record(organization, "added", actor, {"name": name, "lifecycle": lifecycle})
    return organization


def assign(*, organization: Organization, user: Any, actor: Actor) -> Assignment:
    """Lets `user` see and work for `organization`; repeating it changes nothing."""
    with transaction.atomic():
        assignment, is_new = Assignment.objects.get_or_create(organization=organization, user=user)
        record_assignments(organization, set(), {user.pk} if is_new else set(), actor)
    return assignment


def unassign(*, organization: Organization, user: Any, actor: Actor) -> None:
    """The next request of `user` no longer finds this client."""
    with transaction.atomic():
        gone, _ = Assignment.objects.filter(organization=organization, user=user).delete()
        record_assignments(organization, {user.pk} if gone else set(), set(), actor)


def record_assignments(organization: Organization, before: set[int], after: set[int], actor: Actor) -> None:
    """One event per user who was added or taken away; the ids are of users."""
    for user_id in sorted(after - before):
        _record(organization, "assigned", actor, {"user": user_id})
    for user_id in sorted(before - after):
        _record(organization, "unassigned", actor, {"user": user_id})


def _record(organization: Organization, what: str, actor: Actor, payload: dict[str, Any]) -> None:
    events.record(
        subject_type="organization",
        subject_id=organization.pk,
        type=f"organization.{what}",
        actor=actor,
        payload=payload,
    )


def _free_slug(name: str) -> str:
    base = slugify(name)[:110] or "organization"
    taken = set(Organization.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    slug, number = base, 2
    while slug in taken:
        slug, number = f"{base}-{number}", number + 1
    return slug
