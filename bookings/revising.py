"""Making a waiting plan anew under another budget, price ceiling or channel split.

The brief becomes the changed one, the plan's version rises, the sellers are asked for binding prices again, and a new
request lies before a person. Earlier approvals were of another version and count for nothing; whoever revised a plan
has prepared it.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from approvals import selectors as approvals_selectors
from approvals import services as approvals
from approvals.errors import Refused
from bookings.models import Campaign, ReportState, SellerReport
from bookings.states import CampaignStatus, ChannelState, RecommendationState
from bookings.validation import check_brief
from bookings.what_if import explore
from flows import lifecycle, steps
from flows.actors import Actor
from flows.clock import now
from planning import brief as briefs
from planning import codec
from planning.allocation import allocate
from planning.types import AudiencePlan, InvalidBrief
from planning.what_if import Change, changed_brief

UNHEARD = (ReportState.FAILED, ReportState.PARTIAL)


def revise_plan(
    *, campaign_id: uuid.UUID, change: Change, user: Any, actor: Actor, seen_version: int
) -> Campaign:
    """Put a plan together again. Raises `Refused`, `InvalidBrief`, `planning.types.Infeasible`; then nothing has
    changed."""
    if change.is_empty:
        raise Refused(400, "nothing_changed", "Change the budget, the highest CPM, a share or a line first.")
    _refuse_hopeless(Campaign.objects.get(pk=campaign_id), change)
    return _make_anew(campaign_id, change, user, actor, seen_version)


def ask_again(*, campaign_id: uuid.UUID, user: Any, actor: Actor, seen_version: int) -> Campaign:
    """The same brief at fresh prices, because some of the plan's have expired. Raises `Refused`."""
    expired = Campaign.objects.filter(pk=campaign_id, recommendations__quote_expires_at__lte=now())
    if not expired.exists():
        raise Refused(409, "not_expired", "The sellers still stand by every price of this plan.")
    return _make_anew(campaign_id, Change(), user, actor, seen_version)


def ask_seller_again(
    *, campaign_id: uuid.UUID, seller_slug: str, user: Any, actor: Actor, seen_version: int
) -> Campaign:
    """Ask one seller again in the channels in which it was not heard to the end, and plan anew. Raises `Refused`."""
    unheard = SellerReport.objects.filter(
        campaign=campaign_id, seller__slug=seller_slug, seller__enabled=True, state__in=UNHEARD
    )
    if not unheard.exists():
        raise Refused(
            409, "nothing_unheard", "This seller has answered all that it was asked.", field="seller"
        )
    return _make_anew(campaign_id, Change(), user, actor, seen_version, again=unheard)


def _make_anew(
    campaign_id: uuid.UUID,
    change: Change,
    user: Any,
    actor: Actor,
    seen_version: int,
    again: QuerySet[SellerReport] | None = None,
) -> Campaign:
    """`again`: what sellers said that is to be asked for once more."""
    with transaction.atomic():
        campaign = lifecycle.lock(Campaign, campaign_id)
        _refuse(campaign, seen_version)
        brief = changed_brief(campaign.read_brief(), change)
        if errors := check_brief(brief):
            raise InvalidBrief(errors)
        allocations = allocate(brief, codec.from_json(AudiencePlan, campaign.audience_plan or {}))
        request = approvals_selectors.open_request("campaign", campaign.pk)
        if request is not None:
            approvals.withdraw(request=request, actor=actor, correlation_id=campaign.correlation_id)
        before = {"budget": str(campaign.budget), "brief": campaign.brief}
        campaign.recommendations.all().delete()
        campaign.brief, campaign.budget = briefs.brief_to_json(brief), brief.budget
        campaign.editors = sorted({*campaign.editors, str(user.pk)})
        lifecycle.apply(
            campaign,
            "revise",
            actor=actor,
            subject_type="campaign",
            correlation_id=campaign.correlation_id,
            payload={"before": before, "change": codec.to_json(change)},
        )
        for part in allocations:
            campaign.channels.filter(channel=part.channel).update(
                share=part.share, amount=part.amount, reasons=list(part.reasons)
            )
        asked = _forget(campaign, again) if again is not None else []
        _go_on(campaign, asked)
        return campaign


def _refuse(campaign: Campaign, seen_version: int) -> None:
    if campaign.status != CampaignStatus.AWAITING_APPROVAL:
        text = f"This campaign is {campaign.get_status_display().lower()}; only a plan that waits can be made anew."
        raise Refused(409, "wrong_state", text, field="status")
    if campaign.plan_version != seen_version:
        raise Refused(
            409,
            "changed_since_shown",
            "Somebody else has made this plan anew meanwhile. Reload it and look again.",
            field="version",
        )
    if campaign.recommendations.exclude(state=RecommendationState.OPEN).exists():
        text = "Lines of this plan are decided already. Decide the others, then plan the rest as its own campaign."
        raise Refused(409, "already_decided", text, field="status")


def _refuse_hopeless(campaign: Campaign, change: Change) -> None:
    """A change under which no known offer fits would only end the campaign."""
    if campaign.status == CampaignStatus.AWAITING_APPROVAL and not explore(campaign, change).then.lines:
        raise Refused(422, "no_plan", "Under these limits nothing that the sellers offered can be bought.")


def _forget(campaign: Campaign, reports: QuerySet[SellerReport]) -> list[str]:
    """The funded channels of these reports, which are gone then: who has no report is asked."""
    named = list(reports.values_list("channel", flat=True))
    reports.delete()
    return list(campaign.channels.filter(channel__in=named, amount__gt=0).values_list("channel", flat=True))


def _go_on(campaign: Campaign, again: Sequence[str]) -> None:
    """Channels that got money for the first time and those to be asked again are researched; with none of them the
    plan follows at once."""
    fresh = campaign.channels.filter(state=ChannelState.UNFUNDED, amount__gt=0)
    names = [*again, *fresh.values_list("channel", flat=True)]
    campaign.channels.filter(channel__in=names).update(state=ChannelState.RESEARCHING)
    if names:
        steps.open_step(campaign, "research", key=f"again-{campaign.plan_version}")
    else:
        steps.open_step(campaign, "consolidate", key=campaign.plan_key)
