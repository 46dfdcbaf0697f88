"""A failed cancellation is sent once more when a person asks: on the page, over REST, once however often they click."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse
from rest_framework.test import APIClient

from approvals.errors import Refused
from bookings import cancelling, settling
from bookings.cancelling_again import cancel_again
from bookings.models import Campaign, Line
from bookings.saga_models import Compensation
from bookings.selectors import campaign_view
from bookings.services import check_line_now
from flows import lifecycle, runner
from flows.actors import SYSTEM_ACTOR
from flows.clock import now
from flows.models import Claim, Heartbeat, Step
from tests.bookings.test_saga import KEEP, SELLERS, cancelled_at, lines_of, planned
from tests.bookings.test_saga_cancelling import PATHS, cancel_requests, refusing, running, unwinding
from tests.driving import Desk, run_due
from tests.pages.conftest import Browse, browse, text_of
from tests.standing import check_end, drive_checked, events

__all__ = ["browse"]

Api = Callable[[str], APIClient]
URL = "/operations/"


def stuck_line(desk: Desk, seller: str = "agent") -> Line:
    """The campaign has ended; one line stands because its seller refused to cancel it."""
    campaign = drive_checked(desk, unwinding(desk, seller, refusing(seller, count=1)))
    Heartbeat.objects.update_or_create(name="sweep", defaults={"at": now()})
    return campaign.lines.get(status="booked")


def unclear_line(desk: Desk) -> Line:
    """The same, because no cancellation was ever answered: the claim is escalated."""
    campaign = unwinding(desk, "agent", {"kind": "status", "status": 503})
    unclear = Claim.objects.filter(kind="cancel", state="unknown")
    drive_checked(desk, campaign, until=lambda row: unclear.count() == 2)
    unclear.update(stop_checks_at=now())
    campaign = drive_checked(desk, campaign)
    Heartbeat.objects.update_or_create(name="sweep", defaults={"at": now()})
    return lines_of(campaign)[0]


def refusal(line: Line) -> str:
    """The code with which it is refused; nothing may have changed by then."""
    before = Claim.objects.filter(subject_id=line.pk).values_list("state", "sends", "stop_checks_at")
    found = list(before), line.campaign.unwindings.filter(ended_at=None).count()
    with pytest.raises(Refused) as refused:
        cancel_again(line=line, actor=SYSTEM_ACTOR)
    assert refused.value.status == 409
    assert (list(before.all()), line.campaign.unwindings.filter(ended_at=None).count()) == found
    return refused.value.code


# --- sending it ----------------------------------------------------------------------------------------------------


@SELLERS
def test_a_person_can_have_it_sent_once_more(desk: Desk, seller: str) -> None:
    line = stuck_line(desk, seller)
    cancel_again(line=line, actor=desk.agency.decider("ops").actor)
    assert refusal(line) == "already_waiting"
    run_due(line.campaign)
    line.refresh_from_db()
    assert (line.status, line.attention) == ("canceled", False)
    assert Claim.objects.get(subject_id=line.pk, kind="cancel").sends == 2
    assert cancelled_at(desk, seller).count(line.seller_reference) == 1
    (asked,) = events(line.campaign, "compensation.asked_again")
    assert (asked.actor_label, asked.payload["line"]) == (desk.agency.person("ops").label, str(line.pk))
    check_end(desk, line.campaign)


@SELLERS
def test_what_is_refused_again_comes_back_and_can_be_asked_again(desk: Desk, seller: str) -> None:
    line = stuck_line(desk, seller)
    running(desk, seller).faults({**PATHS[seller], **refusing(seller, count=1)})
    cancel_again(line=line, actor=SYSTEM_ACTOR)
    line.refresh_from_db()
    assert not line.attention
    run_due(line.campaign)
    line.refresh_from_db()
    assert (line.status, line.attention, line.undoing and line.undoing.state) == ("booked", True, "failed")
    assert len(events(line.campaign, "compensation.failed")) == 2
    cancel_again(line=line, actor=SYSTEM_ACTOR)
    run_due(line.campaign)
    line.refresh_from_db()
    assert line.status == "canceled"
    check_end(desk, line.campaign)


def test_what_stayed_unclear_is_looked_at_before_it_goes_out(desk: Desk) -> None:
    line = unclear_line(desk)
    desk.agent.clear_faults()
    desk.agent.decide(line.seller_reference, "cancelled", "by telephone")
    sent = cancel_requests(desk, "agent")
    cancel_again(line=line, actor=SYSTEM_ACTOR)
    run_due(line.campaign)
    line.refresh_from_db()
    assert (line.status, cancel_requests(desk, "agent")) == ("canceled", sent)


def test_what_stayed_unclear_and_stands_is_cancelled(desk: Desk) -> None:
    line = unclear_line(desk)
    desk.agent.clear_faults()
    cancel_again(line=line, actor=SYSTEM_ACTOR)
    assert Claim.objects.get(subject_id=line.pk, kind="cancel").state == "unknown"
    run_due(line.campaign)
    line.refresh_from_db()
    assert line.status == "canceled"
    assert cancelled_at(desk, "agent").count(line.seller_reference) == 1


def test_while_it_is_tried_the_campaign_is_not_called_taken_back(desk: Desk, browse: Browse) -> None:
    line = stuck_line(desk)
    desk.agent.faults(kind="status", method="POST", path="/api/v1/deals/bulk", status=503, count=1)
    cancel_again(line=line, actor=SYSTEM_ACTOR)
    page = text_of(browse("manager").get(line.campaign.get_absolute_url()))
    assert "Taking the approval back: 1 of 2 lines cancelled" in page
    assert campaign_view(Campaign.objects.get(pk=line.campaign_id)).money.committed == line.cost
    run_due(line.campaign)
    assert line.campaign.unwindings.get().ended_at is None
    check_line_now(line=line, actor=SYSTEM_ACTOR)
    run_due(line.campaign)
    assert line.campaign.unwindings.get().ended_at is not None
    page = text_of(browse("manager").get(line.campaign.get_absolute_url()))
    assert "The approval was taken back; nothing of it is booked" in page


# --- when there is nothing to send ---------------------------------------------------------------------------------


def test_a_line_that_nobody_wants_cancelled_is_refused(desk: Desk) -> None:
    campaign = planned(desk, "agent", KEEP)
    desk.approve(campaign)
    drive_checked(desk, campaign)
    assert refusal(lines_of(campaign)[0]) == "nothing_failed"


def test_what_is_cancelled_already_is_refused(desk: Desk) -> None:
    line = stuck_line(desk)
    cancelled = line.campaign.lines.filter(status="canceled").first()
    assert cancelled is not None
    assert refusal(cancelled) == "nothing_stands"


def test_while_the_seller_is_being_looked_at_it_is_refused(desk: Desk) -> None:
    line = stuck_line(desk)
    Step.objects.filter(name="compensate", key=str(line.pk)).update(state="running")
    assert refusal(line) == "still_at_work"


def test_after_the_flight_it_is_refused(desk: Desk) -> None:
    line = stuck_line(desk)
    Step.objects.filter(name="compensate", key=str(line.pk)).update(state="done")
    assert refusal(line) == "flight_over"


def test_a_reference_of_another_line_is_refused(desk: Desk) -> None:
    line = stuck_line(desk)
    other = line.campaign.lines.exclude(pk=line.pk).first()
    assert other is not None
    Line.objects.filter(pk=other.pk).update(refs=line.refs)
    assert refusal(line) == "not_its_own"


def test_of_two_people_at_once_one_asks_and_the_other_is_told_who(desk: Desk) -> None:
    line = stuck_line(desk)
    outcomes: list[Refused | str] = []
    both = threading.Barrier(2)

    def press(name: str) -> None:
        actor = desk.agency.decider(name).actor
        both.wait(timeout=10)
        try:
            cancel_again(line=line, actor=actor)
            outcomes.append(actor.label)
        except Refused as refused:
            outcomes.append(refused)
        finally:
            connection.close()

    people = [threading.Thread(target=press, args=(name,)) for name in ("ops", "manager")]
    for one in people:
        one.start()
    for one in people:
        one.join(timeout=30)
    (won,) = [one for one in outcomes if isinstance(one, str)]
    (lost,) = [one for one in outcomes if isinstance(one, Refused)]
    assert (lost.code, lost.extra) == ("already_waiting", {"by": won})
    assert f"{won} asked for it" in lost.message
    assert len(events(line.campaign, "compensation.asked_again")) == 1


# --- a step that died has its own door -----------------------------------------------------------------------------


def dead_watch(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Line:
    """The campaign has ended, and the step that looks at what stands dies of a fault of ours."""
    line = stuck_line(desk)

    def broken(*_: Any) -> Any:
        raise RuntimeError("a bug of ours")

    with monkeypatch.context() as patch:
        patch.setattr(runner, "FIRST_RETRY", 0.0)
        patch.setattr(cancelling, "look", broken)
        check_line_now(line=line, actor=SYSTEM_ACTOR)
        while Step.objects.get(name="compensate", key=str(line.pk)).state != "dead":
            run_due(line.campaign)
    line.refresh_from_db()
    return line


def test_a_watch_that_died_is_run_again_and_sends_nothing(
    desk: Desk, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = dead_watch(desk, monkeypatch)
    sent = cancel_requests(desk, "agent")
    assert (line.attention, line.undoing and line.undoing.state) == (True, "failed")
    assert refusal(line) == "stopped"
    page = browse("manager").get(URL).content.decode()
    assert "line-cancel-again" not in page
    assert "cancel-again" not in page
    step = Step.objects.get(name="compensate", key=str(line.pk))
    settling.run_again(step_id=step.pk, actor=SYSTEM_ACTOR)
    run_due(line.campaign)
    step.refresh_from_db()
    line.refresh_from_db()
    assert (step.state, line.undoing and line.undoing.state) == ("pending", "failed")
    assert cancel_requests(desk, "agent") == sent
    assert "Send the cancellation" in text_of(browse("manager").get(URL))


def test_a_cancellation_that_died_on_its_way_is_refused_here(desk: Desk, monkeypatch: Any) -> None:
    campaign = unwinding(desk, "agent")
    monkeypatch.setattr(runner, "FIRST_RETRY", 0.0)

    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(cancelling, "send", broken)
    monkeypatch.setattr(cancelling, "reconcile", broken)
    dead = Step.objects.filter(name="compensate", state="dead")
    drive_checked(desk, campaign, until=lambda row: dead.exists())
    line = Line.objects.get(pk=dead.first().key)  # type: ignore[union-attr]
    assert line.undoing
    assert line.undoing.state == "waiting"
    assert refusal(line) == "stopped"


# --- the page ------------------------------------------------------------------------------------------------------


def test_the_row_says_what_it_will_do_and_does_it(desk: Desk, browse: Browse) -> None:
    line = stuck_line(desk)
    page = browse("manager").get(URL)
    words = text_of(page)
    assert "Could not be cancelled" in words
    assert "nothing more is sent" in words
    assert "The cancellation is sent to Agent once more" in words
    assert "must not stand. Please confirm that it is cancelled" in words  # the text for the seller
    url = reverse("line-cancel-again", args=[line.pk])
    assert f'action="{url}"' in page.content.decode()
    answer = browse("ops").post(url, {"kind": "line"}, follow=True)
    assert "The cancellation goes to the seller again" in text_of(answer)
    assert answer.redirect_chain[-1][0] == f"{URL}?kind=line"
    run_due(line.campaign)
    assert "Nothing waits for you" in text_of(browse("manager").get(URL))


def test_the_row_of_an_unclear_cancellation_has_the_same_act(desk: Desk, browse: Browse) -> None:
    line = unclear_line(desk)
    page = browse("manager").get(URL, {"kind": "outcome"})
    assert reverse("line-cancel-again", args=[line.pk]) in page.content.decode()
    assert text_of(page).count("Send the cancellation") == 2  # of both lines


def test_a_second_click_is_told_and_does_no_harm(desk: Desk, browse: Browse, agency: Any) -> None:
    line = stuck_line(desk)
    url = reverse("line-cancel-again", args=[line.pk])
    browse("ops").post(url)
    again = browse("manager").post(url)
    assert again.status_code == 409
    assert f"{agency.person('ops').label} asked for it" in text_of(again)
    run_due(line.campaign)
    assert cancelled_at(desk, "agent").count(line.seller_reference) == 1
    late = browse("manager").post(url)
    assert late.status_code == 409
    assert "Nothing of this line stands at the seller" in text_of(late)


def test_who_may_not_see_prices_is_told_what_failed(desk: Desk, browse: Browse) -> None:
    line = stuck_line(desk)
    words = text_of(browse("ops").get(URL))
    assert "the seller has not cancelled it" in words
    assert f"{line.cost:,.2f}" not in words


@pytest.mark.parametrize(("person", "status"), [("outsider", 404), ("viewer", 403), ("approver", 403)])
def test_others_cannot(desk: Desk, browse: Browse, person: str, status: int) -> None:
    line = stuck_line(desk)
    url = reverse("line-cancel-again", args=[line.pk])
    assert browse(person).post(url).status_code == status
    assert browse("ops").get(url).status_code == 405
    assert Compensation.objects.get(line=line).state == "failed"


# --- REST ----------------------------------------------------------------------------------------------------------


def test_rest_sends_once_per_key(desk: Desk, api: Api) -> None:
    line = stuck_line(desk)
    (row,) = api("manager").get("/api/operations").json()["results"]
    assert (row["line_id"], row["acts"]) == (str(line.pk), ["cancel-again"])
    url = f"/api/operations/lines/{row['line_id']}/cancel-again"
    answers = [api("ops").post(url, HTTP_IDEMPOTENCY_KEY="cancel-again-1") for _ in range(2)]
    assert [answer.json() for answer in answers] == [{"done": "cancellation_requested"}] * 2
    assert answers[1]["Idempotent-Replayed"] == "true"
    refused = api("manager").post(url)
    assert (refused.status_code, refused.json()["code"]) == (409, "already_waiting")
    assert refused["Content-Type"] == "application/problem+json"
    run_due(line.campaign)
    assert cancelled_at(desk, "agent").count(line.seller_reference) == 1
    assert api("manager").post(url).json()["code"] == "nothing_stands"


def test_rest_knows_no_line_of_another_client(desk: Desk, api: Api) -> None:
    line = stuck_line(desk)
    for person, line_id, status in (
        ("outsider", line.pk, 404),
        ("ops", uuid.uuid4(), 404),
        ("viewer", line.pk, 403),
    ):
        assert api(person).post(f"/api/operations/lines/{line_id}/cancel-again").status_code == status
    assert Compensation.objects.get(line=line).state == "failed"


def test_a_lock_is_taken_before_anything_is_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was seen on the page is old; only the rows as they stand under the lock count."""
    line = stuck_line(desk)
    locked: list[str] = []
    real = lifecycle.lock
    monkeypatch.setattr(lifecycle, "lock", lambda model, pk: locked.append(model.__name__) or real(model, pk))
    cancel_again(line=line, actor=SYSTEM_ACTOR)
    assert locked[:2] == ["Campaign", "Line"]
