from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.test import Client

from flows.clock import now

pytestmark = pytest.mark.urls("tests.accounts.sample_urls")


@pytest.fixture
def signed_in(make_user, settings) -> Client:
    name = "accounts.middleware.SessionEnds"
    if name not in settings.MIDDLEWARE:
        place = settings.MIDDLEWARE.index("django.contrib.auth.middleware.AuthenticationMiddleware") + 1
        settings.MIDDLEWARE = [*settings.MIDDLEWARE[:place], name, *settings.MIDDLEWARE[place:]]
    import accounts.middleware  # noqa: F401  hears the login

    client = Client()
    client.force_login(make_user())
    return client


def status_after(client: Client, start: dt.datetime, minutes: float) -> int:
    with time_machine.travel(start + dt.timedelta(minutes=minutes)):
        return client.get("/api/parties").status_code


def test_half_an_hour_without_a_request_ends_it(signed_in):
    start = now()
    assert status_after(signed_in, start, 29) == 200
    assert status_after(signed_in, start, 58) == 200
    assert status_after(signed_in, start, 89) == 401


def test_twelve_hours_end_it_however_busy(signed_in):
    start = now()
    statuses = [status_after(signed_in, start, minutes) for minutes in range(20, 721, 20)]
    assert set(statuses[:-1]) == {200}
    assert status_after(signed_in, start, 721) == 401
