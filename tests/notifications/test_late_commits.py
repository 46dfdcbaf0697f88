"""On PostgreSQL transactions overlap: one that took its number first may commit last."""

from __future__ import annotations

import threading

from django.db import connection, transaction

from flows.models import Event
from notifications.models import Notice
from tests.agency import Agency
from tests.notifications.conftest import look
from tests.plans import waiting_campaign


def test_a_transaction_that_is_still_open_is_waited_for(agency: Agency) -> None:
    written, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            waiting_campaign(agency, name="Slow")
            written.set()
            go_on.wait(20)
        connection.close()

    thread = threading.Thread(target=slow)
    waiting_campaign(agency, name="Before")  # the seller exists, or the slow one would hold up the quick one
    thread.start()
    assert written.wait(20)
    waiting_campaign(agency, name="Quick")
    assert look() == 4
    quick = Event.objects.filter(type="approval.requested").latest("pk").pk
    go_on.set()
    thread.join()
    asked = Event.objects.filter(type="approval.requested").order_by("pk").values_list("pk", flat=True)
    assert list(asked)[-1] == quick  # the slow one has a smaller number, and is seen only now
    assert look() == 2
    assert Notice.objects.filter(title__endswith="Slow").count() == 2
    assert Notice.objects.count() == 6
