"""The statuses and transitions are the seed's, and nothing else moves them."""

from __future__ import annotations

import ast
import threading
from pathlib import Path

import pytest
from django.db import connection
from django_fsm import TransitionNotAllowed

from bookings.models import Campaign
from bookings.states import BEFORE_BOOKING, CampaignStatus
from flows import lifecycle
from flows.actors import SYSTEM_ACTOR
from tests.agency import Agency
from tests.plans import waiting_campaign
from tests.serving import ROOT

SEED = {
    ("initialized", "brief_received"),
    ("initialized", "validation_failed"),
    ("brief_received", "budget_allocated"),
    ("budget_allocated", "researching"),
    ("researching", "awaiting_approval"),
    ("awaiting_approval", "executing_bookings"),
    ("executing_bookings", "completed"),
    ("budget_allocated", "failed"),
    ("researching", "failed"),
    ("executing_bookings", "failed"),
}
ARGUMENTS = {
    "fail_validation": {"errors": []},
    "allocate_budget": {"audience_plan": {}},
    "consolidate_recommendations": {"plan": {}},
    "fail": {"errors": []},
    "cancel": {"reason": "because"},
}


def transitions() -> set[tuple[str, str]]:
    field = Campaign._meta.get_field("status")
    return {(move.source, move.target) for move in field.get_all_transitions(Campaign)}


def test_the_transitions_are_the_seeds_and_a_persons() -> None:
    """A person cancels, makes a waiting plan anew, or undoes the only approval in time."""
    cancels = {(str(status), "cancelled") for status in BEFORE_BOOKING}
    anew, undone = ("awaiting_approval", "researching"), ("executing_bookings", "awaiting_approval")
    assert transitions() == SEED | cancels | {anew, undone}
    assert len(CampaignStatus.values) == 10


@pytest.mark.parametrize("status", CampaignStatus.values)
def test_anything_else_raises(status: str) -> None:
    field = Campaign._meta.get_field("status")
    for move in {found.name for found in field.get_all_transitions(Campaign)}:
        campaign = Campaign(status=status)
        allowed = {found.name for found in field.get_all_transitions(Campaign) if found.source == status}
        if move in allowed:
            continue
        with pytest.raises(TransitionNotAllowed):
            getattr(campaign, move)(**ARGUMENTS.get(move, {}))
        assert campaign.status == status


def test_a_status_cannot_be_set_by_hand(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    with pytest.raises(AttributeError):
        campaign.status = "completed"
    campaign.refresh_from_db()
    assert campaign.status == "awaiting_approval"


def test_reloading_in_one_thread_opens_no_door_in_another(agency: Agency) -> None:
    """django-fsm-2 lifts its protection on the class while it reloads; our field must not."""
    campaign, stop, holes = waiting_campaign(agency), threading.Event(), []

    def reload() -> None:
        row = Campaign.objects.get(pk=campaign.pk)
        while not stop.is_set():
            row.refresh_from_db()
        connection.close()

    thread = threading.Thread(target=reload)
    thread.start()
    for _ in range(20_000):
        try:
            campaign.status = "completed"
            holes.append(1)
        except AttributeError:
            pass
    stop.set()
    thread.join()
    assert holes == []


def test_wrong_state_changes_nothing(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    with pytest.raises(lifecycle.WrongState) as caught:
        lifecycle.apply(campaign, "complete", actor=SYSTEM_ACTOR, subject_type="campaign")
    assert caught.value.state == "awaiting_approval"


def _update_calls(tree: ast.AST) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "update"
    ]


def test_no_code_sets_a_status_by_update() -> None:
    guilty = []
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).parts
        if parts[0] in (".venv", "var", "simulator", "tests") or "migrations" in parts:
            continue
        for call in _update_calls(ast.parse(Path(path).read_text())):
            if any(keyword.arg == "status" for keyword in call.keywords):
                guilty.append(f"{path}:{call.lineno}")
    assert guilty == []
