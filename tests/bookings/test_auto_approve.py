"""auto_approve is a decision of the policy, with its own record and its own limit."""

from __future__ import annotations

from approvals.models import Decision
from flows.models import Event
from tests.driving import Desk, drive


def test_below_the_limit_the_policy_decides_and_says_so(desk: Desk) -> None:
    campaign = drive(desk.submit(budget=4_000, auto_approve=True))
    assert campaign.status == "completed"
    decision = Decision.objects.get(request__subject_id=campaign.pk)
    assert (decision.door, decision.user, decision.actor_label) == ("policy", None, "Flightdeck")
    assert decision.policy["auto_approve_limit"] == "5000.00"
    assert "within the policy's limit" in decision.reason


def test_above_the_limit_a_person_decides_as_usual(desk: Desk) -> None:
    campaign = drive(desk.submit(budget=60_000, auto_approve=True))
    assert campaign.status == "awaiting_approval"
    assert not Decision.objects.filter(request__subject_id=campaign.pk).exists()
    assert Event.objects.filter(subject_id=str(campaign.pk), type="approval.auto_approve_declined").exists()
