"""The bell, the list and the preferences as people use them."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.services import change_access
from crm.services import unassign
from flows.actors import SYSTEM_ACTOR
from flows.clock import now
from flows.models import Event
from notifications import retention
from notifications.bell import bell_of
from notifications.models import Delivery, Notice, Preference, Told
from tests.agency import Agency
from tests.notifications.conftest import Hook, deliver, look, text_of
from tests.plans import waiting_campaign

Browse = Callable[[str], Client]
NASTY = "<script>alert(1)</script>"


def notice_for(agency: Agency, name: str = "approver", **fields: Any) -> Notice:
    given = {"kind": "decision_needed", "key": str(uuid.uuid4()), "title": "A thing", "text": "Look"}
    given |= {"url": "/campaigns/", "organization_id": agency.client.pk}
    return Notice.objects.create(recipient=agency.person(name), **(given | fields))


def test_the_bell_counts_what_is_unread(agency: Agency, browse: Browse) -> None:
    client = browse("approver")
    assert 'aria-label="Notifications, none unread"' in client.get("/campaigns/").content.decode()
    for _ in range(3):
        waiting_campaign(agency)
    look()
    assert 'aria-label="Notifications, 3 unread"' in client.get("/campaigns/").content.decode()


def test_the_bell_costs_one_query(agency: Agency) -> None:
    notice_for(agency)
    user = agency.person("approver")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert bell_of(user).shown == "1"
    assert len(queries) == 1


def test_the_bell_stops_counting_at_99(agency: Agency) -> None:
    Notice.objects.bulk_create(
        Notice(recipient=agency.person("approver"), key=str(n), kind="seller_down", url="/")
        for n in range(120)
    )
    assert bell_of(agency.person("approver")).shown == ""  # an approver is not told of sellers
    Notice.objects.update(kind="decided")
    assert bell_of(agency.person("approver")).shown == "99+"


def test_an_open_page_is_told_only_when_the_number_changed(agency: Agency, browse: Browse) -> None:
    client = browse("approver")
    assert client.get("/notifications/bell/?shown=").status_code == 204
    notice_for(agency)
    answer = client.get("/notifications/bell/?shown=")
    assert "1 unread" in answer.content.decode()
    assert client.get("/notifications/bell/?shown=1").status_code == 204


def test_an_open_page_does_not_keep_the_session_alive(agency: Agency, browse: Browse) -> None:
    client = browse("approver")
    session = client.session
    session["seen_at"] = session["seen_at"] - 120
    session.save()
    client.get("/notifications/bell/?shown=")
    assert client.session["seen_at"] == session["seen_at"]
    client.get("/notifications/")
    assert client.session["seen_at"] > session["seen_at"]


def test_opening_marks_read_by_post_and_leads_there(agency: Agency, browse: Browse) -> None:
    notice, client = notice_for(agency), browse("approver")
    answer = client.post(f"/notifications/{notice.pk}/open/")
    assert (answer.status_code, answer["Location"]) == (302, "/campaigns/")
    read = Notice.objects.get().read_at
    assert read is not None
    client.post(f"/notifications/{notice.pk}/open/")
    assert Notice.objects.get().read_at == read


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize(
    "path", ["/notifications/{}/open/", "/notifications/{}/read/", "/notifications/read-all/"]
)
def test_no_get_marks_anything_read(agency: Agency, browse: Browse, path: str, method: str) -> None:
    notice = notice_for(agency)
    assert getattr(browse("approver"), method)(path.format(notice.pk)).status_code == 405
    assert Notice.objects.get().read_at is None


def test_no_post_without_a_csrf_token(agency: Agency) -> None:
    notice, client = notice_for(agency), Client(enforce_csrf_checks=True)
    client.force_login(agency.person("approver"))
    for path in (f"/notifications/{notice.pk}/open/", "/notifications/read-all/", "/settings/notifications/"):
        assert client.post(path).status_code == 403
    assert Notice.objects.get().read_at is None
    assert not Preference.objects.exists()


def test_looking_at_the_list_marks_nothing_read(agency: Agency, browse: Browse) -> None:
    notice_for(agency)
    assert "A thing" in text_of(browse("approver").get("/notifications/"))
    assert Notice.objects.get().read_at is None


@pytest.mark.parametrize("name", ["manager", "outsider", "ops"])
def test_somebody_elses_notice_is_not_there(agency: Agency, browse: Browse, name: str) -> None:
    notice, client = notice_for(agency), browse(name)
    assert "A thing" not in text_of(client.get("/notifications/"))
    for act in ("open", "read"):
        assert client.post(f"/notifications/{notice.pk}/{act}/").status_code == 404
    client.post("/notifications/read-all/")
    assert Notice.objects.get().read_at is None


def test_whoever_lost_the_client_no_longer_sees_what_was_told(agency: Agency, browse: Browse) -> None:
    notice, client = notice_for(agency), browse("approver")
    unassign(organization=agency.client, user=agency.person("approver"), actor=SYSTEM_ACTOR)
    page = client.get("/notifications/")
    assert "A thing" not in text_of(page)
    assert "none unread" in page.content.decode()
    assert client.post(f"/notifications/{notice.pk}/open/").status_code == 404


def test_whoever_lost_the_role_no_longer_sees_it_either(agency: Agency, browse: Browse) -> None:
    notice_for(agency)
    client = browse("approver")
    change_access(user=agency.person("approver"), actor=SYSTEM_ACTOR, role="client_viewer")
    assert "A thing" not in text_of(client.get("/notifications/"))


def test_unread_come_first_and_a_filter_keeps_one_kind(agency: Agency, browse: Browse) -> None:
    notice_for(agency, title="Read later", read_at=now())
    notice_for(agency, title="Unread before", created_at=now() - dt.timedelta(days=3))
    notice_for(agency, title="Another kind", kind="decided")
    text = text_of(browse("approver").get("/notifications/"))
    assert text.index("Unread before") < text.index("Read later")
    only = text_of(browse("approver").get("/notifications/?kind=decided"))
    assert "Another kind" in only
    assert "Unread before" not in only
    assert text_of(browse("approver").get("/notifications/?kind=nonsense")).count("Another kind")
    unread = text_of(browse("approver").get("/notifications/?show=unread"))
    assert "Read later" not in unread


def test_pages_follow_each_other_without_gap_or_repetition(agency: Agency, browse: Browse) -> None:
    moment = now()
    for number in range(60):
        at = moment - dt.timedelta(seconds=number // 3)  # several of one instant
        notice_for(agency, title=f"Thing {number:03}", read_at=moment, created_at=at)
    client, path, found = browse("approver"), "/notifications/", []
    while path:
        body = client.get(path).content.decode()
        found += re.findall(r'told__title"><a[^>]*>(Thing \d+)', body)
        older = re.search(r'rel="next" href="([^"]+)"', body)
        path = f"/notifications/{older[1].replace('&amp;', '&')}" if older else ""
    assert len(found) == 60
    assert len(set(found)) == 60
    assert client.get("/notifications/?cursor=nonsense").status_code == 200


def test_mark_all_leaves_what_came_after_the_page(agency: Agency, browse: Browse) -> None:
    notice_for(agency, title="Seen")
    client = browse("approver")
    body = client.get("/notifications/").content.decode()
    until = re.search(r'name="until" value="([^"]+)"', body)
    assert until is not None
    notice_for(agency, title="Came later")
    client.post("/notifications/read-all/", {"until": until[1]})
    assert list(Notice.objects.filter(read_at=None).values_list("title", flat=True)) == ["Came later"]


@pytest.mark.parametrize("until", ["", "nonsense", "2027-01-01T00:00:00", "9999-01-01T00:00:00+00:00"])
def test_mark_all_survives_any_moment(agency: Agency, browse: Browse, until: str) -> None:
    notice_for(agency)
    assert browse("approver").post("/notifications/read-all/", {"until": until}).status_code == 302
    assert Notice.objects.get().read_at is not None


def test_what_people_and_sellers_wrote_is_text(agency: Agency, browse: Browse) -> None:
    waiting_campaign(agency, name=NASTY)
    look()
    body = browse("approver").get("/notifications/").content.decode()
    assert NASTY not in body
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in body


def test_a_notice_leads_nowhere_outside(agency: Agency, browse: Browse) -> None:
    notice = notice_for(agency, url="//evil.example/")
    assert browse("approver").post(f"/notifications/{notice.pk}/open/")["Location"] == "/notifications/"


def test_preferences_are_kept_and_obeyed(agency: Agency, browse: Browse) -> None:
    client = browse("approver")
    assert client.get("/settings/notifications/").status_code == 200
    answer = client.post(
        "/settings/notifications/",
        {
            "on": ["deadline_near:mail", "decided:app"],
            "digest_hour": "",
            "timezone": "Europe/Berlin",
            "quiet_from": "22:00",
            "quiet_until": "07:00",
            "deputy": str(agency.person("manager").pk),
        },
    )
    assert answer.status_code == 302
    kept = Preference.objects.get()
    assert kept.channels["decision_needed"] == []
    assert kept.channels["deadline_near"] == ["mail"]
    assert (kept.quiet_from, kept.quiet_until) == (dt.time(22), dt.time(7))
    assert kept.deputy == agency.person("manager")
    waiting_campaign(agency)
    look()
    deliver()
    assert Notice.objects.get(recipient__username="approver").in_app is False
    assert not Delivery.objects.filter(recipient__username="approver").exists()
    assert "none unread" in client.get("/notifications/").content.decode()
    event = Event.objects.get(type="notifications.changed")
    assert event.payload["to"]["timezone"] == "Europe/Berlin"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"on": ["decision_needed:pigeon"]}, "on"),
        ({"on": ["nonsense:mail"]}, "on"),
        ({"on": ["seller_down:mail"]}, "on"),  # not told to this role
        ({"digest_hour": "24"}, "digest_hour"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"quiet_from": "22:00", "quiet_until": ""}, "quiet_until"),
        ({"quiet_from": "22:00", "quiet_until": "22:00"}, "quiet_until"),
        ({"quiet_from": "25:00", "quiet_until": "07:00"}, "quiet_from"),
        ({"deputy": "myself"}, "deputy"),
        ({"deputy": "viewer"}, "deputy"),
    ],
)
def test_wrong_preferences_name_the_field_and_change_nothing(
    agency: Agency, browse: Browse, wrong: dict[str, Any], field: str
) -> None:
    if "deputy" in wrong:
        name = "approver" if wrong["deputy"] == "myself" else wrong["deputy"]
        wrong = {"deputy": str(agency.person(name).pk)}
    answer = browse("approver").post("/settings/notifications/", {"timezone": "UTC"} | wrong)
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not Preference.objects.exists()


def test_a_client_viewer_is_shown_no_colleagues(agency: Agency, browse: Browse) -> None:
    body = browse("viewer").get("/settings/notifications/").content.decode()
    assert "Deputy" not in body
    assert "decision_needed" not in body


def test_the_webhooks_secret_is_shown_once(agency: Agency, browse: Browse, hook: Hook) -> None:
    client = browse("approver")
    answer = client.post("/settings/notifications/webhook/", {"url": hook.url})
    secret = Preference.objects.get().hook_secret
    assert secret.startswith("fdhook_")
    assert secret in answer.content.decode()
    assert secret not in client.get("/settings/notifications/").content.decode()
    client.post("/settings/notifications/webhook/", {"url": hook.url})
    assert Preference.objects.get().hook_secret != secret
    client.post("/settings/notifications/webhook/", {"remove": "yes"})
    assert (Preference.objects.get().hook_url, Preference.objects.get().hook_secret) == ("", "")


def test_a_webhook_inside_is_refused_in_general_words(agency: Agency, browse: Browse) -> None:
    answer = browse("approver").post("/settings/notifications/webhook/", {"url": "https://10.0.0.1/<b>"})
    assert answer.status_code == 422
    assert "does not lead to a public host" in text_of(answer)
    assert "<b>" not in answer.content.decode()
    assert not Preference.objects.exclude(hook_url="").exists()


def test_old_read_notices_go_and_the_rest_stays(agency: Agency) -> None:
    old, young = now() - dt.timedelta(days=91), now() - dt.timedelta(days=89)
    notice_for(agency, title="old, read", created_at=old, read_at=old)
    notice_for(agency, title="old, never listed", created_at=old, in_app=False)
    kept = notice_for(agency, title="old, read, delivery failed", created_at=old, read_at=old)
    Delivery.objects.create(key="k", channel="mail", notice=kept, status="failed")
    notice_for(agency, title="old, unread", created_at=old)
    notice_for(agency, title="old, read lately", created_at=old, read_at=young)
    notice_for(agency, title="young", created_at=young, read_at=young)
    Told.objects.create(key="old", at=old)
    assert retention.prune() == 2
    titles = set(Notice.objects.values_list("title", flat=True))
    assert titles == {"old, read, delivery failed", "old, unread", "old, read lately", "young"}
    assert not Told.objects.exists()


def test_operations_see_notices_and_deliveries_and_change_none(agency: Agency, browse: Browse) -> None:
    waiting_campaign(agency)
    look()
    services_preference = Preference.objects.create(
        user=agency.person("approver"), hook_secret="fdhook_canary"
    )
    client = browse("ops")
    for model in ("notice", "delivery", "preference"):
        assert client.get(f"/admin/notifications/{model}/").status_code == 200
        assert client.get(f"/admin/notifications/{model}/add/").status_code == 403
    page = client.get(f"/admin/notifications/preference/{services_preference.pk}/change/")
    assert page.status_code == 200
    assert "canary" not in page.content.decode()
    assert browse("manager").get("/admin/notifications/notice/").status_code in (302, 403)
