"""Handing in a brief: every error beside its field, nothing lost, one campaign per form."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from rest_framework.test import APIClient

from bookings.drafts.fields import wire_of
from bookings.models import Campaign, SellerReport
from bookings.warnings import SellerFacts, Surroundings, warnings_for
from flows.clock import now, today
from planning.brief import read_brief
from sellers.models import Seller
from tests.agency import Agency, set_limits
from tests.briefs import brief
from tests.pages.conftest import Browse, text_of
from tests.plans import make_seller, waiting_campaign

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


def test_a_brief_from_a_file(browse: Browse) -> None:
    client, url = browse("manager"), reverse("campaign-new-json")

    def send(content: bytes) -> Any:
        upload = SimpleUploadedFile("brief.json", content, "application/json")
        return client.post(url, {"form_id": FORM_ID, "brief": "", "file": upload})

    assert "This is not JSON" in text_of(send(b"{broken"))
    assert "{broken</textarea>" in send(b"{broken").content.decode()
    assert "not text in UTF-8" in text_of(send(b"\xff\xe4"))
    assert "200,000 are read" in text_of(send(b" " * 200_001))
    assert "must be a JSON object" in text_of(send(b"[1]"))
    assert "Paste a brief, or choose a file." in text_of(client.post(url, {"form_id": FORM_ID, "brief": " "}))
    assert not Campaign.objects.exists()
    good = send(b"\xef\xbb\xbf" + json.dumps(brief(name="From a file")).encode())
    assert good["Location"] == Campaign.objects.get(name="From a file").get_absolute_url()


# --- the same judgement as the API -----------------------------------------------------------------------------

WRONG: list[dict[str, Any]] = [
    {"name": ""},
    {"name": "x" * 101},
    {"objectives": ""},
    {"objectives": "x" * 201},
    {"budget": ""},
    {"budget": "-5"},
    {"budget": "0"},
    {"budget": "ten"},
    {"budget": "1.005"},
    {"budget": "1000000000000"},
    {"currency": "XXX"},
    {"start_date": ""},
    {"start_date": "2020-01-01"},
    {"start_date": "tomorrow"},
    {"end_date": "2020-02-30"},
    {"end_date": "2020-01-01"},
    {"channels": ["radio"]},
    {"age": "old"},
    {"age": "54-25"},
    {"gender": ["all of them"]},
    {"max_cpm": "0"},
    {"max_cpm": "5", "target_cpm": "9"},
    {"viewability": "101"},
    {"ctr": "many"},
    {"least_ctv": "60", "least_branding": "60"},
    {"least_ctv": "60", "most_ctv": "20"},
    {"least_mobile": "10"},
    {"most_branding": "10", "most_ctv": "10"},
    {"sellers_included": "nobody"},
    {"sellers_included": "northlight", "sellers_excluded": "northlight"},
    {"sellers_excluded": "northlight"},
    {"seller_shares": "northlight much"},
    {"seller_shares": "nobody 20%"},
    {"max_seller_share": "0"},
    {"frequency_count": "often"},
    {"policy_kind": "at_least"},
    {"policy_share": "80"},
    {"timezone": "Mars/Olympus"},
    {"pacing": "fast"},
    {"client": "boreal-foods"},
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: str(wrong)[:50])
def test_the_form_names_the_same_fields_and_codes_as_the_api(
    agency: Agency, browse: Browse, api: Callable[[str], APIClient], wrong: dict[str, Any]
) -> None:
    data = form(**wrong)
    checked = browse("manager").post(reverse("brief-check"), data).json()["errors"]
    wire = wire_of(
        {name: value for name, value in data.items() if name != "form_id"}, agency.person("manager")
    )
    answer = api("manager").post("/api/bookings", wire, format="json")
    assert answer.status_code == 400, answer.content
    refused = {(error["field"], error["code"]) for error in answer.json()["errors"]}
    assert refused <= {(error["path"], error["code"]) for error in checked}
    assert refused
    assert all(error["field"] for error in checked), "every error stands beside a field"
    page = browse("manager").post(reverse("campaign-new"), data)
    for error in checked:
        assert error["message"] in [str(one) for one in page.context["form"].errors[error["field"]]]
    assert not Campaign.objects.exists()


def test_checking_writes_nothing_and_says_nothing_of_what_holds(browse: Browse) -> None:
    answer = browse("manager").post(reverse("brief-check"), form()).json()
    assert answer["errors"] == []
    assert not Campaign.objects.exists()


# --- warnings --------------------------------------------------------------------------------------------------


def codes(around: Surroundings | None = None, **changes: Any) -> list[str]:
    day = dt.date(2026, 3, 1)
    dates = {"start_date": "2026-03-10", "end_date": "2026-04-10"}
    read = read_brief(brief(**dates | changes), now=dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC))
    return [row.code for row in warnings_for(read, around or Surroundings(day))]


def test_a_calm_brief_has_no_warnings() -> None:
    seller = SellerFacts("Northlight", "USD", lead_days=9, min_spend=Decimal(60_000))
    assert codes(Surroundings(dt.date(2026, 3, 1), (seller,))) == []


def test_a_flight_of_less_than_a_week_is_short() -> None:
    assert codes(end_date="2026-03-15") == ["short_flight"]
    assert codes(end_date="2026-03-16") == []


def test_more_impressions_than_the_budget_can_buy() -> None:
    assert codes(budget=1000, kpis={"max_cpm": 10, "impressions": "100,001"}) == ["too_few_impressions"]
    assert codes(budget=1000, kpis={"max_cpm": 10, "impressions": 100_000}) == []
    assert codes(budget=1000, kpis={"impressions": 10**9}) == []
    assert codes(kpis={"impressions": "plenty"}) == ["not_a_number"]


def test_a_start_before_a_sellers_lead_time() -> None:
    slow, quick = SellerFacts("Slow", "USD", lead_days=10), SellerFacts("Quick", "USD", lead_days=9)
    assert codes(Surroundings(dt.date(2026, 3, 1), (slow, quick))) == ["before_lead_time"]
    assert codes(Surroundings(dt.date(2026, 3, 1), (quick,))) == []


def test_a_budget_below_every_sellers_minimum() -> None:
    day, dear = dt.date(2026, 3, 1), SellerFacts("Dear", "USD", min_spend=Decimal(60_001))
    assert codes(Surroundings(day, (dear,))) == ["below_smallest_minimum"]
    assert codes(Surroundings(day, (dear, SellerFacts("Silent", "USD")))) == []


def test_a_currency_that_no_seller_prices_in() -> None:
    assert codes(Surroundings(dt.date(2026, 3, 1), (SellerFacts("Euro", "EUR"),))) == [
        "no_seller_in_currency"
    ]


def test_warnings_come_from_what_is_known_and_block_nothing(agency: Agency, browse: Browse) -> None:
    other = waiting_campaign(agency, name="Also in these days")
    product = {"currency": "USD", "lead_days": 90, "min_spend": "50000"}
    SellerReport.objects.create(
        campaign=other,
        channel="ctv",
        seller=Seller.objects.get(slug="northlight"),
        state="answered",
        offers=[{"product": product}],
        at=now(),
    )
    client = browse("manager")
    answer = client.post(reverse("brief-check"), form()).json()
    assert [row["code"] for row in answer["warnings"]] == [
        "overlapping_campaign",
        "before_lead_time",
        "below_smallest_minimum",
    ]
    assert "Also in these days" in answer["parts"]["warnings"]
    assert client.post(reverse("campaign-new"), form()).status_code == 302


def test_a_campaign_of_another_client_is_no_overlap(agency: Agency, browse: Browse) -> None:
    other = waiting_campaign(agency)
    Campaign.objects.filter(pk=other.pk).update(organization=agency.other_client)
    assert browse("manager").post(reverse("brief-check"), form()).json()["warnings"] == []


# --- who will have to approve ----------------------------------------------------------------------------------


def preview(browse: Browse, **changes: Any) -> str:
    part = browse("manager").post(reverse("brief-check"), form(**changes)).json()["parts"]["approval"]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", re.sub(r'data-who="(\w+)">', r">\1", part)))


def test_the_preview_says_who_approves_and_why(agency: Agency, browse: Browse) -> None:
    set_limits(self_approval=10_000, auto_approve=5_000, second_person_above=50_000, people_needed=2)
    words = preview(browse, budget="50000")
    assert "One person must approve. Not you, as you prepare it." in words
    assert "approver (approver)" in words
    assert "up to USD 10,000.00" in words
    for nobody in ("manager (", "outsider", "finance", "viewer"):
        assert nobody not in words

    assert "You may approve this plan yourself" in preview(browse, budget="10000")
    assert "You may approve" in preview(browse, budget="4000")
    assert "Nobody has to approve" in preview(browse, budget="5000", auto_approve="on")
    assert "Nobody has to" not in preview(browse, budget="5001", auto_approve="on")
    several = preview(browse, budget="50001")
    assert "2 different people must approve the same lines. You are none of them." in several
    assert "finance (finance)" in several


def test_a_currency_without_limits_is_never_approved_by_its_preparer(browse: Browse) -> None:
    assert "One person must approve. Not you" in preview(
        browse, budget="10", currency="SEK", auto_approve="on"
    )


def test_the_preview_counts_what_was_approved_today(agency: Agency, browse: Browse) -> None:
    from bookings import services

    set_limits(self_approval=30_000, auto_approve=0)
    own = waiting_campaign(agency, costs=(20_000,))
    services.approve_lines(campaign_id=own.pk, decider=agency.decider("manager"), everything=True)
    words = preview(browse, budget="10001")
    assert "Not you" in words
    assert "Of that you used USD 20,000.00 today." in words
    assert "You may approve this plan yourself" in preview(browse, budget="10000")


def test_no_name_is_told_of_a_client_that_is_not_ones_own(browse: Browse) -> None:
    assert "outsider" not in preview(browse, client="boreal-foods", budget="50000")


def test_today_is_the_last_day_that_is_not_past(browse: Browse) -> None:
    checked = browse("manager").post(reverse("brief-check"), form(start_date=today().isoformat())).json()
    assert checked["errors"] == []
