"""What a person sets for single products, as fields of a form or a link: each wish is one small JSON list.

`wish` is `[channel, seller, product_id, impressions]`, impressions null for any volume and 0 for none; `free` is
`[channel, seller, product_id]`, a product of which the plan chooses again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from planning.brief_constraints import MOST_IMPRESSIONS
from planning.quoted import Key
from planning.types import Brief, FieldError, Infeasible, LineWish

LONGEST = 600  # characters of one such field
MOST = 100  # products that one plan may have set


@dataclass(frozen=True)
class WishShown:
    """A wish as a page lists it. `field` and `free` are what its form posts."""

    wish: LineWish
    name: str
    text: str
    field: str
    free: str


def text_of(wish: LineWish) -> str:
    if wish.impressions is None:
        return "in the plan at any volume"
    return f"exactly {wish.impressions:,} impressions" if wish.impressions else "left out"


def field_of(wish: LineWish) -> str:
    return json.dumps([*wish.key, wish.impressions])


def shown(wishes: Sequence[LineWish], names: Mapping[tuple[str, str], str]) -> list[WishShown]:
    return [
        WishShown(
            wish=wish,
            name=names.get((wish.seller, wish.product_id), wish.product_id),
            text=text_of(wish),
            field=field_of(wish),
            free=json.dumps(wish.key),
        )
        for wish in wishes
    ]


def read_wishes(values: Sequence[str], brief: Brief) -> tuple[LineWish, ...]:
    """Raises `Infeasible` for what is no wish of ours. Those that say what the brief says already are left out."""
    if len(values) > MOST:
        raise _unreadable(f"Set at most {MOST} products by hand.")
    found = {}
    for value in values:
        parts = _parts(value, 4)
        volume = parts[3]
        if volume is not None and (type(volume) is not int or not 0 <= volume <= MOST_IMPRESSIONS):
            raise _unreadable("Give the impressions of a line as a whole number from 0 up.")
        wish = LineWish(parts[0], parts[1], parts[2], volume)
        found[wish.key] = wish
    return tuple(wish for wish in found.values() if wish not in brief.constraints.lines)


def read_freed(values: Sequence[str], brief: Brief) -> tuple[Key, ...]:
    """Of the products that the brief sets, those of which the plan shall choose again. Raises `Infeasible`."""
    named = {read_key(value) for value in values[:MOST]}
    return tuple(wish.key for wish in brief.constraints.lines if wish.key in named)


def read_key(value: str) -> Key:
    channel, seller, product_id = _parts(value, 3)
    return channel, seller, product_id


def _parts(value: str, count: int) -> list[Any]:
    try:
        parts = json.loads(value) if len(value) <= LONGEST else None
    except (ValueError, RecursionError):
        parts = None
    if (
        not isinstance(parts, list)
        or len(parts) != count
        or not all(isinstance(one, str) for one in parts[:3])
    ):
        raise _unreadable("A line that was set by hand cannot be read. Open its page again from the plan.")
    return parts


def _unreadable(message: str) -> Infeasible:
    return Infeasible([FieldError("lines", "invalid_line", message)])
