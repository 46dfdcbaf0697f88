"""A form that is sent after its session has ended: the text goes into the draft of the person it was shown to.

Each form carries a signed ticket for this one act: whose it is and which draft. Whoever sends it can add to that draft
and learns nothing; reading it takes a login of the same person. So no text lies in a cookie or in an anonymous session,
and a stranger without a ticket can make the server keep nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.views import redirect_to_login
from django.core import signing
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from accounts.permissions import can
from bookings.drafts import services as drafts
from bookings.drafts.fields import typed_in
from flows.ids import new_id

SALT = "bookings.brief-ticket"
LASTS = 7 * 24 * 3600  # seconds

View = Callable[..., HttpResponseBase]


def ticket_for(user: Any, draft_id: uuid.UUID) -> str:
    return signing.dumps([str(user.pk), str(draft_id)], salt=SALT, compress=True)


def keeps_text(view: View) -> View:
    """Around `page_requires`: what an ended session would lose is kept, and the login leads back to it."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "POST" and not request.user.is_authenticated:
            kept = _keep(request)
            if kept is not None:
                return redirect_to_login(reverse("campaign-draft", args=[kept]) + "?kept=1")
        return view(request, *args, **kwargs)

    return guarded


def _keep(request: HttpRequest) -> uuid.UUID | None:
    """The draft's id; None without a good ticket."""
    try:
        owner_id, draft_id = signing.loads(request.POST.get("ticket", ""), salt=SALT, max_age=LASTS)
    except (signing.BadSignature, ValueError):
        return None
    owner = get_user_model()._default_manager.filter(pk=owner_id).first()
    if owner is None or not can(owner, "booking.create"):
        return None
    return _save(request, owner, uuid.UUID(draft_id))


def _save(request: HttpRequest, owner: Any, draft_id: uuid.UUID) -> uuid.UUID:
    """However many drafts the person has: nobody is there who could make room."""
    data, seen = typed_in(request.POST), version_in(request, "version")
    try:
        drafts.save_draft(
            owner=owner, draft_id=draft_id, data=data, writer=drafts.Writer(seen), limited=False
        )
    except drafts.Conflict:
        # Another page has saved something newer. Neither text may go, so this one becomes a draft of its own.
        draft_id = new_id()
        drafts.save_draft(owner=owner, draft_id=draft_id, data=data, writer=drafts.Writer(), limited=False)
    except drafts.Submitted:
        pass  # the draft's page leads to its campaign
    return draft_id


def version_in(request: HttpRequest, name: str) -> int:
    text = request.POST.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
