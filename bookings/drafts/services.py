"""Keeping, handing in and throwing away briefs that are being written. Each function is one transaction.

A save names the version that its page was built on. Where the stored one is newer and not of the same page, nothing is
written: a second tab never overwrites a first one unseen.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import QuerySet

from bookings import services
from bookings.clients import choose_client
from bookings.drafts.models import BriefDraft
from bookings.models import Campaign
from flows.actors import Actor
from flows.clock import now

KEPT_FOR = dt.timedelta(days=90)  # after the last change or the handing in
LISTED = 20
MOST_OPEN = 50  # of one person
MOST_TICKED = 200  # for deleting at once; tickets can bring a person above the limit


class NotYours(Exception):
    """The draft belongs to somebody else; to the outside that is the same as no draft."""


class Conflict(Exception):
    """A newer version was saved elsewhere; `draft` is as it is stored."""

    def __init__(self, draft: BriefDraft) -> None:
        super().__init__(f"version {draft.version} is newer")
        self.draft = draft


class TooMany(Exception):
    """The person has as many open drafts as are kept. One of them must go first."""

    def __str__(self) -> str:
        return f"You have {MOST_OPEN} drafts already. Delete some that you no longer need, then go on."


class Submitted(Exception):
    """The draft is a campaign already."""

    def __init__(self, campaign: Campaign) -> None:
        super().__init__("handed in")
        self.campaign = campaign


@dataclass(frozen=True)
class Writer:
    """Which open page saves, on which version, and the how manyth of its saves this is."""

    seen: int = 0
    tab: str = ""
    save: int = 0


def find_draft(owner: Any, draft_id: uuid.UUID) -> BriefDraft | None:
    return BriefDraft.objects.filter(owner=owner, pk=draft_id).select_related("campaign").first()


def open_drafts(owner: Any) -> QuerySet[BriefDraft]:
    return BriefDraft.objects.filter(owner=owner, campaign=None)


def save_draft(
    *, owner: Any, draft_id: uuid.UUID, data: Mapping[str, Any], writer: Writer, limited: bool = True
) -> BriefDraft:
    """Keep what was typed. Raises `Conflict`, `Submitted`, `NotYours`, and where `limited`, for a new one, `TooMany`.

    The same text again is no change.
    """
    typed = dict(data)
    with transaction.atomic():
        if limited:
            _make_sure_of_room(owner, draft_id)
        draft, created = BriefDraft.objects.select_for_update().get_or_create(
            pk=draft_id, defaults=_first_version(owner, typed, writer)
        )
        if created:
            return draft
        if draft.owner_id != owner.pk:
            raise NotYours
        if draft.campaign is not None:
            raise Submitted(draft.campaign)
        if draft.data == typed or _is_late(draft, writer):
            return draft
        if not _follows(draft, writer):
            raise Conflict(draft)
        draft.data, draft.version = typed, draft.version + 1
        draft.tab, draft.tab_save, draft.updated_at = writer.tab, writer.save, now()
        draft.save()
        return draft


def submit_draft(
    *, draft: BriefDraft, wire: Mapping[str, Any], owner: Any, actor: Actor, door: str
) -> Campaign:
    """Hand the brief in. Raises `InvalidBrief`. However often and from however many tabs: one campaign."""
    with transaction.atomic():
        organization, brief = choose_client(owner, wire)
        campaign = services.submit_brief(
            data=brief,
            organization=organization,
            prepared_by=owner,
            actor=actor,
            door=door,
            campaign_id=draft.pk,
        )
        if campaign.prepared_by_id != owner.pk:
            raise NotYours
        open_drafts(owner).filter(pk=draft.pk).update(campaign=campaign, updated_at=now())
    return campaign


def discard_drafts(owner: Any, draft_ids: Collection[uuid.UUID]) -> int:
    """How many went: only open ones of this owner do."""
    return open_drafts(owner).filter(pk__in=draft_ids).delete()[0]


def forget_old() -> int:
    """Drops what nobody touched for ninety days; returns how many."""
    deleted, _ = BriefDraft.objects.filter(updated_at__lt=now() - KEPT_FOR).delete()
    return deleted


def _make_sure_of_room(owner: Any, draft_id: uuid.UUID) -> None:
    """The owner's row is locked for a new draft, so that two pages do not both take the last place."""
    if BriefDraft.objects.filter(pk=draft_id).exists():
        return
    get_user_model()._default_manager.select_for_update().get(pk=owner.pk)
    if open_drafts(owner).count() >= MOST_OPEN:
        raise TooMany


def _first_version(owner: Any, data: dict[str, Any], writer: Writer) -> dict[str, Any]:
    moment = now()
    return {
        "owner": owner,
        "data": data,
        "tab": writer.tab,
        "tab_save": writer.save,
        "created_at": moment,
        "updated_at": moment,
    }


def _is_same_page(draft: BriefDraft, writer: Writer) -> bool:
    return bool(writer.tab) and draft.tab == writer.tab


def _is_late(draft: BriefDraft, writer: Writer) -> bool:
    """A save of this page that was overtaken by a later one of its own."""
    return _is_same_page(draft, writer) and writer.save <= draft.tab_save


def _follows(draft: BriefDraft, writer: Writer) -> bool:
    """A page need not have heard the answer to its last save: what it saves next builds on it all the same."""
    return writer.seen == draft.version or _is_same_page(draft, writer)
