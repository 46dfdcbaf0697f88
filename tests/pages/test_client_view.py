"""The client's page of a campaign, with a login and by a link: who sees what, and what nobody sees."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts import throttle
from bookings.client_view.models import ClientAnswer, ClientComment, ClientLink
from bookings.models import Campaign, Line
from config.watching.secrets import hidden
from flows.clock import now
from flows.models import Event
from tests.agency import Agency
from tests.clients import forget_openings, leaks, new_link, priced_campaign, seal_of
from tests.deciding import approve, ids_of, reject
from tests.pages.conftest import Browse, text_of
from tests.pages.test_campaign_page import HOSTILE, smuggled
from tests.plans import waiting_campaign

EVERYBODY = {"manager", "approver", "finance", "ops", "viewer", "client"}
READ = ("campaign-client", "campaign-client-live", "campaign-client-confirmation")
ACTS = {
    "campaign-client-answer": {"viewer"},
    "campaign-client-comment": {"manager", "approver", "viewer"},
    "campaign-client-link": {"manager", "approver"},
}


@pytest.fixture(autouse=True)
def _openings_are_forgotten() -> Iterator[None]:
    forget_openings()
    yield
    forget_openings()


def at(campaign: Campaign, name: str = "campaign-client", *more: object) -> str:
    return reverse(name, args=[campaign.pk, *more])


def book(agency: Agency, campaign: Campaign, *states: str) -> None:
    approve(agency, campaign)
    for line, state in zip(campaign.lines.order_by("position"), states, strict=True):
        Line.objects.filter(pk=line.pk).update(
            status=state,
            settled_at=now(),
            note="note-hidden",
            refs={"deal_id": "deal-hidden"},
            confirmed_cost=line.cost,
        )
    Campaign.objects.filter(pk=campaign.pk).update(status="completed")


def counts() -> list[int]:
    return [model.objects.count() for model in (ClientAnswer, ClientComment, ClientLink, Event)]


# --- who ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", READ)
def test_everybody_of_the_client_reads_it_and_nobody_else(agency: Agency, browse: Browse, name: str) -> None:
    campaign = waiting_campaign(agency)
    approve(agency, campaign)
    url = at(campaign, name)
    assert {person: browse(person).get(url).status_code for person in EVERYBODY} == dict.fromkeys(
        EVERYBODY, 200
    )
    assert browse("outsider").get(url).status_code == 404
    assert Client().get(url)["Location"].startswith("/login/")


@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize("person", sorted(EVERYBODY))
def test_an_act_is_for_its_roles_only(agency: Agency, browse: Browse, name: str, person: str) -> None:
    campaign = waiting_campaign(agency)
    before = counts()
    status = browse(person).post(at(campaign, name)).status_code
    assert (status != 403) == (person in ACTS[name])
    assert counts() == before  # 403, or 400 for a form with nothing in it
    assert browse(person).get(at(campaign, name)).status_code in (403, 405)


@pytest.mark.parametrize("name", ACTS)
def test_no_act_reaches_another_clients_campaign(agency: Agency, browse: Browse, name: str) -> None:
    campaign = waiting_campaign(agency)
    campaign.organization = agency.other_client
    campaign.save()
    before = counts()
    person = sorted(ACTS[name])[-1]
    form = {"answer": "agree", "plan": seal_of(campaign), "text": "Hello", "days": "3"}
    assert browse(person).post(at(campaign, name), form).status_code == 404
    assert counts() == before


@pytest.mark.parametrize("person", sorted(EVERYBODY))
def test_revoking_is_for_those_who_share(agency: Agency, browse: Browse, person: str) -> None:
    campaign = waiting_campaign(agency)
    link, _ = new_link(agency, campaign)
    status = browse(person).post(at(campaign, "campaign-client-revoke", link.pk)).status_code
    link.refresh_from_db()
    assert (status, link.is_usable) == ((302, False) if person in ("manager", "approver") else (403, True))


def test_a_page_from_elsewhere_cannot_answer(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    client = Client(enforce_csrf_checks=True)
    client.force_login(agency.person("viewer"))
    form = {"answer": "agree", "plan": seal_of(campaign)}
    assert client.post(at(campaign, "campaign-client-answer"), form).status_code == 403
    assert not ClientAnswer.objects.exists()


def test_a_client_is_shown_this_page_from_the_campaigns_own_address(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    client = browse("viewer")
    assert campaign.get_absolute_url() in client.get(reverse("campaigns")).content.decode()
    own = client.get(campaign.get_absolute_url()).content.decode()
    assert 'id="answer-form"' in own
    assert "data-live-refresh" in own
    assert 'id="decide"' in browse("approver").get(campaign.get_absolute_url()).content.decode()
    assert "Client view" in text_of(browse("approver").get(campaign.get_absolute_url()))


# --- what -----------------------------------------------------------------------------------------------------


def test_the_plan_in_the_clients_language(agency: Agency, browse: Browse) -> None:
    campaign = priced_campaign(agency)
    words = text_of(browse("viewer").get(at(campaign)))
    for part in (
        *("Spring Launch", "Aurora Outdoor", "60,000.00 USD", "time zone UTC"),
        *("waits for a decision", "41 % of the budget", "59 % of the budget"),
        *("Product 1", "Product 2", "Connected TV", "1,579,600", "1,770,800", "3,350,400"),
        *("Guaranteed: the publisher commits", "version 1"),
    ):
        assert part in words, part
    for step in ("Planned : done", "Agreed : waiting for a person", "Booked : to come", "Running : to come"):
        assert step in words, step
    assert "Boreal" not in words
    for agency_only in ("This is what the client sees", "Read-only links"):
        assert agency_only not in words
        assert agency_only in text_of(browse("manager").get(at(campaign)))


@pytest.mark.parametrize("booked", [False, True])
def test_no_figure_of_a_seller_is_anywhere(agency: Agency, browse: Browse, booked: bool) -> None:
    campaign = priced_campaign(agency)
    _, address = new_link(agency, campaign)
    if booked:
        book(agency, campaign, "booked", "declined")
    own = [
        campaign.get_absolute_url(),
        at(campaign, "campaign-live"),
        at(campaign),
        at(campaign, "campaign-client-live"),
    ]
    own += [at(campaign, "campaign-client-confirmation")] if booked else []
    shared = [address, f"{address}confirmation/"] if booked else [address]
    viewer, stranger = browse("viewer"), Client()
    for client, urls in ((viewer, own), (stranger, shared), (browse("manager"), own[2:])):
        for url in urls:
            response = client.get(url)
            assert response.status_code == 200, url
            assert leaks(f"{response.content.decode()}\n{dict(response.headers)}\n{client.cookies}") == [], (
                url
            )
    seen = leaks(browse("approver").get(campaign.get_absolute_url()).content.decode())
    for name in ("cpm 1", "cost 2", "list cpm 1", "saving 1", "total", "words"):
        assert any(leak.startswith(name) for leak in seen), f"{name}: else nothing was looked for"


def test_what_is_confirmed_is_told_from_what_is_not(agency: Agency, browse: Browse) -> None:
    campaign = priced_campaign(agency)
    assert browse("viewer").get(at(campaign, "campaign-client-confirmation")).status_code == 404
    book(agency, campaign, "booked", "declined")
    page = browse("viewer").get(at(campaign))
    assert at(campaign, "campaign-client-confirmation") in page.content.decode()
    document = text_of(browse("viewer").get(at(campaign, "campaign-client-confirmation")))
    for words in (text_of(page), document):
        assert "1 of 2 placements is confirmed" in words
        assert "Not booked" in words
        assert f"on {now():%-d %b %Y}" in words
    assert "1 of 2 confirmed" in document
    assert "data-print" in browse("viewer").get(at(campaign, "campaign-client-confirmation")).content.decode()


def test_times_are_those_of_the_campaigns_zone(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    Campaign.objects.filter(pk=campaign.pk).update(brief={**campaign.brief, "timezone": "Asia/Tokyo"})
    with time_machine.travel(dt.datetime(2026, 11, 21, 22, 30, tzinfo=dt.UTC), tick=False):
        ClientComment.objects.create(
            campaign=campaign,
            user=agency.person("viewer"),
            label="Vera",
            side="client",
            text="Hello",
            at=now(),
        )
    _, address = new_link(agency, campaign)
    for response in (browse("viewer").get(at(campaign)), Client().get(address)):
        assert "time zone Asia/Tokyo" in text_of(response)
        assert "22 Nov 2026, 07:30 JST" in text_of(response)


def test_before_there_is_a_plan_the_page_says_so(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    Campaign.objects.filter(pk=campaign.pk).update(status="researching")
    campaign.recommendations.all().delete()
    page = browse("viewer").get(at(campaign))
    assert "No plan yet" in text_of(page)
    assert 'id="answer-form"' not in page.content.decode()


def test_reasons_of_the_agency_stay_there(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    reject(agency, campaign, reason="Kestrel wanted 40 percent", recommendation_ids=ids_of(campaign)[:1])
    page = browse("viewer").get(at(campaign)).content.decode()
    assert "Kestrel wanted" not in page
    assert "Product 1" not in page


@pytest.mark.parametrize("person", ["viewer", "manager"])
def test_text_of_others_is_only_text(agency: Agency, browse: Browse, person: str) -> None:
    campaign = waiting_campaign(agency)
    campaign.recommendations.update(product_name=HOSTILE, product={"formats": [HOSTILE]})
    new_link(agency, campaign, note=HOSTILE[:120])
    viewer = browse("viewer")
    viewer.post(at(campaign, "campaign-client-comment"), {"text": HOSTILE})
    viewer.post(
        at(campaign, "campaign-client-answer"),
        {"answer": "object", "text": HOSTILE, "plan": seal_of(campaign)},
    )
    assert ClientAnswer.objects.exists()
    _, address = new_link(agency, campaign)
    pages = [
        (browse(person), at(campaign)),
        (browse(person), campaign.get_absolute_url()),
        (Client(), address),
    ]
    for client, url in pages:
        page = client.get(url).content.decode()
        assert smuggled(page) == []
        assert "&lt;script&gt;alert" in page
    refused = viewer.post(at(campaign, "campaign-client-answer"), {"answer": HOSTILE, "text": HOSTILE})
    assert refused.status_code == 400
    assert smuggled(refused.content.decode()) == []


def test_two_hundred_lines_cost_no_more_queries(
    agency: Agency, browse: Browse, django_assert_max_num_queries: Any
) -> None:
    campaign = waiting_campaign(agency, costs=(100,) * 200)
    for number in range(30):
        ClientComment.objects.create(
            campaign=campaign,
            user=agency.person("viewer"),
            label="V",
            side="client",
            text=f"{number}",
            at=now(),
        )
    _, address = new_link(agency, campaign)
    for client, url in ((browse("manager"), at(campaign)), (Client(), address)):
        with django_assert_max_num_queries(20):
            assert client.get(url).status_code == 200


# --- answering and commenting without JavaScript --------------------------------------------------------------


def fields(page: str) -> dict[str, str]:
    """The hidden fields of the answer's form, wherever they stand: what a browser without scripts sends."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)" form="answer-form">', page)
    return dict(found)


