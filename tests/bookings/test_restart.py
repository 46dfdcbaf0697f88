"""Kill -9 at any moment and start again: the flow goes on by itself, nothing is lost or doubled."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving import ROOT, Server

AGENT, DIRECT = 101, 102
pytestmark = pytest.mark.timeout(
    360
)  # three starts, each of four processes where the suite runs on real servers


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    try:
        yield server
    finally:
        server.stop()


def approve_all(server: Server, job: dict[str, Any]) -> None:
    with server.api("approver") as client:
        answer = client.post(f"/api/bookings/{job['job_id']}/approve-all", json={})
        assert answer.status_code == 202, answer.text


def reported(job: dict[str, Any]) -> bool:
    return any(report["status"] == "ok" for report in job["sellers"])


def waiting(job: dict[str, Any]) -> bool:
    return job["status"] == "awaiting_approval"


def booked_ids(server: Server) -> list[str]:
    agent = [effect["deal_id"] for effect in server.effects(AGENT, "deal.booked")]
    direct = [effect["line_id"] for effect in server.effects(DIRECT, "line.booked")]
    return sorted(agent + direct)


def test_killed_in_research_and_in_booking(server: Server) -> None:
    server.start()
    job = server.wait_for(reported, "the first seller's report")
    kept = len(job["sellers"])
    server.kill()

    server.start()
    job = server.wait_for(waiting, "the plan")
    assert len(job["sellers"]) >= kept

    server.fault(AGENT, kind="delay", method="POST", path="/api/v1/deals", seconds=0.3, when="after")
    server.fault(DIRECT, kind="delay", method="POST", path="/v2/accounts", seconds=0.3, when="after")
    approve_all(server, job)
    server.wait_for(lambda row: len(booked_ids(server)) >= 1, "the first line at a seller")
    server.kill()

    server.start()
    job = server.wait_for(lambda row: row["status"] == "completed", "the campaign to complete")
    assert {line["booking_status"] for line in job["booked_lines"]} == {"booked"}
    ours = sorted(line["seller_reference"] for line in job["booked_lines"])
    assert booked_ids(server) == ours
    assert job["totals"]["committed"] == job["totals"]["approved"]
    audit = [sys.executable, "manage.py", "verify_audit"]
    checked = subprocess.run(audit, cwd=ROOT, env=server.environment, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_ctrl_c_stops_cleanly_and_the_second_start_finds_everything(server: Server) -> None:
    server.start()
    first = server.wait_for(waiting, "the plan")
    assert server.stop() == 0
    server.start()
    again = server.job()
    assert {key: again[key] for key in ("job_id", "status", "recommendations")} == {
        key: first[key] for key in ("job_id", "status", "recommendations")
    }
    with server.api("manager") as client:
        assert len(client.get("/api/bookings").json()["results"]) == 1
