"""Celery entry points of the registry."""

from __future__ import annotations

from celery import shared_task

from sellers import outages, retention


@shared_task
def note_outages() -> None:
    outages.note_all()


@shared_task
def prune() -> None:
    retention.prune_exchanges()
