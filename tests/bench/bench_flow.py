"""Brief to decision on a real server, against the round trips that the slowest seller's wire needs.

The floor is depth x RTT: the number of calls that must follow each other on that wire, each of which cannot take less
than one round trip. Both times come from the same run. Timestamps are the events' own, so polling adds nothing.
"""

from __future__ import annotations

import datetime as dt
import json
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.serving import ROOT, Server

RTTS_MS = (0, 50, 200, 1000)
ROUNDS = 5
# Calls that depend on one another: catalogue, prices, binding price. The account's standing is asked side by side.
DEPTH = 3
SELLER_OFFSETS = (101, 102)


@dataclass(frozen=True)
class Row:
    rtt_ms: int
    median_ms: float
    worst_ms: float
    floor_ms: float

    @property
    def ratio(self) -> float | None:
        return self.median_ms / self.floor_ms if self.floor_ms else None


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder)).start()
        try:
            _once(server)  # the first run pays for imports
            return [_at_rtt(server, rtt) for rtt in RTTS_MS]
        finally:
            server.stop()


def _at_rtt(server: Server, rtt_ms: int) -> Row:
    for offset in SELLER_OFFSETS:
        answer = httpx.post(
            f"{server.seller_url(offset)}/_sim/options",
            json={"rtt": rtt_ms / 1000},
            trust_env=False,
            timeout=10,
        )
        answer.raise_for_status()
    times = [_once(server) for _ in range(ROUNDS)]
    return Row(rtt_ms, statistics.median(times), max(times), DEPTH * rtt_ms)


def _once(server: Server) -> float:
    """Milliseconds from the brief's arrival to the plan that waits for a decision."""
    brief = json.loads((ROOT / "examples/briefs/spring-launch.json").read_text())
    with server.api("client") as client:
        job = client.post("/api/bookings", json=brief).raise_for_status().json()["job_id"]
        for _ in range(600):
            if client.get(f"/api/bookings/{job}").json()["status"] == "awaiting_approval":
                break
            time.sleep(0.1)
        events = client.get(f"/api/bookings/{job}/events").json()["events"]
        more = events
        while more:
            more = client.get(f"/api/bookings/{job}/events", params={"after": events[-1]["seq"]}).json()[
                "events"
            ]
            events += more
    moments = {event["type"]: dt.datetime.fromisoformat(event["at"]) for event in events}
    spent = moments["campaign.consolidate_recommendations"] - moments["campaign.submitted"]
    return spent.total_seconds() * 1000


def table(rows: list[Row]) -> str:
    lines = [
        "| RTT of both sellers | brief to decision, median | worst of 5 | floor | ratio |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        ratio = f"{row.ratio:.2f}" if row.ratio else "-"
        floor = f"{row.floor_ms:,.0f} ms" if row.floor_ms else "-"
        lines.append(
            f"| {row.rtt_ms} ms | {row.median_ms:,.0f} ms | {row.worst_ms:,.0f} ms | {floor} | {ratio} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(measure()))
