"""A brief step by step without a script, and how many of them are kept."""

from __future__ import annotations

import datetime as dt
import re
import threading
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import User
from bookings.drafts import services as drafts
from bookings.drafts.keeping import ticket_for
from bookings.drafts.models import BriefDraft
from bookings.models import Campaign
from crm.models import Organization
from flows.clock import now
from flows.ids import new_id
from tests.agency import Agency
from tests.pages.conftest import Browse, text_of
from tests.pages.test_brief_form import form
from tests.plans import make_seller

DRAFT = uuid.UUID("0190f3a9-4c8b-7f4e-9a55-0f2f6d1f7a20")


@pytest.fixture(autouse=True)
def _seller(agency: Agency) -> None:
    make_seller()


def page_url(draft: uuid.UUID = DRAFT) -> str:
    return reverse("campaign-draft", args=[draft])


def press(client: Client, go: str, **changes: Any) -> Any:
    data = {name: value for name, value in form(**changes).items() if name != "form_id"}
    version = BriefDraft.objects.filter(pk=DRAFT).values_list("version", flat=True).first() or 0
    return client.post(page_url(), data | {"version": version, "go": go})


def first_button(page: str) -> str:
    """What Enter in a field presses: the first submit button of the form in the order of the document."""
    found = re.search(r'<button[^>]*type="submit"[^>]*form="brief"[^>]*>', page)
    assert found
    value = re.search(r'name="go" value="([^"]*)"', found[0])
    return value[1] if value else "hands in"


def test_steps_are_how_the_form_is_first_shown(browse: Browse) -> None:
    page = browse("manager").get(reverse("campaign-new"))
    assert (page.context["mode"], page.context["shown"]) == ("steps", {1})


def test_continue_leads_on_where_the_step_holds_whatever_is_wrong_elsewhere(browse: Browse) -> None:
    client = browse("manager")
    for step in range(1, 6):
        answer = press(client, f"continue-{step}", **({"budget": "", "age": "old"} if step == 1 else {}))
        assert answer["Location"] == f"{page_url()}?step={step + 1}"
    assert not Campaign.objects.exists()


@pytest.mark.parametrize(
    ("step", "wrong", "field"),
    [
        (1, {"name": ""}, "name"),
        (1, {"end_date": "2020-01-01"}, "end_date"),
        (1, {"timezone": "Mars/Olympus"}, "timezone"),
        (2, {"budget": "-5"}, "budget"),
        (2, {"pacing": "fast"}, "pacing"),
        (3, {"age": "old"}, "age"),
        (4, {"sellers_included": "nobody"}, "sellers_included"),
        (5, {"policy_kind": "at_least"}, "policy_share"),
    ],
)
def test_continue_stays_with_what_is_wrong_in_its_own_step(
    browse: Browse, step: int, wrong: dict[str, str], field: str
) -> None:
    others = {"name": "", "age": "old"} if step not in (1, 3, 4) else {}
    client = browse("manager")
    sent = press(client, f"continue-{step}", **others | wrong)
    assert sent["Location"] == f"{page_url()}?step={step}&wrong=1"
    answer = client.get(sent["Location"])
    assert (answer.context["shown"], set(answer.context["form"].errors)) == ({step}, {field})
    assert BriefDraft.objects.get().data[field] == wrong.get(field, "")


def test_any_step_can_be_gone_to_unjudged(browse: Browse) -> None:
    client = browse("manager")
    for step in (4, 2, 6, 1):
        assert press(client, f"step-{step}", name="", budget="-5")["Location"] == f"{page_url()}?step={step}"


def test_enter_submits_the_step_and_never_the_brief(browse: Browse) -> None:
    client = browse("manager")
    press(client, "step-1")
    for step in range(1, 6):
        assert first_button(client.get(page_url(), {"step": step}).content.decode()) == f"continue-{step}"
    assert first_button(client.get(page_url(), {"step": 6}).content.decode()) == "step-6"
    press(client, "page")
    assert first_button(client.get(page_url()).content.decode()) == "page"
    press(client, "page")
    assert not Campaign.objects.exists()


def test_going_back_to_the_first_address_shows_what_was_kept(browse: Browse) -> None:
    """Without a script the page moves to an address of its own, to which the browser comes back."""
    client = browse("manager")
    fresh = client.get(reverse("campaign-new")).content.decode()
    own = re.search(r'<noscript><meta http-equiv="refresh" content="0; url=([^"]+)">', fresh)
    assert own
    page = client.get(own[1])
    assert "http-equiv" not in page.content.decode()
    form_id = page.context["opened"].draft_id
    sent = client.post(own[1], form(form_id=str(form_id), go="continue-1", name="Typed first"))
    assert sent["Location"] == f"{page_url(form_id)}?step=2"
    back = client.get(own[1], follow=True)
    assert 'value="Typed first"' in back.content.decode()


