"""The first minutes of the demo: submit the first brief as the demo's client, wait for the plan, say where to go."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import httpx
from django.conf import settings

from config import demo

BRIEF = "examples/briefs/spring-launch.json"
PATIENCE = 120.0
UNDER_WAY = ("pending", "brief_received", "budget_allocated", "researching")

Say = Callable[[str], None]


def show_around(base: str, say: Say) -> list[str]:
    """Once the server answers: the first campaign up to its decision. Returns the lines that say where to go."""
    _wait_until_up(base)
    headers = {"Authorization": f"Bearer {demo.client_key()}"}
    with httpx.Client(base_url=base, headers=headers, timeout=30, trust_env=False) as client:
        job = _follow(client, _first_job(client, say), say)
    return _doors(base, job)


def _wait_until_up(base: str) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            if httpx.get(f"{base}/health/ready", timeout=2, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise TimeoutError("the server did not become ready")


def _first_job(client: httpx.Client, say: Say) -> dict[str, Any]:
    known = client.get("/api/bookings", params={"page_size": 1}).raise_for_status().json()["results"]
    if known:
        return dict(known[0])
    say(f"Submitting {BRIEF}")
    brief = (settings.BASE_DIR / BRIEF).read_bytes()
    answer = client.post(
        "/api/bookings",
        content=brief,
        headers={"Content-Type": "application/json", "Idempotency-Key": "demo-spring-launch"},
    )
    return dict(answer.raise_for_status().json())


def _follow(client: httpx.Client, job: dict[str, Any], say: Say) -> dict[str, Any]:
    until, said = time.monotonic() + PATIENCE, ""
    while time.monotonic() < until:
        job = client.get(f"/api/bookings/{job['job_id']}").raise_for_status().json()
        if job["status"] != said:
            said = job["status"]
            say(f"  {job['name']}: {said.replace('_', ' ')}")
        if said not in UNDER_WAY:
            break
        time.sleep(0.1)
    return job


def _doors(base: str, job: dict[str, Any]) -> list[str]:
    waiting = job["status"] == "awaiting_approval"
    return [
        "",
        "The plan waits for your decision:" if waiting else "The newest campaign:",
        f"    {base}/campaigns/{job['job_id']}/",
        "",
        f"Sign in at {base}/login/ (password of all: {settings.FLIGHTDECK_DEMO_PASSWORD})",
        *(f"    {name:<10} {person}, {role.label}" for name, person, role in demo.PEOPLE),
        "",
        f"Operations  {base}/admin/    API  {base}/api/docs/ (sign in first)",
        f"API keys    {os.path.relpath(demo.demo_dir() / 'keys.json')}",
        f"Mails       {os.path.relpath(settings.VAR_DIR / 'mail')}/",
        "Stop with Ctrl-C.",
        "",
    ]
