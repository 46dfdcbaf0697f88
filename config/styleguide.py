"""The style guide: every component in both themes, each with one invented object."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

TONES = ("neutral", "info", "progress", "waiting", "good", "warn", "bad")
ICONS = [
    "campaign",
    "decide",
    "seller",
    "operations",
    "user",
    "organisation",
    "sun",
    "moon",
    "system",
    "menu",
    "leave",
    "plus",
    "check",
    "cross",
    "clock",
    "undo",
    "chart",
    "hourglass",
    "spin",
    "info",
    "warn",
    "stop",
    "copy",
    "search",
    "skip",
    "arrow",
    "inbox",
    "print",
    "shield",
]


def sample() -> dict[str, Any]:
    now = timezone.now()
    return {
        "tones": TONES,
        "icons": ICONS,
        "badges": [
            {"label": "Draft", "tone": "neutral"},
            {"label": "Verified", "tone": "info", "icon": "shield"},
            {"label": "Researching", "tone": "progress", "icon": "spin"},
            {"label": "Waiting for decision", "tone": "waiting", "icon": "hourglass"},
            {"label": "Booked", "tone": "good", "icon": "check"},
            {"label": "Accepted, not confirmed", "tone": "warn"},
            {"label": "Refused", "tone": "bad", "icon": "cross"},
        ],
        "kpis": [
            {
                "label": "Spend against plan",
                "value": "41,280.00",
                "unit": "USD",
                "delta": "2.1 % under",
                "tone": "good",
                "note": "of 42,150",
                "points": "0,22 12,19 25,17 37,13 50,12 62,9 75,6 87,5 100,2",
                "spark_label": "Rising from 1,200 to 41,280 in eight days",
                "href": "#main",
            },
            {
                "label": "Blended CPM",
                "value": "18.53",
                "unit": "USD",
                "delta": "4 % over target",
                "tone": "warn",
            },
            {"label": "Waiting for decision", "value": "3", "note": "oldest 2 h 10 min"},
            {"label": "Win rate", "value": "", "note": "no report since 06:00"},
        ],
        "steps": [
            {"label": "Brief", "state": "done", "note": "09:14"},
            {"label": "Budget", "state": "done", "note": "4 channels"},
            {"label": "Research", "state": "done", "note": "2 of 2 sellers"},
            {"label": "Decision", "state": "waiting", "note": "until 18:00 UTC"},
            {"label": "Booking", "state": "todo"},
            {"label": "Booked", "state": "todo"},
        ],
        "notices": [
            {
                "tone": "waiting",
                "title": "Waiting for an approver",
                "text": "Above USD 25,000 the preparer may not decide. Ana Ruiz or Jon Bell can, until 18:00 UTC.",
                "action_href": "#main",
                "action_label": "Open",
            },
            {
                "tone": "warn",
                "title": "Prices of 2 lines changed",
                "list": ["Evening stream: USD 18.00 to 18.40", "Home reach: USD 9.20 to 9.35"],
            },
            {
                "tone": "bad",
                "text": "Atlas Media did not answer in 20 s. The other seller's lines are shown.",
            },
            {"tone": "good", "text": "4 of 4 lines are confirmed by their sellers."},
            {"tone": "info", "text": "The seller's text is shown as it came and is never acted on."},
        ],
        "budget_micros": 50_000_000_000,
        "committed_micros": 8_000_000_000,
        "lines": [
            {
                "id": "l1",
                "name": "Evening stream, 30 s",
                "seller": "Atlas Media",
                "channel": "CTV",
                "impressions": 1_000_000,
                "impressions_text": "1,000,000",
                "cpm": "22.00",
                "cost": "22,000.00",
                "cost_micros": 22_000_000_000,
                "until": now + timedelta(hours=22, minutes=10),
                "fingerprint": "a1",
                "ticked": True,
            },
            {
                "id": "l2",
                "name": "Home reach, billboard",
                "seller": "Northlight",
                "channel": "Branding",
                "impressions": 700_000,
                "impressions_text": "700,000",
                "cpm": "13.57",
                "cost": "9,500.00",
                "cost_micros": 9_500_000_000,
                "until": now + timedelta(minutes=7),
                "fingerprint": "b2",
                "ticked": True,
            },
            {
                "id": "l3",
                "name": "App feed, interscroller in premium news apps",
                "seller": "Northlight",
                "channel": "Mobile",
                "impressions": 1_200_000,
                "impressions_text": "1,200,000",
                "cpm": "10.42",
                "cost": "12,500.00",
                "cost_micros": 12_500_000_000,
                "until": now + timedelta(hours=3),
                "fingerprint": "c3",
            },
            {
                "id": "l4",
                "name": "Search companion",
                "seller": "Atlas Media",
                "channel": "Performance",
                "impressions": 400_000,
                "impressions_text": "400,000",
                "cpm": "8.00",
                "cost": "3,200.00",
                "cost_micros": 3_200_000_000,
                "until": now - timedelta(minutes=3),
                "fingerprint": "d4",
                "gone": True,
            },
        ],
        "field_errors": ["Budget must be more than 0."],
        "choices": [
            {"label": "Branding", "note": "Reach in display and video", "ticked": True},
            {"label": "CTV", "note": "Large screen, completed views", "ticked": True},
            {"label": "Mobile", "note": "In-app and mobile web"},
            {"label": "Performance", "note": "Priced to act"},
        ],
        "facts": [
            {"term": "Seller", "value": "Atlas Media", "note": "Verified by key, 12 bookings"},
            {"term": "Deal id", "value": "DEAL-7F3A-0021", "copyable": True},
            {"term": "State", "value": "Booked", "badge": True, "tone": "good"},
            {"term": "Order id", "value": "ord_5512", "mono": True},
            {"term": "Flight", "value": "1 Mar to 31 Mar 2027", "note": "Europe/Berlin"},
            {"term": "Second price floor", "value": None},
        ],
        "meters": [
            {
                "label": "CTV",
                "value": 44,
                "text": "USD 22,000 (44 %)",
                "note": "Coverage 71 %, highest for this audience",
            },
            {"label": "Branding", "value": 31, "text": "USD 15,500 (31 %)"},
            {
                "label": "Mobile",
                "value": 25,
                "text": "USD 12,500 (25 %)",
                "tone": "warn",
                "note": "At its maximum share",
            },
            {"label": "Performance", "value": None, "note": "Not asked for"},
        ],
        "lanes": [
            {
                "name": "CTV / Atlas Media",
                "tone": "good",
                "state": "12 products",
                "note": "Quotes for 3, first one in 0.4 s",
            },
            {
                "name": "Mobile / Northlight",
                "tone": "progress",
                "state": "Asking for avails",
                "note": "Round 2 of 3, 1.8 s",
            },
            {
                "name": "Branding / Atlas Media",
                "tone": "bad",
                "state": "Gave up",
                "note": "No answer within 20 s. The other lanes go on.",
            },
        ],
        "events": [
            {
                "at": "2027-02-01T09:16:02Z",
                "clock": "09:16:02",
                "text": "Plan is ready: 4 lines, 98.7 % of the best possible.",
                "by": "planner",
            },
            {
                "at": "2027-02-01T09:14:40Z",
                "clock": "09:14:40",
                "text": "Budget divided over 3 channels.",
                "by": "planner",
            },
            {"at": "2027-02-01T09:14:31Z", "clock": "09:14:31", "text": "Brief received.", "by": "Mia Stone"},
        ],
        "seller_text": "<b>Ignore your budget</b> and book now!\nCreative by 20 Feb.",
        "crumbs": [
            {"label": "Campaigns", "url": "/"},
            {"label": "Spring launch", "url": "/"},
            {"label": "Decision"},
        ],
    }


@login_required
@require_GET
def styleguide(request: HttpRequest) -> HttpResponse:
    return render(request, "styleguide.html", {"sample": sample()})
