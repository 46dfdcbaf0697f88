"""Webhooks against a real server on loopback: signed bytes, retries, and where they may not go."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
import time_machine

from accounts.services import change_access
from flows.actors import SYSTEM_ACTOR
from flows.clock import now
from flows.models import Event, Step
from flows.states import StepState
from notifications import services
from notifications.models import Delivery, Preference
from sellers.guard import UnsafeUrl
from tests.agency import Agency
from tests.notifications.conftest import Hook, deliver, look, states
from tests.plans import waiting_campaign


def verified(secret: str, head: dict[str, str], body: bytes, *, at: float | None = None) -> dict[str, Any]:
    """What a receiver does, from docs/notifications.md alone; none of our code."""
    stamp = head["flightdeck-timestamp"]
    assert abs((at or time.time()) - int(stamp)) <= 300
    version, _, given = head["flightdeck-signature"].partition("=")
    assert version == "v1"
    wanted = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(wanted, given)
    found: dict[str, Any] = json.loads(body)
    assert found["id"] == head["flightdeck-id"]
    return found


def with_hook(agency: Agency, hook: Hook, name: str = "approver") -> str:
    """That person hears by webhook alone."""
    secret = services.set_hook(agency.person(name), hook.url)
    Preference.objects.filter(user__username=name).update(channels={"decision_needed": ["app", "hook"]})
    return secret


def test_the_signature_verifies_over_the_exact_bytes(agency: Agency, hook: Hook) -> None:
    secret = with_hook(agency, hook)
    campaign = waiting_campaign(agency, name="Frühling & Söhne")
    look()
    deliver()
    ((head, body),) = hook.got
    found = verified(secret, head, body)
    assert body == json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode()
    assert head["content-type"] == "application/json"
    assert head[":path"] == "/in/flightdeck/"
    assert found["kind"] == "decision_needed"
    assert found["recipient"] == "approver"
    assert found["url"].endswith(campaign.get_absolute_url())
    assert "Frühling & Söhne" in found["title"]


def test_one_changed_bit_does_not_verify(agency: Agency, hook: Hook) -> None:
    secret = with_hook(agency, hook)
    waiting_campaign(agency)
    look()
    deliver()
    ((head, body),) = hook.got
    for wrong in (body[:-2] + b"!" + body[-1:], json.dumps(json.loads(body), indent=1).encode()):
        with pytest.raises(AssertionError):
            verified(secret, head, wrong)
    with pytest.raises(AssertionError):
        verified(secret + "x", head, body)
    with pytest.raises(AssertionError):
        verified(secret, head | {"flightdeck-timestamp": str(int(head["flightdeck-timestamp"]) - 1)}, body)


def test_a_500_is_tried_again_with_the_same_id_and_a_new_timestamp(agency: Agency, hook: Hook) -> None:
    secret = with_hook(agency, hook)
    hook.answers = [500, 503, 204]
    waiting_campaign(agency)
    look()
    deliver()
    assert ("hook", "waiting") in states()
    assert Delivery.objects.get(channel="hook").note == "HookFailed: The webhook answered 500."
    moment = now()
    for seconds in (6, 60):
        with time_machine.travel(moment + dt.timedelta(seconds=seconds), tick=True):
            deliver()
            verified(secret, *hook.got[-1])
    assert len(hook.got) == 3
    assert ("hook", "sent") in states()
    assert len({head["flightdeck-id"] for head, _ in hook.got}) == 1
    assert len({head["flightdeck-timestamp"] for head, _ in hook.got}) == 3


def test_one_that_never_answers_well_becomes_a_dead_letter(agency: Agency, hook: Hook, settings: Any) -> None:
    settings.FLIGHTDECK_STEP_ATTEMPTS = 1
    with_hook(agency, hook)
    hook.answers = [500] * 50
    waiting_campaign(agency)
    look()
    moment = now()
    for hours in range(0, 40, 3):
        with time_machine.travel(moment + dt.timedelta(hours=hours), tick=True):
            deliver()
    assert ("hook", "failed") in states()
    step = Step.objects.get(flow_id=Delivery.objects.get(channel="hook").pk)
    assert step.state == StepState.DEAD
    assert len(hook.got) == 10


def test_a_redirect_is_not_followed(agency: Agency, hook: Hook) -> None:
    with_hook(agency, hook)
    hook.answers, hook.headers = [302], {"location": f"http://{hook.origin}/elsewhere"}
    waiting_campaign(agency)
    look()
    deliver()
    assert [head[":path"] for head, _ in hook.got] == ["/in/flightdeck/"]
    assert Delivery.objects.get(channel="hook").note == "HookFailed: The webhook answered 302."


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/",
        "https://localhost/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://10.1.2.3/",
        "https://2130706433/",
        "https://user:secret@93.184.216.34/",
        "https://93.184.216.34:22/",
        "ftp://93.184.216.34/",
        "javascript:alert(1)",
        "",
    ],
)
def test_where_no_webhook_may_lead(agency: Agency, url: str) -> None:
    with pytest.raises(UnsafeUrl):
        services.set_hook(agency.person("approver"), url)
    assert not Preference.objects.exclude(hook_url="").exists()


def test_a_private_seller_that_is_allowed_is_no_allowed_webhook(agency: Agency, settings: Any) -> None:
    settings.FLIGHTDECK_ALLOWED_PRIVATE_SELLERS = ["127.0.0.1:8100"]
    with pytest.raises(UnsafeUrl):
        services.set_hook(agency.person("approver"), "http://127.0.0.1:8100/")


def test_a_name_that_turned_private_is_not_called(
    agency: Agency, hook: Hook, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checked when it is set, and again each time before a byte leaves."""
    with_hook(agency, hook)
    settings.FLIGHTDECK_ALLOWED_PRIVATE_HOOKS = []
    Preference.objects.update(hook_url="https://hooks.example/in")
    monkeypatch.setattr("sellers.guard._ask_system", lambda *_: ["93.184.216.34", "127.0.0.1"])
    waiting_campaign(agency)
    look()
    deliver()
    assert hook.got == []
    assert "not allowed" in Delivery.objects.get(channel="hook").note


