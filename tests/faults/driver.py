"""A client and an approver who are as patient as REST allows: a request that was cut is sent again with its key."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from tests.faults.fleet import Fleet

T = TypeVar("T")
OVER = ("completed", "failed", "cancelled", "validation_failed")
PATIENCE = 60.0


class TookTooLong(Exception):
    """The product did not come to what was waited for."""


@dataclass
class Driver:
    """Counts what it had to repeat, and every answer that no client should ever see."""

    fleet: Fleet
    repeated: int = 0
    refused: int = 0  # 503 and the like: said plainly, to be repeated
    broken: list[str] = field(default_factory=list)  # 500 and other nonsense
    _briefs: Any = field(default_factory=itertools.count)
    _clients: threading.local = field(default_factory=threading.local)

    def submit(self, **changes: Any) -> str:
        answer = self.post("manager", "/api/bookings", self.brief(**changes), (202,))
        return str(answer["job_id"])

    def brief(self, **changes: Any) -> dict[str, Any]:
        """Each campaign has a flight of its own, so that what one books does not take another's inventory."""
        number = next(self._briefs)
        start = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=45 + 5 * (number % 50))
        return {
            "name": f"Fault run {number}",
            "objectives": ["brand awareness", "online sales"],
            "budget": 9_000,
            "currency": "USD",
            "start_date": start.isoformat(),
            "end_date": (start + dt.timedelta(days=20)).isoformat(),
            "target_audience": {"age": "25-54", "geo": ["US"], "interests": ["travel"]},
            "kpis": {"max_cpm": 45},
            "channels": ["branding", "ctv"],
        } | changes

    def approve_all(self, job: str) -> dict[str, Any]:
        return self.post("approver", f"/api/bookings/{job}/approve-all", {}, (200, 202))

    def job(self, job: str) -> dict[str, Any]:
        return self.ask("manager", "GET", f"/api/bookings/{job}", None, {}, (200,))

    def post(self, who: str, path: str, body: Any, fine: tuple[int, ...]) -> dict[str, Any]:
        return self.ask(who, "POST", path, body, {"Idempotency-Key": f"faults-{uuid.uuid4().hex}"}, fine)

    def ask(
        self, who: str, method: str, path: str, body: Any, headers: dict[str, str], fine: tuple[int, ...]
    ) -> dict[str, Any]:
        """Repeats what was cut or is asked to be repeated. Raises TookTooLong, or RuntimeError when refused."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                answer = self._client().request(method, path, json=body, headers=headers | self._key(who))
            except httpx.HTTPError:
                self.repeated += 1
                time.sleep(0.1)
                continue
            if answer.status_code in fine:
                return dict(answer.json())
            if answer.status_code in (502, 503, 504) or "idempotency_in_flight" in answer.text:
                self.refused += 1
            elif answer.status_code >= 500:
                self.broken.append(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
            else:
                raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
            time.sleep(0.2)
        raise TookTooLong(f"{method} {path} was not answered within {PATIENCE:g} s")

    def wait(self, job: str, until: Callable[[dict[str, Any]], bool], seconds: float) -> dict[str, Any]:
        """Asks the API whenever the campaign's event chain has grown, and every two seconds besides."""
        limit, found, seen, asked = time.monotonic() + seconds, {"status": "not seen"}, -1, 0.0
        while time.monotonic() < limit:
            length = patiently(lambda: _events_of(job))
            if length != seen or time.monotonic() > asked + 2:
                found, seen, asked = self.job(job), length, time.monotonic()
                if until(found):
                    return found
            time.sleep(0.1)
        raise TookTooLong(f"{job} is {found['status']} after {seconds:g} s")

    def planned(self, job: str, seconds: float = PATIENCE) -> dict[str, Any]:
        return self.wait(job, lambda row: row["status"] in ("awaiting_approval", *OVER), seconds)

    def settled(self, job: str, seconds: float = PATIENCE) -> dict[str, Any]:
        return self.wait(job, lambda row: row["status"] in OVER, seconds)

    def whole_way(self, seconds: float = PATIENCE, **changes: Any) -> dict[str, Any]:
        job = self.submit(**changes)
        if self.planned(job, seconds)["status"] == "awaiting_approval":
            self.approve_all(job)
        return self.settled(job, seconds)

    def _key(self, who: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.fleet.keys[who]}"}

    def _client(self) -> httpx.Client:
        if not hasattr(self._clients, "one"):
            self._clients.one = httpx.Client(base_url=self.fleet.url, timeout=20, trust_env=False)
        client: httpx.Client = self._clients.one
        return client


def _events_of(job: str) -> int:
    from flows.models import EventChain

    rows = EventChain.objects.filter(subject_type="campaign", subject_id=job)
    return rows.values_list("length", flat=True).first() or 0


def patiently(read: Callable[[], T], seconds: float = 30.0) -> T:
    """A read of our own that outlives a restart of the database."""
    from django.db import Error, connection

    until = time.monotonic() + seconds
    while True:
        try:
            return read()
        except Error:
            if time.monotonic() > until:
                raise
            connection.close()
            time.sleep(0.1)
