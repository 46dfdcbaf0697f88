"""A brief from a spreadsheet: every error names its row and column, and with one nothing is imported."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from bookings.drafts.models import BriefDraft
from bookings.models import Campaign
from flows.clock import today
from tests.agency import Agency
from tests.pages.conftest import Browse
from tests.plans import make_seller

FORM_ID = "5b0f3a9e-4c8b-7f4e-9a55-0f2f6d1f7a11"
START = (today() + dt.timedelta(days=60)).isoformat()
END = (today() + dt.timedelta(days=90)).isoformat()
AUTO = "Book without asking, if policy allows"
GOOD = {
    "client": "aurora-outdoor",
    "Campaign name": "From a sheet",
    "objectives": "brand awareness",
    "First day": START,
    "end_date": END,
    "time zone": "europe/berlin",
    "budget": "25000",
    "Currency": "USD",
    "Pacing": "As soon as possible",
    "channels": "CTV; Branding",
    "least_ctv": "20%",
    "geo": "US, US-CA",
    AUTO: "no",
}


@pytest.fixture(autouse=True)
def _seller(agency: Agency) -> None:
    make_seller()


def sheet(separator: str = ",", head: str = "field,value", **changes: str | None) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator="\r\n")
    writer.writerow(head.split(","))
    writer.writerows(pair for pair in (GOOD | changes).items() if pair[1] is not None)
    return out.getvalue()


def send(client: Client, content: str | bytes, go: str = "", name: str = "brief.csv") -> Any:
    raw = content if isinstance(content, bytes) else content.encode()
    post = {"form_id": FORM_ID, "brief": "", "go": go, "file": SimpleUploadedFile(name, raw, "text/csv")}
    return client.post(reverse("campaign-new-json"), post)


def errors_of(client: Client, content: str | bytes) -> list[str]:
    answer = send(client, content)
    assert answer.status_code == 200
    assert not Campaign.objects.exists()
    assert not BriefDraft.objects.exists()
    return [str(error) for error in answer.context["form"].errors["brief"]]


@pytest.mark.parametrize(
    ("separator", "encoding"),
    [(",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-16"), (",", "utf-8-sig")],
)
def test_a_sheet_becomes_a_campaign(browse: Browse, separator: str, encoding: str) -> None:
    text = sheet(separator, **{"Campaign name": "Größe, Maß & 東京"})
    answer = send(browse("manager"), text.encode(encoding))
    campaign = Campaign.objects.get()
    assert answer["Location"] == campaign.get_absolute_url()
    brief = campaign.read_brief()
    assert (brief.name, brief.timezone, brief.pacing) == ("Größe, Maß & 東京", "Europe/Berlin", "asap")
    assert (brief.channels, brief.audience.geo) == (("branding", "ctv"), ("US", "US-CA"))
    assert not brief.auto_approve


def test_a_sheet_opens_in_the_form(browse: Browse) -> None:
    client = browse("manager")
    page = client.get(send(client, sheet(), go="form")["Location"])
    assert 'value="From a sheet"' in page.content.decode()
    assert BriefDraft.objects.get().data["timezone"] == "Europe/Berlin"
    assert not Campaign.objects.exists()


def test_a_sheet_may_be_pasted(browse: Browse) -> None:
    post = {"form_id": FORM_ID, "brief": sheet("\t")}
    assert browse("manager").post(reverse("campaign-new-json"), post).status_code == 302
    assert Campaign.objects.get().name == "From a sheet"


def test_the_sample_can_be_handed_in_as_it_is(browse: Browse) -> None:
    client = browse("manager")
    answer = client.get(reverse("brief-sample"))
    assert answer["Content-Disposition"] == 'attachment; filename="flightdeck-brief.csv"'
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert send(client, answer.content).status_code == 302
    assert Campaign.objects.get().name == "Spring launch"


def test_who_may_not_hand_in_briefs_imports_none(browse: Browse) -> None:
    for person in ("approver", "finance", "ops", "viewer"):
        assert send(browse(person), sheet()).status_code == 403
        assert browse(person).get(reverse("brief-sample")).status_code == 403
    assert send(Client(), sheet()).status_code == 302
    assert not Campaign.objects.exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"budget": "-5"}, "Row 8, column B (Budget): Give a budget above 0."),
        ({"First day": "2020-01-01"}, "Row 5, column B (First day): Start on or after"),
        ({"time zone": "Mars/Olympus"}, "Row 7, column B (Time zone): Give an IANA time zone"),
        ({"Pacing": "fast"}, "Row 10, column B (Pacing): Choose from even, ahead, asap"),
        ({"channels": "CTV, radio"}, "Row 11, column B (Channels): Choose from"),
        ({"least_ctv": "many"}, "Row 12, column B (CTV, at least): Give a share"),
        ({"client": "boreal-foods"}, "Row 2, column B (Client): You work for no client called"),
        ({"bugdet": "5"}, "Row 15, column A: there is no field 'bugdet'. Do you mean budget?"),
        ({"Budget": "5"}, "Row 15, column A: 'Budget' stands in row 8 already."),
        ({"": "5"}, "Row 15, column A: name the field that the value belongs to."),
        ({AUTO: "maybe"}, "Row 14, column B (Book without asking, if policy allows): write yes or no."),
        ({"Campaign name": None}, "Campaign name, no row 'name': Give the campaign a name"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_is_told_with_its_row_and_column(
    browse: Browse, changes: dict[str, str | None], sentence: str
) -> None:
    found = errors_of(browse("manager"), sheet(**changes))  # type: ignore[arg-type]
    assert any(sentence in one for one in found), found


def test_every_error_is_told_at_once_and_the_text_stands_in_the_box(browse: Browse) -> None:
    client = browse("manager")
    assert len(errors_of(client, sheet(budget="-5", Pacing="fast", geo="x" * 101))) == 3
    assert len(errors_of(client, sheet(bugdet="1", nmae="2"))) == 2
    assert "From a sheet" in send(client, sheet(budget="-5")).content.decode()


def test_what_is_no_sheet_is_refused(browse: Browse) -> None:
    client = browse("manager")
    assert errors_of(client, "name,budget\nx,5") == ["Row 1: write field in column A and value in column B."]
    assert "save it as CSV UTF-8" in errors_of(client, "field,value\nname,Größe".encode("cp1252"))[0]
    assert "this is not CSV" in errors_of(client, 'field,value\nname,"open')[0]
    assert "at most 300 rows" in errors_of(client, "field,value\n" + "\n" * 400 + "name,x")[0]
    assert "column D: nothing is read there" in errors_of(client, "field,value\nname,x,remark,lost")[0]
    assert "200,000 are read" in errors_of(client, "field,value\n" + " " * 200_000)[0]


def test_a_remark_and_empty_rows_are_no_part_of_the_brief(browse: Browse) -> None:
    text = sheet(head="Field,Value").replace("From a sheet", "From a sheet,=HYPERLINK(1)")
    assert send(browse("manager"), text.replace("\r\n", "\r\n,,\r\n", 2)).status_code == 302
    assert Campaign.objects.get().name == "From a sheet"


def test_the_same_sheet_sent_twice_is_one_campaign(browse: Browse) -> None:
    client = browse("manager")
    assert send(client, sheet())["Location"] == send(client, sheet())["Location"]
    assert Campaign.objects.count() == 1
