"""Changing one line of a waiting plan by hand: by page, without a script, and by REST."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.test import Client
from django.urls import reverse

from bookings.models import Campaign, Recommendation
from flows.models import Event
from tests.deciding import approve
from tests.driving import Desk, drive

Terms = dict[tuple[str, str, str], int]


def volumes(campaign: Campaign) -> Terms:
    rows = campaign.recommendations.select_related("seller")
    return {(row.channel, row.seller.slug, row.product_id): row.impressions for row in rows}


def key_of(row: Recommendation) -> tuple[str, str, str]:
    return row.channel, row.seller.slug, row.product_id


def edit_url(campaign: Campaign, row: Recommendation) -> str:
    return reverse("campaign-line-edit", args=[campaign.pk, row.pk])


def browser(desk: Desk, name: str = "manager") -> Client:
    client = Client()
    client.force_login(desk.agency.person(name))
    return client


def hidden_fields(page: str) -> list[tuple[str, str]]:
    """What the form "Make the plan anew with this" posts."""
    import html

    form = page[page.index('class="what-if__do"') :]
    fields = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form[: form.index("</form>")])
    return [(name, html.unescape(value)) for name, value in fields if name != "csrfmiddlewaretoken"]


def make_anew(client: Client, campaign: Campaign, page: str) -> Campaign:
    posted: dict[str, list[str]] = {}
    for name, value in hidden_fields(page):
        posted.setdefault(name, []).append(value)
    answer = client.post(reverse("campaign-revise", args=[campaign.pk]), posted)
    assert answer.status_code == 302
    return drive(Campaign.objects.get(pk=campaign.pk))


def first_line(campaign: Campaign) -> Recommendation:
    row = campaign.recommendations.select_related("seller").order_by("-impressions").first()
    assert row
    return row


def test_a_volume_is_set_shown_made_quoted_and_booked(desk: Desk) -> None:
    campaign, client = desk.planned(), browser(desk)
    row = first_line(campaign)
    wanted = row.impressions * 3 // 4
    page = client.get(
        edit_url(campaign, row), {"how": "exact", "impressions": f"{wanted:,}"}
    ).content.decode()
    assert f"{row.impressions:,} to {wanted:,}" in page
    assert volumes(campaign)[key_of(row)] == row.impressions  # looking keeps nothing
    campaign = make_anew(client, campaign, page)
    assert (campaign.status, campaign.plan_version) == ("awaiting_approval", 2)
    assert volumes(campaign)[key_of(row)] == wanted
    told = Event.objects.get(subject_id=str(campaign.pk), type="campaign.revise")
    assert told.actor_label == "manager"
    assert told.payload["change"]["lines"][0]["impressions"] == wanted
    shown = client.get(reverse("campaign", args=[campaign.pk])).content.decode()
    assert "set by hand" in shown
    assert f"exactly {wanted:,}" in shown
    approve(desk.agency, campaign)
    assert drive(campaign).status == "completed"
    assert (
        campaign.lines.get(
            recommendation__product_id=row.product_id, recommendation__channel=row.channel
        ).impressions
        == wanted
    )


def test_what_was_set_can_be_left_to_the_plan_again(desk: Desk) -> None:
    campaign, client = desk.planned(), browser(desk)
    row, before = first_line(campaign), volumes(campaign)
    half = str(row.impressions // 2)
    page = client.get(edit_url(campaign, row), {"how": "exact", "impressions": half}).content.decode()
    campaign = make_anew(client, campaign, page)
    row = campaign.recommendations.get(product_id=row.product_id, channel=row.channel)
    assert row.impressions == before[key_of(row)] // 2
    page = client.get(edit_url(campaign, row), {"how": "free"}).content.decode()
    campaign = make_anew(client, campaign, page)
    assert campaign.read_brief().constraints.lines == ()
    assert volumes(campaign)[key_of(row)] > before[key_of(row)] // 2


def test_a_line_is_left_out(desk: Desk) -> None:
    campaign, client = desk.planned(), browser(desk)
    row = first_line(campaign)
    page = client.get(edit_url(campaign, row), {"how": "out"}).content.decode()
    campaign = make_anew(client, campaign, page)
    assert key_of(row) not in volumes(campaign)
    left = [one for one in (campaign.plan or {})["not_chosen"] if one["product_id"] == row.product_id]
    assert "left_out" in {one["code"] for one in left}


def test_another_product_takes_its_place(desk: Desk) -> None:
    campaign, client = desk.planned(), browser(desk)
    for row in campaign.recommendations.select_related("seller"):
        page = client.get(edit_url(campaign, row)).content.decode()
        if options := re.findall(r'<option value="([^"]+)"', page):
            break
    else:
        pytest.fail("the simulated sellers offer nothing beside the plan")
    instead = options[0].replace("&quot;", '"')
    page = client.get(edit_url(campaign, row), {"how": "swap", "instead": instead}).content.decode()
    campaign = make_anew(client, campaign, page)
    now = volumes(campaign)
    assert key_of(row) not in now
    assert tuple(json.loads(instead)) in now


def test_what_is_not_in_the_plan_is_taken_in_from_its_list(desk: Desk) -> None:
    campaign, client = desk.planned(constraints={"sellers_included": ["agent", "direct"]}), browser(desk)
    page = client.get(reverse("campaign", args=[campaign.pk])).content.decode()
    links = re.findall(r'href="([^"]+)">Take it in</a>', page)
    assert links
    for link in links:
        url, _, query = link.partition("?")
        answer = client.get(url, parse_qsl(query.replace("&amp;", "&"))).content.decode()
        wanted = json.loads(dict(parse_qsl(query.replace("&amp;", "&")))["wish"])
        if "what-if__do" in answer:
            break
    else:
        pytest.fail("nothing of what is left can be bought at all")
    campaign = make_anew(client, campaign, answer)
    assert tuple(wanted[:3]) in volumes(campaign)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"how": "exact", "impressions": "many"}, "whole number above 0"),
        ({"how": "exact", "impressions": "0"}, "whole number above 0"),
        ({"how": "exact", "impressions": "-5"}, "whole number above 0"),
        ({"how": "exact", "impressions": "999999999999"}, "cannot be bought"),
        ({"how": "swap", "instead": '["ctv","agent","no such"]'}, "Choose the product"),
        ({"how": "swap", "instead": "x" * 5000}, "Choose the product"),
        ({"how": "nonsense"}, "Nothing is different"),
    ],
)
def test_wrong_edits_say_what_is_wrong(desk: Desk, fields: dict[str, str], words: str) -> None:
    campaign = desk.planned()
    answer = browser(desk).get(edit_url(campaign, first_line(campaign)), fields)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert "what-if__do" not in answer.content.decode()


@pytest.mark.parametrize(
    "wish",
    [
        "",
        "[",
        "[1,2,3,4]",
        '["ctv","agent"]',
        '["ctv","agent","p","5"]',
        '["ctv","agent","p",-1]',
        "[" * 500,
        "x" * 9000,
    ],
)
def test_a_forged_wish_changes_nothing(desk: Desk, wish: str) -> None:
    campaign = desk.planned()
    answer = browser(desk).post(
        reverse("campaign-revise", args=[campaign.pk]), {"version": 1, "wish": wish}, follow=True
    )
    assert "cannot be read" in answer.content.decode() or "whole number" in answer.content.decode()
    campaign.refresh_from_db()
    assert (campaign.status, campaign.plan_version) == ("awaiting_approval", 1)


def test_who_may_look_and_who_may_change(desk: Desk) -> None:
    campaign = desk.planned()
    row = first_line(campaign)
    seen = {"manager": 200, "approver": 200, "finance": 200, "ops": 403, "viewer": 403, "outsider": 404}
    for name, status in seen.items():
        answer = browser(desk, name).get(edit_url(campaign, row), {"how": "out"})
        assert answer.status_code == status, name
        assert ("what-if__do" in answer.content.decode()) == (name == "manager")


def test_once_a_line_is_decided_no_line_is_edited(desk: Desk) -> None:
    campaign, client = desk.planned(), browser(desk)
    row = first_line(campaign)
    page = client.get(edit_url(campaign, row), {"how": "out"}).content.decode()
    others = [one for one in campaign.recommendations.all() if one.pk != row.pk][:1]
    approve(desk.agency, campaign, recommendation_ids=[others[0].pk])
    shown = client.get(reverse("campaign", args=[campaign.pk])).content.decode()
    assert "data-line-edit" not in shown
    posted = dict(hidden_fields(page))
    answer = client.post(reverse("campaign-revise", args=[campaign.pk]), posted, follow=True)
    assert "only a plan that waits can be made anew" in answer.content.decode()
    assert campaign.recommendations.filter(pk=row.pk).exists()


def test_rest_does_the_same(desk: Desk, api: Any) -> None:
    campaign, client = desk.planned(), api("manager")
    row = first_line(campaign)
    line = dict(zip(("channel", "seller", "product_id"), key_of(row), strict=True))
    url = f"/api/bookings/{campaign.pk}"
    wanted = row.impressions // 2
    change = {"lines": [line | {"impressions": wanted}]}
    shown = client.post(f"{url}/what-if", change, format="json").json()
    (then,) = [
        one for one in shown["lines"] if one["product_id"] == row.product_id and one["channel"] == row.channel
    ]
    assert then["impressions"] == wanted
    answer = client.post(
        f"{url}/revise", change | {"version": 1}, format="json", HTTP_IDEMPOTENCY_KEY="line-edit-2027"
    )
    assert answer.status_code == 202
    campaign = drive(campaign)
    assert volumes(campaign)[key_of(row)] == wanted
    freed = client.post(f"{url}/what-if", {"freed": [line]}, format="json").json()
    assert freed["then"]["lines"] >= 1
    too_much = client.post(f"{url}/what-if", {"lines": [line | {"impressions": 10**11}]}, format="json")
    assert too_much.status_code == 422
    assert too_much.json()["errors"][0]["code"] == "volume_not_sold"
    bad = client.post(f"{url}/what-if", {"lines": [line | {"impressions": -1}]}, format="json")
    assert bad.status_code in (400, 422)
    assert "lines.0.impressions" in str(bad.json())
