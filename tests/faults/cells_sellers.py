"""Cells about sellers: cuts after their commit, crashes, forgetting, wrong answers, clocks, silence."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from typing import Any

from tests.faults.proxy import Cut
from tests.faults.stage import SELLER_WRITES, Stage, recovered

DEALS = {"method": "POST", "path": "/api/v1/deals"}
CUTS = {"no byte at all": None, "no body byte": 0, "1 byte": 1, "half": 0.5, "all but 1 byte": -1}
TRIALS = 200
CUT_CELL = "4 cut after commit"


def cut_after_commit(stage: Stage, trials: int = TRIALS, cuts: dict[str, float | None] | None = None) -> None:
    """4: the seller commits, the answer is cut after n bytes. Adopted by asking, never booked twice."""
    for name, body_bytes in (cuts or CUTS).items():
        row = stage.suite.row(f"4 cut after commit: {name}")
        _cut_many(stage, row, body_bytes, trials)


def _cut_many(stage: Stage, row: Any, body_bytes: float | None, trials: int) -> None:
    armed = []
    for slug, writes in SELLER_WRITES.items():
        made = [Cut(method, contains, body_bytes, left=trials) for method, contains in writes]
        stage.fleet.proxies[slug].cuts = made
        armed += made
    jobs: list[dict[str, Any]] = []
    while sum(cut.fired for cut in armed) < trials:
        jobs += stage.fly(min(8, max(1, trials // 6)), lanes=8)
    for proxy in stage.fleet.proxies.values():
        proxy.cuts = []
    row.injected += trials
    row.hit += sum(cut.fired for cut in armed)
    before = stage.suite.findings.duplicates
    stage.judge(row, jobs)
    row.note = f"{stage.suite.findings.duplicates - before} second bookings"


def crash_between_writes(stage: Stage) -> None:
    """5: quote booked, deal not yet there (409, then 404 for a while): adopted when it appears."""
    row = stage.suite.row("5 seller crash, deal appears later")
    agent = stage.fleet.sellers["agent"]
    job = stage.planned()
    agent.faults(kind="crash", seconds=6.0, count=1, **DEALS)
    row.injected += 1
    before = len(agent.journal.faults())
    stage.driver.approve_all(job)
    ended = stage.driver.settled(job, 90)
    row.hit += len(agent.journal.faults()) - before
    stage.judge(row, [ended])


def crash_for_ever(stage: Stage) -> None:
    """5: the deal never appears: with operations, money reserved, other lines booked. Takes more than a minute."""
    row = stage.suite.row("5 seller crash, deal never appears")
    agent = stage.fleet.sellers["agent"]
    with stage.seller_options("agent", quote_ttl=16 * 60.0):
        job = stage.planned()
    agent.faults(kind="crash", seconds=0.0, count=1, **DEALS)
    row.injected += 1
    before = len(agent.journal.faults())
    stage.driver.approve_all(job)
    stage.driver.wait(job, lambda found: any(_attention(line) for line in found["booked_lines"]), 120)
    found = stage.driver.wait(
        job,
        lambda found: sum(line["booked"] for line in found["booked_lines"]) >= len(found["booked_lines"]) - 1,
        60,
    )
    row.hit += len(agent.journal.faults()) - before
    stage.demand(row, found["status"] == "executing_bookings", f"the campaign is {found['status']}")
    reserved = found["totals"]["reserved"]
    stage.demand(row, reserved == found["totals"]["approved"], f"only {reserved} is reserved")
    stage.check(row, [job], settled=False)
    row.note = "with operations, budget reserved"


def _attention(line: dict[str, Any]) -> bool:
    return bool(line["needs_attention"])


def key_forgotten(stage: Stage) -> None:
    """6: the seller forgets the key after its commit: one request with that key, ever, and the deal is adopted."""
    row = stage.suite.row("6 seller forgot the key")
    agent = stage.fleet.sellers["agent"]
    job = stage.planned()
    cut = Cut("POST", "/api/v1/deals", None)
    stage.fleet.proxies["agent"].cuts = [cut]
    row.injected += 1
    mark = last_effect(agent)
    stage.driver.approve_all(job)
    stage.fleet.wait(lambda: cut.fired, "the cut", 20)
    with sqlite3.connect(agent.options.state, timeout=5) as state:
        state.execute("delete from doc where kind = 'idempotency'")
    row.hit += cut.fired
    stage.judge(row, [stage.driver.settled(job)])
    keys = [
        entry.data["idempotency_key"] for entry in agent.journal.effects("deal.booked") if entry.seq > mark
    ]
    stage.demand(row, len(keys) == len(set(keys)), f"a key booked twice: {keys}")


def replay_window_over(stage: Stage) -> None:
    """6: while the outcome is unknown the seller's clock passes quote expiry and replay window: it answers 410, which
    proves nothing. Nothing may be sent or given up. When it can be asked again, its truth is adopted."""
    row = stage.suite.row("6 replay window and quote over")
    agent = stage.fleet.sellers["agent"]
    job = stage.planned()
    cut = Cut("POST", "/api/v1/deals", None)
    stage.fleet.proxies["agent"].cuts = [cut]
    row.injected += 1
    stage.driver.approve_all(job)
    stage.fleet.wait(lambda: cut.fired, "the cut", 20)
    agent.set_clock(25 * 3600)
    row.hit += cut.fired
    mark = last_effect(agent)
    time.sleep(8)
    sent = [entry for entry in agent.journal.requests("POST", "/api/v1/deals") if entry.seq > mark]
    found = stage.driver.job(job)
    stage.demand(row, not sent, f"{len(sent)} bookings were sent after the window")
    lost = [
        line
        for line in found["booked_lines"]
        if line["seller"] == "agent" and line["booking_status"] == "declined"
    ]
    stage.demand(row, not lost, "the line was given up although the deal stands at the seller")
    agent.set_clock(0)
    since = time.time()
    stage.judge(row, [stage.driver.settled(job, 120)])
    recovered(row, since)


def other_body(stage: Stage) -> None:
    """7: the answer to the booking carries other terms: noticed, taken back, not booked."""
    row = stage.suite.row("7 answer with other terms")
    agent = stage.fleet.sellers["agent"]
    job = stage.planned()
    row.injected += 1
    before = len(agent.journal.faults())
    agent.faults(kind="mutate", when="after", count=1, set={"deal.terms.impressions": 1}, **DEALS)
    stage.driver.approve_all(job)
    ended = stage.driver.settled(job)
    row.hit += len(agent.journal.faults()) - before
    stage.judge(row, [ended], all_lines=False)
    codes = [line["code"] for line in ended["booked_lines"] if not line["booked"]]
    stage.demand(row, codes == ["differs"], f"lines not booked: {codes}")


def foreign_deal(stage: Stage) -> None:
    """8: the answer is the deal of another campaign. Refused; and that other deal stays as it is."""
    row = stage.suite.row("8 deal of another campaign")
    agent = stage.fleet.sellers["agent"]
    other = stage.driver.whole_way()
    reference = next(line["seller_reference"] for line in other["booked_lines"] if line["seller"] == "agent")
    foreign = next(row["answer"]["deal"] for row in _docs(agent, "deal") if row["deal_id"] == reference)
    job = stage.planned()
    row.injected += 1
    before = len(agent.journal.faults())
    agent.faults(kind="mutate", when="after", count=1, set={"deal": foreign}, **DEALS)
    stage.driver.approve_all(job)
    ended = stage.driver.settled(job, 90)
    row.hit += len(agent.journal.faults()) - before
    cancelled = {entry.data["deal_id"] for entry in agent.journal.effects("deal.cancelled")}
    stage.demand(row, reference not in cancelled, "the other campaign's deal was cancelled")
    taken = [
        line["line_id"]
        for line in ended["booked_lines"]
        if line["seller_reference"] == reference and line["booked"]
    ]
    stage.demand(row, not taken, f"line {taken} is booked on the deal of another campaign")
    stage.judge(row, [ended], all_lines=False)
    stage.check(row, [other["job_id"]])


def price_expires(stage: Stage) -> None:
    """11 and 12: prices end while people think. Never booked at an expired price; the decision is refused or the line
    comes back."""
    row = stage.suite.row("11 price expired at the decision")
    agent = stage.fleet.sellers["agent"]
    for think in (0.0, 3.0, 6.0):
        with stage.seller_options("agent", quote_ttl=64.0):
            job = stage.driver.submit()
            if stage.driver.planned(job)["status"] != "awaiting_approval":
                continue
        row.injected += 1
        time.sleep(think)
        try:
            stage.driver.approve_all(job)
        except RuntimeError as refused:
            row.hit += 1
            stage.demand(row, "409" in str(refused), str(refused))
            stage.check(row, [job], settled=False)
            continue
        ended = stage.driver.settled(job)
        row.hit += 1
        stage.check(row, [job])
        late = [line["code"] for line in ended["booked_lines"] if not line["booked"]]
        stage.demand(row, set(late) <= {"quote_expired"}, f"not booked for {late}")
    expiry = {row["quote_id"]: row["expires_at"] for row in _docs(agent, "quote")}
    for booked in agent.journal.effects("deal.booked"):
        stage.demand(
            row, booked.at < expiry[booked.data["quote_id"]], "a deal was booked after its price had expired"
        )


def _docs(seller: Any, kind: str) -> list[dict[str, Any]]:
    with sqlite3.connect(seller.options.state, timeout=5) as state:
        return [json.loads(body) for (body,) in state.execute("select body from doc where kind = ?", (kind,))]


def seller_clock(stage: Stage) -> None:
    """11: a seller whose clock is five minutes off in either direction."""
    row = stage.suite.row("11 seller's clock 5 min off")
    for offset in (300, -300):
        for seller in stage.fleet.sellers.values():
            seller.set_clock(offset)
        row.injected += 1
        row.hit += 1
        stage.judge(row, stage.fly(3, lanes=3))


def last_effect(seller: Any) -> int:
    entries = seller.journal.effects()
    return entries[-1].seq if entries else 0


CELLS: dict[str, Callable[[Stage], None]] = {
    CUT_CELL: cut_after_commit,
    "5 crash between writes": crash_between_writes,
    "5 crash for ever": crash_for_ever,
    "6 key forgotten": key_forgotten,
    "6 replay window over": replay_window_over,
    "7 other terms": other_body,
    "8 foreign deal": foreign_deal,
    "11 price expires": price_expires,
    "11 seller clock": seller_clock,
}
