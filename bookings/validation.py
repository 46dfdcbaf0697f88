"""What only the running system can say of a brief: dates that have passed, sellers that are not there, constraints
that cannot hold together. The form of the brief was checked when it was read (`planning.brief`)."""

from __future__ import annotations

from bookings.models import Campaign
from flows.clock import today
from planning.allocation import Infeasible, allocate
from planning.audience import plan_audience
from planning.types import Brief, FieldError
from planning.zones import zone
from sellers.models import Seller
from sellers.selectors import eligible_sellers


def problems_here_and_now(campaign: Campaign) -> list[dict[str, str]]:
    """Every problem at once, each with its field; empty when the flow may go on."""
    errors = check_brief(campaign.read_brief())
    return [{"field": error.field, "code": error.code, "message": error.message} for error in errors]


def check_brief(brief: Brief) -> list[FieldError]:
    return [*_dates(brief), *_sellers(brief), *_constraints(brief)]


def _dates(brief: Brief) -> list[FieldError]:
    if brief.start_date >= today(zone(brief.timezone)):
        return []
    return [
        FieldError("start_date", "in_the_past", f"The flight starts on {brief.start_date}, which has passed.")
    ]


def _sellers(brief: Brief) -> list[FieldError]:
    constraints = brief.constraints
    named = {
        "constraints.sellers_included": constraints.sellers_included,
        "constraints.sellers_excluded": constraints.sellers_excluded,
        "constraints.seller_shares": tuple(constraints.seller_shares),
    }
    known = set(Seller.objects.values_list("slug", flat=True))
    errors = [
        FieldError(
            path,
            "unknown_seller",
            f"No seller is called {slug!r}. Known: {', '.join(sorted(known)) or 'none'}.",
        )
        for path, slugs in named.items()
        for slug in slugs
        if slug not in known
    ]
    if errors:
        return errors
    eligible = {
        seller.slug for seller in eligible_sellers(constraints.sellers_included, constraints.sellers_excluded)
    }
    if not eligible:
        return [
            FieldError(
                "constraints.sellers_included" if constraints.sellers_included else "sellers",
                "no_seller",
                "No seller is left to ask: add or enable one, or exclude fewer.",
            )
        ]
    return [
        FieldError(
            f"constraints.seller_shares.{slug}",
            "seller_not_asked",
            f"{slug} must get at least {share.minimum:.0%} but is excluded or disabled.",
        )
        for slug, share in sorted(constraints.seller_shares.items())
        if share.minimum > 0 and slug not in eligible
    ]


def _constraints(brief: Brief) -> list[FieldError]:
    try:
        allocate(brief, plan_audience(brief))
    except Infeasible as problem:
        return list(problem.errors)
    return []