def test_a_webhook_that_hangs_ends_at_the_deadline(
    agency: Agency, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifications.hook.SECONDS", 0.3)
    held: list[Any] = []  # connections that are taken and never answered
    monkeypatch.setattr(hook.server, "process_request", lambda *connection: held.append(connection))
    with_hook(agency, hook)
    waiting_campaign(agency)
    look()
    begun = time.monotonic()
    deliver()
    assert time.monotonic() - begun < 9
    assert "0.3 seconds" in Delivery.objects.get(channel="hook").note


def test_the_agencys_webhook_gets_each_change_once(agency: Agency, hook: Hook, settings: Any) -> None:
    settings.FLIGHTDECK_WEBHOOK_URL, settings.FLIGHTDECK_WEBHOOK_SECRET = hook.url, "of-the-agency"
    waiting_campaign(agency)
    assert look() == 2
    look()
    deliver()
    ((head, body),) = hook.got
    found = verified("of-the-agency", head, body)
    assert found["recipient"] is None
    assert found["client"] == str(agency.client.pk)


def test_whoever_lost_the_role_is_called_no_more(agency: Agency, hook: Hook) -> None:
    with_hook(agency, hook)
    waiting_campaign(agency)
    look()
    change_access(user=agency.person("approver"), actor=SYSTEM_ACTOR, role="ops")
    change_access(user=agency.person("approver"), actor=SYSTEM_ACTOR, role="client_viewer")
    deliver()
    assert hook.got == []


def test_a_webhook_that_was_removed_is_called_no_more(agency: Agency, hook: Hook) -> None:
    with_hook(agency, hook)
    waiting_campaign(agency)
    look()
    services.remove_hook(agency.person("approver"))
    deliver()
    assert hook.got == []
    assert ("hook", "dropped") in states()


def test_the_secret_is_kept_encrypted_and_out_of_the_events(agency: Agency, hook: Hook) -> None:
    from django.db import connection

    secret = with_hook(agency, hook)
    with connection.cursor() as cursor:
        cursor.execute("SELECT hook_secret FROM notifications_preference")
        (stored,) = cursor.fetchone()
    assert stored
    assert secret not in stored
    assert not any(secret in json.dumps(event.payload) for event in Event.objects.all())
    assert Event.objects.filter(type="notifications.webhook_set").count() == 1
