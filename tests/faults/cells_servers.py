"""Cells about PostgreSQL and Redis, and about a restart with ten thousand campaigns waiting."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.faults.driver import patiently
from tests.faults.stage import Stage, recovered

WAITING = 10_000
FIRST_DECISION_WITHIN = 5.0


def flush_always(stage: Stage) -> None:
    """14: Redis loses everything that it holds, three times a second, all the way."""
    row = stage.suite.row("14 Redis flushed three times a second")
    with ThreadPoolExecutor(1) as pool:
        flying = pool.submit(stage.fly, 4, 2)
        while not flying.done():
            stage.fleet.redis.flush()
            row.injected += 1
            row.hit += 1
            time.sleep(0.33)
        jobs = flying.result()
    stage.judge(row, jobs)


def redis_restarts(stage: Stage) -> None:
    row = stage.suite.row("14 Redis killed and restarted")
    with ThreadPoolExecutor(1) as pool:
        flying = pool.submit(stage.fly, 4, 2)
        while not flying.done():
            time.sleep(1.5)
            stage.fleet.redis.restart("immediate")
            row.injected += 1
            row.hit += 1
        since = time.time()
        jobs = flying.result()
    recovered(row, since)
    stage.judge(row, jobs)


def redis_down(stage: Stage, seconds: float = 10.0) -> None:
    """14: Redis is away while a brief is submitted and while a plan is decided: both are taken, and finish later."""
    row = stage.suite.row(f"14 Redis down {seconds:g} s at submit and at decision")
    redis = stage.fleet.redis
    row.injected += 2
    redis.stop("immediate")
    began = time.time()
    job = stage.driver.submit()
    slowest = time.time() - began
    time.sleep(seconds)
    redis.start()
    since = time.time()
    stage.driver.planned(job)
    recovered(row, since)
    redis.stop("immediate")
    began = time.time()
    stage.driver.approve_all(job)
    slowest = max(slowest, time.time() - began)
    row.hit += 2
    time.sleep(seconds)
    redis.start()
    since = time.time()
    ended = stage.driver.settled(job)
    recovered(row, since)
    row.note = f"slowest request while it was down {slowest:.1f} s"
    stage.judge(row, [ended])


def postgres_restarts(stage: Stage, how: str = "fast") -> None:
    row = stage.suite.row(f"15 PostgreSQL restarted ({how}) while flows run")
    with ThreadPoolExecutor(1) as pool:
        flying = pool.submit(stage.fly, 4, 2)
        time.sleep(1.0)
        for _ in range(2):
            with stage.fleet.restarting:
                stage.fleet.postgres.restart(how)
            row.injected += 1
            row.hit += 1
            since = time.time()
            time.sleep(2.0)
        jobs = flying.result()
    recovered(row, since)
    stage.judge(row, jobs)


def backends_killed(stage: Stage) -> None:
    """15: single connections of ours are ended by the server, at random."""
    row = stage.suite.row("15 single database connections ended")
    statement = (
        "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity WHERE datname = 'flightdeck' "
        "AND pid <> pg_backend_pid() ORDER BY random() LIMIT 2) AS chosen"
    )
    with ThreadPoolExecutor(1) as pool:
        flying = pool.submit(stage.fly, 4, 2)
        while not flying.done():
            row.injected += 2
            row.hit += int(stage.fleet.postgres.sql(statement, "flightdeck"))
            time.sleep(0.4)
        jobs = flying.result()
    stage.judge(row, jobs)


def lock_held(stage: Stage) -> None:
    """15: somebody holds a campaign's row longer than anybody waits for a lock."""
    from django.db import transaction

    from bookings.models import Campaign

    row = stage.suite.row("15 row lock held 8 s")
    job = stage.planned()
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Campaign.objects.select_for_update().get(pk=job)
            held.set()
            let_go.wait(8)

    row.injected += 1
    with ThreadPoolExecutor(2) as pool:
        holding = pool.submit(hold)
        held.wait(10)
        row.hit += held.is_set()
        stage.driver.approve_all(job)
        holding.result()
    since = time.time()
    ended = stage.driver.settled(job)
    recovered(row, since)
    stage.judge(row, [ended])
    row.note = f"{stage.driver.refused} requests were told to come again"


def ten_thousand_waiting(stage: Stage) -> None:
    """21: everything is killed and started with 10,000 campaigns before a person: all there, no worker busy."""
    from flows.models import Step

    row = stage.suite.row("21 restart with 10,000 campaigns waiting")
    job = stage.planned()
    _multiply(job, WAITING - 1)
    waiting = _waiting()
    row.injected += 1
    since = time.time()
    stage.fleet.kill_all()
    with stage.fleet.restarting:
        stage.fleet.postgres.restart("immediate")
    row.hit += 1
    stage.driver.approve_all(job)
    first = time.time() - since
    row.recovery.append(first)
    stage.demand(row, _waiting() >= waiting - 1, f"{waiting} were waiting, {_waiting()} still are")
    running = patiently(lambda: Step.objects.filter(state="running").exclude(flow_id=job).count())
    stage.demand(row, running == 0, f"{running} steps run although people are waited for")
    stage.demand(row, first <= FIRST_DECISION_WITHIN, f"the first decision took {first:.1f} s")
    stage.judge(row, [stage.driver.settled(job)])
    row.note = f"first of {waiting} decisions {first:.1f} s after the kill; imports were done before the fork"


def _waiting() -> int:
    from bookings.models import Campaign

    return patiently(lambda: Campaign.objects.filter(status="awaiting_approval").count())


def _multiply(job: str, times: int) -> None:
    """Copies of one waiting campaign with its plan and its request for a decision."""
    from approvals.models import ApprovalItem, ApprovalRequest
    from bookings.models import Campaign, Recommendation

    campaign = Campaign.objects.get(pk=job)
    request = ApprovalRequest.objects.get(subject_id=job)
    rows = list(Recommendation.objects.filter(campaign=job))
    expiry = dict(ApprovalItem.objects.filter(request=request).values_list("pk", "expires_at"))
    batch: list[tuple[Any, Any, list[Any], list[Any]]] = []
    for number in range(times):
        twin = _copy(campaign, name=f"Waiting {number}")
        asked = _copy(request, subject_id=twin.pk)
        plan = [_copy(row, campaign=twin) for row in rows]
        items = [
            ApprovalItem(
                pk=new.pk, request=asked, label="", fingerprint="", amount=new.cost, expires_at=expiry[old.pk]
            )
            for old, new in zip(rows, plan, strict=True)
        ]
        batch.append((twin, asked, plan, items))
        if len(batch) == 500 or number == times - 1:
            Campaign.objects.bulk_create([one[0] for one in batch])
            ApprovalRequest.objects.bulk_create([one[1] for one in batch])
            Recommendation.objects.bulk_create([new for one in batch for new in one[2]])
            ApprovalItem.objects.bulk_create([item for one in batch for item in one[3]])
            batch = []


def _copy(row: Any, **changes: Any) -> Any:
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    twin = type(row)(**values)
    twin.pk = uuid.uuid4()
    for name, value in changes.items():
        setattr(twin, name, value)
    twin._state.adding = True
    return twin


CELLS: dict[str, Callable[[Stage], None]] = {
    "14 Redis flushed": flush_always,
    "14 Redis restarted": redis_restarts,
    "14 Redis down": redis_down,
    "15 PostgreSQL fast": postgres_restarts,
    "15 PostgreSQL immediate": lambda stage: postgres_restarts(stage, "immediate"),
    "15 backends": backends_killed,
    "15 lock": lock_held,
    "21 ten thousand": ten_thousand_waiting,
}
