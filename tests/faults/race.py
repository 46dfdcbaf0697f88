"""Cell 9: eight people decide the same lines at the same moment, over HTTP. One winner each, the others are told."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx

from tests.faults.driver import patiently
from tests.faults.fleet import Fleet
from tests.faults.report import Suite
from tests.faults.stage import Say, Stage
from tests.faults.suite_end import close

RACERS = 8
ROWS = 500
SMALL = 40
REASON = "Not in this plan, says the race."


@dataclass(frozen=True)
class Prize:
    """One line that waits for a decision."""

    job: str
    recommendation: str


Move = Callable[[Prize], tuple[str, dict[str, Any]]]


def approve(prize: Prize) -> tuple[str, dict[str, Any]]:
    return f"/api/bookings/{prize.job}/approve", {"recommendation_ids": [prize.recommendation]}


def reject(prize: Prize) -> tuple[str, dict[str, Any]]:
    return f"/api/bookings/{prize.job}/reject", {
        "recommendation_ids": [prize.recommendation],
        "reason": REASON,
    }


def approve_all(prize: Prize) -> tuple[str, dict[str, Any]]:
    return f"/api/bookings/{prize.job}/approve-all", {}


def cancel(prize: Prize) -> tuple[str, dict[str, Any]]:
    return f"/api/bookings/{prize.job}/cancel", {"reason": REASON}


def run(fleet: Fleet, seed: int, say: Say, rows: int = ROWS, small: int = SMALL) -> Suite:
    suite = Suite("race", seed, f"{RACERS} people decide the same lines at once, over HTTP.")
    stage = Stage.set(fleet, suite, say)
    race_all(stage, rows, small)
    close(stage)
    return suite


def race_all(stage: Stage, rows: int, small: int) -> None:
    people = hire(stage.fleet, "approver")
    managers = hire(stage.fleet, "manager")
    mixed = [pair[number % 2] for number, pair in enumerate(zip(people, managers, strict=True))]
    contest(stage, people, f"{RACERS} approve each of {rows} lines", rows, [approve] * 8)
    contest(stage, people, "approve against reject", small, [approve, reject] * 4)
    contest(stage, people, "approve all against single lines", small, [approve_all, approve] * 4)
    contest(stage, mixed, "approve against cancel", small, [approve, cancel] * 4, cancelling=True)


def hire(fleet: Fleet, role: str) -> list[str]:
    """Eight of them, each with a key. Approvers decide, managers may cancel."""
    from accounts.models import User
    from accounts.permissions import scopes_of
    from accounts.services import issue_key
    from crm.models import Assignment, Organization
    from flows.actors import SYSTEM_ACTOR

    client = Organization.objects.get(slug="aurora-outdoor")
    names = [f"{role}-{number}" for number in range(RACERS)]
    for name in names:
        user = User.objects.create_user(name, f"{name}@agency.example", "quiet-harbour-lamp-42", role=role)
        Assignment.objects.create(organization=client, user=user)
        fleet.keys[name] = issue_key(user=user, name="race", scopes=scopes_of(user.role), actor=SYSTEM_ACTOR)[
            1
        ]
    return names


def contest(
    stage: Stage,
    people: Sequence[str],
    name: str,
    rows: int,
    moves: Sequence[Move],
    *,
    cancelling: bool = False,
) -> None:
    """The workers sleep meanwhile, or a campaign would be over before its last line is decided."""
    row = stage.suite.row(name)
    prizes = _prizes(stage, rows)
    for worker in stage.fleet.workers():
        stage.fleet.signal(stage.fleet.pid(worker), signal.SIGSTOP)
    try:
        began = time.monotonic()
        answers = _run_all(stage.fleet, people, moves, prizes)
        took = time.monotonic() - began
    finally:
        for worker in stage.fleet.workers():
            stage.fleet.signal(stage.fleet.pid(worker), signal.SIGCONT)
    row.injected, row.hit = len(prizes), sum(1 for prize in prizes if len(answers[prize]) == len(moves))
    codes = Counter(status for given in answers.values() for status in given)
    row.note = f"{dict(sorted(codes.items()))}, {sum(codes.values()) / took:.0f} requests/s"
    odd = {code: count for code, count in codes.items() if code not in (200, 202, 409)}
    stage.demand(row, not odd, f"answers that nobody should see: {odd}")
    jobs = list(dict.fromkeys(prize.job for prize in prizes))
    _check_winners(stage, row, prizes, answers, cancelling=cancelling, single=set(moves) <= {approve, reject})
    for job in jobs:
        stage.driver.settled(job, 120)
    stage.check(row, jobs)
    stage.say(f"{name}: {row.note}, {len(stage.suite.failures())} failures")


def _prizes(stage: Stage, rows: int) -> list[Prize]:
    prizes: list[Prize] = []
    with ThreadPoolExecutor(4) as pool:
        while len(prizes) < rows:
            jobs = list(pool.map(lambda _: stage.planned(), range(max(1, (rows - len(prizes) + 3) // 4))))
            for job in jobs:
                found = stage.driver.job(job)["recommendations"]
                prizes += [Prize(job, one["recommendation_id"]) for one in found]
    return prizes


def _run_all(
    fleet: Fleet, people: Sequence[str], moves: Sequence[Move], prizes: Sequence[Prize]
) -> dict[Prize, list[int]]:
    """Everybody at every line; they meet at each tenth, so that nobody runs ahead."""
    answers: dict[Prize, list[int]] = {prize: [] for prize in prizes}
    meeting = threading.Barrier(len(moves), timeout=60)

    def racer(number: int) -> None:
        headers = {"Authorization": f"Bearer {fleet.keys[people[number]]}"}
        with httpx.Client(base_url=fleet.url, headers=headers, timeout=60, trust_env=False) as client:
            for position, prize in enumerate(prizes):
                if position % 10 == 0:
                    meeting.wait()
                path, body = moves[number](prize)
                answers[prize].append(client.post(path, json=body).status_code)

    with ThreadPoolExecutor(len(moves)) as pool:
        for done in [pool.submit(racer, number) for number in range(len(moves))]:
            done.result()
    return answers


def _check_winners(
    stage: Stage,
    row: Any,
    prizes: Sequence[Prize],
    answers: dict[Prize, list[int]],
    *,
    cancelling: bool,
    single: bool,
) -> None:
    decided = _decisions_of({prize.job for prize in prizes})
    if not cancelling:
        wrong = [prize for prize in prizes if decided[prize.recommendation] != 1]
        stage.demand(row, not wrong, f"{len(wrong)} lines were not decided exactly once")
    if single:
        winners = Counter(sum(status < 300 for status in given) for given in answers.values())
        stage.demand(row, set(winners) == {1}, f"winners per line: {dict(winners)}")
    if cancelling:
        both = [job for job in {prize.job for prize in prizes} if _cancelled_and_approved(job)]
        stage.demand(row, not both, f"{len(both)} campaigns were cancelled and approved")


def _decisions_of(jobs: set[str]) -> Counter[str]:
    from approvals.models import Decision

    found: Counter[str] = Counter()
    for items in patiently(
        lambda: list(Decision.objects.filter(request__subject_id__in=jobs).values_list("item_ids", flat=True))
    ):
        found.update(str(item) for item in items)
    return found


def _cancelled_and_approved(job: str) -> bool:
    from bookings.models import Campaign

    campaign = patiently(lambda: Campaign.objects.get(pk=job))
    return campaign.status == "cancelled" and campaign.lines.exists()
