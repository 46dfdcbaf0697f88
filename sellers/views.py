"""The registry as a page: who can be asked, how they answer. Adding sellers is for ops, in the admin."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.access import page_requires
from accounts.actors import actor_of
from accounts.permissions import can
from sellers import selectors, services
from sellers.models import Seller
from sellers.presenting import seller_row


@page_requires("seller.read")
@require_GET
def sellers(request: HttpRequest) -> HttpResponse:
    rows = [seller_row(seller) for seller in selectors.list_sellers()]
    context = {"rows": rows, "may_write": can(request.user, "seller.write")}
    return render(request, "sellers/sellers.html", context)


@page_requires("seller.write")
@require_POST
def probe(request: HttpRequest, slug: str) -> HttpResponse:
    """Call the seller now and keep what came of it."""
    try:
        seller = selectors.seller_by_slug(slug)
    except Seller.DoesNotExist as missing:
        raise Http404 from missing
    result = services.probe_seller(seller_id=seller.pk, actor=actor_of(request))
    messages.add_message(
        request, messages.SUCCESS if result.ok else messages.ERROR, f"{seller.name}: {result.summary}"
    )
    return redirect("sellers")
