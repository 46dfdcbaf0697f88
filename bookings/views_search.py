"""Going somewhere by name: campaigns, sellers and pages, for the palette (Ctrl K) and as a page of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.permissions import can
from bookings import selectors
from sellers.models import Seller

MOST_CAMPAIGNS, MOST_SELLERS = 8, 4


@dataclass(frozen=True)
class Found:
    kind: str
    label: str
    note: str
    url: str


@login_required
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """What the person may open and whose name has these words; the newest campaigns for none."""
    words = request.GET.get("q", "").strip()[:100]
    found = (
        [*_campaigns(request.user, words), *_sellers(request.user, words)]
        if words
        else _campaigns(request.user, "")
    )
    context = {"found": found, "words": words}
    partial = getattr(request, "htmx", False)
    return render(request, f"search/{'_results' if partial else 'search'}.html", context)


def _campaigns(user: Any, words: str) -> list[Found]:
    if not can(user, "booking.read"):
        return []
    rows = selectors.campaign_list(user, search=words).rows.order_by("-created_at", "-pk")[:MOST_CAMPAIGNS]
    return [
        Found(
            "Campaign",
            row.name,
            f"{row.organization.name}, {row.get_status_display()}",
            row.get_absolute_url(),
        )
        for row in rows
    ]


def _sellers(user: Any, words: str) -> list[Found]:
    if not can(user, "seller.read"):
        return []
    rows = Seller.objects.filter(name__icontains=words).order_by("name")[:MOST_SELLERS]
    return [Found("Seller", row.name, "" if row.enabled else "disabled", reverse("sellers")) for row in rows]
