"""Handing in a brief: every error beside its field, nothing lost, one campaign per form."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.urls import reverse

from bookings.models import Campaign
from tests.agency import Agency
from tests.briefs import brief
from tests.pages.conftest import Browse, text_of
from tests.plans import make_seller

FORM_ID = "5b0f3a9e-4c8b-4f4e-9a55-0f2f6d1f7a10"


@pytest.fixture(autouse=True)
def _seller(agency: Agency) -> None:
    make_seller()


def form(**changes: Any) -> dict[str, Any]:
    wire = brief()
    data: dict[str, Any] = {
        "form_id": FORM_ID,
        "client": "aurora-outdoor",
        "name": "Summer walk",
        "objectives": "brand awareness\nonline sales",
        "start_date": wire["start_date"],
        "end_date": wire["end_date"],
        "budget": "40000",
        "currency": "USD",
        "channels": ["branding", "ctv"],
        "frequency_interval": "Day",
    }
    return data | changes


def test_a_brief_becomes_a_campaign_page(browse: Browse) -> None:
    answer = browse("manager").post(reverse("campaign-new"), form())
    campaign = Campaign.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == campaign.get_absolute_url()
    assert (campaign.name, campaign.currency, campaign.budget) == ("Summer walk", "USD", 40_000)
    assert campaign.read_brief().channels == ("branding", "ctv")


def test_an_audience_left_out_means_everybody(browse: Browse) -> None:
    assert browse("manager").post(reverse("campaign-new"), form()).status_code == 302
    assert Campaign.objects.get().read_brief().audience.age_min is None


def test_the_same_form_sent_twice_makes_one_campaign(browse: Browse) -> None:
    client = browse("manager")
    first = client.post(reverse("campaign-new"), form())
    second = client.post(reverse("campaign-new"), form())
    assert first["Location"] == second["Location"]
    assert Campaign.objects.count() == 1


def test_every_error_is_named_once_beside_its_field(browse: Browse) -> None:
    wrong = form(name="", budget="-5", end_date="2020-02-30", age="old", frequency_count="often")
    answer = browse("manager").post(reverse("campaign-new"), wrong)
    assert answer.status_code == 200
    page = answer.content.decode()
    assert not Campaign.objects.exists()
    for field in ("name", "budget", "end_date", "age", "frequency_count"):
        assert f'href="#id_{field}"' in page, field
        assert page.count(f'<ul class="field__errors" id="id_{field}_error">') == 1
        assert re.search(rf'<(input|select|textarea)[^>]*aria-invalid="true"[^>]*id="id_{field}"', page), (
            field
        )
    assert "This field is required." not in page
    assert 'role="alert"' in page


def test_nothing_typed_is_lost_on_an_error(browse: Browse) -> None:
    typed = form(
        budget="nothing",
        name="Tea & <b>toast</b>",
        geo="US, US-CA",
        gender=["female"],
        notes="Ask Jo",
        brand_safety="high",
        auto_approve="on",
    )
    page = browse("manager").post(reverse("campaign-new"), typed).content.decode()
    assert 'value="Tea &amp; &lt;b&gt;toast&lt;/b&gt;"' in page
    assert 'value="US, US-CA"' in page
    assert "brand awareness\nonline sales</textarea>" in page
    assert ">\nAsk Jo</textarea>" in page
    assert re.search(r'name="gender" value="female"[^>]*checked', page)
    assert not re.search(r'name="channels" value="mobile"[^>]*checked', page)
    assert re.search(r'<option value="high" selected>', page)
    assert re.search(r'name="auto_approve"[^>]*checked', page)
    assert f'value="{FORM_ID}"' in page


def test_another_agencys_client_is_refused(browse: Browse) -> None:
    answer = browse("manager").post(reverse("campaign-new"), form(client="boreal-foods"))
    assert answer.status_code == 200
    assert not Campaign.objects.exists()
    assert "Boreal Foods" not in browse("manager").get(reverse("campaign-new")).content.decode()


def test_the_form_says_what_policy_allows(browse: Browse) -> None:
    words = text_of(browse("manager").get(reverse("campaign-new")))
    assert "In USD up to USD 5,000.00." in words
    assert "up to USD 1,000,000.00; above that another person must" in words


def test_a_brief_as_json(browse: Browse) -> None:
    client, url = browse("manager"), reverse("campaign-new-json")
    broken = client.post(url, {"form_id": FORM_ID, "brief": "{not json"})
    assert "This is not JSON" in text_of(broken)
    assert "{not json</textarea>" in broken.content.decode()
    wrong = client.post(url, {"form_id": FORM_ID, "brief": json.dumps(brief(budget=-1, channels=["radio"]))})
    assert "budget" in text_of(wrong)
    assert "channels" in text_of(wrong)
    good = client.post(url, {"form_id": FORM_ID, "brief": json.dumps(brief())})
    assert good["Location"] == Campaign.objects.get().get_absolute_url()
