"""One change of state, one notice per person, one delivery per channel: whoever sweeps, and whatever dies."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import connection, transaction
from django.test import Client

from approvals.models import ApprovalRequest
from flows import events, runner, steps
from flows.actors import SYSTEM_ACTOR
from flows.clock import now
from flows.models import Event, Step
from flows.states import StepState
from notifications import flow, looking, on_deadlines, registry, writing
from notifications.models import Cursor, Delivery, Notice
from notifications.registry import Draft
from tests.agency import Agency
from tests.notifications.conftest import deliver, look, states, told
from tests.plans import waiting_campaign


def at_once(act: Callable[[], Any], times: int = 4) -> None:
    start = threading.Barrier(times)

    def run() -> None:
        try:
            start.wait()
            act()
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def draft_for(agency: Agency, key: str = "thing") -> Draft:
    people = frozenset(agency.person(name).pk for name in ("manager", "approver", "ops"))
    return Draft("trouble", key, "Thing", "It broke", "/campaigns/", people)


def test_sweeps_at_once_tell_once(agency: Agency) -> None:
    for _ in range(5):
        waiting_campaign(agency)
    at_once(looking.look)
    assert Notice.objects.count() == 10
    assert Delivery.objects.count() == Step.objects.filter(flow_name="delivery").count() == 10


def test_also_without_the_cursors_lock(agency: Agency) -> None:
    """The unique constraint alone: another writer, or a lock that was lost."""

    def write() -> None:
        with transaction.atomic():
            writing.write([draft_for(agency)])

    at_once(write)
    assert Notice.objects.count() == 3
    assert Delivery.objects.count() == 3


def test_looks_at_the_clock_at_once_tell_once(agency: Agency) -> None:
    waiting_campaign(agency)
    with time_machine.travel(now() + dt.timedelta(hours=13), tick=False):
        at_once(looking.look_at_the_clock)
    assert told("approver") == ["deadline_near"]


def test_deliveries_run_by_many_workers_send_one_mail_each(agency: Agency) -> None:
    waiting_campaign(agency)
    look()
    at_once(deliver)
    assert len(mail.outbox) == 2
    assert {message.to[0] for message in mail.outbox} == {"manager@agency.example", "approver@agency.example"}


def test_a_second_look_finds_nothing(agency: Agency) -> None:
    waiting_campaign(agency)
    assert look() == 2
    before = Cursor.objects.values().get()
    assert look() == 0
    assert Cursor.objects.values().get() == before


def test_killed_before_the_commit_nothing_is_told_and_the_next_look_tells(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting_campaign(agency)

    def dies(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("notifications.looking._move_on", dies)
        look()
    assert Notice.objects.count() == Delivery.objects.count() == 0
    assert look() == 2


def test_killed_between_notice_and_delivery_the_kernel_delivers(agency: Agency) -> None:
    """Notice, delivery and step commit together; the bell of the step is lost with the process."""
    waiting_campaign(agency)
    look()
    Step.objects.filter(flow_name="delivery").update(rung_at=None)
    assert mail.outbox == []
    assert deliver() == 2
    assert len(mail.outbox) == 2
    assert states() == [("mail", "sent"), ("mail", "sent")]


def test_killed_while_sending_it_is_sent_again_under_the_same_id(agency: Agency) -> None:
    waiting_campaign(agency)
    look()
    step_id = Step.objects.filter(flow_name="delivery").values_list("pk", flat=True)[0]
    step = steps.claim(step_id)
    assert step is not None
    delivery = Delivery.objects.get(pk=step.flow_id)
    flow._send(delivery, [delivery.notice])  # and then the worker dies: nothing is recorded
    Step.objects.filter(pk=step_id).update(lease_until=now() - dt.timedelta(seconds=1))
    runner.run(step_id)
    first, second = mail.outbox
    assert first.extra_headers["Message-ID"] == second.extra_headers["Message-ID"]
    assert Delivery.objects.get(pk=delivery.pk).status == "sent"
    runner.run(step_id)
    assert len(mail.outbox) == 2


def test_an_event_that_commits_late_is_not_skipped(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its number is smaller than that of one that was handled before it was to be seen."""
    late, _ = waiting_campaign(agency), waiting_campaign(agency)
    hidden = Event.objects.get(subject_id=str(late.pk), type="approval.requested")
    unread = looking._unread
    with monkeypatch.context() as patch:
        patch.setattr(looking, "_unread", lambda cursor: unread(cursor).exclude(pk=hidden.pk))
        assert look() == 2
        with time_machine.travel(now() + looking.SETTLED_AFTER / 2, tick=False):
            look()
            assert Cursor.objects.get().position < hidden.pk
    assert look() == 2
    assert {row.request_id for row in Notice.objects.all()} == set(
        ApprovalRequest.objects.values_list("pk", flat=True)
    )


def test_the_cursor_passes_what_is_settled_and_forgets_its_numbers(agency: Agency) -> None:
    waiting_campaign(agency)
    look()
    cursor = Cursor.objects.get()
    assert cursor.seen
    last = max(int(pk) for pk in cursor.seen)
    with time_machine.travel(now() + looking.SETTLED_AFTER + dt.timedelta(seconds=1), tick=False):
        assert look() == 0
    cursor.refresh_from_db()
    assert (cursor.position, cursor.seen) == (last, {})


