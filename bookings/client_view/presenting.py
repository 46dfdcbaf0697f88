"""The client's view as REST tells it. What is not written here is not told: no price, cost, seller or reference."""

from __future__ import annotations

from typing import Any

from bookings.client_view.models import ClientComment, ClientLink
from bookings.client_view.plan import ChannelPart, Placement, Totals
from bookings.client_view.reading import ClientView, Said
from bookings.models import Campaign
from bookings.presenting import money_text


def view(client: ClientView) -> dict[str, Any]:
    campaign = client.campaign
    return {
        "job_id": str(campaign.pk),
        "name": campaign.name,
        "client": campaign.organization.name,
        "timezone": client.zone.key,
        "start_date": campaign.start_date.isoformat(),
        "end_date": campaign.end_date.isoformat(),
        "budget": money_text(campaign.budget, campaign.currency),
        "currency": campaign.currency,
        "standing": client.standing.sentence,
        "steps": [{"label": step.label, "state": step.state} for step in client.standing.steps],
        "version": campaign.plan_version,
        "plan": client.seal or None,
        "channels": [_channel(part) for part in client.channels],
        "totals": _totals(client.totals, campaign),
        "answers": [_answer(said) for said in client.answers],
    }


def comments(rows: list[ClientComment]) -> dict[str, Any]:
    return {"comments": [comment(row) for row in rows]}


def comment(row: ClientComment) -> dict[str, Any]:
    return {
        "comment_id": str(row.pk),
        "by": row.label,
        "side": row.side,
        "text": row.text,
        "at": row.at.isoformat(),
    }


def link(row: ClientLink) -> dict[str, Any]:
    """Without its token, which nobody can read again."""
    return {
        "link_id": str(row.pk),
        "note": row.note,
        "state": row.state,
        "made_by": row.made_by_label,
        "created_at": row.created_at.isoformat(),
        "expires_at": row.expires_at.isoformat(),
        "revoked_at": row.revoked_at.isoformat() if row.revoked_at else None,
        "opened": row.opened,
        "last_opened_at": row.last_opened_at.isoformat() if row.last_opened_at else None,
    }


def _channel(part: ChannelPart) -> dict[str, Any]:
    return {
        "channel": part.channel,
        "share_percent": part.share,
        "impressions": part.impressions,
        "placements": [_placement(one) for one in part.placements],
    }


def _placement(one: Placement) -> dict[str, Any]:
    return {
        "placement_id": str(one.id),
        "name": one.name,
        "format": one.format or None,
        "start_date": one.start.isoformat(),
        "end_date": one.end.isoformat(),
        "impressions": one.impressions,
        "guaranteed": one.guaranteed,
        "terms": one.terms,
        "state": one.state,
        "confirmed_at": one.confirmed_at.isoformat() if one.confirmed_at else None,
    }


def _totals(totals: Totals, campaign: Campaign) -> dict[str, Any]:
    return {
        "placements": totals.placements,
        "impressions": totals.impressions,
        "guaranteed_impressions": totals.guaranteed,
        "confirmed_placements": totals.confirmed,
        "confirmed_impressions": totals.confirmed_impressions,
        "budget_allocated": money_text(totals.allocated, campaign.currency),
    }


def _answer(said: Said) -> dict[str, Any]:
    return {
        "by": said.row.label,
        "answer": said.row.answer,
        "text": said.row.text,
        "version": said.row.version,
        "current": said.current,
        "at": said.row.at.isoformat(),
    }
