"""Briefs being written: nothing typed is lost, nothing is overwritten unseen, one draft makes one campaign."""

from __future__ import annotations

import datetime as dt
import json
import re
import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.actors import actor_of_user
from accounts.models import User
from accounts.roles import Role
from approvals.states import Door
from bookings.drafts import services as drafts
from bookings.drafts.fields import DRAFT_FIELDS, wire_of
from bookings.drafts.models import BriefDraft, BriefTemplate
from bookings.drafts.services import Conflict, NotYours, Writer
from bookings.models import Campaign
from crm.models import Assignment
from flows.clock import now, today
from flows.ids import new_id
from tests.agency import PASSWORD, Agency
from tests.pages.conftest import Browse, text_of
from tests.pages.test_brief_form import form
from tests.plans import make_seller, waiting_campaign

DRAFT = uuid.UUID("0190f3a9-4c8b-7f4e-9a55-0f2f6d1f7a10")


@pytest.fixture(autouse=True)
def _seller(agency: Agency) -> None:
    make_seller()


def typed(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in form(**changes).items() if name != "form_id"}


def save_url(draft: uuid.UUID = DRAFT) -> str:
    return reverse("brief-draft-save", args=[draft])


def page_url(draft: uuid.UUID = DRAFT) -> str:
    return reverse("campaign-draft", args=[draft])


def save(client: Client, version: int = 0, draft: uuid.UUID = DRAFT, **changes: Any) -> Any:
    return client.post(save_url(draft), typed(version=version, **changes))


def colleague(agency: Agency) -> Client:
    """Another manager of the same client."""
    user = User.objects.create_user("mira", "mira@agency.example", PASSWORD, role=Role.MANAGER)
    Assignment.objects.create(organization=agency.client, user=user)
    client = Client()
    client.force_login(user)
    return client


# --- keeping ---------------------------------------------------------------------------------------------------


def test_looking_at_the_form_keeps_nothing(browse: Browse, agency: Agency) -> None:
    past = waiting_campaign(agency)
    for query in ({}, {"from": str(past.pk)}, {"step": "3"}):
        assert browse("manager").get(reverse("campaign-new"), query).status_code == 200
    assert not BriefDraft.objects.exists()


def test_the_first_save_makes_the_draft_and_its_page_shows_it_as_typed(browse: Browse) -> None:
    client = browse("manager")
    answer = save(client, name="Tea & <b>toast</b>", budget="not a number", notes="first\r\nsecond")
    assert (answer.status_code, answer.json()["version"]) == (200, 1)
    page = client.get(page_url()).content.decode()
    assert 'value="Tea &amp; &lt;b&gt;toast&lt;/b&gt;"' in page
    assert 'value="not a number"' in page
    assert ">\nfirst\nsecond</textarea>" in page
    assert re.search(r'name="channels" value="ctv"[^>]*checked', page)
    assert not re.search(r'name="channels" value="mobile"[^>]*checked', page)
    assert "Tea &amp; &lt;b&gt;toast" in client.get(reverse("campaign-new")).content.decode()


def test_every_field_comes_back_as_it_was_typed(browse: Browse) -> None:
    lists = {"channels": ["ctv"], "gender": ["female", "other"]}
    given = {name: f" {name}, as typed " for name in DRAFT_FIELDS} | lists
    answer = browse("manager").post(save_url(), given | {"version": 0})
    assert answer.status_code == 200
    assert BriefDraft.objects.get().data == given


def test_a_draft_is_its_owners_alone(agency: Agency, browse: Browse) -> None:
    save(browse("manager"), name="Only mine")
    before = BriefDraft.objects.values().get()
    for client in (colleague(agency), browse("outsider"), browse("client")):
        assert client.get(page_url()).status_code == 404
        assert save(client, version=1, name="Taken").status_code == 404
        assert client.post(page_url(), typed(version=1, go="step-2")).status_code == 404
        client.post(reverse("brief-draft-discard", args=[DRAFT]))
        assert b"Only mine" not in client.get(reverse("campaign-new")).content
    assert BriefDraft.objects.values().get() == before


def test_who_may_not_hand_in_briefs_keeps_none(browse: Browse) -> None:
    for person in ("approver", "finance", "ops", "viewer"):
        assert save(browse(person)).status_code == 403
        assert browse(person).post(reverse("brief-check"), typed()).status_code == 403
    assert not BriefDraft.objects.exists()