def test_the_cursor_passes_what_leads_to_nothing(agency: Agency) -> None:
    waiting_campaign(agency)
    look()
    campaign = waiting_campaign(agency)
    for _ in range(5):
        events.record(
            subject_type="campaign", subject_id=campaign.pk, type="seller.called", actor=SYSTEM_ACTOR
        )
    last = Event.objects.latest("pk").pk
    with time_machine.travel(now() + looking.SETTLED_AFTER / 2, tick=False):
        looking.keep_up()
        assert Cursor.objects.get().position < last
    with time_machine.travel(now() + looking.SETTLED_AFTER + dt.timedelta(seconds=1), tick=False):
        looking.keep_up()
        assert Cursor.objects.get().position < last  # something in between is still to be told
        assert look() == 2
        looking.keep_up()
    cursor = Cursor.objects.get()
    assert (cursor.position, cursor.seen) == (last, {})


def test_a_full_batch_does_not_pass_what_it_has_not_reached(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "BATCH", 2)
    monkeypatch.setattr(looking, "ROUNDS", 1)
    for _ in range(5):
        waiting_campaign(agency)
    with time_machine.travel(now() + dt.timedelta(minutes=5), tick=False):
        found = [look() for _ in range(5)]
    assert found == [4, 4, 2, 0, 0]


def test_a_rule_that_fails_holds_up_nobody_else_and_is_tried_again(
    agency: Agency, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ill, _ = waiting_campaign(agency), waiting_campaign(agency)
    rules = registry.drafts_of

    def drafts(event: Event) -> list[Draft]:
        if event.subject_id == str(ill.pk):
            raise ValueError("a fault in a rule")
        return rules(event)

    with monkeypatch.context() as patch:
        patch.setattr(registry, "drafts_of", drafts)
        assert look() == 2
        assert Cursor.objects.get().position < Event.objects.filter(subject_id=str(ill.pk)).latest("pk").pk
    assert look() == 2
    assert "no notice for event" in caplog.text


def test_many_that_fail_do_not_keep_a_look_from_the_others(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "BATCH", 2)
    ill = {str(waiting_campaign(agency).pk) for _ in range(5)}
    waiting_campaign(agency)
    rules = registry.drafts_of

    def drafts(event: Event) -> list[Draft]:
        if event.subject_id in ill:
            raise ValueError("a fault in a rule")
        return rules(event)

    monkeypatch.setattr(registry, "drafts_of", drafts)
    assert look() == 2


def test_a_deadline_that_cannot_be_told_holds_up_no_other(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        waiting_campaign(agency)
    first = ApprovalRequest.objects.earliest("deadline").pk
    drafts = on_deadlines.drafts_of_stage

    def fails(stage: on_deadlines.Stage) -> list[Draft]:
        if stage.request_id == first:
            raise ValueError("a fault")
        return drafts(stage)

    with time_machine.travel(now() + dt.timedelta(hours=13), tick=False):
        with monkeypatch.context() as patch:
            patch.setattr(on_deadlines, "drafts_of_stage", fails)
            assert looking.look_at_the_clock() == 2
        assert looking.look_at_the_clock() == 2
        assert looking.look_at_the_clock() == 0


def test_one_that_always_fails_is_passed_over_at_last(
    agency: Agency, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    waiting_campaign(agency)

    def fails(_: Event) -> list[Draft]:
        raise ValueError("for ever")

    look()
    waiting_campaign(agency)
    monkeypatch.setattr(registry, "drafts_of", fails)
    assert look() == 0
    with time_machine.travel(now() + looking.TRY_FOR + dt.timedelta(minutes=1), tick=False):
        look()
        look()
        assert Cursor.objects.get().seen == {}
        assert not looking._anything_new()
    assert "passed over" in caplog.text


def test_an_old_installation_is_told_of_its_last_hour_alone(agency: Agency) -> None:
    waiting_campaign(agency)
    with time_machine.travel(now() + dt.timedelta(hours=2), tick=False):
        waiting_campaign(agency)
        assert look() == 2


def test_a_dead_delivery_is_a_dead_letter_that_runs_again(
    agency: Agency, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FLIGHTDECK_STEP_ATTEMPTS = 1
    monkeypatch.setattr("notifications.flow.PAUSES", ())

    def refuses(*_: Any) -> None:
        raise OSError("mail server away")

    waiting_campaign(agency)
    look()
    with monkeypatch.context() as patch:
        patch.setattr("notifications.mail.send", refuses)
        deliver()
    assert states() == [("mail", "failed"), ("mail", "failed")]
    dead = list(Step.objects.filter(flow_name="delivery", state=StepState.DEAD))
    assert len(dead) == 2
    assert all(steps.revive(step) for step in dead)
    deliver()
    assert states() == [("mail", "sent"), ("mail", "sent")]


def test_operations_see_it_on_their_page(
    agency: Agency, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FLIGHTDECK_STEP_ATTEMPTS = 1
    monkeypatch.setattr("notifications.flow.PAUSES", ())
    monkeypatch.setattr(
        "notifications.mail.send", lambda *_: (_ for _ in ()).throw(OSError("no mail server"))
    )
    waiting_campaign(agency)
    look()
    deliver()
    client = Client()
    client.force_login(agency.person("ops"))
    page = client.get("/operations/").content.decode()
    assert page.count("Delivery stopped at deliver</h2>") == 2
    assert "no mail server" in page
