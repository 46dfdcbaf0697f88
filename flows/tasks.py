"""Celery entry points: the doorbell, the sweep, the broom."""

from __future__ import annotations

import datetime as dt
import uuid

from celery import shared_task

from flows import runner, sweeping
from flows.clock import now
from flows.models import HEARTBEAT, Heartbeat


@shared_task
def run_step(step_id: str) -> None:
    runner.run_on(uuid.UUID(step_id))


@shared_task
def sweep() -> None:
    sweeping.sweep()


@shared_task
def prune() -> None:
    """Heartbeats of workers that are long gone. Steps, claims and events are history and stay."""
    Heartbeat.objects.filter(at__lt=now() - dt.timedelta(days=1)).exclude(name=str(HEARTBEAT)).delete()
