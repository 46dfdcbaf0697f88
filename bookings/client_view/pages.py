"""The client's page of a campaign for people with a login: clients answer and comment, the agency shares it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts.access import page_requires
from accounts.actors import actor_of
from accounts.permissions import can
from accounts.times import show_times
from approvals.errors import Refused
from bookings import selectors
from bookings.client_view import sharing
from bookings.client_view.answering import answer_plan
from bookings.client_view.commenting import write_comment
from bookings.client_view.models import LONGEST_NOTE, LONGEST_TEXT, Answer
from bookings.client_view.reading import client_view, is_client, own_answer
from bookings.models import Campaign
from flows.clock import now

LIVE = "client/_live.html"  # with `partial`: what an open page asks for
LONGEST_NUMBER = 6  # digits of a number of days


@page_requires("booking.read")
@require_GET
def campaign_client(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    return show(request, _campaign(request, pk))


@page_requires("booking.read")
@require_GET
def campaign_client_live(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What changes while the page is open: fetched when the socket says that something moved."""
    return show(request, _campaign(request, pk), LIVE, partial=True)


@page_requires("booking.read")
@require_GET
def campaign_client_confirmation(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What is confirmed, as a document to print. There is none before anything was approved."""
    campaign = _campaign(request, pk)
    view = client_view(campaign)
    if not view.has_lines:
        raise Http404
    context = {"campaign": view.campaign, "client": view, "zone": view.zone.key, "as_of": now()}
    return render(request, "client/confirmation.html", context | _crumbs(request, view.campaign))


@page_requires("client_view.answer")
@require_POST
def campaign_client_answer(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    campaign = _campaign(request, pk)
    answer, text = request.POST.get("answer", ""), request.POST.get("text", "")
    try:
        row = answer_plan(
            campaign_id=campaign.pk,
            user=request.user,
            actor=actor_of(request),
            answer=answer,
            text=text,
            seen=request.POST.get("plan", ""),
        )
    except Refused as refused:
        typed = {"answer": answer, "text": text}
        return show(request, campaign, status=refused.status, refused=refused, about="answer", typed=typed)
    verb = "You agreed to" if row.answer == Answer.AGREE else "You objected to"
    messages.success(request, f"{verb} version {row.version}. The agency is told.")
    return redirect(_address(campaign) + "#answer")


@page_requires("client_view.comment")
@require_POST
def campaign_client_comment(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    campaign = _campaign(request, pk)
    text = request.POST.get("text", "")
    try:
        write_comment(campaign_id=campaign.pk, user=request.user, actor=actor_of(request), text=text)
    except Refused as refused:
        typed = {"comment": text}
        return show(request, campaign, status=refused.status, refused=refused, about="comment", typed=typed)
    return redirect(_address(campaign) + "#comments")


@page_requires("client_view.share")
@require_POST
def campaign_client_link(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The answer is the page with the link on it: it is kept nowhere, so it cannot be shown after a redirect."""
    campaign = _campaign(request, pk)
    days, note = request.POST.get("days", ""), request.POST.get("note", "")
    try:
        link, token = sharing.make_link(
            campaign_id=campaign.pk,
            user=request.user,
            actor=actor_of(request),
            days=_whole(days),
            note=note,
        )
    except Refused as refused:
        typed = {"days": days, "note": note}
        return show(request, campaign, status=refused.status, refused=refused, about="link", typed=typed)
    url = request.build_absolute_uri(reverse("shared", args=[token]))
    return show(request, campaign, status=201, fresh=link, fresh_url=url)


@page_requires("client_view.share")
@require_POST
def campaign_client_revoke(request: HttpRequest, pk: uuid.UUID, link_id: uuid.UUID) -> HttpResponse:
    campaign = _campaign(request, pk)
    link = sharing.revoke_link(campaign_id=campaign.pk, link_id=link_id, actor=actor_of(request))
    if link is None:
        raise Http404
    messages.success(request, "The link is revoked. It opens nothing any more.")
    return redirect(_address(campaign) + "#links")


def show(
    request: HttpRequest,
    campaign: Campaign,
    template: str = "client/page.html",
    *,
    status: int = 200,
    typed: Mapping[str, str] | None = None,
    **extra: Any,
) -> HttpResponse:
    """The page as it is now, with what was `typed` and what was refused of it."""
    view = client_view(campaign)
    user = request.user
    may_share = can(user, "client_view.share")
    mine = own_answer(view.answers, user)
    given = {"answer": mine.row.answer, "text": mine.row.text} if mine and mine.current else {}
    context = {
        "campaign": view.campaign,
        "client": view,
        "zone": view.zone.key,
        "preview": not is_client(user),
        "changes_answer": bool(given),
        "typed": {"days": sharing.DEFAULT_DAYS} | given | dict(typed or {}),
        "may_answer": view.waits and can(user, "client_view.answer"),
        "may_comment": can(user, "client_view.comment"),
        "may_share": may_share,
        "links": sharing.links_of(view.campaign) if may_share else [],
        "longest_days": sharing.LONGEST_DAYS,
        "longest_text": LONGEST_TEXT,
        "longest_note": LONGEST_NOTE,
        "needs_live": not view.campaign.is_over(),
    }
    return render(request, template, context | _crumbs(request, view.campaign) | extra, status=status)


def _campaign(request: HttpRequest, pk: uuid.UUID) -> Campaign:
    campaign = selectors.visible_campaign(request.user, pk)
    if campaign is None:
        raise Http404
    show_times(request.user, campaign.timezone)
    return campaign


def _address(campaign: Campaign) -> str:
    return reverse("campaign-client", args=[campaign.pk])


def _crumbs(request: HttpRequest, campaign: Campaign) -> dict[str, Any]:
    """Clients know one page of a campaign, the agency two."""
    crumbs = [{"label": "Campaigns", "url": reverse("campaigns")}]
    if is_client(request.user):
        return {"crumbs": [*crumbs, {"label": campaign.name}]}
    own = {"label": campaign.name, "url": campaign.get_absolute_url()}
    return {"crumbs": [*crumbs, own, {"label": "Client view"}]}


def _whole(text: str) -> int:
    """The number as typed; 0, which no link may have, where it is none."""
    digits = text.strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= LONGEST_NUMBER else 0
