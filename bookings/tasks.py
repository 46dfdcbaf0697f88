"""Celery entry points of the booking room: the bell for the nightly comparison, the broom for drafts."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings

from bookings.comparing.run import start_nightly
from bookings.drafts import services as drafts
from flows.clock import now


@shared_task
def start_comparisons() -> None:
    """Rung every few minutes: from the hour on, each seller gets one run per night, however often this rings and
    whatever was down at the hour itself."""
    moment = now()
    if moment.hour >= settings.FLIGHTDECK_COMPARE_HOUR_UTC:
        start_nightly(moment.date())


@shared_task
def prune_drafts() -> None:
    drafts.forget_old()
