from __future__ import annotations

import datetime as dt

import pytest
from django.db import DatabaseError

from config import health
from flows.clock import now
from flows.models import Heartbeat

pytestmark = pytest.mark.urls("config.health_urls")


def beat(seconds_ago: float) -> None:
    at = now() - dt.timedelta(seconds=seconds_ago)
    Heartbeat.objects.update_or_create(name="worker", defaults={"at": at})


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


def test_the_newest_of_several_workers_counts(client, db):
    Heartbeat.objects.create(name="gone", at=now() - dt.timedelta(hours=1))
    beat(1)
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


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready"])
def test_health_is_only_read(client, db, path):
    assert client.post(path).status_code == 405
