"""The hourly broom of this room."""

from __future__ import annotations

from celery import shared_task
from django.core.management import call_command

from accounts import idempotency, throttle


@shared_task
def prune() -> None:
    idempotency.forget_expired()
    throttle.forget_old()
    call_command("clearsessions")
