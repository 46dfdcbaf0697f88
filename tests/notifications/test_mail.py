"""What stands in the mails, when they leave, and that no link in them does anything."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from email.utils import parseaddr
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.management import call_command
from django.test import Client

from accounts.models import User
from accounts.services import change_access
from crm.services import unassign
from flows import events
from flows.actors import SYSTEM_ACTOR
from flows.clock import now
from notifications.models import Delivery, Notice, Preference
from tests.agency import Agency
from tests.deciding import approve, reject
from tests.notifications.conftest import deliver, look, states
from tests.plans import waiting_campaign

NASTY = '<img src=x onerror=alert(1)> "Spring" & Co'


def dump(tmp_path: Any) -> str:
    """Every table, as text. The session is the reader's own."""
    path = tmp_path / "dump.json"
    call_command("dumpdata", "--exclude=sessions", "--exclude=contenttypes", output=str(path))
    return str(path.read_text())


def mails_of(name: str) -> list[Any]:
    return [message for message in mail.outbox if message.to == [f"{name}@agency.example"]]


def html_of(message: Any) -> str:
    (alternative,) = message.alternatives
    assert alternative[1] == "text/html"
    return str(alternative[0])


def living_in(agency: Agency, name: str, zone: str) -> User:
    user = agency.person(name)
    user.timezone = zone
    user.save()
    return user


def links(message: Any) -> set[str]:
    found = re.findall(r"https?://[^\s\"'<>]+", message.body) + re.findall(
        r'href="([^"]+)"', html_of(message)
    )
    return {*found, message.extra_headers["List-Unsubscribe"].strip("<>")}


def test_a_mail_names_the_plan_and_links_to_it(agency: Agency, settings: Any) -> None:
    settings.FLIGHTDECK_URL = "https://desk.example/"
    campaign = waiting_campaign(agency, name="Spring launch")
    look()
    deliver()
    (message,) = mails_of("approver")
    assert message.subject == "[Flightdeck] Decision needed: Spring launch"
    assert "3 lines for USD 35,000.00, prepared by manager." in message.body
    assert links(message) == {
        f"https://desk.example{campaign.get_absolute_url()}",
        "https://desk.example/settings/notifications/",
    }
    assert f"@{'desk.example'}>" in message.extra_headers["Message-ID"]
    assert parseaddr(message.from_email)[1]


def test_every_link_fetched_three_times_changes_nothing(
    agency: Agency, browse: Callable[[str], Client], tmp_path: Any
) -> None:
    """As mail scanners do, without a session and with the recipient's own."""
    for name in ("approver", "manager"):
        Preference.objects.create(user=agency.person(name), channels={"decided": ["mail"]})
    first, second = waiting_campaign(agency), waiting_campaign(agency)
    look()
    deliver()
    reject(agency, first)
    events.record(
        subject_type="campaign", subject_id=second.pk, type="campaign.fail", actor=SYSTEM_ACTOR, payload={}
    )
    look()
    deliver()
    assert len(mail.outbox) == 7
    strangers, approver = Client(), browse("approver")
    addresses = {link for message in mail.outbox for link in links(message)}
    before = dump(tmp_path)
    for link in addresses:
        path = re.sub(r"^https?://[^/]+", "", link)
        for client in (strangers, approver):
            for _ in range(3):
                assert client.get(path).status_code in (200, 302)
                assert client.head(path).status_code in (200, 302, 405)
    assert dump(tmp_path) == before
    assert Notice.objects.filter(read_at__isnull=False).count() == 0


def test_what_people_and_sellers_wrote_is_text(agency: Agency) -> None:
    waiting_campaign(agency, name=NASTY)
    look()
    deliver()
    (message,) = mails_of("approver")
    html = html_of(message)
    assert "<img" not in html
    assert "&lt;img src=x onerror=alert(1)&gt; &quot;Spring&quot; &amp; Co" in html
    assert NASTY in message.body
    assert message.message()["Subject"]


@pytest.mark.parametrize(
    "written", ["two\nlines", "carriage\rreturn", "nul\0byte", "a\u2028b", "bidi\u202egnirps"]
)
def test_no_control_character_reaches_a_subject(agency: Agency, written: str) -> None:
    from notifications.writing import plain

    text = plain(f"{written}\nBcc: everybody@example.com", 240)
    assert text.isprintable()
    assert "Bcc" in text  # as words, on the one line that there is


def test_a_mail_holds_no_secret(agency: Agency, settings: Any) -> None:
    user = agency.person("approver")
    Preference.objects.create(user=user, hook_url="https://hooks.example/x", hook_secret="fdhook_canary")
    settings.FLIGHTDECK_WEBHOOK_SECRET = "agency-canary"
    waiting_campaign(agency)
    look()
    deliver()
    text = "".join(str(message.message()) for message in mails_of("approver"))
    assert "canary" not in text
    assert settings.SECRET_KEY not in text
    assert not re.search(r"token|sessionid|key=", text, re.IGNORECASE)


def test_whoever_lost_the_client_before_it_leaves_gets_nothing(agency: Agency) -> None:
    waiting_campaign(agency)
    look()
    unassign(organization=agency.client, user=agency.person("approver"), actor=SYSTEM_ACTOR)
    change_access(user=agency.person("manager"), actor=SYSTEM_ACTOR, is_active=False)
    deliver()
    assert mail.outbox == []
    assert states() == [("mail", "dropped"), ("mail", "dropped")]


def test_a_decision_that_was_taken_meanwhile_is_asked_for_no_more(agency: Agency) -> None:
    campaign = waiting_campaign(agency)
    look()
    approve(agency, campaign)
    deliver()
    assert mail.outbox == []