def test_a_script_without_a_session_is_told_so(agency: Agency) -> None:
    for url in (save_url(), reverse("brief-check")):
        answer = Client().post(url, typed())
        assert (answer.status_code, answer.json()["code"]) == (401, "session_ended")
    assert Client().get(reverse("brief-session")).status_code == 401
    assert not BriefDraft.objects.exists()


def test_every_save_needs_the_forms_token(agency: Agency) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(agency.person("manager"))
    assert save(client).status_code == 403
    token = client.get(reverse("brief-session")).json()["csrf"]
    assert client.post(save_url(), typed(csrfmiddlewaretoken=token)).status_code == 200


def test_what_no_database_takes_is_left_out(browse: Browse) -> None:
    assert save(browse("manager"), name="a\x00b", channels=["ctv\x00"]).status_code == 200
    assert BriefDraft.objects.get().data["name"] == "ab"


# --- two pages -------------------------------------------------------------------------------------------------


def test_a_second_tab_overwrites_nothing(browse: Browse) -> None:
    first, second = browse("manager"), browse("manager")
    save(first, name="Opened in both")
    assert save(first, version=1, tab="a", tab_save=1, name="From the first").json()["version"] == 2
    answer = save(second, version=1, tab="b", tab_save=1, name="From the second")
    assert answer.status_code == 409
    assert (answer.json()["code"], answer.json()["version"]) == ("newer_version", 2)
    assert BriefDraft.objects.get().data["name"] == "From the first"

    taken = save(second, version=2, tab="b", tab_save=2, name="From the second")
    assert taken.json()["version"] == 3
    assert BriefDraft.objects.get().data["name"] == "From the second"
    assert save(first, version=2, tab="a", tab_save=2, name="First again").status_code == 409


def test_the_same_text_again_is_no_change(browse: Browse) -> None:
    client = browse("manager")
    save(client)
    save(client, version=1, name="Newer")
    assert save(client, version=1, name="Newer").json()["version"] == 2


def test_a_page_that_never_heard_the_answer_goes_on_saving(browse: Browse) -> None:
    client = browse("manager")
    save(client, tab="a", tab_save=1, name="One")
    save(client, tab="a", tab_save=2, name="Two")
    answer = save(client, tab="a", tab_save=3, name="Three")
    assert (answer.status_code, BriefDraft.objects.get().data["name"]) == (200, "Three")


def test_a_save_that_was_overtaken_does_not_come_back(browse: Browse) -> None:
    client = browse("manager")
    save(client, tab="a", tab_save=1, name="One")
    save(client, version=1, tab="a", tab_save=3, name="Newest")
    late = save(client, version=1, tab="a", tab_save=2, name="Late")
    assert (late.status_code, late.json()["version"]) == (200, 2)
    assert BriefDraft.objects.get().data["name"] == "Newest"


