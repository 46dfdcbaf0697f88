from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.contrib.sessions.models import Session

from accounts import throttle
from accounts.models import FailedLogin, IdempotencyRecord
from accounts.tasks import prune
from flows.clock import now


@pytest.mark.django_db
def test_the_broom_takes_what_is_over_and_leaves_the_rest():
    start = now()
    for age in (dt.timedelta(0), dt.timedelta(days=8)):
        with time_machine.travel(start - age):
            throttle.begin("mara", "203.0.113.7")
            IdempotencyRecord.objects.create(principal="user:1", route="POST x", key=f"key-{age.days}")
            Session.objects.create(session_key=f"s{age.days}", expire_date=now() + dt.timedelta(hours=12))
    with time_machine.travel(start):
        prune()
    assert FailedLogin.objects.count() == 1
    assert IdempotencyRecord.objects.get().key == "key-0"
    assert Session.objects.get().session_key == "s0"
