"""Several people for one approval: each approves exactly the same lines, and the last of them makes it count.

An earlier approval is bound to the fingerprint of the selection, so that any change of a line, of the selection or of
the total makes it worthless. It also stops counting when its giver may no longer decide.
"""

from __future__ import annotations

from collections.abc import Callable

from approvals.errors import Refused
from approvals.models import ApprovalRequest, Decision
from approvals.states import ItemState, Verdict
from approvals.writing import Decider, Selection, selection_fingerprint

Counts = Callable[[object], bool]


def earlier_approvals(request: ApprovalRequest, selection: Selection, counts: Counts) -> list[Decision]:
    """The first approval of each person of exactly this selection, as far as they still may decide."""
    rows = request.decisions.filter(
        verdict=Verdict.ENDORSE,
        fingerprint=selection_fingerprint(request, selection),
        undone_by__isnull=True,
    )
    first = {row.user_id: row for row in rows.order_by("-at")}
    return [row for row in first.values() if counts(row.user_id)]


def refuse_twice(decider: Decider, earlier: list[Decision], needed: int) -> None:
    """Two approvals of one person are one."""
    if needed > 1 and any(row.user_id == decider.user_id for row in earlier):
        raise Refused(
            409,
            "already_approved_by_you",
            f"You have approved these lines. {_people(needed - len(earlier))} must approve them too.",
            field="recommendation_ids",
            extra={"approved_by": [row.actor_label for row in earlier], "people_needed": needed},
        )


def refuse_first(decider: Decider, earlier: list[Decision]) -> None:
    """Some roles confirm what somebody else has approved, and never come first."""
    if decider.only_confirms and not earlier:
        raise Refused(
            403,
            "nothing_to_confirm",
            "You can add the second approval once somebody has approved exactly these lines.",
            field="recommendation_ids",
        )


def as_json(earlier: list[Decision]) -> list[dict[str, str]]:
    ordered = sorted(earlier, key=lambda row: row.at)
    return [{"decision": str(row.pk), "by": row.actor_label, "at": row.at.isoformat()} for row in ordered]


def waiting_for_others(request: ApprovalRequest) -> list[Decision]:
    """Approvals that wait for another person, the newest first; of a request in which something is open."""
    rows = request.decisions.filter(verdict=Verdict.ENDORSE, undone_by__isnull=True)
    open_items = {str(pk) for pk in request.items.filter(state=ItemState.OPEN).values_list("pk", flat=True)}
    return [row for row in rows.order_by("-at") if open_items.issuperset(row.item_ids)]


def _people(count: int) -> str:
    return "Another person" if count == 1 else f"{count} other people"
