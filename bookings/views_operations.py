"""The operations page: adapters over `operations` (the list), `settling` and `findings` (the acts)."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from accounts.access import asks_by_itself, page_requires
from accounts.actors import actor_of
from accounts.permissions import can
from approvals.errors import Refused
from bookings import cancelling_again, findings, machinery, operations, settling
from bookings.comparing.run import start_comparison
from bookings.settling import Person
from flows.clock import now
from flows.models import Claim
from sellers.models import Seller


@page_requires("operations.read")
@require_GET
def operations_list(request: HttpRequest) -> HttpResponse:
    return _page(request)


def _page(request: HttpRequest, refused: Refused | None = None, at: str = "") -> HttpResponse:
    asked = request.GET if request.method == "GET" else request.POST
    kind, seller = asked.get("kind", "")[:20], asked.get("seller", "")[:60]
    number = asked.get("page", "1")
    page = operations.operations_page(
        request.user, kind=kind, seller=seller, number=int(number) if _is_small_number(number) else 1
    )
    context = {
        "page": page,
        "kind": kind,
        "seller": seller,
        "query": urlencode({"kind": kind, "seller": seller}),
        "sellers": operations.sellers_to_choose(),
        "prices": can(request.user, "money.read"),
        "may_act": can(request.user, "operations.act"),
        "may_compare": can(request.user, "ops.write"),
        "comparisons": operations.last_comparisons() if can(request.user, "ops.read") else [],
        "machinery": machinery.figures() if can(request.user, "ops.read") else [],
        "circuits": machinery.circuits() if can(request.user, "ops.read") else [],
        "confirmation": settling.CONFIRMATION,
        "as_of": now(),
        "refused": _worded(request, refused),
        "refused_at": at,
    }
    return render(request, "operations/operations.html", context, status=refused.status if refused else 200)


def _is_small_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 7


def _worded(request: HttpRequest, refused: Refused | None) -> str:
    """The refusal in words; differences name prices, which not everybody may see."""
    if refused is None:
        return ""
    if refused.code == "differs" and not can(request.user, "money.read"):
        return settling.DIFFERS_WITHOUT_PRICES
    return refused.message


@page_requires("operations.read")
@asks_by_itself
@require_GET
def operations_news(request: HttpRequest) -> HttpResponse:
    """How many rows there are now; the open page asks for it every few seconds."""
    page = operations.operations_page(
        request.user, kind=request.GET.get("kind", "")[:20], seller=request.GET.get("seller", "")[:60]
    )
    shown = request.GET.get("shown", "")
    changed = shown.isdecimal() and shown != str(page.total)
    context = {
        "page": page,
        "shown": shown if changed else str(page.total),
        "changed": changed,
        "kind": request.GET.get("kind", ""),
        "seller": request.GET.get("seller", ""),
    }
    return render(request, "operations/_news.html", context)


def _act(request: HttpRequest, at: str, act: Callable[[], str]) -> HttpResponse:
    try:
        messages.success(request, act())
    except Refused as refused:
        return _page(request, refused, at)
    back = urlencode({name: request.POST[name] for name in ("kind", "seller") if request.POST.get(name)})
    return redirect(f"{reverse('operations')}?{back}" if back else reverse("operations"))


def _claim(request: HttpRequest, claim_id: uuid.UUID) -> Claim:
    claim = operations.claim_for(request.user, claim_id)
    if claim is None:
        raise Http404
    return claim


def _person(request: HttpRequest) -> Person:
    return Person(int(request.user.pk or 0), actor_of(request))


@page_requires("operations.act")
@require_POST
def claim_check(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    claim = _claim(request, pk)

    def act() -> str:
        asked = settling.check_now(claim_id=claim.pk, actor=actor_of(request))
        return "The seller is being asked." if asked else "The seller is being asked at this moment already."

    return _act(request, f"claim-{pk}", act)


@page_requires("operations.act")
@require_POST
def claim_declare(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    claim = _claim(request, pk)

    def act() -> str:
        settling.declare_not_booked(
            claim_id=claim.pk,
            person=_person(request),
            reason=request.POST.get("reason", ""),
            confirmation=request.POST.get("confirmation", ""),
        )
        return (
            "Declared not booked. Its money is free again; what the seller has after all is cancelled there."
        )

    return _act(request, f"claim-{pk}", act)


@page_requires("operations.act")
@require_POST
def claim_adopt(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Adopt what the seller has under the typed id; for what was declared not booked before: keep it."""
    claim = _claim(request, pk)

    def act() -> str:
        settling.adopt_or_keep(claim, _person(request).actor, request.POST.get("reference", ""))
        return "Adopted. Booking goes on with what the seller has."

    return _act(request, request.POST.get("at", f"claim-{pk}")[:60], act)


@page_requires("operations.act")
@require_POST
def line_cancel_again(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    line = operations.line_for(request.user, pk)
    if line is None:
        raise Http404

    def act() -> str:
        cancelling_again.cancel_again(line=line, actor=actor_of(request))
        return "The cancellation goes to the seller again. If that fails too, its row comes back."

    return _act(request, request.POST.get("at", f"line-{pk}")[:60], act)


@page_requires("operations.act")
@require_POST
def discrepancy_resolve(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    if not operations.discrepancies_of(request.user).filter(pk=pk).exists():
        raise Http404

    def act() -> str:
        findings.resolve(
            discrepancy_id=pk,
            user_id=int(request.user.pk or 0),
            actor=actor_of(request),
            note=request.POST.get("note", ""),
        )
        return "Noted as cleared. If something else is found later, it comes back."

    return _act(request, f"discrepancy-{pk}", act)


@page_requires("operations.act")
@require_POST
def step_run_again(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    if not operations.steps_of(request.user).filter(pk=pk).exists():
        raise Http404

    def act() -> str:
        settling.run_again(step_id=pk, actor=actor_of(request))
        return "It runs again."

    return _act(request, f"step-{pk}", act)


@page_requires("ops.write")
@require_POST
def compare_now(request: HttpRequest) -> HttpResponse:
    seller = Seller.objects.filter(slug=request.POST.get("compare", "")).first()
    if seller is None:
        raise Http404
    start_comparison(seller=seller, actor=actor_of(request))
    messages.success(request, f"The records of {seller.name} are being compared with ours.")
    return redirect("operations")