def test_without_a_script_a_stale_page_gets_the_choice(browse: Browse) -> None:
    client = browse("manager")
    save(client, name="Before")
    save(client, version=1, name="Newer")
    answer = client.post(page_url(), typed(version=1, name="Stale"))
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "A newer version of this brief exists" in page
    assert 'value="Stale"' in page
    assert 'name="newer_version" value="2"' in page
    assert not Campaign.objects.exists()
    assert BriefDraft.objects.get().data["name"] == "Newer"

    taken = client.post(page_url(), typed(version=1, newer_version=2, name="Stale", go="take-over"))
    assert taken.status_code == 302
    assert BriefDraft.objects.get().data["name"] == "Stale"


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """`act(0)`, `act(1)`, ... in threads that start together; what each returned or raised."""
    found: list[Any] = [None] * count
    gate = threading.Barrier(count)

    def run(number: int) -> None:
        gate.wait()
        try:
            found[number] = act(number)
        except Exception as error:
            found[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_of_saves_at_once_on_one_version_one_counts(agency: Agency) -> None:
    owner = agency.person("manager")
    drafts.save_draft(owner=owner, draft_id=DRAFT, data={"name": "start"}, writer=Writer())

    def act(number: int) -> int:
        saved = drafts.save_draft(
            owner=owner, draft_id=DRAFT, data={"name": str(number)}, writer=Writer(1, f"tab-{number}", 1)
        )
        return saved.version

    found = at_once(4, act)
    assert sorted(type(one).__name__ for one in found) == ["Conflict", "Conflict", "Conflict", "int"]
    assert BriefDraft.objects.get().data["name"] == str(found.index(2))


def test_of_first_saves_at_once_one_counts(agency: Agency) -> None:
    owner = agency.person("manager")

    def act(number: int) -> int:
        data = {"name": str(number)}
        return drafts.save_draft(
            owner=owner, draft_id=DRAFT, data=data, writer=Writer(0, f"t{number}", 1)
        ).version

    found = at_once(4, act)
    assert sum(one == 1 for one in found) == 1
    assert sum(isinstance(one, Conflict) for one in found) == 3


# --- handing in ------------------------------------------------------------------------------------------------


def test_a_draft_becomes_the_campaign_of_the_same_id(browse: Browse) -> None:
    client = browse("manager")
    save(client)
    answer = client.post(page_url(), typed(version=1))
    campaign = Campaign.objects.get()
    assert (campaign.pk, answer["Location"]) == (DRAFT, campaign.get_absolute_url())
    assert BriefDraft.objects.get().campaign == campaign
    assert client.get(page_url())["Location"] == campaign.get_absolute_url()
    assert b'id="drafts-title"' not in client.get(reverse("campaign-new")).content


def test_a_page_left_open_after_handing_in_is_led_to_the_campaign(browse: Browse) -> None:
    client = browse("manager")
    client.post(page_url(), typed())
    late = save(client, version=1, name="Another name")
    assert (late.status_code, late.json()["code"]) == (409, "submitted")
    assert late.json()["url"] == Campaign.objects.get().get_absolute_url()
    assert Campaign.objects.get().name == "Summer walk"
    client.post(reverse("brief-draft-discard", args=[DRAFT]))
    assert BriefDraft.objects.count() == 1


def test_handed_in_by_several_at_once_it_is_one_campaign(agency: Agency) -> None:
    owner = agency.person("manager")
    data = typed()
    draft = drafts.save_draft(owner=owner, draft_id=DRAFT, data=data, writer=Writer())

    def act(_: int) -> uuid.UUID:
        wire, actor = wire_of(data, owner), actor_of_user(owner)
        return drafts.submit_draft(draft=draft, wire=wire, owner=owner, actor=actor, door=Door.PAGE).pk

    assert at_once(4, act) == [DRAFT] * 4
    assert Campaign.objects.count() == 1


def test_an_id_of_somebody_elses_campaign_opens_nothing(agency: Agency, browse: Browse) -> None:
    theirs = waiting_campaign(agency)
    owner = agency.person("outsider")
    data = typed(client="boreal-foods")
    draft = drafts.save_draft(owner=owner, draft_id=theirs.pk, data=data, writer=Writer())
    with pytest.raises(NotYours):
        drafts.submit_draft(
            draft=draft, wire=wire_of(data, owner), owner=owner, actor=actor_of_user(owner), door=Door.PAGE
        )
    assert (
        browse("outsider").post(page_url(theirs.pk), typed(client="boreal-foods", version=1)).status_code
        == 404
    )
    assert BriefDraft.objects.get().campaign is None


def test_a_refused_brief_stays_a_draft(browse: Browse) -> None:
    client = browse("manager")
    answer = client.post(page_url(), typed(budget="-5"))
    assert "Give a budget above 0." in text_of(answer)
    assert BriefDraft.objects.get().data["budget"] == "-5"
    assert not Campaign.objects.exists()


def test_drafts_are_kept_for_ninety_days(agency: Agency) -> None:
    owner = agency.person("manager")
    for days in (89, 91):
        draft = drafts.save_draft(owner=owner, draft_id=new_id(), data={"name": str(days)}, writer=Writer())
        BriefDraft.objects.filter(pk=draft.pk).update(updated_at=now() - dt.timedelta(days=days))
    assert drafts.forget_old() == 1
    assert BriefDraft.objects.get().data["name"] == "89"


def test_discarding_ends_an_open_draft(browse: Browse) -> None:
    client = browse("manager")
    save(client)
    assert client.get(reverse("brief-draft-discard", args=[DRAFT])).status_code == 405
    client.post(reverse("brief-draft-discard", args=[DRAFT]))
    assert not BriefDraft.objects.exists()
    assert client.get(page_url()).status_code == 404


# --- an ended session, without a script ------------------------------------------------------------------------


def ticket_of(client: Client, url: str) -> dict[str, str]:
    page = client.get(url).context
    return {"form_id": str(page["opened"].draft_id), "ticket": page["ticket"]}


def test_a_form_sent_after_the_session_ended_waits_behind_the_login(agency: Agency, browse: Browse) -> None:
    sent = ticket_of(browse("manager"), reverse("campaign-new"))
    answer = Client().post(reverse("campaign-new"), typed(name="Typed for an hour") | sent)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/login/?next=/campaigns/new/")
    draft = BriefDraft.objects.get()
    assert (draft.owner, draft.data["name"]) == (agency.person("manager"), "Typed for an hour")
    assert not Campaign.objects.exists()

    back = Client()
    login = {"username": "manager", "password": PASSWORD, "next": f"{page_url(draft.pk)}?kept=1"}
    page = back.post(reverse("login"), login, follow=True)
    assert "What you had typed is here" in text_of(page)
    assert 'value="Typed for an hour"' in page.content.decode()
    assert browse("outsider").get(page_url(draft.pk)).status_code == 404


def test_a_text_built_on_an_older_version_becomes_a_draft_of_its_own(browse: Browse) -> None:
    client = browse("manager")
    save(client, name="Older")
    sent = ticket_of(client, page_url())
    save(client, version=1, name="Newer")
    Client().post(page_url(), typed(version=1, name="Sent too late") | sent)
    assert sorted(draft.data["name"] for draft in BriefDraft.objects.all()) == ["Newer", "Sent too late"]


@pytest.mark.parametrize("ticket", ["", "nonsense", "WyIxIiwiMiJd:1abcde:xxxx"])
def test_a_stranger_can_make_nothing_be_kept(agency: Agency, ticket: str) -> None:
    answer = Client().post(reverse("campaign-new"), typed(ticket=ticket))
    assert answer["Location"].startswith("/login/")
    assert not BriefDraft.objects.exists()


def test_a_ticket_is_good_for_its_own_draft_and_person_only(agency: Agency, browse: Browse) -> None:
    sent = ticket_of(browse("manager"), reverse("campaign-new"))
    other = new_id()
    Client().post(reverse("campaign-new"), typed() | sent | {"form_id": str(other)})
    assert str(BriefDraft.objects.get().pk) == sent["form_id"]
    BriefDraft.objects.all().delete()
    User.objects.filter(username="manager").update(is_active=False)
    Client().post(reverse("campaign-new"), typed() | sent)
    assert not BriefDraft.objects.exists()


# --- steps, without a script -----------------------------------------------------------------------------------


def test_going_to_a_step_keeps_every_value(browse: Browse) -> None:
    client = browse("manager")
    answer = client.post(page_url(), typed(go="step-4", geo="US", notes="Ask Jo"), follow=True)
    page = answer.content.decode()
    assert answer.context["step"] == 4
    assert 'data-brief-part-of="4" aria-labelledby="part-4">' in page
    assert 'data-brief-part-of="1" aria-labelledby="part-1" hidden>' in page
    for value in ('value="Summer walk"', 'value="US"', ">\nAsk Jo</textarea>", 'value="40000"'):
        assert value in page, value


def test_the_review_names_what_is_missing_and_hands_in_what_holds(browse: Browse) -> None:
    client = browse("manager")
    words = text_of(client.post(page_url(), typed(go="step-6", budget=""), follow=True))
    assert "Not ready to be handed in" in words
    assert "Give the total budget as an amount above 0." in words
    words = text_of(client.post(page_url(), typed(version=1, go="step-6"), follow=True))
    assert "Not ready" not in words
    assert client.post(page_url(), typed(version=2)).status_code == 302
    assert Campaign.objects.count() == 1


def test_the_way_of_showing_the_form_is_remembered(browse: Browse) -> None:
    client = browse("manager")
    assert b"All on one page" in client.get(reverse("campaign-new")).content
    client.post(page_url(), typed(go="page"))
    elsewhere = browse("manager")  # the person's, not the browser's
    assert b"All on one page" not in elsewhere.get(reverse("campaign-new")).content
    client.post(page_url(), typed(version=1, go="steps"))
    assert b"All on one page" in elsewhere.get(reverse("campaign-new")).content


def test_an_error_opens_the_steps_that_have_one(browse: Browse) -> None:
    client = browse("manager")
    answer = client.post(page_url(), typed(budget="-5", age="old"))
    assert answer.context["shown"] == {2, 3}


@pytest.mark.parametrize(
    "go", ["step-0", "step-99", "step-x", "step-", "nonsense", "step-²", "step-" + "9" * 5000]
)
def test_a_button_that_was_made_up_does_no_harm(browse: Browse, go: str) -> None:
    client = browse("manager")
    assert client.post(page_url(), typed(go=go), follow=True).status_code == 200
    assert not Campaign.objects.exists()


# --- ways in ---------------------------------------------------------------------------------------------------


def test_a_past_campaign_is_copied_with_its_length_and_from_tomorrow(agency: Agency, browse: Browse) -> None:
    past = waiting_campaign(
        agency,
        name="Last spring",
        constraints={
            "channel_shares": {"ctv": {"min": 0.2, "max": 0.605}},
            "seller_shares": {"northlight": {"min": 0.1}},
        },
    )
    start, length = today() - dt.timedelta(days=400), dt.timedelta(days=30)
    stored = past.brief | {"start_date": start.isoformat(), "end_date": (start + length).isoformat()}
    Campaign.objects.filter(pk=past.pk).update(brief=stored)
    page = browse("manager").get(reverse("campaign-new"), {"from": str(past.pk)})
    data = dict(page.context["opened"].data)
    tomorrow = today() + dt.timedelta(days=1)
    assert (data["start_date"], data["end_date"]) == (tomorrow.isoformat(), (tomorrow + length).isoformat())
    copied = wire_of(data, agency.person("manager"))
    assert copied["constraints"]["channel_shares"] == {"ctv": {"min": "20%", "max": "60.5%"}}
    assert browse("manager").post(page_url(), data).status_code == 302
    again = Campaign.objects.get(pk=DRAFT).read_brief()
    for part in ("name", "objectives", "budget", "audience", "kpis", "constraints", "channels"):
        assert getattr(again, part) == getattr(past.read_brief(), part), part


def test_another_clients_campaign_cannot_be_copied(agency: Agency, browse: Browse) -> None:
    past = waiting_campaign(agency, name="Only for Aurora")
    outsider = browse("outsider")
    assert outsider.get(reverse("campaign-new"), {"from": str(past.pk)}).status_code == 404
    assert outsider.get(reverse("campaign-new"), {"from": "' or 1=1"}).status_code == 404
    assert b"Only for Aurora" not in outsider.get(reverse("campaign-new")).content


def keep(client: Client, **changes: Any) -> Any:
    return client.post(reverse("brief-template-keep"), form(**changes), follow=True)


def test_a_template_of_the_agency_names_no_client(agency: Agency, browse: Browse) -> None:
    page = keep(
        browse("manager"), template_name="Autumn", template_for="agency", notes="Aurora pays late", geo="US"
    )
    assert "for everybody of the agency" in text_of(page)
    template = BriefTemplate.objects.get()
    outsider = browse("outsider")
    assert "Autumn" in text_of(outsider.get(reverse("campaign-new")))
    opened = outsider.get(reverse("campaign-new"), {"template": str(template.pk)})
    assert 'value="US"' in opened.content.decode()
    for secret in ("Aurora", "Summer walk", "40000"):
        assert secret not in opened.content.decode()
    assert outsider.post(reverse("brief-template-drop", args=[template.pk])).status_code == 404
    assert browse("manager").post(reverse("brief-template-drop", args=[template.pk])).status_code == 302
    assert not BriefTemplate.objects.exists()


def test_an_own_template_is_seen_by_nobody_else(agency: Agency, browse: Browse) -> None:
    keep(browse("manager"), template_name="Mine", template_for="own")
    template = BriefTemplate.objects.get()
    assert template.data["client"] == "aurora-outdoor"
    assert "start_date" not in template.data
    assert BriefDraft.objects.get().data["start_date"]
    for client in (colleague(agency), browse("outsider")):
        assert "Mine" not in text_of(client.get(reverse("campaign-new")))
        assert client.get(reverse("campaign-new"), {"template": str(template.pk)}).status_code == 404


def test_a_template_needs_a_name_and_replaces_one_of_the_same(browse: Browse) -> None:
    client = browse("manager")
    assert "Give the template a name." in text_of(keep(client, template_name="  "))
    assert "at most 60 characters" in text_of(keep(client, template_name="x" * 61))
    keep(client, template_name="Twice", geo="US")
    keep(client, template_name="Twice", geo="DE")
    assert BriefTemplate.objects.get().data["geo"] == "DE"


def test_a_brief_as_json_opens_in_the_form(browse: Browse) -> None:
    from tests.briefs import brief

    wire = brief(name="From a file", kpis={"max_cpm": 45, "ctr": 0.002, "attention": 3}, notes="kept")
    post = {"form_id": str(DRAFT), "go": "form", "brief": json.dumps(wire)}
    page = browse("manager").post(reverse("campaign-new-json"), post, follow=True)
    assert 'value="From a file"' in page.content.decode()
    assert "no field for these parts of the brief: attention" in text_of(page)
    assert BriefDraft.objects.get().data["ctr"] == "0.002"
    assert not Campaign.objects.exists()
