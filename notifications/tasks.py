"""Celery entry points: the look at what happened, the look at the clock, the broom."""

from __future__ import annotations

from celery import shared_task

from notifications import looking, retention


@shared_task
def look() -> None:
    looking.look()


@shared_task
def look_at_the_clock() -> None:
    looking.keep_up()
    looking.look_at_the_clock()


@shared_task
def prune() -> None:
    retention.prune()
