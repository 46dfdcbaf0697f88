"""The booking policy of a campaign: reading it, saying it, and whether it can still be kept.

All or nothing and "at least" hold over what was approved in one decision: that set of lines at that cost is what the
person saw and bound themselves to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from planning.fields import Fields, Given, fold
from planning.money import ARITHMETIC
from planning.shape import describe
from planning.types import BookingPolicy

KEEP_PARTIAL, ALL_OR_NOTHING, AT_LEAST = "keep_partial", "all_or_nothing", "at_least"
KINDS = (KEEP_PARTIAL, ALL_OR_NOTHING, AT_LEAST)
_KIND_OF = {fold(kind): kind for kind in KINDS}


@dataclass(frozen=True)
class Stake:
    """One approved line: its approved cost in the campaign's currency, and whether it can no longer be had."""

    cost: Decimal
    lost: bool


def approved_cost(stakes: Sequence[Stake]) -> Decimal:
    return sum((stake.cost for stake in stakes), Decimal(0))


def possible_cost(stakes: Sequence[Stake]) -> Decimal:
    """What is booked or still may be, at the approved cost: a line that comes cheaper loses nothing."""
    return sum((stake.cost for stake in stakes if not stake.lost), Decimal(0))


def needed_cost(policy: BookingPolicy, approved: Decimal) -> Decimal:
    """The cost that must be booked, exact and not rounded: 80 % of 0.03 is 0.024, which 0.02 does not reach."""
    if policy.kind == KEEP_PARTIAL:
        return Decimal(0)
    share = policy.share if policy.kind == AT_LEAST and policy.share is not None else Decimal(1)
    return ARITHMETIC.multiply(approved, share)


def can_still_be_kept(policy: BookingPolicy, stakes: Sequence[Stake]) -> bool:
    """Whether the lines that are not lost can still satisfy the policy. Losing one more never makes it true again."""
    if policy.kind == ALL_OR_NOTHING:
        return not any(stake.lost for stake in stakes)  # a line that costs nothing counts too
    return possible_cost(stakes) >= needed_cost(policy, approved_cost(stakes))


def unwinds(policy: BookingPolicy) -> bool:
    """Whether booked lines may be cancelled for another line's sake."""
    return policy.kind != KEEP_PARTIAL


def percent(share: Decimal) -> str:
    return f"{(share * 100).normalize():f} %"


def name_of(policy: BookingPolicy) -> str:
    if policy.kind == AT_LEAST and policy.share is not None:
        return f"At least {percent(policy.share)}"
    return "All or nothing" if policy.kind == ALL_OR_NOTHING else "Keep what is booked"


def consequence(policy: BookingPolicy) -> str:
    """What a person agrees to with an approval, in one sentence."""
    if policy.kind == ALL_OR_NOTHING:
        return "All or nothing: if one line is refused, the others are cancelled."
    if policy.kind == AT_LEAST and policy.share is not None:
        return (
            f"At least {percent(policy.share)} of the approved cost: if less than that can be booked, "
            "the other lines are cancelled."
        )
    return "What is booked stays booked, even if another line is refused."


def read_booking_policy(fields: Fields) -> BookingPolicy:
    """The policy of a brief; keep_partial when none is named. Every error is recorded with its fix."""
    given = fields.take("booking_policy")
    inner = fields.inner(given) if given else None
    if inner is None:
        return BookingPolicy()
    named, share = inner.take("kind"), inner.take("share")
    kind = _read_kind(inner, named)
    for name in inner.unused():
        inner.error(inner.at(name), "unknown_field", "Remove it; a booking policy has kind and share only.")
    if kind == AT_LEAST:
        return BookingPolicy(kind, _read_share(inner, share))
    if kind is not None and share is not None:
        inner.error(share.path, "not_allowed", f"Remove the share, or choose {AT_LEAST}; {kind} has none.")
    return BookingPolicy(kind or KEEP_PARTIAL)


def _read_kind(inner: Fields, named: Given | None) -> str | None:
    if named is None:
        inner.missing("kind", f"Choose one of {', '.join(KINDS)}.")
        return None
    kind = _KIND_OF.get(fold(named.value.strip())) if isinstance(named.value, str) else None
    if kind is None:
        inner.error(
            named.path, "unknown_policy", f"Choose one of {', '.join(KINDS)}, not {describe(named.value)}."
        )
    return kind


def _read_share(inner: Fields, given: Given | None) -> Decimal | None:
    if given is None:
        inner.missing("share", "Give the share of the approved cost that must be booked, such as 0.8.")
        return None
    share = inner.rate(given)
    if share is not None and share == 0:
        inner.error(given.path, "out_of_range", "Give a share above 0, or choose keep_partial.")
        return None
    return share
