"""The client's opinion of a plan, comments and links: services and REST."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from rest_framework.test import APIClient

from accounts.actors import actor_of_user
from accounts.models import IdempotencyRecord
from approvals.errors import Refused
from approvals.models import Decision
from bookings.client_view import commenting, sharing
from bookings.client_view.answering import answer_plan
from bookings.client_view.commenting import write_comment
from bookings.client_view.models import ClientAnswer, ClientComment, ClientLink
from bookings.client_view.plan import whole_percents
from bookings.client_view.reading import client_view
from bookings.models import Campaign, Line, Recommendation
from flows import events
from flows.clock import now
from flows.models import Event
from notifications import looking
from notifications.models import Notice
from tests.agency import Agency
from tests.clients import forget_openings, leaks, new_link, priced_campaign, seal_of
from tests.deciding import approve, ids_of, reject
from tests.driving import Desk, drive
from tests.plans import waiting_campaign

Api = Callable[[str], APIClient]
EVERYBODY = ("manager", "approver", "finance", "ops", "viewer", "client")


@pytest.fixture(autouse=True)
def _openings_are_forgotten() -> Iterator[None]:
    forget_openings()
    yield
    forget_openings()


def answer(
    agency: Agency, campaign: Campaign, say: str = "agree", text: str = "", **changes: Any
) -> ClientAnswer:
    user = agency.person(changes.pop("by", "viewer"))
    given = {"answer": say, "text": text, "seen": seal_of(campaign)} | changes
    return answer_plan(campaign_id=campaign.pk, user=user, actor=actor_of_user(user), **given)


def comment(agency: Agency, campaign: Campaign, text: str, by: str = "viewer") -> ClientComment:
    user = agency.person(by)
    return write_comment(campaign_id=campaign.pk, user=user, actor=actor_of_user(user), text=text)


def told(campaign: Campaign, type: str) -> list[Event]:
    return [event for event in events.since("campaign", campaign.pk) if event.type == type]


def url(campaign: Campaign, end: str = "") -> str:
    return f"/api/bookings/{campaign.pk}/client-view{end}"


# --- the answer -----------------------------------------------------------------------------------------------


def test_an_answer_is_bound_to_what_an_approval_of_the_whole_plan_binds(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    row = answer(agency, campaign)
    decision, _ = approve(agency, campaign)
    assert row.fingerprint == decision.fingerprint
    assert row.version == 1


def test_an_answer_commits_nothing(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    answer(agency, campaign)
    campaign.refresh_from_db()
    assert campaign.status == "awaiting_approval"
    assert not Decision.objects.exists()
    assert not Line.objects.exists()
    assert set(campaign.recommendations.values_list("state", flat=True)) == {"open"}


def test_an_answer_is_in_the_campaigns_chain(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    row = answer(agency, campaign, "object", "Too much branding")
    (event,) = told(campaign, "client.answered")
    assert (event.actor_label, event.actor_kind) == (agency.person("viewer").label, "human")
    assert event.correlation_id == campaign.correlation_id
    assert event.payload["answer"] == "object"
    assert event.payload["text"] == "Too much branding"
    assert event.payload["fingerprint"] == row.fingerprint
    assert events.first_bad_position("campaign", str(campaign.pk)) is None


def test_it_can_be_changed_while_the_plan_waits_and_stays_one(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    answer(agency, campaign)
    answer(agency, campaign, "object", "On second thoughts, no")
    row = ClientAnswer.objects.get()
    assert (row.answer, row.text) == ("object", "On second thoughts, no")
    first, second = told(campaign, "client.answered")
    assert "changed_from" not in first.payload
    assert second.payload["changed_from"] == "agree"


def test_the_same_answer_again_is_no_news(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    assert answer(agency, campaign).pk == answer(agency, campaign).pk
    assert len(told(campaign, "client.answered")) == 1


@pytest.mark.parametrize("text", ["", "no", "   no   ", "\x00\x00\x00\x00\x00no"])
def test_an_objection_needs_a_reason(agency: Agency, text: str) -> None:
    campaign = waiting_campaign(agency)
    with pytest.raises(Refused) as caught:
        answer(agency, campaign, "object", text)
    assert (caught.value.status, caught.value.code, caught.value.field) == (400, "reason_required", "text")
    assert not ClientAnswer.objects.exists()
    assert not told(campaign, "client.answered")


@pytest.mark.parametrize(
    ("say", "text", "field"), [("maybe", "", "answer"), ("", "", "answer"), ("agree", "x" * 2001, "text")]
)
def test_what_cannot_be_used_names_its_field(agency: Agency, say: str, text: str, field: str) -> None:
    campaign = waiting_campaign(agency)
    with pytest.raises(Refused) as caught:
        answer(agency, campaign, say, text)
    assert (caught.value.status, caught.value.field) == (400, field)
    assert not ClientAnswer.objects.exists()


def test_two_thousand_characters_are_allowed_however_lines_end(agency: Agency) -> None:
    text = ("x" * 99 + "\r\n") * 20
    assert len(answer(agency, waiting_campaign(agency), "object", text).text) == 1999


def raise_price(agency: Agency, campaign: Campaign) -> None:
    campaign.recommendations.filter(rank=1).update(cpm=Decimal("10.01"))


def reject_one(agency: Agency, campaign: Campaign) -> None:
    reject(agency, campaign, recommendation_ids=ids_of(campaign)[:1])


def make_anew(agency: Agency, campaign: Campaign) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(plan_version=2)


@pytest.mark.parametrize("change", [raise_price, reject_one, make_anew])
def test_an_answer_to_a_plan_that_changed_is_refused(agency: Agency, change: Any) -> None:
    campaign = waiting_campaign(agency)
    before = seal_of(campaign)
    change(agency, campaign)
    campaign.refresh_from_db()
    with pytest.raises(Refused) as caught:
        answer(agency, campaign, seen=before)
    assert (caught.value.status, caught.value.code) == (409, "changed_since_shown")
    assert not ClientAnswer.objects.exists()
    assert answer(agency, campaign).version == campaign.plan_version


@pytest.mark.parametrize("seen", ["", "0" * 64, "é" * 64])
def test_a_made_up_seal_is_refused(agency: Agency, seen: str) -> None:
    with pytest.raises(Refused) as caught:
        answer(agency, waiting_campaign(agency), seen=seen)
    assert caught.value.status == 409


def test_the_seal_of_another_campaign_opens_nothing(agency: Agency) -> None:
    one, other = waiting_campaign(agency), waiting_campaign(agency)
    with pytest.raises(Refused):
        answer(agency, one, seen=seal_of(other))


def test_after_the_decision_nobody_answers(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    seal = seal_of(campaign)
    approve(agency, campaign)
    with pytest.raises(Refused) as caught:
        answer(agency, campaign, seen=seal)
    assert (caught.value.status, caught.value.code) == (409, "not_waiting")
    assert seal_of(campaign) == ""


def test_an_answer_to_an_earlier_state_says_so(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    answer(agency, campaign)
    assert [said.current for said in client_view(campaign).answers] == [True]
    reject(agency, campaign, recommendation_ids=ids_of(campaign)[:1])
    assert [said.current for said in client_view(campaign).answers] == [False]


def test_an_answer_that_was_decided_on_stays_current(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    answer(agency, campaign)
    approve(agency, campaign)
    assert [said.current for said in client_view(campaign).answers] == [True]


def test_two_answers_at_once_give_one_row(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    seal = seal_of(campaign)
    barrier, errors = threading.Barrier(4), []

    def say(number: int) -> None:
        try:
            barrier.wait()
            answer(agency, campaign, "object", f"Reason number {number}", seen=seal)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=say, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    row = ClientAnswer.objects.get()
    said = [event.payload["text"] for event in told(campaign, "client.answered")]
    assert sorted(said) == [f"Reason number {number}" for number in range(4)]
    assert row.text == said[-1]


def test_the_preparer_is_told_of_each_answer_once(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    answer(agency, campaign, "object", "Too much branding")
    looking.look()
    looking.look()
    answer(agency, campaign)
    looking.look()
    rows = Notice.objects.filter(kind="client_answered").order_by("created_at")
    assert [row.recipient.username for row in rows] == ["manager", "manager"]
    assert "objects to" in rows[0].title
    assert "Too much branding" in rows[0].text
    assert "agreed to" in rows[1].title
    assert rows[0].url == campaign.get_absolute_url()


# --- comments -------------------------------------------------------------------------------------------------


def test_comments_stand_in_their_order_with_their_side(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    comment(agency, campaign, "Can we start later?")
    comment(agency, campaign, "Yes.", by="manager")
    comment(agency, campaign, "Thank you\r\nvery much")
    rows = client_view(campaign).comments
    assert [(row.side, row.text) for row in rows] == [
        ("client", "Can we start later?"),
        ("agency", "Yes."),
        ("client", "Thank you\nvery much"),
    ]
    assert [event.payload["side"] for event in told(campaign, "client.commented")] == [
        "client",
        "agency",
        "client",
    ]


@pytest.mark.parametrize(
    ("text", "code"), [("", "text_required"), (" \n\t ", "text_required"), ("x" * 2001, "too_long")]
)
def test_a_comment_holds_one_to_two_thousand_characters(agency: Agency, text: str, code: str) -> None:
    campaign = waiting_campaign(agency)
    with pytest.raises(Refused) as caught:
        comment(agency, campaign, text)
    assert (caught.value.status, caught.value.code, caught.value.field) == (400, code, "text")
    assert not ClientComment.objects.exists()
    assert not told(campaign, "client.commented")


def test_a_comment_sent_twice_is_one(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    assert comment(agency, campaign, "Hello").pk == comment(agency, campaign, "Hello ").pk
    comment(agency, campaign, "Hello", by="manager")
    comment(agency, campaign, "Hello")
    assert ClientComment.objects.count() == 3


def test_comments_have_an_end(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commenting, "MOST_COMMENTS", 2)
    campaign = waiting_campaign(agency)
    comment(agency, campaign, "one")
    comment(agency, campaign, "two")
    with pytest.raises(Refused) as caught:
        comment(agency, campaign, "three")
    assert caught.value.code == "too_many_comments"


def test_control_characters_do_not_reach_the_database(agency: Agency) -> None:
    assert comment(agency, waiting_campaign(agency), "a\x00b\x1bc\n👩‍🚀").text == "a b c\n👩‍🚀"


# --- links ----------------------------------------------------------------------------------------------------


def test_a_token_is_kept_as_a_hash_only(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    link, address = new_link(agency, campaign, note="The board")
    prefix, secret = address.removeprefix("/shared/").rstrip("/").split(".")
    kept = str(list(ClientLink.objects.values())) + str(
        [event.payload for event in told(campaign, "client.link_made")]
    )
    assert secret not in kept
    assert prefix == link.prefix
    assert sharing.link_of_token(f"{prefix}.{secret}") == link


def test_a_wrong_secret_opens_nothing(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    link, address = new_link(agency, campaign)
    _, other = new_link(agency, campaign)
    secret = other.removeprefix("/shared/").rstrip("/").split(".")[1]
    for token in (
        link.prefix,
        f"{link.prefix}.",
        f"{link.prefix}.{secret}",
        f".{secret}",
        "\x00",
        "x" * 5000,
        link.secret_hash,
    ):
        assert sharing.link_of_token(token) is None, token
    assert sharing.link_of_token(address.removeprefix("/shared/").rstrip("/")) == link


@pytest.mark.parametrize("days", [0, -1, 61, 10**6])
def test_a_link_lives_one_to_sixty_days(agency: Agency, days: int) -> None:
    campaign = waiting_campaign(agency)
    with pytest.raises(Refused) as caught:
        new_link(agency, campaign, days=days)
    assert (caught.value.status, caught.value.field) == (400, "days")
    assert not ClientLink.objects.exists()
    assert not told(campaign, "client.link_made")


def test_a_link_ends_at_its_time(agency: Agency) -> None:
    link, address = new_link(agency, waiting_campaign(agency))
    token = address.removeprefix("/shared/").rstrip("/")
    assert link.expires_at - link.created_at == dt.timedelta(days=14)
    with time_machine.travel(link.expires_at - dt.timedelta(seconds=1), tick=False):
        assert sharing.link_of_token(token) == link
    with time_machine.travel(link.expires_at, tick=False):
        assert sharing.link_of_token(token) is None
        assert link.state == "expired"


def test_revoking_works_at_once_and_keeps_the_first_time(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    link, address = new_link(agency, campaign)
    actor = actor_of_user(agency.person("manager"))
    first = sharing.revoke_link(campaign_id=campaign.pk, link_id=link.pk, actor=actor)
    assert sharing.link_of_token(address.removeprefix("/shared/").rstrip("/")) is None
    again = sharing.revoke_link(campaign_id=campaign.pk, link_id=link.pk, actor=actor)
    assert first
    assert again
    assert first.revoked_at == again.revoked_at
    assert [event.payload["link"] for event in told(campaign, "client.link_revoked")] == [str(link.pk)]


def test_a_campaign_has_so_many_open_links_at_most(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "MOST_LINKS", 1)
    campaign = waiting_campaign(agency)
    link, _ = new_link(agency, campaign)
    with pytest.raises(Refused) as caught:
        new_link(agency, campaign)
    assert caught.value.status == 409
    sharing.revoke_link(
        campaign_id=campaign.pk, link_id=link.pk, actor=actor_of_user(agency.person("manager"))
    )
    new_link(agency, campaign)


def test_openings_at_once_are_all_counted(agency: Agency) -> None:
    link, _ = new_link(agency, waiting_campaign(agency))

    def open_it() -> None:
        sharing.note_opening(link)
        connection.close()

    threads = [threading.Thread(target=open_it) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    link.refresh_from_db()
    assert link.opened == 5
    assert link.last_opened_at is not None
    assert now() - link.last_opened_at < dt.timedelta(seconds=30)


# --- what is shown --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shares", "percents"),
    [
        (["0.333", "0.333", "0.334"], [33, 33, 34]),
        (["0.5", "0.5"], [50, 50]),
        (["0.405", "0.595"], [41, 59]),
        (["1", "0"], [100, 0]),
        ([], []),
    ],
)
def test_whole_percents_sum_to_the_whole(shares: list[str], percents: list[int]) -> None:
    assert whole_percents([Decimal(share) for share in shares]) == percents


def test_the_share_is_that_of_the_allocation_never_of_the_cost(agency: Agency) -> None:
    parts = {part.channel: part.share for part in client_view(priced_campaign(agency)).channels}
    assert parts == {"branding": 41, "ctv": 59}  # by cost it would be 24 and 36


def test_what_the_agency_took_out_is_not_in_the_plan(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    reject(agency, campaign, recommendation_ids=ids_of(campaign)[:1])
    view = client_view(campaign)
    assert [one.name for one in view.placements] == ["Product 2", "Product 3"]
    assert view.totals.impressions == 2_500_000


def test_what_is_guaranteed_is_said_in_words(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    for row, (kind, sure) in zip(
        campaign.recommendations.all(), (("PG", True), ("PD", False), ("PA", False)), strict=True
    ):
        Recommendation.objects.filter(pk=row.pk).update(deal_type=kind, guaranteed=sure)
    view = client_view(campaign)
    first, second, third = (one.terms for one in view.placements)
    assert first.startswith("Guaranteed:")
    assert second.startswith("Not guaranteed:")
    assert "auction" in third
    assert (view.totals.guaranteed, view.totals.not_guaranteed) == (1_000_000, 2_500_000)


def sentence(campaign: Campaign) -> str:
    return client_view(campaign).standing.sentence


def steps(campaign: Campaign) -> list[str]:
    return [step.state for step in client_view(campaign).standing.steps]


def test_where_it_stands_from_plan_to_its_end(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    assert "waits for a decision" in sentence(campaign)
    assert steps(campaign) == ["done", "waiting", "todo", "todo"]
    approve(agency, campaign)
    assert "0 of 3 placements confirmed" in sentence(campaign)
    assert steps(campaign) == ["done", "done", "current", "todo"]
    settle(campaign, "booked", "booked", "declined")
    assert sentence(campaign).startswith("2 of 3 placements are confirmed. The campaign starts on")
    assert steps(campaign) == ["done", "done", "done", "todo"]
    with time_machine.travel(dt.datetime.combine(campaign.start_date, dt.time(12), dt.UTC), tick=False):
        assert "runs until" in sentence(campaign)
        assert steps(campaign)[-1] == "current"
    with time_machine.travel(
        dt.datetime.combine(campaign.end_date, dt.time(12), dt.UTC) + dt.timedelta(days=1)
    ):
        assert "ended on" in sentence(campaign)
        assert steps(campaign)[-1] == "done"


def settle(campaign: Campaign, *states: str) -> None:
    for line, state in zip(campaign.lines.order_by("position"), states, strict=True):
        Line.objects.filter(pk=line.pk).update(status=state, settled_at=now())
    Campaign.objects.filter(pk=campaign.pk).update(status="completed")


def test_the_days_are_those_of_the_campaigns_zone(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    Campaign.objects.filter(pk=campaign.pk).update(brief={**campaign.brief, "timezone": "Pacific/Auckland"})
    approve(agency, campaign)
    settle(campaign, "booked", "booked", "booked")
    noon_before = dt.datetime.combine(campaign.start_date, dt.time(12, 30), dt.UTC) - dt.timedelta(days=1)
    with time_machine.travel(noon_before, tick=False):  # half past midnight of the first day over there
        assert "runs until" in sentence(campaign)


@pytest.mark.parametrize(
    ("status", "words", "states"),
    [
        ("researching", "putting the plan together", ["current", "todo", "todo", "todo"]),
        ("cancelled", "Cancelled. Nothing was booked.", ["done", "skipped", "skipped", "skipped"]),
        ("failed", "Nothing was booked.", ["done", "failed", "skipped", "skipped"]),
        ("validation_failed", "Nothing was booked.", ["done", "failed", "skipped", "skipped"]),
    ],
)
def test_every_other_state_has_its_sentence(
    agency: Agency, status: str, words: str, states: list[str]
) -> None:
    campaign = waiting_campaign(agency)
    Campaign.objects.filter(pk=campaign.pk).update(
        status=status, errors=[{"code": "x", "field": "lines.1", "message": "CPM 12.00 instead of 10.00"}]
    )
    assert words in sentence(campaign)
    assert "12.00" not in sentence(campaign)
    assert steps(campaign) == states


def test_real_sellers_real_bookings(desk: Desk, api: Api) -> None:
    campaign = desk.planned()
    before = api("viewer").get(url(campaign)).json()
    assert before["plan"]
    assert {one["state"] for part in before["channels"] for one in part["placements"]} == {"planned"}
    assert all(one["format"] for part in before["channels"] for one in part["placements"])
    desk.approve(campaign)
    campaign = drive(campaign)
    after = api("viewer").get(url(campaign)).json()
    assert after["plan"] is None
    assert after["totals"]["confirmed_placements"] == after["totals"]["placements"] == campaign.lines.count()
    assert all(one["confirmed_at"] for part in after["channels"] for one in part["placements"])
    for line in campaign.lines.select_related("seller"):
        for secret in (line.seller.name, line.seller_reference, f"{line.cost:.2f}", f"{line.cpm:.2f}"):
            assert f'"{secret}"' not in str(after).replace("'", '"'), secret


# --- REST -----------------------------------------------------------------------------------------------------

DOORS: dict[str, tuple[str, Any, set[str]]] = {
    "": ("get", None, {*EVERYBODY}),
    "/comments": ("get", None, {*EVERYBODY}),
    "/answer": ("post", {"answer": "agree", "plan": "x"}, {"viewer"}),
    "/comments ": ("post", {"text": "Hello"}, {"manager", "approver", "viewer"}),
    "/links": ("get", None, {"manager", "approver"}),
    "/links ": ("post", {"note": "The board"}, {"manager", "approver"}),
    "/links/6a5b1c1e-0000-4000-8000-000000000000/revoke": ("post", None, {"manager", "approver"}),
}


@pytest.mark.parametrize("end", DOORS)
@pytest.mark.parametrize("person", EVERYBODY)
def test_each_role_gets_through_its_doors_only(agency: Agency, api: Api, end: str, person: str) -> None:
    method, body, allowed = DOORS[end]
    campaign = waiting_campaign(agency)
    response = getattr(api(person), method)(url(campaign, end.strip()), body, format="json")
    assert (response.status_code != 403) == (person in allowed), response.content
    if person not in allowed:
        assert response["Content-Type"] == "application/problem+json"
        assert not ClientComment.objects.exists()
        assert not ClientLink.objects.exists()


@pytest.mark.parametrize("end", DOORS)
def test_another_clients_campaign_does_not_exist(agency: Agency, api: Api, end: str) -> None:
    method, body, _ = DOORS[end]
    campaign = waiting_campaign(agency)
    campaign.organization = agency.other_client
    campaign.save()
    for person in ("viewer", "manager"):
        if person in DOORS[end][2]:
            response = getattr(api(person), method)(url(campaign, end.strip()), body, format="json")
            assert response.status_code == 404, (person, response.content)


def test_answering_over_rest(agency: Agency, api: Api) -> None:
    campaign = waiting_campaign(agency)
    client = api("viewer")
    seal = client.get(url(campaign)).json()["plan"]
    body = {"answer": "object", "text": "Too much branding", "plan": seal}
    shown = client.post(url(campaign, "/answer"), body, format="json")
    assert shown.status_code == 200, shown.content
    (said,) = shown.json()["answers"]
    assert (said["answer"], said["text"], said["current"]) == ("object", "Too much branding", True)
    assert told(campaign, "client.answered")[0].actor_kind == "api_key"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"answer": "maybe", "plan": "x"}, "answer"),
        ({"plan": "x"}, "answer"),
        ({"answer": "agree"}, "plan"),
        ({"answer": "object", "plan": "x", "text": "no"}, "text"),
        ({"answer": "agree", "plan": "x", "text": "y" * 2001}, "text"),
        ({"answer": "agree", "plan": "x", "reason": "typo"}, "reason"),
    ],
)
def test_a_wrong_answer_names_the_field(agency: Agency, api: Api, body: Any, field: str) -> None:
    response = api("viewer").post(url(waiting_campaign(agency), "/answer"), body, format="json")
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert not ClientAnswer.objects.exists()


def test_a_stale_answer_is_a_conflict(agency: Agency, api: Api) -> None:
    campaign = waiting_campaign(agency)
    client = api("viewer")
    seal = client.get(url(campaign)).json()["plan"]
    raise_price(agency, campaign)
    response = client.post(url(campaign, "/answer"), {"answer": "agree", "plan": seal}, format="json")
    assert (response.status_code, response.json()["code"]) == (409, "changed_since_shown")
    assert not ClientAnswer.objects.exists()


def test_a_repeated_request_says_it_once(agency: Agency, api: Api) -> None:
    campaign = waiting_campaign(agency)
    key = {"HTTP_IDEMPOTENCY_KEY": "comment-0001"}
    client = api("viewer")
    first = client.post(url(campaign, "/comments"), {"text": "Hello"}, format="json", **key)
    comment(agency, campaign, "in between", by="manager")
    again = client.post(url(campaign, "/comments"), {"text": "Hello"}, format="json", **key)
    assert (first.status_code, first.json()) == (again.status_code, again.json()) == (201, first.json())
    assert [row["text"] for row in client.get(url(campaign, "/comments")).json()["comments"]] == [
        "Hello",
        "in between",
    ]


def test_links_over_rest(agency: Agency, api: Api) -> None:
    campaign = waiting_campaign(agency)
    client = api("approver")
    made = client.post(
        url(campaign, "/links"),
        {"days": 3, "note": "Board"},
        format="json",
        HTTP_IDEMPOTENCY_KEY="link-00001",
    )
    assert made.status_code == 201, made.content
    address = made.json()["url"]
    token = address.rstrip("/").rpartition("/")[2]
    assert APIClient().get(address).status_code == 200
    (row,) = client.get(url(campaign, "/links")).json()["links"]
    assert (row["note"], row["state"], row["opened"]) == ("Board", "active", 1)
    assert token not in str(client.get(url(campaign, "/links")).content)
    assert not IdempotencyRecord.objects.exists(), "an answer that is kept would hold the token"
    revoked = client.post(url(campaign, f"/links/{row['link_id']}/revoke"))
    assert revoked.json()["state"] == "revoked"
    assert APIClient().get(address).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"days": 61}, "days"),
        ({"days": 0}, "days"),
        ({"days": "x"}, "days"),
        ({"note": "x" * 121}, "note"),
        ({"until": 3}, "until"),
    ],
)
def test_a_wrong_link_names_the_field(agency: Agency, api: Api, body: Any, field: str) -> None:
    response = api("manager").post(url(waiting_campaign(agency), "/links"), body, format="json")
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert not ClientLink.objects.exists()


def test_a_link_is_revoked_under_its_own_campaign_only(agency: Agency, api: Api) -> None:
    one, other = waiting_campaign(agency), waiting_campaign(agency)
    link, _ = new_link(agency, one)
    assert api("manager").post(url(other, f"/links/{link.pk}/revoke")).status_code == 404
    link.refresh_from_db()
    assert link.is_usable


@pytest.mark.parametrize("booked", [False, True])
def test_no_figure_of_a_seller_is_in_the_answers_of_rest(agency: Agency, api: Api, booked: bool) -> None:
    campaign = priced_campaign(agency)
    answer(agency, campaign)
    if booked:
        approve(agency, campaign)
        settle(campaign, "booked", "declined")
    for end in ("", "/comments"):
        for person in ("viewer", "manager", "finance"):
            response = api(person).get(url(campaign, end))
            assert response.status_code == 200
            assert leaks(f"{response.content.decode()}\n{dict(response.headers)}") == []
    assert leaks(api("finance").get(f"/api/bookings/{campaign.pk}").content.decode()), (
        "else nothing was looked for"
    )
