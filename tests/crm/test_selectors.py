from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser

from accounts.models import User
from accounts.roles import Role
from crm.models import Assignment, Organization
from crm.selectors import visible_organizations
from crm.services import add_organization, assign, unassign
from flows.actors import SYSTEM_ACTOR

pytestmark = pytest.mark.django_db

ASSIGNED_ONLY = [Role.MANAGER, Role.APPROVER, Role.CLIENT_VIEWER, Role.API_CLIENT]


@pytest.fixture
def clients() -> list[Organization]:
    return [add_organization(name=name, actor=SYSTEM_ACTOR) for name in ("Alder", "Birch", "Cedar")]


def a_user(role: str, **fields: object) -> User:
    return User.objects.create(username=f"{role}-user", role=role, **fields)


def names(user: object) -> list[str]:
    return [row.name for row in visible_organizations(user)]


@pytest.mark.parametrize("role", ASSIGNED_ONLY)
def test_these_roles_see_assigned_clients_only(clients, role):
    user = a_user(role)
    assert names(user) == []
    for client in clients[:2]:
        assign(organization=client, user=user, actor=SYSTEM_ACTOR)
    assert names(user) == ["Alder", "Birch"]


@pytest.mark.parametrize("role", [Role.OPS, Role.FINANCE])
def test_ops_and_finance_see_all(clients, role):
    assert names(a_user(role)) == ["Alder", "Birch", "Cedar"]


def test_a_superuser_sees_all_as_ops(clients):
    assert len(names(a_user(Role.MANAGER, is_superuser=True))) == 3


def test_nobody_sees_nothing(clients):
    assert names(AnonymousUser()) == []
    assert names(a_user(Role.OPS, is_active=False)) == []


def test_several_people_at_one_client_do_not_repeat_it(clients):
    user, other = a_user(Role.MANAGER), a_user(Role.APPROVER)
    for person in (user, other):
        assign(organization=clients[0], user=person, actor=SYSTEM_ACTOR)
    assert names(user) == ["Alder"]
    assert visible_organizations(user).count() == 1


def test_taking_the_assignment_away_hides_the_client_at_once(clients):
    user = a_user(Role.MANAGER)
    assign(organization=clients[0], user=user, actor=SYSTEM_ACTOR)
    unassign(organization=clients[0], user=user, actor=SYSTEM_ACTOR)
    assert names(user) == []
    assert not Assignment.objects.exists()


def test_seeing_clients_costs_one_query(clients, django_assert_num_queries):
    user = a_user(Role.MANAGER)
    with django_assert_num_queries(1):
        names(user)
