"""Settings come from the environment alone, and what they promise about Redis, PostgreSQL and HTTPS holds."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.test import Client

from tests.serving import ROOT

ROOMS = (
    *("config", "flows", "accounts", "approvals", "crm", "sellers", "bookings", "deploy"),
    *("planning", "simulator"),
)
READING = re.compile(
    r"""(?:env\.\w+|_kept_secret|environ\.get)\(\s*["']([A-Z][A-Z_]+)["']|environ\[["']([A-Z_]+)"""
)
OF_OTHERS = {"DJANGO_SETTINGS_MODULE", "PATH", "PATH_INFO", "REQUEST_METHOD"}


def read_with(tmp_path: Path, expression: str, **environment: str) -> Any:
    """What `settings.<...>` is in a process with this environment."""
    plain = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("FLIGHTDECK_") and name not in ("DATABASE_URL", "REDIS_URL")
    }
    code = f"import json; from django.conf import settings; print(json.dumps({expression}, default=str))"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=plain
        | {"FLIGHTDECK_VAR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"}
        | environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_every_variable_that_is_read_is_documented() -> None:
    read = set()
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            found = READING.findall(path.read_text())
            read |= {name for pair in found for name in pair if name}
    assert len(read) > 30
    documented = set(re.findall(r"`([A-Z][A-Z_]+)`", (ROOT / "docs" / "settings.md").read_text()))
    assert read - documented - OF_OTHERS == set()


def test_redis_databases_are_apart(tmp_path: Path) -> None:
    expression = (
        "[settings.CELERY_BROKER_URL, settings.CHANNEL_LAYERS['default']['CONFIG']['hosts'][0]['address'], "
        "settings.CACHES['default']['LOCATION']]"
    )
    assert read_with(tmp_path, expression, REDIS_URL="redis://:secret@cache.example:6379/4") == [
        "redis://:secret@cache.example:6379/4",
        "redis://:secret@cache.example:6379/5",
        "redis://:secret@cache.example:6379/6",
    ]
    assert read_with(tmp_path, expression, REDIS_URL="redis://cache.example:6379")[2].endswith(":6379/2")


def test_celery_is_only_a_doorbell(tmp_path: Path) -> None:
    names = (
        *("ACKS_LATE", "REJECT_ON_WORKER_LOST", "IGNORE_RESULT", "SERIALIZER", "TIME_LIMIT", "PUBLISH_RETRY"),
    )
    found = read_with(
        tmp_path,
        "{name: getattr(settings, name) for name in dir(settings) if name.startswith('CELERY_')}",
        REDIS_URL="redis://cache.example:6379/0",
    )
    task = {name: found[f"CELERY_TASK_{name}"] for name in names}
    assert task["ACKS_LATE"]
    assert task["REJECT_ON_WORKER_LOST"]
    assert task["IGNORE_RESULT"]
    assert task["SERIALIZER"] == "json"
    assert not task["PUBLISH_RETRY"]
    assert found["CELERY_ACCEPT_CONTENT"] == ["json"]
    assert found["CELERY_WORKER_PREFETCH_MULTIPLIER"] == 1
    broker = found["CELERY_BROKER_TRANSPORT_OPTIONS"]
    # A task that outlives the visibility timeout runs twice at the same time.
    assert task["TIME_LIMIT"] < broker["visibility_timeout"] <= 120
    assert (broker["unacked_restore_interval"], broker["unacked_restore_throttle"]) == (1, 1)


def test_a_process_has_a_connection_for_each_thread_that_asks(tmp_path: Path) -> None:
    def pool(**environment: str) -> dict[str, Any]:
        url = {"DATABASE_URL": "postgres://me:secret@db.example:5432/flightdeck"}
        found = read_with(tmp_path, "settings.DATABASES['default']", **url | environment)
        assert (found["CONN_MAX_AGE"], found["ENGINE"]) == (0, "config.postgresql")
        return dict(found["OPTIONS"]["pool"])

    assert pool(FLIGHTDECK_WORKER_THREADS="32")["max_size"] == 36
    assert pool(FLIGHTDECK_DB_POOL="5")["max_size"] == 5


def test_what_the_databases_address_asks_for_is_kept(tmp_path: Path) -> None:
    """A connection that must be encrypted is not quietly made without."""
    url = "postgres://me:secret@db.example:5432/flightdeck?sslmode=verify-full&connect_timeout=9"
    options = read_with(tmp_path, "settings.DATABASES['default']['OPTIONS']", DATABASE_URL=url)
    assert (options["sslmode"], options["connect_timeout"]) == ("verify-full", 9)
    assert "lock_timeout" in options["options"]
    assert options["pool"]["max_size"] == 12


def test_a_deployment_over_https_passes_djangos_checks(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=os.environ
        | {
            "FLIGHTDECK_VAR": str(tmp_path),
            "FLIGHTDECK_HTTPS": "1",
            "FLIGHTDECK_BEHIND_PROXY": "1",
            "FLIGHTDECK_HOSTS": "flightdeck.example",
        },
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr


def test_health_is_answered_without_tls(client: Client, settings: Any) -> None:
    """A container's own check speaks plain HTTP to its own port."""
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/health/live").status_code == 200
    assert client.get("/login/").status_code == 301


@pytest.fixture
def page(client: Client, make_user: Callable[..., AbstractBaseUser]) -> Callable[..., Any]:
    client.force_login(make_user())
    return lambda **options: client.get("/campaigns/", **options)


def test_sockets_are_at_the_pages_own_address(page: Callable[..., Any]) -> None:
    answer = page()
    assert "connect-src" not in answer["Content-Security-Policy"]
    assert b"data-live-sockets" not in answer.content


@pytest.mark.parametrize(
    ("setting", "host", "secure", "address"),
    [
        (":8001", "localhost:8000", False, "ws://localhost:8001"),
        (":8001", "127.0.0.1:8000", False, "ws://127.0.0.1:8001"),
        (":8443", "testserver", True, "wss://testserver:8443"),
        ("wss://live.example/", "localhost", True, "wss://live.example"),
    ],
)
def test_sockets_elsewhere_are_named_to_the_page_and_allowed(
    page: Callable[..., Any], settings: Any, setting: str, host: str, secure: bool, address: str
) -> None:
    """Under the name that the reader used: the session's cookie belongs to that host, on whatever port."""
    settings.FLIGHTDECK_SOCKETS_URL = setting
    answer = page(headers={"host": host}, secure=secure)
    assert answer["Content-Security-Policy"].endswith(f"; connect-src 'self' {address}")
    assert f'data-live-sockets="{address}"' in answer.content.decode()