def test_without_an_address_it_is_dropped_and_says_so(agency: Agency) -> None:
    user = agency.person("approver")
    user.email = ""
    user.save()
    waiting_campaign(agency)
    look()
    deliver()
    assert Delivery.objects.get(recipient=user).note == "The recipient has no e-mail address."


def test_a_mail_server_that_is_away_is_tried_again(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting_campaign(agency)
    look()

    def away(*_: Any) -> None:
        raise ConnectionRefusedError("no mail server")

    with monkeypatch.context() as patch:
        patch.setattr("notifications.mail.send", away)
        deliver()
    assert set(Delivery.objects.values_list("status", "tries")) == {("waiting", 1)}
    assert deliver() == 0
    with time_machine.travel(now() + dt.timedelta(seconds=6), tick=False):
        assert deliver() == 2
    assert len(mail.outbox) == 2


def test_each_mail_tells_its_times_in_the_zone_of_its_reader(agency: Agency) -> None:
    living_in(agency, "approver", "Asia/Kathmandu")
    with time_machine.travel(dt.datetime(2027, 1, 12, 12, 0, tzinfo=dt.UTC), tick=False):
        waiting_campaign(agency, start_date="2027-03-01", end_date="2027-03-31")
        look()
        deliver()
    assert "Prices hold until 2027-01-13 17:45 UTC+5:45." in mails_of("approver")[0].body
    assert "Prices hold until 2027-01-13 12:00 UTC." in mails_of("manager")[0].body


def test_mails_wait_until_the_quiet_is_over(agency: Agency) -> None:
    Preference.objects.create(
        user=living_in(agency, "approver", "Europe/Berlin"),
        quiet_from=dt.time(22),
        quiet_until=dt.time(7),
    )
    with time_machine.travel(dt.datetime(2027, 1, 12, 22, 30, tzinfo=dt.UTC), tick=False):  # 23:30 in Berlin
        waiting_campaign(agency, start_date="2027-03-01", end_date="2027-03-31")
        look()
        deliver()
        assert [message.to for message in mail.outbox] == [["manager@agency.example"]]
        assert Notice.objects.filter(recipient__username="approver", in_app=True).count() == 1
    with time_machine.travel(dt.datetime(2027, 1, 13, 5, 59, tzinfo=dt.UTC), tick=False):
        deliver()
        assert mails_of("approver") == []
    with time_machine.travel(dt.datetime(2027, 1, 13, 6, 0, 1, tzinfo=dt.UTC), tick=False):
        deliver()
        assert len(mails_of("approver")) == 1


def test_a_digest_tells_the_day_in_one_mail(agency: Agency) -> None:
    Preference.objects.create(user=living_in(agency, "approver", "Europe/Berlin"), digest_hour=8)
    for hour, name in ((9, "First"), (15, "Second")):
        with time_machine.travel(dt.datetime(2027, 1, 12, hour, tzinfo=dt.UTC), tick=False):
            waiting_campaign(agency, name=name, start_date="2027-03-01", end_date="2027-03-31")
            look()
            deliver()
    assert mails_of("approver") == []
    assert len(mails_of("manager")) == 2
    with time_machine.travel(dt.datetime(2027, 1, 13, 7, 0, 1, tzinfo=dt.UTC), tick=False):
        deliver()
        deliver()
    (message,) = mails_of("approver")
    assert message.subject == "[Flightdeck] 2 notifications of the last day"
    assert message.body.index("First") < message.body.index("Second")


def test_what_comes_after_the_digest_is_in_the_next_one(agency: Agency) -> None:
    Preference.objects.create(user=agency.person("approver"), digest_hour=8)
    for day, name in ((12, "First"), (13, "Second")):
        with time_machine.travel(dt.datetime(2027, 1, day, 7, 30, tzinfo=dt.UTC), tick=False):
            waiting_campaign(agency, name=name, start_date="2027-03-01", end_date="2027-03-31")
            look()
        with time_machine.travel(dt.datetime(2027, 1, day, 8, 0, 1, tzinfo=dt.UTC), tick=False):
            deliver()
    first, second = mails_of("approver")
    assert ("First" in first.body, "Second" in first.body) == (True, False)
    assert ("First" in second.body, "Second" in second.body) == (False, True)


def test_a_digest_that_is_being_sent_takes_nothing_more(agency: Agency) -> None:
    """It was closed by a worker that then died: what comes now must not be lost with it."""
    Preference.objects.create(user=agency.person("approver"), digest_hour=8)
    with time_machine.travel(dt.datetime(2027, 1, 12, 7, 30, tzinfo=dt.UTC), tick=False):
        waiting_campaign(agency, start_date="2027-03-01", end_date="2027-03-31")
        look()
        Delivery.objects.filter(channel="digest").update(closed_at=now())
        waiting_campaign(agency, start_date="2027-03-01", end_date="2027-03-31")
        look()
    keys = set(Delivery.objects.filter(channel="digest").values_list("key", flat=True))
    user = agency.person("approver").pk
    assert keys == {f"digest:{user}:2027-01-12", f"digest:{user}:2027-01-13"}


def test_an_empty_digest_is_not_sent(agency: Agency) -> None:
    Preference.objects.create(user=agency.person("approver"), digest_hour=8)
    with time_machine.travel(dt.datetime(2027, 1, 12, 7, 30, tzinfo=dt.UTC), tick=False):
        campaign = waiting_campaign(agency, start_date="2027-03-01", end_date="2027-03-31")
        look()
        approve(agency, campaign)
    with time_machine.travel(dt.datetime(2027, 1, 12, 8, 0, 1, tzinfo=dt.UTC), tick=False):
        deliver()
    assert mails_of("approver") == []
    assert ("digest", "dropped") in states()
