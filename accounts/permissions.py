"""The one table of who may do what. Object rules (own client, own plan, limits) come on top, in the rooms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from accounts.roles import Role

if TYPE_CHECKING:
    from accounts.models import ApiKey

MANAGER, APPROVER, FINANCE = Role.MANAGER, Role.APPROVER, Role.FINANCE
OPS, CLIENT_VIEWER, API_CLIENT = Role.OPS, Role.CLIENT_VIEWER, Role.API_CLIENT


@dataclass(frozen=True)
class Rule:
    """`roles` may do it; a key may when it holds any of `scopes` and its user's role may. `what` says it in words."""

    what: str
    roles: frozenset[Role]
    scopes: frozenset[str]


def _rule(what: str, *roles: Role, scopes: str) -> Rule:
    return Rule(what, frozenset(roles), frozenset(scopes.split()))


RULES: dict[str, Rule] = {
    "booking.create": _rule(
        "Hand in briefs, revise waiting plans, plan what is left", MANAGER, API_CLIENT, scopes="booking:write"
    ),
    "booking.run": _rule(
        "Start, hurry and look after research and booking", MANAGER, OPS, API_CLIENT, scopes="booking:write"
    ),
    "booking.cancel": _rule(
        "Cancel a campaign before anything is booked", MANAGER, OPS, API_CLIENT, scopes="booking:write"
    ),
    "booking.read": _rule(
        "See campaigns of the own clients",
        MANAGER,
        APPROVER,
        FINANCE,
        OPS,
        CLIENT_VIEWER,
        API_CLIENT,
        scopes="booking:read",
    ),
    # Whether the preparer may decide the own plan is a matter of its amount: `approvals/policy.py`.
    "booking.decide": _rule(
        "Approve and reject lines of a plan; the own plan up to a limit",
        MANAGER,
        APPROVER,
        scopes="booking:decide",
    ),
    # The approval of one more person where the policy wants several.
    "booking.confirm": _rule(
        "Give the second approval above the limit, undo approvals in time",
        MANAGER,
        APPROVER,
        FINANCE,
        scopes="booking:decide",
    ),
    # The client's opinion of a plan. It commits nothing: bookings/client_view/answering.py.
    "client_view.answer": _rule(
        "Agree with a waiting plan or object to it, as its client", CLIENT_VIEWER, scopes="client:write"
    ),
    "client_view.comment": _rule(
        "Write comments between client and agency", MANAGER, APPROVER, CLIENT_VIEWER, scopes="client:write"
    ),
    "client_view.share": _rule(
        "Make and revoke read-only links to the client's view", MANAGER, APPROVER, scopes="client:write"
    ),
    "booking.ask": _rule(
        "Send a waiting plan to the person who shall decide it",
        MANAGER,
        APPROVER,
        FINANCE,
        scopes="booking:decide",
    ),
    # The agency's work queue. Clients have their campaigns.
    "work.read": _rule("Open the work queue", MANAGER, APPROVER, FINANCE, OPS, scopes="booking:read"),
    # Seller prices, cost and margin. Ops see metadata, a client viewer the own work without cost.
    "money.read": _rule(
        "See costs, seller prices, totals and charts",
        MANAGER,
        APPROVER,
        FINANCE,
        API_CLIENT,
        scopes="booking:read finance:read",
    ),
    # The operations list. Ops for every client, managers for their own: bookings/operations.py.
    "operations.read": _rule(
        "See unknown outcomes, stopped steps, discrepancies and outages",
        MANAGER,
        OPS,
        scopes="ops:read booking:read",
    ),
    "operations.act": _rule(
        "Clear them: check, adopt, declare, run again", MANAGER, OPS, scopes="ops:write booking:write"
    ),
    "seller.read": _rule("See sellers and their state", MANAGER, APPROVER, OPS, scopes="seller:read"),
    "seller.write": _rule(
        "Add, disable and probe sellers, set their credentials", OPS, scopes="seller:write"
    ),
    # Everything for ops, for everybody else what concerns their clients: bookings/audit.py.
    "audit.read": _rule(
        "Read the audit trail and verify it",
        MANAGER,
        APPROVER,
        FINANCE,
        OPS,
        scopes="audit:read",
    ),
    "user.write": _rule("Add people, give roles and clients", OPS, scopes="user:write"),
    "policy.write": _rule("Set approval limits", OPS, scopes="policy:write"),
    "ops.read": _rule("See the machinery: admin, comparisons", OPS, scopes="ops:read"),
    "ops.write": _rule("Start comparisons, act in the admin", OPS, scopes="ops:write"),
}

SCOPES: tuple[str, ...] = tuple(sorted({scope for rule in RULES.values() for scope in rule.scopes}))


def can(user: Any, action: str) -> bool:
    """May this user do `action`? Anonymous and disabled users may nothing. KeyError for an unknown action."""
    rule = RULES[action]
    return bool(user.is_authenticated and user.is_active and user.effective_role in rule.roles)


def can_key(key: ApiKey, action: str) -> bool:
    """A key never exceeds its scopes nor its user's role."""
    return not RULES[action].scopes.isdisjoint(key.scopes) and can(key.user, action)


def allowed(request: Any, action: str) -> bool:
    """The same for a request, by the key it came with or else by its user."""
    key = getattr(request, "auth", None)
    return can(request.user, action) if key is None else can_key(key, action)


def scopes_of(role: str) -> list[str]:
    """Every scope that a key of this role could use: what an all-round key for the role is issued with."""
    return sorted({scope for rule in RULES.values() if role in rule.roles for scope in rule.scopes})
