"""Sweeps of many workers at the same time share the work and wait for nobody."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from flows import sweeping
from flows.clock import now
from flows.models import Step

pytestmark = pytest.mark.django_db(transaction=True)


def make_steps(count: int) -> list[uuid.UUID]:
    rows = [
        Step(flow_name="campaign", flow_id=uuid.uuid4(), name="x", not_before=now()) for _ in range(count)
    ]
    return [row.pk for row in Step.objects.bulk_create(rows)]


def taken_by_a_sweep(limit: int = 100) -> list[uuid.UUID]:
    return [one.step_id for one in sweeping.take_due(limit)]


def test_each_due_step_is_taken_by_one_sweep() -> None:
    made = make_steps(120)
    together = threading.Barrier(4)

    def take(_: int) -> list[uuid.UUID]:
        try:
            together.wait(10)
            return taken_by_a_sweep(limit=50)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        taken = [step_id for found in pool.map(take, range(4)) for step_id in found]
    assert len(taken) == len(set(taken))
    taken += taken_by_a_sweep()
    assert sorted(taken) == sorted(made)


def test_a_row_that_somebody_holds_is_passed_over() -> None:
    held, free = make_steps(2)
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                Step.objects.select_for_update().get(pk=held)
                holding.set()
                done.wait(10)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert holding.wait(10)
        assert taken_by_a_sweep() == [free]
    finally:
        done.set()
        thread.join()
    assert taken_by_a_sweep() == [held]
