"""A campaign as REST tells it. Money as decimal strings, instants in UTC, names as in the seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from approvals.models import Decision
from bookings.models import Campaign, ChannelBudget, Line, Recommendation, SellerReport
from bookings.proposals import fingerprint_of
from bookings.saga_models import Unwinding
from bookings.selectors import CampaignView, progress
from bookings.states import CampaignStatus
from planning import codec
from planning.booking_policy import consequence
from planning.money import currency_exponent

# Who may not see prices sees only these (security.md 8.2: no cost, margin, seller price or deal id). What is
# added later stays hidden until somebody writes it here.
OPEN_RECOMMENDATION = frozenset(
    {
        "recommendation_id",
        "product_id",
        "product_name",
        "channel",
        "seller",
        "seller_name",
        "rank",
        "deal_type",
        "guaranteed",
        "impressions",
        "available",
        "currency",
        "start_date",
        "end_date",
        "quote_expires_at",
        "status",
    }
)
OPEN_LINE = frozenset(
    {
        "line_id",
        "recommendation_id",
        "product_id",
        "product_name",
        "channel",
        "seller",
        "booking_status",
        "booked",
        "seller_status",
        "impressions",
        "currency",
        "needs_decision",
        "needs_attention",
        "cancellation",
        "free_cancel_until",
        "code",
        "approved_by",
        "approved_at",
    }
)
OPEN_REPORT = frozenset(
    ["channel", "seller", "status", "code", "reason", "products", "offers", "skipped_count", "elapsed_ms"]
)
OPEN_DECISION = frozenset(
    [
        *("decision_id", "verdict", "by", "door", "at", "recommendation_ids"),
        *("acts_at", "people", "undoes", "undone"),
    ]
)


def job_status(campaign: Campaign) -> str:
    """`pending` until the flow has looked at the brief, then the flow's own words."""
    return "pending" if campaign.status == CampaignStatus.INITIALIZED else campaign.status


def money_text(amount: Any, currency: str) -> str | None:
    return None if amount is None else f"{amount:.{currency_exponent(currency)}f}"


def campaign_summary(campaign: Campaign) -> dict[str, Any]:
    return {
        "job_id": str(campaign.pk),
        "status": job_status(campaign),
        "name": campaign.name,
        "client": campaign.organization.slug,
        "budget": money_text(campaign.budget, campaign.currency),
        "currency": campaign.currency,
        "start_date": campaign.start_date.isoformat(),
        "end_date": campaign.end_date.isoformat(),
        "progress": progress(campaign),
        "prepared_by": campaign.prepared_by.label,
        "created_at": campaign.created_at.isoformat(),
        "updated_at": campaign.updated_at.isoformat(),
    }


def campaign_detail(view: CampaignView, *, prices: bool) -> dict[str, Any]:
    """Everything about one campaign; without `prices` what a client viewer may see."""
    campaign = view.campaign
    detail = campaign_summary(campaign) | {
        "brief": codec.to_json(campaign.read_brief()),
        "unused_fields": campaign.unused_fields,
        "audience_plan": campaign.audience_plan,
        "budget_allocations": {row.channel: allocation(row, campaign.currency) for row in view.channels},
        "sellers": [_visible(seller_report(report), OPEN_REPORT, prices) for report in view.reports],
        "plan": campaign.plan if prices else None,
        "recommendations": [
            _visible(recommendation(row), OPEN_RECOMMENDATION, prices) for row in view.recommendations
        ],
        "booked_lines": [_visible(line(row), OPEN_LINE, prices) for row in view.lines],
        "errors": [_error(error, prices) for error in campaign.errors],
        "approval": approval(view, prices=prices),
        "booking_policy": booking_policy(campaign),
        "unwinding": [unwinding(row) for row in view.unwindings],
        "follows": str(campaign.follows_id) if campaign.follows_id else None,
    }
    if prices:
        detail["totals"] = {
            name: money_text(amount, campaign.currency) for name, amount in vars(view.money).items()
        }
    return detail


def _visible(row: Mapping[str, Any], open_fields: frozenset[str], prices: bool) -> dict[str, Any]:
    return {name: value for name, value in row.items() if prices or name in open_fields}


def _error(error: Mapping[str, Any], prices: bool) -> dict[str, Any]:
    """The sentence about a line that was not booked may quote the seller's price."""
    if prices or not str(error.get("field", "")).startswith("lines."):
        return dict(error)
    return {**error, "message": "This line was not booked."}


