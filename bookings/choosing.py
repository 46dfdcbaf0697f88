"""Which lines of a plan a decision names: by their own ids, by products, or all that are open."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from approvals.errors import Refused
from bookings.models import Recommendation
from bookings.states import RecommendationState


def line_ids(
    plan: Sequence[Recommendation],
    recommendation_ids: Sequence[uuid.UUID],
    product_ids: Sequence[str],
    everything: bool,
    field: str,
) -> list[uuid.UUID]:
    if everything:
        still_open = [row.pk for row in plan if row.state == RecommendationState.OPEN]
        # With nothing left open the decision service says who decided.
        return still_open or [row.pk for row in plan]
    return [*recommendation_ids, *_by_product(plan, product_ids, field)]


def _by_product(plan: Sequence[Recommendation], product_ids: Sequence[str], field: str) -> list[uuid.UUID]:
    """The seed's way to name lines. One product may stand in two channels; two sellers may share an id."""
    found: list[uuid.UUID] = []
    unknown = []
    for product_id in dict.fromkeys(product_ids):
        rows = [row for row in plan if row.product_id == product_id]
        if not rows:
            unknown.append(product_id)
        if len({row.seller_id for row in rows}) > 1:
            raise Refused(
                422,
                "ambiguous_product",
                f"Two sellers offer a product with the id {product_id!r}. Name the lines by recommendation_ids.",
                field=field,
                extra={"recommendation_ids": [str(row.pk) for row in rows]},
            )
        found += [row.pk for row in rows]
    if unknown:
        raise Refused(
            422,
            "unknown_id",
            "These products are not part of this plan: " + ", ".join(unknown[:20]),
            field=field,
            extra={"unknown": unknown},
        )
    return found
