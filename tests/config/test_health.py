"""Alive is not ready, and ready is what a worker has proven; what is only slower is told and does not count."""

from __future__ import annotations

import datetime as dt
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder

from config import health
from config.local_servers import LocalRedis
from config.watching import surroundings
from flows import heartbeat, runner, sweeping
from flows.clock import now
from flows.models import HEARTBEAT, Heartbeat, Step
from flows.states import StepState
from flows.tasks import prune

pytestmark = pytest.mark.urls("config.health_urls")


@pytest.fixture(autouse=True)
def _ask_anew() -> Iterator[None]:
    kept = (surroundings.broker_answers, surroundings.live_feed_answers, surroundings.migrations_wait)
    for answer in kept:
        answer.forget()
    yield
    for answer in kept:
        answer.forget()


def beat(seconds_ago: float) -> None:
    at = now() - dt.timedelta(seconds=seconds_ago)
    Heartbeat.objects.update_or_create(name=str(HEARTBEAT), defaults={"at": at})


def the_step() -> Step:
    return Step.objects.get(flow_name=heartbeat.FLOW_NAME)


def finish_heartbeat() -> None:
    """What a worker does when it hears the doorbell."""
    runner.run(the_step().pk)
    assert the_step().state == StepState.DONE


def test_without_a_worker_it_lives_but_is_not_ready(client, db):
    answer = client.get("/health")
    assert answer.status_code == 200
    found = answer.json()
    assert (found["status"], found["live"], found["ready"]) == ("degraded", True, False)
    assert found["checks"]["database"] == {"ok": True}
    assert found["checks"]["worker"] == {"ok": False, "heartbeat_age_seconds": None}
    assert client.get("/health/ready").status_code == 503


def test_a_recent_heartbeat_makes_it_ready(client, db):
    beat(1)
    assert client.get("/health").json()["status"] == "ok"
    assert client.get("/health/ready").status_code == 200


def test_a_heartbeat_older_than_15_s_does_not(client, db):
    beat(14)
    assert client.get("/health/ready").status_code == 200
    beat(16)
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["worker"]["heartbeat_age_seconds"] == pytest.approx(16, abs=1)


def test_sweeping_alone_does_not_make_it_ready(client, transactional_db):
    sweeping.sweep()
    assert Heartbeat.objects.filter(name="sweep").exists()
    assert client.get("/health/ready").status_code == 503


def test_a_worker_that_finishes_the_heartbeat_step_makes_it_ready(client, transactional_db):
    sweeping.sweep()
    finish_heartbeat()
    assert client.get("/health/ready").status_code == 200


def test_the_first_sweep_makes_the_heartbeat_due_at_once(transactional_db):
    sweeping.sweep()
    assert the_step().state == StepState.PENDING
    assert the_step().not_before <= now()


def test_the_heartbeat_is_one_row_for_ever_and_due_every_few_seconds(transactional_db):
    start = now()
    with time_machine.travel(start, tick=False) as clock:
        ends = []
        for second in range(60):
            clock.move_to(start + dt.timedelta(seconds=second))
            sweeping.sweep()
            if the_step().state == StepState.PENDING:
                finish_heartbeat()
                ends.append(second)
    assert ends == list(range(0, 60, 5))
    assert Step.objects.count() == 1


def test_a_heartbeat_that_is_due_takes_no_place_from_other_steps(transactional_db, monkeypatch):
    """The sweep rings for it beside its batch, so that neither waits for the other."""
    monkeypatch.setattr(sweeping, "SWEEP_BATCH", 0)
    sweeping.sweep()
    assert the_step().rung_at is not None
    assert the_step().pk not in sweeping.due(limit=10)


def test_an_unanswered_heartbeat_is_rung_again(transactional_db):
    sweeping.sweep()
    with time_machine.travel(now() + dt.timedelta(seconds=6)):
        assert the_step().pk in sweeping.due()


def test_sweeps_side_by_side_open_one_heartbeat(transactional_db):
    opened: list[Any] = []
    start = threading.Barrier(4)

    def sweep() -> None:
        try:
            start.wait()
            opened.append(heartbeat.reopen())
        finally:
            connection.close()

    threads = [threading.Thread(target=sweep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 4
    assert [step for step in opened if step is not None] == [the_step().pk]


def test_a_heartbeat_that_died_is_tried_again(client, transactional_db):
    sweeping.sweep()
    Step.objects.update(
        state=StepState.DEAD, finished_at=now() - dt.timedelta(seconds=6), attempt=4, deaths=3
    )
    sweeping.sweep()
    found = the_step()
    assert (found.state, found.attempt) == (StepState.PENDING, 0)
    finish_heartbeat()
    assert client.get("/health/ready").status_code == 200


def test_the_broom_leaves_the_heartbeat_of_a_long_stopped_product(client, transactional_db):
    sweeping.sweep()
    finish_heartbeat()
    beat(3 * 86_400)
    Step.objects.update(finished_at=now() - dt.timedelta(days=3))
    prune()
    sweeping.sweep()
    finish_heartbeat()
    assert client.get("/health/ready").status_code == 200


def test_without_a_database_it_lives_and_tells_no_reason(client, monkeypatch):
    def broken() -> None:
        raise DatabaseError("could not connect to db.internal")

    monkeypatch.setattr(health, "_database", broken)
    assert client.get("/health/live").json() == {"status": "ok", "live": True}
    assert client.get("/health").status_code == 200
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert "db.internal" not in answer.content.decode()


def test_without_its_broker_it_is_slower_but_ready(client, db, settings, tmp_path: Path):
    beat(1)
    broker = LocalRedis(tmp_path / "redis")
    broker.start()
    try:
        settings.CELERY_BROKER_URL = broker.url()
        assert client.get("/health").json()["checks"]["broker"] == {"ok": True}
    finally:
        broker.stop("immediate")
    surroundings.broker_answers.forget()
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["checks"]["broker"] == {"ok": False}


def test_a_live_feed_that_hangs_is_told(client, db, settings):
    beat(1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"redis://127.0.0.1:{silent.getsockname()[1]}/1"
        settings.CHANNEL_LAYERS = {"default": {"BACKEND": "x", "CONFIG": {"hosts": [host]}}}
        found = client.get("/health").json()
    assert found["checks"]["live_feed"] == {"ok": False}
    assert (found["status"], found["ready"]) == ("degraded", True)


def test_waiting_migrations_are_told_and_keep_nobody_out(client, db):
    beat(1)
    assert client.get("/health").json()["checks"]["migrations"] == {"ok": True}
    surroundings.migrations_wait.forget()
    MigrationRecorder(connection).migration_qs.order_by("-id").filter(app="flows").first().delete()
    found = client.get("/health").json()
    assert found["checks"]["migrations"] == {"ok": False}
    assert (found["status"], found["ready"]) == ("degraded", True)


def test_a_clock_that_is_off_is_told(client, db):
    beat(1)
    assert client.get("/health").json()["checks"]["clock"]["ok"]
    with time_machine.travel(now() + dt.timedelta(seconds=10), tick=True):
        found = client.get("/health").json()["checks"]["clock"]
    assert not found["ok"]
    assert found["difference_seconds"] == pytest.approx(10, abs=2)


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready"])
def test_health_is_only_read(client, db, path):
    assert client.post(path).status_code == 405


def test_alive_asks_no_database(client):
    """Without a database fixture a query would fail here."""
    assert client.get("/health/live").status_code == 200
