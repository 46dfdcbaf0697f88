"""Help: what this person may do, how a brief becomes booked lines, what states and the trade's words mean. Roles and
states come from the code that they describe."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.permissions import RULES, can
from accounts.roles import Role
from bookings.states import CAMPAIGN_TONE, LINE_TONE, CampaignStatus, LineStatus

S, L = CampaignStatus, LineStatus
CAMPAIGN_MEANS = {
    S.INITIALIZED: "The brief has arrived and is being read.",
    S.BRIEF_RECEIVED: "The brief holds; its budget is split next.",
    S.VALIDATION_FAILED: "The brief cannot hold; its page names the fields. Copy it, mend it, hand it in again.",
    S.BUDGET_ALLOCATED: "Each channel has its money; the sellers are asked next.",
    S.RESEARCHING: "Sellers are being asked what they offer. Nothing is promised to anybody.",
    S.AWAITING_APPROVAL: "A plan waits for a person. Nothing is booked before somebody approves it.",
    S.EXECUTING_BOOKINGS: "Approved lines are being booked. A line counts only when its seller says so.",
    S.COMPLETED: "Every approved line is settled, and something is booked.",
    S.FAILED: "Nothing is booked; the page says why.",
    S.CANCELLED: "It was ended before anything was booked.",
}
LINE_MEANS = {
    L.DRAFT: "It is approved, and on its way to the seller.",
    L.RESERVED: "The seller holds it for us; it is not booked yet.",
    L.PENDING_BOOKING: "The seller has accepted it and has not confirmed it.",
    L.BOOKED: "The seller has confirmed it, at the terms that were approved.",
    L.DECLINED: "It is not booked: the seller refused it, or its terms changed.",
    L.EXPIRED: "The seller let it lapse.",
    L.CANCELED: "It was taken back at the seller.",
}


@dataclass(frozen=True)
class Meaning:
    label: str
    tone: str
    text: str


WORDS = (
    ("CPM", "Cost of 1,000 impressions."),
    ("Blended CPM", "Cost of the selected lines divided by their impressions, per 1,000."),
    ("Guaranteed, PG", "The seller commits to deliver the impressions; we commit to pay for them."),
    ("Preferred deal, PD", "A fixed price before the auction opens. Nobody commits to a volume."),
    ("Private auction, PA", "An auction for invited buyers, above a floor price."),
    ("Deal ID", "The seller's id of a deal, entered in the buying platform so that it can bid on it."),
    ("Quote", "A seller's price for an exact volume, binding until it ends. Only quotes can be approved."),
    (
        "Plan quality",
        "How much of the best possible plan this one reaches. The best possible is proven, not guessed.",
    ),
    ("Score", "A line's value for its money, as a percentage of the best offer in its channel."),
    ("Outcome unknown", "A seller's answer was lost. It is asked what became of it; nothing is sent twice."),
)


@login_required
@require_GET
def help_page(request: HttpRequest) -> HttpResponse:
    role = Role(request.user.effective_role) if request.user.effective_role in Role.values else None  # type: ignore[union-attr]
    context = {
        "role": role,
        "rights": [rule.what for name, rule in RULES.items() if can(request.user, name)],
        "campaign_states": [
            Meaning(S(one).label, CAMPAIGN_TONE[one], text) for one, text in CAMPAIGN_MEANS.items()
        ],
        "line_states": [Meaning(L(one).label, LINE_TONE[one], text) for one, text in LINE_MEANS.items()],
        "words": WORDS,
    }
    return render(request, "help.html", context)
