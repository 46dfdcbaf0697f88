"""The work queue: what waits for whom and why, filters and kept views, and deciding on many plans at once."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from accounts.middleware import SEEN
from accounts.models import SavedView
from approvals.models import ApprovalRequest, Decision
from bookings.models import Campaign, Line, Recommendation
from bookings.worklist import Filters, work_for
from crm.models import Assignment
from flows.clock import now
from flows.models import Event
from tests.agency import Agency, set_limits
from tests.deciding import approve, ids_of
from tests.pages.conftest import Browse, text_of
from tests.plans import waiting_campaign

WORK = "/work/"


def boxes_of(answer: Any) -> list[str]:
    return re.findall(r'name="plan" value="([^"]+)"', answer.content.decode())


def titles_of(user: Any, group: str, **filters: Any) -> list[str]:
    found = work_for(user, Filters(**filters))
    rows = next((one.rows for one in found.groups if one.name == group), [])
    return [str(row) if isinstance(row, ApprovalRequest) else row.name for row in rows]


def test_it_says_what_waits_how_long_how_much_and_why(agency: Agency, browse: Browse) -> None:
    waiting_campaign(agency, costs=(10_000, 20_000), name="Winter <i>coats</i>")
    words = text_of(browse("approver").get(WORK))
    assert "Winter &lt;i&gt;coats&lt;/i&gt;" in words
    for text in ("Aurora Outdoor", "USD 30,000.00", "2 lines to approve or reject", "Look and decide"):
        assert text in words
    assert "You decide for Aurora Outdoor." in words
    assert "You prepared it." in text_of(browse("manager").get(WORK))


def test_an_empty_queue_is_said_kindly(browse: Browse) -> None:
    assert "appears here by itself" in text_of(browse("approver").get(WORK))
    assert "Hand in a brief" in text_of(browse("manager").get(WORK))


def test_the_first_to_expire_is_on_top_then_the_dearest(agency: Agency) -> None:
    late, soon, dear = (
        waiting_campaign(agency, costs=(cost,), name=name)
        for name, cost in (("late", 9_000), ("soon", 1_000), ("dear", 8_000))
    )
    for campaign, hours in ((late, 9), (soon, 2), (dear, 2)):
        ApprovalRequest.objects.filter(subject_id=campaign.pk).update(
            deadline=now().replace(minute=0, second=0, microsecond=0) + dt.timedelta(hours=hours)
        )
    assert titles_of(agency.person("approver"), "decide") == ["dear", "soon", "late"]


def test_own_plans_above_the_own_limit_wait_for_somebody_else(agency: Agency, browse: Browse) -> None:
    set_limits(self_approval=9_000, auto_approve=0)
    waiting_campaign(agency, costs=(8_000,), name="small")
    waiting_campaign(agency, costs=(10_000,), name="large")
    maya = agency.person("manager")
    assert titles_of(maya, "decide") == ["small"]
    assert sorted(titles_of(maya, "decide", tab="team")) == ["large", "small"]
    assert "Above 9,000 USD another person decides." in text_of(browse("manager").get(WORK, {"tab": "team"}))
    assert browse("manager").get(WORK).context["nav"][0]["count"] == "1"
    assert browse("approver").get(WORK).context["nav"][0]["count"] == "2"


def test_finance_sees_what_waits_for_a_second_person(agency: Agency, browse: Browse) -> None:
    set_limits(self_approval=0, auto_approve=0, second_person_above=1_000)
    campaign = waiting_campaign(agency)
    fiona = agency.person("finance")
    assert titles_of(fiona, "decide") == []
    approve(agency, campaign)
    assert titles_of(fiona, "decide") == [campaign.name]
    assert "it takes 2 people" in text_of(browse("finance").get(WORK))
    assert "Waits for another person." in text_of(browse("approver").get(WORK))


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"client": "aurora-outdoor"}, ["big", "small"]),
        ({"client": "boreal-foods"}, []),
        ({"client": "no-such"}, []),
        ({"seller": "northlight"}, ["big", "small"]),
        ({"seller": "nobody"}, []),
        ({"at_least": Decimal(5_000)}, ["big"]),
        ({"age": "8h"}, ["small"]),
    ],
)
def test_filters(agency: Agency, filters: dict[str, Any], found: list[str]) -> None:
    waiting_campaign(agency, costs=(9_000,), name="big")
    old = waiting_campaign(agency, costs=(1_000,), name="small")
    ApprovalRequest.objects.filter(subject_id=old.pk).update(created_at=now() - dt.timedelta(hours=9))
    assert sorted(titles_of(agency.person("approver"), "decide", **filters)) == found


@pytest.mark.parametrize("asked", ["age=99y", "at_least=-4", "at_least=1e999", "tab=nobody", "show=x&page=0"])
def test_nonsense_in_the_address_is_as_if_it_were_not_there(
    agency: Agency, browse: Browse, asked: str
) -> None:
    campaign = waiting_campaign(agency)
    assert campaign.name in text_of(browse("approver").get(f"{WORK}?{asked}"))


def test_counts_are_those_of_the_tables(agency: Agency) -> None:
    """Also beyond the first rows of a group."""
    first = waiting_campaign(agency)
    Campaign.objects.bulk_create(
        Campaign(
            name=f"Running {number}",
            organization=agency.client,
            prepared_by=agency.person("manager"),
            prepared_via="page",
            brief=first.brief,
            budget=1_000,
            currency="USD",
            start_date=first.start_date,
            end_date=first.end_date,
            status="researching" if number % 2 else "completed",
        )
        for number in range(30)
    )
    groups = {one.name: one for one in work_for(agency.person("manager"), Filters()).groups}
    totals = {name: group.total for name, group in groups.items()}
    assert totals == {"decide": 1, "attention": 0, "running": 15, "booked": 15}
    assert (len(groups["running"].rows), groups["running"].more) == (10, 5)
    alone = work_for(agency.person("manager"), Filters(show="running", page=1)).groups
    assert [(one.name, len(one.rows)) for one in alone] == [("running", 15)]


def test_what_went_wrong_needs_attention_until_it_is_taken_up(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    _, lines = approve(agency, campaign)
    Line.objects.filter(pk=lines[0].pk).update(attention=True, note="Nobody knows whether it is booked.")
    lost = {"status": "declined", "back_to_person": True, "settled_at": now(), "note": "The price rose."}
    Line.objects.filter(pk=lines[1].pk).update(**lost)
    words = text_of(browse("manager").get(WORK))
    assert "Nobody knows whether it is booked." in words
    assert "Plan what is left again" in words
    follower = waiting_campaign(agency)
    Campaign.objects.filter(pk=follower.pk).update(follows=campaign)
    groups = {one.name: one for one in work_for(agency.person("manager"), Filters()).groups}
    assert [line.pk for line in groups["attention"].rows] == [lines[0].pk]
    assert "attention" in {one.name for one in work_for(agency.person("ops"), Filters()).groups}


def test_nobody_sees_another_clients_work(agency: Agency, browse: Browse) -> None:
    waiting_campaign(agency, name="Only for Aurora")
    for tab in ("mine", "team", "history"):
        assert b"Only for Aurora" not in browse("outsider").get(WORK, {"tab": tab}).content
    assert "Only for Aurora" in text_of(browse("finance").get(WORK, {"tab": "team"}))


def test_history_names_who_and_when(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    approve(agency, campaign)
    words = text_of(browse("manager").get(WORK, {"tab": "history"}))
    assert "approver" in words
    assert "Approved" in words
    assert "3 lines" in words


def test_ten_thousand_waiting_plans_take_few_queries(
    agency: Agency, browse: Browse, django_assert_max_num_queries: Any
) -> None:
    campaign = waiting_campaign(agency)
    row = ApprovalRequest.objects.get(subject_id=campaign.pk)
    ApprovalRequest.objects.bulk_create(
        (
            ApprovalRequest(
                kind="media_plan",
                subject_type="other",
                subject_id=campaign.pk.__class__(int=number),
                title=f"Plan {number}",
                url=row.url,
                organization_id=agency.client.pk,
                currency="USD",
                ceiling=1,
                prepared_label="Maya",
                open_items=1,
                open_amount=number,
                deadline=now() + dt.timedelta(minutes=number),
            )
            for number in range(1, 10_000)
        ),
        batch_size=500,
    )
    client = browse("approver")
    with django_assert_max_num_queries(15):
        answer = client.get(WORK)
    assert "50 of 10000 shown" in text_of(answer)


# --- news ---------------------------------------------------------------------------------------------------


def news(client: Any, answer: Any) -> Any:
    asked = re.search(r'hx-get="([^"]+)"', answer.content.decode())
    assert asked
    return client.get(asked[1].replace("&amp;", "&"))


def test_the_open_page_hears_of_new_and_decided_plans_and_of_nothing_else(
    agency: Agency, browse: Browse
) -> None:
    client = browse("approver")
    answer = client.get(WORK)
    assert news(client, answer).status_code == 204
    campaign = waiting_campaign(agency, name="Just in")
    answer = news(client, answer)
    assert "Just in" in text_of(answer)
    assert news(client, answer).status_code == 204
    approve(agency, campaign)
    answer = news(client, answer)
    assert "Running now" in text_of(answer)
    assert boxes_of(answer) == []


def test_an_event_that_commits_late_is_not_missed(agency: Agency, browse: Browse) -> None:
    """Its number is lower than one that was seen before it."""
    client = browse("approver")
    waiting_campaign(agency)
    answer = client.get(WORK)
    late = waiting_campaign(agency, name="Late")
    newest = Event.objects.order_by("-pk").first()
    assert newest
    page = answer.content.decode().replace(f"event={answer.context['event']}", f"event={newest.pk}")
    asked = re.search(r'hx-get="([^"]+)"', page)
    assert asked
    assert late.name in text_of(client.get(asked[1].replace("&amp;", "&")))


# --- many at once -------------------------------------------------------------------------------------------


def decide(client: Any, **data: Any) -> list[str]:
    answer = client.post(reverse("work-decide"), data, follow=True)
    return [str(message) for message in answer.context["messages"]]


def test_each_ticked_plan_is_decided_for_itself(agency: Agency, browse: Browse) -> None:
    one, two, three = (waiting_campaign(agency, name=name) for name in ("one", "two", "three"))
    client = browse("approver")
    boxes = boxes_of(client.get(WORK))
    approve(agency, two, recommendation_ids=ids_of(two)[:1])  # changed since the list was shown
    said = decide(client, verdict="approve", plan=boxes)
    assert len(said) == 3
    assert sum("3 lines approved for 35,000.00 USD" in text for text in said) == 2
    assert any(text.startswith("two was left as it is") for text in said)
    states = {row.name: row.status for row in Campaign.objects.all()}
    assert states["one"] == states["three"] == "executing_bookings"
    assert one.lines.count() == three.lines.count() == 3
    assert two.lines.count() == 1


def test_rejecting_many_needs_one_reason_for_all(agency: Agency, browse: Browse) -> None:
    for name in ("one", "two"):
        waiting_campaign(agency, name=name)
    client = browse("approver")
    boxes = boxes_of(client.get(WORK))
    assert all("Say why" in text for text in decide(client, verdict="reject", plan=boxes, reason="no"))
    assert not Decision.objects.exists()
    decide(client, verdict="reject", plan=boxes, reason="The client has stopped.")
    assert set(Campaign.objects.values_list("status", flat=True)) == {"cancelled"}


def test_nothing_ticked_and_made_up_boxes_change_nothing(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    client = browse("approver")
    assert decide(client, verdict="approve") == ["Tick at least one plan."]
    request = ApprovalRequest.objects.get(subject_id=campaign.pk)
    decide(client, verdict="approve", plan=[f"{request.pk}:made-up", "nonsense", f"{campaign.pk}:x"])
    assert not Decision.objects.exists()


def test_a_changed_price_is_not_approved_from_the_list(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    client = browse("approver")
    boxes = boxes_of(client.get(WORK))
    Recommendation.objects.filter(campaign=campaign, rank=1).update(cost=9_999)
    (said,) = decide(client, verdict="approve", plan=boxes)
    assert "left as it is" in said
    assert not Decision.objects.exists()


def test_others_cannot_decide_through_the_list(agency: Agency, browse: Browse) -> None:
    waiting_campaign(agency)
    boxes = boxes_of(browse("approver").get(WORK))
    for person in ("finance", "ops", "viewer", "client"):
        assert (
            browse(person).post(reverse("work-decide"), {"verdict": "approve", "plan": boxes}).status_code
            == 403
        )
    decide(browse("outsider"), verdict="approve", plan=boxes)
    set_limits(self_approval=0, auto_approve=0)
    decide(browse("manager"), verdict="approve", plan=boxes)
    assert not Decision.objects.exists()


def test_a_plan_with_an_expired_price_cannot_be_ticked(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    request = ApprovalRequest.objects.get(subject_id=campaign.pk)
    request.items.filter(pk=ids_of(campaign)[0]).update(expires_at=now() - dt.timedelta(minutes=3))
    answer = browse("approver").get(WORK)
    assert boxes_of(answer) == []
    assert "1 price has expired." in text_of(answer)


# --- kept views ---------------------------------------------------------------------------------------------


def test_a_view_is_kept_replaced_and_removed(agency: Agency, browse: Browse) -> None:
    client = browse("approver")
    client.post(reverse("work-keep-view"), {"name": " Large  ones ", "query": "at_least=5000&evil=1"})
    view = SavedView.objects.get()
    assert (view.name, view.query) == ("Large ones", "at_least=5000")
    client.post(reverse("work-keep-view"), {"name": "Large ones", "query": "at_least=7000"})
    assert SavedView.objects.get().query == "at_least=7000"
    assert "Large ones" in text_of(client.get(WORK))
    assert "Large ones" not in text_of(browse("manager").get(WORK))
    assert browse("manager").post(reverse("work-drop-view", args=[view.pk])).status_code == 404
    client.post(reverse("work-drop-view", args=[view.pk]))
    assert not SavedView.objects.exists()


@pytest.mark.parametrize(("name", "said"), [("", "Give the view a name."), ("x" * 41, "at most 40")])
def test_a_view_needs_a_name_that_fits(browse: Browse, name: str, said: str) -> None:
    answer = browse("approver").post(
        reverse("work-keep-view"), {"name": name, "query": "age=8h"}, follow=True
    )
    assert said in text_of(answer)
    assert not SavedView.objects.exists()


def test_an_assignment_that_ends_takes_the_work_with_it(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    client = browse("approver")
    assert campaign.name in text_of(client.get(WORK))
    Assignment.objects.filter(user=agency.person("approver")).delete()
    assert campaign.name not in text_of(client.get(WORK))


def test_an_open_page_keeps_no_session_alive(agency: Agency, browse: Browse) -> None:
    """Its own questions are not its person's."""
    client = browse("approver")
    answer = client.get(WORK)
    session = client.session
    session[SEEN] -= 600
    session.save()
    news(client, answer)
    assert client.session[SEEN] == session[SEEN]
    client.get(WORK)
    assert client.session[SEEN] > session[SEEN]
