"""The product in a process of its own, for tests of what it tells collectors: instrumenting is for the whole process.

`python -m tests.config.watched_product trace|fail FOLDER`: submits a brief over WSGI as the manager, lets the embedded
worker plan it with two sellers, prints what happened as JSON and ends as a server ends.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from rest_framework.test import APIClient  # noqa: E402

from bookings.models import Campaign  # noqa: E402
from config.embedded import EmbeddedWorker  # noqa: E402
from flows.models import Step  # noqa: E402
from flows.registry import StepKind, kind_of  # noqa: E402
from tests.agency import make_agency  # noqa: E402
from tests.briefs import brief  # noqa: E402
from tests.config.watched_words import SELLERS_WORDS  # noqa: E402
from tests.driving import Desk  # noqa: E402

SETTLED = ("awaiting_approval", "failed", "validation_failed", "completed")
PATIENCE = 90.0


def main(what: str, folder: Path) -> None:
    call_command("migrate", verbosity=0)
    agency = make_agency()
    if what == "fail":
        _break_the_first_step()
    worker = EmbeddedWorker()
    with Desk.open(agency, folder, settings):
        assert worker.start()
        client = APIClient(raise_request_exception=False)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {agency.keys['manager']}")
        answer = client.post("/api/bookings?api_key=in-the-query", brief(), format="json")
        campaign = Campaign.objects.get(pk=answer.json()["job_id"])
        _wait(campaign, lambda: _has_failed(campaign) if what == "fail" else campaign.status in SETTLED)
        worker.stop()
    told = {
        "campaign": str(campaign.pk),
        "correlation": str(campaign.correlation_id),
        "request": answer["X-Request-ID"],
        "status": campaign.status,
        "secret": agency.keys["manager"].partition(".")[2],
    }
    print(json.dumps(told))


def _break_the_first_step() -> None:
    def receive(work: Any) -> Any:
        work.flow()
        words = SELLERS_WORDS  # a local variable too must stay at home
        raise RuntimeError(words)

    kind_of("campaign").steps["receive"] = StepKind("campaign", "receive", receive, None)


def _has_failed(campaign: Campaign) -> bool:
    return Step.objects.filter(flow_id=campaign.pk, attempt__gt=0).exists()


def _wait(campaign: Campaign, over: Any) -> None:
    limit = time.monotonic() + PATIENCE
    while not over():
        assert time.monotonic() < limit, f"still {campaign.status}"
        time.sleep(0.05)
        campaign.refresh_from_db()


if __name__ == "__main__":
    logging.captureWarnings(True)
    main(sys.argv[1], Path(sys.argv[2]))
