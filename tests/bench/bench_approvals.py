"""P3: decisions over REST, half of them contested."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence

from tests.bench.openloop import Answer, Lines, Shot, latency, lateness_note, on_schedule
from tests.bench.rows import Findings, Row, Scenario, milliseconds
from tests.bench.stage import Stage, stage
from tests.bench.waiting import Plan, approvers, make_plans

CLIENTS = 16
RATE = 50.0
BAR, BAR_P99 = 200.0, 0.150
API_RATE = "100000/min"  # of one person; the default is for one desk, not for a load driver


def measure(quick: bool) -> Findings:
    """Sixteen people with a key each approve plans of one line over HTTP: two gunicorn processes of eight threads,
    PostgreSQL with durable commits, doorbells rung in Redis, every request with an Idempotency-Key. Half of the
    requests are contested: two people decide the same line in the same instant, one is answered 202 and the other
    409. No task worker runs: what is measured is deciding. Counted are decisions, not requests. The floor is the
    lower of what the same gunicorn serves of a DRF endpoint that reads one row without sign-in, and of durable one-row
    commits by psycopg over 16 connections.
    """
    seconds = 6.0 if quick else 20.0
    with stage(FLIGHTDECK_API_RATE=API_RATE) as built:
        built.adopt()
        plans = iter(make_plans(4_000 if quick else 16_000))
        keys = approvers(CLIENTS)
        port = built.web(workers=2, threads=8)
        built.wait_for_http(port)
        asyncio.run(_closed(port, keys, plans, 2.0))  # warm
        tally, spent = asyncio.run(_closed(port, keys, plans, seconds))
        shots, contested = asyncio.run(_open(port, keys, plans, seconds))
        built.stop_product()
        endpoint, commits = _endpoint_floor(built), _commit_floor(built)
        wrong = _not_exactly_one()
    return _findings(tally, spent, shots, contested, endpoint, commits, wrong)


def _findings(
    tally: Counter[int],
    spent: float,
    shots: Sequence[Shot],
    contested: int,
    endpoint: float,
    commits: float,
    wrong: int,
) -> Findings:
    per_second = tally[202] / spent
    floor = min(endpoint, commits)
    p99 = latency(shots, 0.99)
    odd = sum(count for status, count in tally.items() if status not in (202, 409))
    odd += sum(shot.status not in (202, 409) for shot in shots)
    rows = [
        Row(
            f"decisions per second, {CLIENTS} clients ({sum(tally.values()) / spent:,.0f} requests per second)",
            f"{per_second:,.0f}/s",
            f"{floor:,.0f}/s",
            f"DRF one-row endpoint {endpoint:,.0f}/s, durable commits {commits:,.0f}/s",
            floor / per_second,
            ">= 200/s",
            per_second >= BAR,
        ),
        Row(
            f"{RATE:g} requests per second, open loop: p99 (median {milliseconds(latency(shots, 0.5))})",
            milliseconds(p99),
            milliseconds(1 / endpoint),
            "one request of the DRF endpoint at full load",
            p99 * endpoint,
            "p99 <= 150 ms",
            p99 <= BAR_P99,
        ),
        Row(
            f"plans with other than exactly one decision and one line, of {tally[202] + contested:,}",
            str(wrong),
            bar="0",
            met=wrong == 0,
        ),
        Row("answers other than 202 and 409", str(odd), bar="0", met=odd == 0),
    ]
    return Findings(rows, (lateness_note("Open loop", shots),))


async def _closed(
    port: int, keys: Sequence[str], plans: itertools.chain[Plan], seconds: float
) -> tuple[Counter[int], float]:
    """Half of the clients alone, half in pairs on the same line, each as fast as it is answered."""
    tally: Counter[int] = Counter()
    lines = Lines(port)
    start = time.perf_counter()

    async def alone(key: str) -> None:
        while time.perf_counter() - start < seconds:
            tally[(await _approve(lines, key, next(plans))).status] += 1

    async def together(one: str, other: str) -> None:
        while time.perf_counter() - start < seconds:
            plan = next(plans)
            answers = await asyncio.gather(_approve(lines, one, plan), _approve(lines, other, plan))
            tally.update(answer.status for answer in answers)

    half = len(keys) // 2
    pairs = zip(keys[half::2], keys[half + 1 :: 2], strict=True)
    await asyncio.gather(*(alone(key) for key in keys[:half]), *(together(*pair) for pair in pairs))
    spent = time.perf_counter() - start
    lines.close()
    return tally, spent


async def _open(
    port: int, keys: Sequence[str], plans: itertools.chain[Plan], seconds: float
) -> tuple[list[Shot], int]:
    """By the clock: of four requests two are alone, and two go out in one instant for the same line."""
    rounds = round(RATE * seconds / 4)
    instants, chosen = [], []
    for number in range(rounds):
        one, other, both = next(plans), next(plans), next(plans)
        begin = number * 4 / RATE
        instants += [begin, begin + 1 / RATE, begin + 2 / RATE, begin + 2 / RATE]
        chosen += [one, other, both, both]
    lines = Lines(port)
    keyring = itertools.cycle(keys)
    holders = [next(keyring) for _ in chosen]
    shots = await on_schedule(instants, lambda n: _approve(lines, holders[n], chosen[n]))
    lines.close()
    return shots, rounds * 3


async def _approve(lines: Lines, key: str, plan: Plan) -> Answer:
    headers = [("Authorization", f"Bearer {key}"), ("Idempotency-Key", str(uuid.uuid4()))]
    body = json.dumps({"recommendation_ids": [str(plan.line)]}).encode()
    return await lines.ask("POST", f"/api/bookings/{plan.campaign}/approve", headers, body)


def _not_exactly_one() -> int:
    """Campaigns that were decided on and have not exactly one decision, one line and one approval of the item."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FROM (
                SELECT r.id, count(DISTINCT d.id) AS decisions, count(DISTINCT l.id) AS lines
                FROM approvals_approvalrequest r JOIN approvals_decision d ON d.request_id = r.id
                LEFT JOIN bookings_line l ON l.decision_id = d.id GROUP BY r.id
            ) AS decided WHERE decisions <> 1 OR lines <> 1"""
        )
        (wrong,) = cursor.fetchone()
    return int(wrong)


def _endpoint_floor(built: Stage) -> float:
    """Requests per second of one DRF endpoint, 16 connections, the same processes and threads."""
    port = built.web(workers=2, threads=8, application="tests.bench.floor:application")
    built.wait_for_http(port)
    count = asyncio.run(_hammer(port, 1.0)) and asyncio.run(_hammer(port, 4.0))
    built.stop_product()
    return count / 4.0


async def _hammer(port: int, seconds: float) -> int:
    lines, answered, start = Lines(port), 0, time.perf_counter()

    async def client() -> None:
        nonlocal answered
        while time.perf_counter() - start < seconds:
            answer = await lines.ask("GET", "/one/aurora-outdoor")
            if answer.status != 200:
                raise RuntimeError(f"the floor endpoint answers {answer.status}")
            answered += 1

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    lines.close()
    return answered


def _commit_floor(built: Stage) -> float:
    """Durable commits per second, each of one inserted row, over 16 connections."""
    import psycopg

    built.postgres.sql("CREATE TABLE bench_commits (id uuid PRIMARY KEY, at timestamptz)", "flightdeck")
    counts, seconds = [0] * CLIENTS, 3.0
    begin = time.perf_counter()

    def insert(number: int) -> None:
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            while time.perf_counter() - begin < seconds:
                connection.execute("INSERT INTO bench_commits VALUES (gen_random_uuid(), now())")
                counts[number] += 1

    threads = [threading.Thread(target=insert, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - begin)


def profile() -> None:
    """For whoever makes it faster: `python -m tests.bench.bench_approvals` prints queries and time by function."""
    import cProfile
    import pstats

    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    with stage(FLIGHTDECK_API_RATE=API_RATE) as built:
        built.adopt()
        plans, (key,), browser = make_plans(400), approvers(1), Client()

        def approve(plan: Plan) -> None:
            answer = browser.post(
                f"/api/bookings/{plan.campaign}/approve",
                {"recommendation_ids": [str(plan.line)]},
                content_type="application/json",
                headers={"Authorization": f"Bearer {key}", "Idempotency-Key": str(uuid.uuid4())},
            )
            if answer.status_code != 202:
                raise RuntimeError(answer.content)

        for plan in plans[:20]:
            approve(plan)
        with CaptureQueriesContext(connection) as seen:
            approve(plans[20])
        for query in seen.captured_queries:
            print(f"{float(query['time']) * 1000:5.1f} ms {query['sql'][:260]}")
        print(f"{len(seen)} queries")
        started = time.thread_time()
        for plan in plans[21:200]:
            approve(plan)
        print(f"{(time.thread_time() - started) / 179 * 1000:.2f} ms of this thread's CPU each")
        watched = cProfile.Profile(time.thread_time)
        watched.enable()
        for plan in plans[200:]:
            approve(plan)
        watched.disable()
        pstats.Stats(watched).sort_stats("cumulative").print_stats(70)


SCENARIOS = {"P3": Scenario("Decisions per second, half of them contested", measure)}

if __name__ == "__main__":
    profile()