def test_the_form_alone_is_enough_to_answer(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    client = browse("viewer")
    form = fields(client.get(campaign.get_absolute_url()).content.decode())
    answered = client.post(
        at(campaign, "campaign-client-answer"), {**form, "answer": "object", "text": "Too much\nbranding"}
    )
    assert answered["Location"] == at(campaign) + "#answer"
    page = client.get(at(campaign))
    assert "You objected to version 1" in text_of(page)
    assert re.search(r'value="object" required checked', page.content.decode())
    assert "Change your answer" in text_of(page)


def test_a_refused_answer_keeps_what_was_typed(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    client = browse("viewer")
    form = {"answer": "object", "text": "no", "plan": seal_of(campaign)}
    answer = client.post(at(campaign, "campaign-client-answer"), form)
    page = answer.content.decode()
    assert answer.status_code == 400
    assert re.search(r'<textarea id="answer-text"[^>]*aria-invalid="true"[^>]*>no</textarea>', page)
    assert 'value="object" required checked' in page
    assert "Say what you object to" in text_of(answer)
    assert not ClientAnswer.objects.exists()


def test_a_plan_that_changed_is_shown_anew_before_it_is_answered(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    client = browse("viewer")
    old = fields(client.get(at(campaign)).content.decode())
    reject(agency, campaign, recommendation_ids=ids_of(campaign)[:1])
    answer = client.post(
        at(campaign, "campaign-client-answer"), {**old, "answer": "agree", "text": "Fine with us"}
    )
    assert answer.status_code == 409
    assert "The plan has changed since it was shown to you" in text_of(answer)
    assert "Product 1" not in text_of(answer)
    assert ">Fine with us</textarea>" in answer.content.decode()
    assert not ClientAnswer.objects.exists()
    fresh = fields(answer.content.decode())
    assert fresh != old
    assert (
        client.post(at(campaign, "campaign-client-answer"), {**fresh, "answer": "agree"}).status_code == 302
    )


def test_whoever_decides_reads_the_clients_words_above_the_form(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    user = agency.person("viewer")
    user.first_name = "Vera"
    user.save()
    form = {"answer": "object", "text": "Too <b>much</b>", "plan": seal_of(campaign)}
    browse("viewer").post(at(campaign, "campaign-client-answer"), form)
    for name in ("campaign", "campaign-live"):
        page = browse("approver").get(at(campaign, name)).content.decode()
        assert re.search(r"Client: Vera objects to version 1, <time", page)
        assert "The client's words" in page
        assert "Too &lt;b&gt;much&lt;/b&gt;" in page
    page = browse("approver").get(at(campaign)).content.decode()
    page = browse("approver").get(campaign.get_absolute_url()).content.decode()
    assert page.index("data-client-said") < page.index('id="decide"')
    reject(agency, campaign, recommendation_ids=ids_of(campaign)[:1])
    assert "The plan has changed since." in text_of(browse("approver").get(campaign.get_absolute_url()))


def test_comments_go_both_ways_newest_last(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    for person, text in (("viewer", "First of all"), ("approver", "Second thing"), ("manager", "Third word")):
        sent = browse(person).post(at(campaign, "campaign-client-comment"), {"text": text})
        assert sent["Location"] == at(campaign) + "#comments"
    words = text_of(browse("viewer").get(at(campaign)))
    assert words.index("First of all") < words.index("Second thing") < words.index("Third word")
    live = browse("viewer").get(at(campaign, "campaign-client-live"), {"talk": "2"}).content.decode()
    assert "Third word" in live
    assert (
        "Third word"
        not in browse("viewer").get(at(campaign, "campaign-client-live"), {"talk": "3"}).content.decode()
    )


@pytest.mark.parametrize("text", ["", "  ", "x" * 2001])
def test_a_refused_comment_says_why_and_is_kept(agency: Agency, browse: Browse, text: str) -> None:
    campaign = waiting_campaign(agency)
    answer = browse("viewer").post(at(campaign, "campaign-client-comment"), {"text": text})
    assert answer.status_code == 400
    page = answer.content.decode()
    assert re.search(r'<textarea id="comment-text"[^>]*aria-describedby="comment-text_error"', page)
    assert not ClientComment.objects.exists()


# --- links ----------------------------------------------------------------------------------------------------


def test_a_link_is_made_shown_once_opened_and_revoked(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    manager, stranger = browse("manager"), Client()
    made = manager.post(at(campaign, "campaign-client-link"), {"days": "3", "note": "The board"})
    assert made.status_code == 201
    (address,) = set(re.findall(r"http://testserver(/shared/[a-z0-9]{8}\.[\w-]{43}/)", made.content.decode()))
    assert "/shared/" not in manager.get(at(campaign)).content.decode()
    assert "never" in text_of(manager.get(at(campaign)))

    opened = stranger.get(address)
    assert opened.status_code == 200
    assert "Spring Launch" in text_of(opened)
    stranger.get(address)
    assert "opened 2 times, last" in text_of(manager.get(at(campaign)))

    link = ClientLink.objects.get()
    manager.post(at(campaign, "campaign-client-revoke", link.pk))
    assert stranger.get(address).status_code == 404
    assert "Revoked" in text_of(manager.get(at(campaign)))
    trail = text_of(manager.get(at(campaign, "campaign-events")))
    for what in ("made", "revoked"):
        assert f"Link to the client&#x27;s view {what}" in trail


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"days": "0"}, "days"),
        ({"days": "61"}, "days"),
        ({"days": "1.5"}, "days"),
        ({"days": "²"}, "days"),
        ({"days": ""}, "days"),
        ({"days": "9" * 30}, "days"),
        ({"days": "3", "note": "x" * 121}, "note"),
    ],
)
def test_a_wrong_link_form_names_the_field(
    agency: Agency, browse: Browse, form: dict[str, str], field: str
) -> None:
    answer = browse("manager").post(at(waiting_campaign(agency), "campaign-client-link"), form)
    assert answer.status_code == 400
    assert re.search(rf'<input id="link-{field}"[^>]*aria-describedby="link_error"', answer.content.decode())
    assert not ClientLink.objects.exists()


def test_what_a_link_opens_is_for_reading(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    _, address = new_link(agency, campaign)
    response = Client().get(address)
    page = response.content.decode()
    assert "<form" not in page
    assert "csrf" not in page
    assert not response.cookies
    assert response["X-Robots-Tag"].startswith("noindex")
    assert '<meta name="robots" content="noindex' in page
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["Cache-Control"] == "no-store"
    assert "script-src" not in response["Content-Security-Policy"]
    assert "default-src 'self'" in response["Content-Security-Policy"]
    for method in ("post", "put", "patch", "delete"):
        assert getattr(Client(), method)(address).status_code == 405


def test_links_that_do_not_open_look_alike(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    expired, first = new_link(agency, campaign)
    revoked, second = new_link(agency, campaign)
    ClientLink.objects.filter(pk=expired.pk).update(expires_at=now() - dt.timedelta(seconds=1))
    ClientLink.objects.filter(pk=revoked.pk).update(revoked_at=now())
    unknown = [
        "/shared/x/",
        "/shared/abcdefgh." + "x" * 43 + "/",
        f"/shared/{expired.prefix}." + "x" * 43 + "/",
    ]
    answers = [Client().get(url) for url in (first, second, *unknown, "/shared/%00/", "/shared/%E2%82%AC.x/")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    heads = {
        tuple((k, v) for k, v in sorted(answer.headers.items()) if k != "X-Request-ID") for answer in answers
    }
    assert len(heads) == 1
    assert "Ask the agency" in text_of(answers[0])
    assert answers[0]["Referrer-Policy"] == "no-referrer"
    assert {Client().get(f"{url}confirmation/").status_code for url in (first, second, *unknown)} == {404}
    assert not ClientLink.objects.exclude(opened=0).exists()


def test_a_link_opens_its_own_campaign_and_no_other(agency: Agency) -> None:
    mine, other = waiting_campaign(agency, name="Spring boots"), waiting_campaign(agency, name="Autumn hats")
    (_, first), (_, second) = new_link(agency, mine), new_link(agency, other)
    assert "Autumn hats" not in Client().get(first).content.decode()
    assert "Spring boots" not in Client().get(second).content.decode()
    prefix, secret = first.split(".")[0], second.split(".")[1]
    assert Client().get(f"{prefix}.{secret}").status_code == 404
    opened = Client()
    opened.get(first)
    for url in (
        at(mine),
        mine.get_absolute_url(),
        at(mine, "campaign-client-confirmation"),
        f"/api/bookings/{mine.pk}",
    ):
        assert opened.get(url).status_code in (302, 401), url


def test_reading_changes_nothing_but_the_count_of_openings(agency: Agency, browse: Browse) -> None:
    campaign = waiting_campaign(agency)
    approve(agency, campaign)
    link, address = new_link(agency, campaign)
    before = counts()
    rows = [Campaign.objects.values().get(pk=campaign.pk), ClientLink.objects.values().get()]
    for name in READ:
        for person in ("viewer", "manager"):
            browse(person).get(at(campaign, name))
    Client().head(address)
    Client().get(f"{address}confirmation/")
    assert counts() == before
    assert [Campaign.objects.values().get(pk=campaign.pk), ClientLink.objects.values().get()] == rows
    Client().get(address)
    link.refresh_from_db()
    assert link.opened == 1
    assert counts() == before


def test_one_address_opens_links_only_so_often(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "OPENINGS_PER_ADDRESS", 3)
    link, address = new_link(agency, waiting_campaign(agency))
    near, far = Client(REMOTE_ADDR="10.0.0.1"), Client(REMOTE_ADDR="10.0.0.2")
    with time_machine.travel(dt.datetime(2026, 11, 21, 12, 0, 10, tzinfo=dt.UTC)) as clock:
        ClientLink.objects.update(expires_at=now() + dt.timedelta(days=1))
        assert [near.get(url).status_code for url in (address, "/shared/x/", address)] == [200, 404, 200]
        refused = near.get(address)
        assert refused.status_code == 429
        assert 1 <= int(refused["Retry-After"]) <= 60
        assert refused["Referrer-Policy"] == "no-referrer"
        assert far.get(address).status_code == 200
        clock.shift(60)
        assert near.get(address).status_code == 200
    link.refresh_from_db()
    assert link.opened == 4


def test_no_log_line_holds_a_token(agency: Agency) -> None:
    _, address = new_link(agency, waiting_campaign(agency))
    secret = address.split(".")[1].rstrip("/")
    assert secret not in hidden(f"GET {address}confirmation/ 200")
    assert address.split(".")[0] in hidden(f"GET {address} 200")
