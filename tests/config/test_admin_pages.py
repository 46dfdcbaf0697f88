"""Operations: every admin page opens with real rows, nothing can be decided or edited there, actions are POST."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from approvals.models import ApprovalRequest, Decision
from bookings.models import Campaign, Line
from bookings.saga_models import Compensation, Unwinding
from flows.models import Claim, Event, Step
from tests.agency import Agency
from tests.bookings.test_saga import ALL, planned, refuse
from tests.driving import Desk, drive
from tests.plans import waiting_campaign


@pytest.fixture
def ops(agency: Agency) -> Client:
    client = Client()
    client.force_login(agency.person("ops"))
    return client


def test_every_list_and_every_row_opens(desk: Desk, ops: Client) -> None:
    campaign = desk.planned(channels=["ctv"])
    desk.approve(campaign)
    drive(campaign)
    assert ops.get(reverse("admin:index")).status_code == 200
    for model, model_admin in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        listing = ops.get(reverse(f"{name}_changelist"))
        assert listing.status_code == 200, name
        row = model._default_manager.first()
        if row is None or not model_admin.has_view_permission(listing.wsgi_request, row):
            continue
        assert ops.get(reverse(f"{name}_change", args=[row.pk])).status_code == 200, name


@pytest.mark.parametrize(
    "model", [Campaign, Line, Step, Claim, Event, Decision, ApprovalRequest, Compensation, Unwinding]
)
def test_history_cannot_be_added_changed_or_deleted(agency: Agency, ops: Client, model: Any) -> None:
    waiting_campaign(agency)
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    assert ops.get(reverse(f"{name}_add")).status_code == 403
    row = model._default_manager.first()
    if row is not None:
        assert ops.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
        assert ops.post(reverse(f"{name}_change", args=[row.pk]), {"status": "completed"}).status_code == 403


def test_cancelling_is_a_post_with_a_reason(agency: Agency, ops: Client) -> None:
    campaign = waiting_campaign(agency)
    url = reverse("admin:bookings_campaign_cancel_campaign", args=[campaign.pk])
    assert ops.get(url).status_code == 200
    campaign.refresh_from_db()
    assert campaign.status == "awaiting_approval"
    ops.post(url, {"reason": "no", "_form_submitted": "True"})
    campaign.refresh_from_db()
    assert campaign.status == "awaiting_approval"
    ops.post(url, {"reason": "The client has withdrawn the budget", "_form_submitted": "True"})
    campaign.refresh_from_db()
    assert campaign.status == "cancelled"
    assert Event.objects.get(subject_id=str(campaign.pk), type="campaign.cancel").actor_label == "ops"


@pytest.mark.parametrize("name", ["manager", "approver", "finance", "viewer", "client"])
def test_the_admin_is_for_ops_only(agency: Agency, name: str) -> None:
    client = Client()
    client.force_login(agency.person(name))
    assert client.get(reverse("admin:bookings_campaign_changelist")).status_code in (302, 403)


def test_what_was_taken_back_is_found_and_read(desk: Desk, ops: Client) -> None:
    campaign = planned(desk, "agent", ALL)
    refuse(desk, "agent", nth=2)
    desk.approve(campaign)
    drive(campaign)
    row, set_of_lines = Compensation.objects.get(), Unwinding.objects.get()
    for name, pk, said in (
        ("campaign", campaign.pk, "Cancelled at the seller: All or nothing could not be kept"),
        ("campaign", campaign.pk, set_of_lines.reason),
        ("line", row.line_id, row.reason),
        ("compensation", row.pk, row.reason),
        ("unwinding", set_of_lines.pk, set_of_lines.reason),
    ):
        page = ops.get(reverse(f"admin:bookings_{name}_change", args=[pk])).content.decode()
        assert said in page, (name, said)
    for name, given, found in (
        ("compensation", {"q": campaign.name}, True),
        ("compensation", {"q": "another campaign"}, False),
        ("compensation", {"state__exact": "done"}, True),
        ("compensation", {"state__exact": "failed"}, False),
        ("unwinding", {"q": campaign.name}, True),
        ("unwinding", {"ended_at__isempty": "1"}, False),
        ("unwinding", {"ended_at__isempty": "0"}, True),
    ):
        page = ops.get(reverse(f"admin:bookings_{name}_changelist"), given).content.decode()
        assert (
            reverse(
                f"admin:bookings_{name}_change", args=[{"compensation": row.pk}.get(name, set_of_lines.pk)]
            )
            in page
        ) == found
