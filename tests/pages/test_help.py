"""The help page: rights and states as the code has them, the link in the same place everywhere."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from accounts.permissions import RULES
from bookings.states import CampaignStatus, LineStatus
from config.help import CAMPAIGN_MEANS, LINE_MEANS
from tests.agency import Agency
from tests.pages.conftest import Browse, text_of
from tests.plans import waiting_campaign


def test_every_state_is_explained() -> None:
    assert set(CAMPAIGN_MEANS) == set(CampaignStatus)
    assert set(LINE_MEANS) == set(LineStatus)


@pytest.mark.parametrize("person", ["manager", "approver", "finance", "ops", "viewer"])
def test_it_tells_each_role_its_own_rights(agency: Agency, browse: Browse, person: str) -> None:
    page = browse(person).get(reverse("help"))
    words = page.content.decode()
    role = agency.person(person).role
    assert page.status_code == 200
    for rule in RULES.values():
        assert (f"<li>{escape(rule.what)}</li>" in words) == (role in rule.roles), rule.what
    assert "Waiting for a decision" in text_of(page)


def test_the_link_stands_on_every_page_and_strangers_are_led_to_the_login(
    agency: Agency, browse: Browse
) -> None:
    campaign = waiting_campaign(agency)
    for url in (reverse("work"), campaign.get_absolute_url(), reverse("campaigns"), reverse("audit")):
        assert 'href="/help/"' in browse("manager").get(url).content.decode(), url
    assert Client().get(reverse("help")).status_code == 302
