"""Deciding on the page: what is posted, what is refused, and what a refused person finds again."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from django.urls import reverse

from bookings import services
from bookings.models import Campaign, Line, Recommendation
from bookings.proposals import fingerprint_of
from tests.agency import Agency, set_limits
from tests.deciding import approve, ids_of
from tests.pages.conftest import Browse, text_of
from tests.plans import waiting_campaign


def tick(row: Recommendation) -> str:
    return f"{row.pk}:{fingerprint_of(row)}"


def rows_of(campaign: Campaign) -> list[Recommendation]:
    return list(campaign.recommendations.order_by("rank"))


def decide(browse: Browse, person: str, campaign: Campaign, **form: Any) -> Any:
    return browse(person).post(reverse("campaign-decide", args=[campaign.pk]), form)


def ticked_on(page: str) -> set[str]:
    boxes = re.findall(r"<input type=\"checkbox\" id=\"tick-([0-9a-f-]+)\"([^>]*)>", page)
    return {pk for pk, rest in boxes if " checked" in rest}


def test_ticked_lines_are_approved_and_the_others_stay_open(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    first, second, third = rows_of(campaign)
    answer = decide(
        browse,
        "approver",
        campaign,
        verdict="approve",
        line=[tick(first), tick(third)],
        total="15000.000000",
    )
    assert answer.status_code == 302
    assert answer["Location"] == campaign.get_absolute_url()  # where the time to undo runs
    assert {line.recommendation_id for line in campaign.lines.all()} == {first.pk, third.pk}
    second.refresh_from_db()
    assert second.state == "open"


def test_it_works_without_a_script_that_sends_a_total(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    (row, *_) = rows_of(campaign)
    answer = decide(browse, "approver", campaign, verdict="approve", line=tick(row), total="", reason="")
    assert answer.status_code == 302
    assert campaign.lines.count() == 1


def test_a_refused_decision_keeps_ticks_and_changes_nothing(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency, costs=(10_000, 20_000, 5_000))
    first, second, _ = rows_of(campaign)
    answer = decide(
        browse, "approver", campaign, verdict="approve", line=[tick(first), tick(second)], total="29999"
    )
    assert answer.status_code == 409
    page = answer.content.decode()
    assert ticked_on(page) == {str(first.pk), str(second.pk)}
    assert "30,000.00 USD, not 29,999.00" in page
    assert "2 selected, USD 30,000.00 of USD 60,000.00." in text_of(answer)
    assert not campaign.lines.exists()


def test_rejecting_needs_a_reason_and_keeps_what_was_typed(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    (row, *_) = rows_of(campaign)
    answer = decide(browse, "approver", campaign, verdict="reject", line=tick(row), reason="no")
    assert answer.status_code == 400
    page = answer.content.decode()
    assert ticked_on(page) == {str(row.pk)}
    assert re.search(r'<details class="menu ask ask--up" id="ask-reject" open>', page)
    assert re.search(r'<textarea id="reject-reason"[^>]*>no</textarea>', page)

    answer = decide(browse, "approver", campaign, verdict="reject", line=tick(row), reason="Too dear <b>")
    assert answer.status_code == 302
    row.refresh_from_db()
    assert row.state == "rejected"
    page = browse("ops").get(reverse("campaign", args=[campaign.pk])).content.decode()
    assert "Too dear &lt;b&gt;" in page


def test_the_second_of_two_learns_who_was_first(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    first, second, third = rows_of(campaign)
    services.approve_lines(
        campaign_id=campaign.pk, decider=agency.decider("approver"), recommendation_ids=[first.pk, second.pk]
    )
    answer = decide(browse, "manager", campaign, verdict="approve", line=[tick(second), tick(third)])
    assert answer.status_code == 409
    words = text_of(answer)
    assert "Somebody else was faster" in words
    assert "already approved by approver" in words
    page = answer.content.decode()
    assert ticked_on(page) == {str(third.pk)}
    assert f'id="tick-{second.pk}"' not in page
    assert campaign.lines.count() == 2


def test_a_line_that_changed_since_it_was_shown_is_not_approved(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    (row, *_) = rows_of(campaign)
    shown = tick(row)
    Recommendation.objects.filter(pk=row.pk).update(cost=9_999)
    answer = decide(browse, "approver", campaign, verdict="approve", line=shown)
    assert answer.status_code == 409
    assert "not what was shown" in text_of(answer)
    assert not campaign.lines.exists()


def test_more_than_the_budget_is_refused_in_words(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency, costs=(40_000, 30_000))
    answer = decide(
        browse, "approver", campaign, verdict="approve", line=[tick(row) for row in rows_of(campaign)]
    )
    assert answer.status_code == 409
    words = text_of(answer)
    assert "That is more than the budget" in words
    assert "USD 10,000.00 over the budget of USD 60,000.00" in words


def test_the_preparer_above_the_own_limit_is_refused(agency: Agency, browse: Browse) -> None:
    set_limits(self_approval=9_000, auto_approve=0)
    campaign = waiting_campaign(agency)
    (row, *_) = rows_of(campaign)
    answer = decide(browse, "manager", campaign, verdict="approve", line=tick(row))
    assert answer.status_code == 403
    assert "another person must approve it" in text_of(answer)
    assert not campaign.lines.exists()


def test_nothing_ticked_and_nonsense_are_answered_on_the_page(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    for line in ([], ["nonsense"], ["x:y", ":"]):
        answer = decide(browse, "approver", campaign, verdict="approve", line=line)
        assert answer.status_code == 400
        assert "Choose at least one line." in text_of(answer)
    (row, *_) = rows_of(campaign)
    answer = decide(browse, "approver", campaign, verdict="approve", line=tick(row), total="1e999999999999")
    assert answer.status_code == 409


def test_cancelling_needs_a_reason(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    url = reverse("campaign-cancel", args=[campaign.pk])
    assert browse("manager").post(url, {"reason": " "}).status_code == 400
    assert browse("manager").post(url, {"reason": "The client changed its mind"}).status_code == 302
    words = text_of(browse("ops").get(reverse("campaign", args=[campaign.pk])))
    assert "Cancelled. Nothing was booked." in words
    assert "The client changed its mind" in words
    assert browse("manager").post(url, {"reason": "Once more, please"}).status_code == 409


def test_the_page_offers_to_undo_and_undoes(agency: Agency, browse: Browse) -> None:
    set_limits(self_approval=0, auto_approve=0, undo_seconds=30)
    campaign = waiting_campaign(agency)
    rows = rows_of(campaign)
    decide(browse, "approver", campaign, verdict="approve", line=[tick(row) for row in rows])
    page = browse("approver").get(campaign.get_absolute_url())
    assert "The approval can be undone" in text_of(page)
    undo = re.search(r'action="(/campaigns/[^"]+/undo/)"', page.content.decode())
    assert undo
    assert undo[1] not in browse("viewer").get(campaign.get_absolute_url()).content.decode()
    assert browse("viewer").post(undo[1]).status_code == 403
    assert browse("approver").get(undo[1]).status_code == 405
    answer = browse("approver").post(undo[1], follow=True)
    assert "is taken back. Nothing was sent." in text_of(answer)
    assert not Line.objects.exists()
    late = browse("approver").post(undo[1])
    assert late.status_code == 409
    assert "took this back" in text_of(late)


def test_the_second_person_approves_the_same_lines_with_one_button(agency: Agency, browse: Browse) -> None:
    set_limits(self_approval=0, auto_approve=0, second_person_above=1_000)
    campaign = waiting_campaign(agency)
    answer = decide(browse, "approver", campaign, verdict="approve", line=tick(rows_of(campaign)[0]))
    assert answer.status_code == 302
    mine = text_of(browse("approver").get(campaign.get_absolute_url()))
    assert "1 of 2 approvals: 1 line" in mine
    assert "Take mine back" in mine
    assert "Approve them too" not in text_of(browse("manager").get(campaign.get_absolute_url()))
    page = browse("finance").get(campaign.get_absolute_url())
    assert "Approve them too" in text_of(page)
    form = page.content.decode().partition("1 of 2 approvals")[2].partition("</form>")[0]
    ticks = re.findall(r'name="line" value="([^"]+)"', form)
    decide(browse, "finance", campaign, verdict="approve", line=ticks)
    assert Line.objects.count() == 1


def test_the_selection_is_held_against_each_channels_allocation_and_by_seller(
    agency: Agency, browse: Browse
) -> None:
    campaign = waiting_campaign(agency)
    campaign.channels.create(
        channel="ctv", position=0, share=Decimal("0.5"), amount=Decimal(40_000), reasons=[]
    )
    page = browse("approver").get(f"/campaigns/{campaign.pk}/").content.decode()
    (split,) = re.findall(
        r'data-split="channel" data-split-of="CTV" data-split-before="0" data-split-limit="(\d+)"', page
    )
    assert int(split) == 40_000 * 1_000_000
    assert 'data-split="seller" data-split-of="Northlight"' in page
    approve(agency, campaign, recommendation_ids=ids_of(campaign)[:1])
    page = browse("approver").get(f"/campaigns/{campaign.pk}/").content.decode()
    assert f'data-split-before="{10_000 * 1_000_000}"' in page
