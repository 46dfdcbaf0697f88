"""P12: ten thousand campaigns wait for a person while everything is stopped and started."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

from config.local_servers import free_port
from config.process_set import ProcessSet, read_process_file
from tests.bench.openloop import Lines
from tests.bench.rows import Findings, Row, Scenario
from tests.bench.stage import ROOT, Stage, stage
from tests.bench.waiting import Plan, approvers, make_plans

BAR = 5.0


def measure(quick: bool) -> Findings:
    """10,000 campaigns wait for a decision in PostgreSQL. Web processes, socket process, task worker and beat are
    stopped, then Redis and PostgreSQL. The clock starts with the start of PostgreSQL and Redis; the processes of the
    process file are started once PostgreSQL answers, as `make up` does it: web first, the others when it answers; a
    client sends the first decision over and over until it is taken. The floor is the start of PostgreSQL alone plus
    one Python that imports and sets up Django with the project's urls.
    """
    trials, plans_left = 3 if quick else 5, 10_000
    with stage() as built:
        built.adopt()
        plans, (key,) = make_plans(plans_left), approvers(1)
        times, floors, seen = [], [], []
        port = free_port()
        processes = _processes(built, port)
        _start(built, processes, port)
        try:
            for number in range(trials):
                processes.stop()
                _stop_servers(built)
                floors.append(_floor(built))
                _stop_servers(built)
                times.append(_restart(built, processes, port, key, plans[number]))
                seen.append(_waiting(built))
            slots = _steps_open(built, decided=trials)
        finally:
            processes.kill()
    worst, floor = max(times), sorted(floors)[len(floors) // 2]
    expected = [plans_left + 1 - done for done in range(1, trials + 1)]  # the plan that was copied waits too
    lost = sum(abs(one - two) for one, two in zip(seen, expected, strict=True))
    return Findings(
        [
            Row(
                f"first decision served after a restart of everything, worst of {trials} "
                f"(best {min(times):.1f} s)",
                f"{worst:.1f} s",
                f"{floor:.1f} s",
                "PostgreSQL's start + Django's",
                worst / floor,
                "<= 5 s",
                worst <= BAR,
            ),
            Row("waiting campaigns lost by the restarts", str(lost), bar="0", met=lost == 0),
            Row(
                "steps of waiting campaigns that a worker holds or could take",
                str(slots),
                bar="0",
                met=slots == 0,
            ),
        ]
    )


def _processes(built: Stage, port: int) -> ProcessSet:
    """What the process file names, one of each."""
    ours = {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "SOCKETS_PORT": str(free_port()),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    return ProcessSet(
        read_process_file(ROOT / "Procfile"),
        {},
        folder=ROOT,
        environment=built.environment | ours,
        stages=[(("web", "sockets"), 15.0), (("beat", "worker"), 15.0)],
        say=lambda who, what: None,
    )


def _start(built: Stage, processes: ProcessSet, port: int) -> None:
    processes.start("web")
    built.wait_for_http(port)
    processes.start()


def _stop_servers(built: Stage) -> None:
    from django.db import connections

    connections.close_all()
    built.redis.stop()
    built.postgres.stop("fast")


def _restart(built: Stage, processes: ProcessSet, port: int, key: str, plan: Plan) -> float:
    """Seconds until the decision is taken."""
    began = time.monotonic()
    built.redis.start()
    built.postgres.start()
    starting = threading.Thread(target=_start, args=(built, processes, port))
    starting.start()
    asyncio.run(_decide(port, key, plan))
    took = time.monotonic() - began
    starting.join()
    return took


async def _decide(port: int, key: str, plan: Plan) -> None:
    """A patient client: the same key each time, so that it decides once."""
    headers = [("Authorization", f"Bearer {key}"), ("Idempotency-Key", str(uuid.uuid4()))]
    body = json.dumps({"recommendation_ids": [str(plan.line)]}).encode()
    until, status = time.monotonic() + 60, 0
    while time.monotonic() < until:
        lines = Lines(port)
        try:
            status = (await lines.ask("POST", f"/api/bookings/{plan.campaign}/approve", headers, body)).status
        except (OSError, EOFError):
            status = 0
        finally:
            lines.close()
        if status == 202:
            return
        if 400 <= status < 500:
            break
        await asyncio.sleep(0.02)
    raise RuntimeError(f"the decision was not taken: {status}")


def _waiting(built: Stage) -> int:
    found = built.postgres.sql(
        "SELECT count(*) FROM bookings_campaign c JOIN approvals_approvalrequest r ON r.subject_id = c.id "
        "JOIN approvals_approvalitem i ON i.request_id = r.id "
        "WHERE c.status = 'awaiting_approval' AND r.status = 'open' AND i.state = 'open'",
        "flightdeck",
    )
    return int(found)


def _steps_open(built: Stage, decided: int) -> int:
    """Of campaigns that wait for a person."""
    found = built.postgres.sql(
        "SELECT count(*) FROM flows_step s JOIN bookings_campaign c ON c.id = s.flow_id "
        "WHERE c.status = 'awaiting_approval' AND s.state IN ('pending', 'running')",
        "flightdeck",
    )
    return int(found)


def _floor(built: Stage) -> float:
    began = time.monotonic()
    built.redis.start()
    built.postgres.start()
    subprocess.run(
        [sys.executable, "-c", "import config.wsgi, config.urls"],
        cwd=Path(ROOT),
        env=built.environment,
        check=True,
    )
    return time.monotonic() - began


SCENARIOS = {"P12": Scenario("Restart with 10,000 waiting campaigns", measure)}
