"""A small agency: people with every role, two clients, API keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from accounts.actors import actor_of_user
from accounts.models import User
from accounts.permissions import scopes_of
from accounts.roles import Role
from accounts.services import issue_key
from approvals.models import ApprovalPolicy
from approvals.services import Decider
from approvals.states import Door
from crm.models import Assignment, Organization
from flows.actors import SYSTEM_ACTOR

PASSWORD = "quiet-harbour-lamp-41"
ROLES = {
    "manager": Role.MANAGER,
    "approver": Role.APPROVER,
    "finance": Role.FINANCE,
    "ops": Role.OPS,
    "viewer": Role.CLIENT_VIEWER,
    "client": Role.API_CLIENT,
}


class Keys(dict[str, str]):
    """A key is issued when a test first asks for it: most never do."""

    def __init__(self, people: dict[str, User]) -> None:
        self._people = people

    def __missing__(self, name: str) -> str:
        user = self._people[name]
        self[name] = issue_key(user=user, name="desk", scopes=scopes_of(user.role), actor=SYSTEM_ACTOR)[1]
        return self[name]


@dataclass
class Agency:
    client: Organization
    other_client: Organization
    people: dict[str, User] = field(default_factory=dict)
    keys: Keys = field(init=False)

    def __post_init__(self) -> None:
        self.keys = Keys(self.people)

    def person(self, name: str) -> User:
        return self.people[name]

    def decider(self, name: str, door: str = Door.PAGE) -> Decider:
        user = self.people[name]
        return Decider(actor_of_user(user), user.pk, door)


def make_agency() -> Agency:
    agency = Agency(
        client=Organization.objects.create(name="Aurora Outdoor", slug="aurora-outdoor", lifecycle="client"),
        other_client=Organization.objects.create(
            name="Boreal Foods", slug="boreal-foods", lifecycle="client"
        ),
    )
    for name, role in ROLES.items():
        _hire(agency, name, role, agency.client)
    _hire(agency, "outsider", Role.MANAGER, agency.other_client)
    set_limits(self_approval=1_000_000, auto_approve=5_000)
    return agency


def _hire(agency: Agency, name: str, role: Role, client: Organization) -> None:
    is_ops = role == Role.OPS
    user = User.objects.create_user(
        name, f"{name}@agency.example", PASSWORD, role=role, is_staff=is_ops, is_superuser=is_ops
    )
    Assignment.objects.create(organization=client, user=user)
    agency.people[name] = user


def set_limits(
    *,
    self_approval: int,
    auto_approve: int,
    currency: str = "USD",
    second_person_above: int | None = None,
    people_needed: int = 2,
    undo_seconds: int = 0,
) -> None:
    ApprovalPolicy.objects.update_or_create(
        kind="media_plan",
        currency=currency,
        defaults={
            "self_approval_limit": Decimal(self_approval),
            "auto_approve_limit": Decimal(auto_approve),
            "second_person_above": second_person_above,
            "people_needed": people_needed,
            "undo_seconds": undo_seconds,
        },
    )