def allocation(row: ChannelBudget, currency: str) -> dict[str, Any]:
    return {
        "channel": row.channel,
        "budget": money_text(row.amount, currency),
        "percentage": str(row.share * 100),
        "status": row.state,
        "note": row.note,
        "reasons": row.reasons,
    }


def seller_report(report: SellerReport) -> dict[str, Any]:
    return {
        "channel": report.channel,
        "seller": report.seller.slug,
        "status": report.state,
        "code": report.code,
        "reason": report.reason,
        "products": report.products,
        "offers": len(report.offers),
        "skipped": report.skipped,
        "skipped_count": len(report.skipped),
        "elapsed_ms": report.elapsed_ms,
    }


def recommendation(row: Recommendation) -> dict[str, Any]:
    return {
        "recommendation_id": str(row.pk),
        "product_id": row.product_id,
        "product_name": row.product_name,
        "channel": row.channel,
        "seller": row.seller.slug,
        "seller_name": row.seller.name,
        "rank": row.rank,
        "score": str(row.score),
        "deal_type": row.deal_type,
        "guaranteed": row.guaranteed,
        "impressions": row.impressions,
        "available": row.available,
        "cpm": codec.to_json(row.cpm.normalize()),
        "list_cpm": codec.to_json(row.list_cpm.normalize()),
        "cost": money_text(row.cost, row.currency),
        "saving": money_text(row.saving, row.currency),
        "currency": row.currency,
        "start_date": row.start_date.isoformat(),
        "end_date": row.end_date.isoformat(),
        "quote_id": row.quote_id or None,
        "quote_expires_at": row.quote_expires_at.isoformat(),
        "quote_note": row.quote_note,
        "explanation": row.explanation,
        "status": row.state,
        "reason": row.decided_reason,
        "fingerprint": fingerprint_of(row),
    }


def line(row: Line) -> dict[str, Any]:
    """`booked` is true only when the seller said so; the ids are the seller's."""
    return {
        "line_id": str(row.pk),
        "recommendation_id": str(row.recommendation_id),
        "product_id": row.recommendation.product_id,
        "product_name": row.recommendation.product_name,
        "channel": row.recommendation.channel,
        "seller": row.seller.slug,
        "booking_status": row.status,
        "booked": row.status == "booked",
        "seller_status": row.seller_status,
        "seller_reference": row.seller_reference or None,
        "refs": row.refs,
        "impressions": row.impressions,
        "approved_cpm": codec.to_json(row.cpm.normalize()),
        "approved_cost": money_text(row.cost, row.currency),
        "confirmed_cost": money_text(row.confirmed_cost, row.currency),
        "confirmed": row.confirmed,
        "currency": row.currency,
        "needs_decision": row.back_to_person,
        "needs_attention": row.attention,
        "cancellation": row.undoing.state if row.undoing else None,
        "free_cancel_until": row.free_cancel_until.isoformat() if row.free_cancel_until else None,
        "code": row.code,
        "note": row.note,
        "approved_by": row.decision.actor_label,
        "approved_at": row.decision.at.isoformat(),
    }


def booking_policy(campaign: Campaign) -> dict[str, Any]:
    policy = campaign.booking_policy
    shown: dict[str, Any] = codec.to_json(policy)
    return shown | {"text": consequence(policy)}


def unwinding(row: Unwinding) -> dict[str, Any]:
    return {
        "decision_id": str(row.decision_id),
        "reason": row.reason,
        "started_at": row.started_at.isoformat(),
        "ended_at": row.ended_at.isoformat() if row.ended_at else None,
    }


def approval(view: CampaignView, *, prices: bool) -> dict[str, Any] | None:
    if view.request is None:
        return None
    return {
        "request_id": str(view.request.pk),
        "status": view.request.status,
        "version": view.request.version,
        "prepared_by": view.request.prepared_label,
        "decisions": [
            _visible(decision_made(row), OPEN_DECISION, prices)
            for row in view.request.decisions.select_related("undone_by").order_by("at")
        ],
    }


def decision_made(row: Decision) -> dict[str, Any]:
    return {
        "decision_id": str(row.pk),
        "verdict": row.verdict,
        "by": row.actor_label,
        "door": row.door,
        "at": row.at.isoformat(),
        "recommendation_ids": row.item_ids,
        "total": money_text(row.total, row.currency),
        "fingerprint": row.fingerprint,
        "reason": row.reason,
        "acts_at": row.acts_at.isoformat() if row.acts_at else None,
        "people": row.people,
        "undoes": str(row.undoes_id) if row.undoes_id else None,
        "undone": row.is_undone,
    }