def test_the_zone_is_the_clients_where_none_is_chosen(agency: Agency, browse: Browse) -> None:
    Organization.objects.filter(pk=agency.client.pk).update(timezone="Asia/Tokyo")
    client = browse("manager")
    parts = client.post(reverse("brief-check"), form()).json()["parts"]
    assert "Asia/Tokyo" in parts["zone"]
    chosen = client.post(reverse("brief-check"), form(timezone="Europe/Berlin", budget="")).json()["parts"]
    assert "Europe/Berlin" in chosen["zone"]
    client.post(reverse("campaign-new"), form(pacing="ahead"))
    campaign = Campaign.objects.get()
    assert campaign.timezone == "Asia/Tokyo"
    page = text_of(client.get(campaign.get_absolute_url()))
    assert "(Asia/Tokyo)" in page
    assert "Pacing Ahead of even" in page


# --- how many are kept -----------------------------------------------------------------------------------------


def fill_up(owner: User, count: int = drafts.MOST_OPEN) -> list[BriefDraft]:
    return [
        drafts.save_draft(owner=owner, draft_id=new_id(), data={"name": f"Draft {n}"}, writer=drafts.Writer())
        for n in range(count)
    ]


def test_the_fifty_first_draft_is_refused_and_its_text_stays_on_the_page(
    agency: Agency, browse: Browse
) -> None:
    rows, client = fill_up(agency.person("manager")), browse("manager")
    answer = press(client, "continue-1", name="One too many")
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "You have 50 drafts already." in page
    assert 'value="One too many"' in page
    assert reverse("brief-drafts") in page
    saved = client.post(reverse("brief-draft-save", args=[DRAFT]), form())
    assert (saved.status_code, saved.json()["code"]) == (422, "too_many_drafts")
    assert BriefDraft.objects.count() == 50
    older = client.post(reverse("brief-draft-save", args=[rows[0].pk]), form(version=1, name="Goes on"))
    assert older.status_code == 200
    assert press(browse("outsider"), "step-1").status_code == 302


def test_at_the_limit_a_brief_can_be_handed_in_and_an_ended_session_loses_nothing(
    agency: Agency, browse: Browse
) -> None:
    fill_up(agency.person("manager"))
    refused = press(browse("manager"), "", budget="-5", name="Not yet")
    assert "Give a budget above 0." in text_of(refused)
    assert press(browse("manager"), "").status_code == 302
    assert Campaign.objects.get().pk == DRAFT
    late = new_id()
    ticket = ticket_for(agency.person("manager"), late)
    Client().post(page_url(late), form(ticket=ticket, name="Signed out"))
    assert BriefDraft.objects.get(pk=late).data["name"] == "Signed out"


def test_two_pages_do_not_both_take_the_last_place(agency: Agency) -> None:
    owner = agency.person("manager")
    fill_up(owner, drafts.MOST_OPEN - 1)
    gate, found = threading.Barrier(4), []

    def act(number: int) -> None:
        gate.wait()
        try:
            drafts.save_draft(
                owner=owner, draft_id=new_id(), data={"name": str(number)}, writer=drafts.Writer()
            )
            found.append("kept")
        except drafts.TooMany:
            found.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=act, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["kept", "refused", "refused", "refused"]
    assert drafts.open_drafts(owner).count() == drafts.MOST_OPEN


def test_the_list_shows_the_longest_untouched_first_and_deletes_what_is_ticked(
    agency: Agency, browse: Browse
) -> None:
    rows, client = fill_up(agency.person("manager"), 3), browse("manager")
    BriefDraft.objects.filter(pk=rows[2].pk).update(updated_at=now() - dt.timedelta(days=40))
    page = client.get(reverse("brief-drafts"))
    assert [row.pk for row in page.context["drafts"]] == [rows[2].pk, rows[0].pk, rows[1].pk]
    assert "3 of 50" in text_of(page)
    nothing = client.post(reverse("brief-drafts"), {"draft": ["nonsense"]}, follow=True)
    assert "Nothing was deleted" in text_of(nothing)
    done = client.post(reverse("brief-drafts"), {"draft": [rows[0].pk, rows[2].pk]}, follow=True)
    assert "2 drafts deleted." in text_of(done)
    assert list(BriefDraft.objects.values_list("pk", flat=True)) == [rows[1].pk]


def test_nobody_deletes_anothers_draft_or_one_that_was_handed_in(agency: Agency, browse: Browse) -> None:
    (row,) = fill_up(agency.person("manager"), 1)
    assert press(browse("manager"), "").status_code == 302
    browse("outsider").post(reverse("brief-drafts"), {"draft": [row.pk]})
    browse("manager").post(reverse("brief-drafts"), {"draft": [DRAFT]})
    assert BriefDraft.objects.count() == 2
    for person in ("approver", "finance", "ops", "viewer"):
        assert browse(person).get(reverse("brief-drafts")).status_code == 403
        assert browse(person).post(reverse("brief-drafts"), {"draft": [row.pk]}).status_code == 403
