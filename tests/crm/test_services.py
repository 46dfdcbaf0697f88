from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.roles import Role
from crm.models import Assignment, Organization
from crm.services import add_organization, assign, unassign
from flows.actors import SYSTEM_ACTOR
from flows.events import first_bad_position
from flows.models import Event

pytestmark = pytest.mark.django_db


def test_names_make_free_slugs():
    slugs = [
        add_organization(name=name, actor=SYSTEM_ACTOR).slug
        for name in ("Aldér & Söhne", "Alder Sohne", "株式会社")
    ]
    assert slugs == ["alder-sohne", "alder-sohne-2", "organization"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "Alder"),
        ("name", "x" * 121),
        ("currency", "usd"),
        ("currency", "EURO"),
        ("currency", "US\n"),
        ("timezone", "Mars/Olympus"),
        ("timezone", "../../etc/passwd"),
        ("lifecycle", "friend"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_added(field, value):
    add_organization(name="Alder", actor=SYSTEM_ACTOR)
    with pytest.raises(ValidationError) as caught:
        add_organization(**{"name": "Birch", "actor": SYSTEM_ACTOR, field: value})
    assert field in caught.value.message_dict
    assert Organization.objects.count() == 1


def test_the_story_of_a_client_is_in_its_events():
    client = add_organization(name="Alder", actor=SYSTEM_ACTOR, timezone="Europe/Berlin", currency="EUR")
    user = User.objects.create(username="mara")
    for _ in range(2):
        assign(organization=client, user=user, actor=SYSTEM_ACTOR)
    for _ in range(2):
        unassign(organization=client, user=user, actor=SYSTEM_ACTOR)
    rows = Event.objects.filter(subject_id=str(client.pk)).order_by("position")
    assert [row.type for row in rows] == [
        "organization.added",
        "organization.assigned",
        "organization.unassigned",
    ]
    assert first_bad_position("organization", str(client.pk)) is None


def test_ops_assign_in_the_admin_with_an_event():
    ops = User.objects.create(username="olu", role=Role.OPS)
    mara = User.objects.create(username="mara")
    organization = add_organization(name="Alder", actor=SYSTEM_ACTOR)
    client = Client()
    client.force_login(ops)
    form = {"name": "Alder", "slug": "alder", "lifecycle": "client", "currency": "USD", "timezone": "UTC"}
    form |= {"assignments-TOTAL_FORMS": 1, "assignments-INITIAL_FORMS": 0, "assignments-0-user": mara.pk}
    form |= {"contacts-TOTAL_FORMS": 0, "contacts-INITIAL_FORMS": 0}
    answer = client.post(reverse("admin:crm_organization_change", args=[organization.pk]), form)
    assert answer.status_code == 302
    assert Assignment.objects.get().user == mara
    row = Event.objects.get(type="organization.assigned")
    assert row.actor_label == "olu"
    assert row.payload == {"user": mara.pk}
