"""Cell 2: 200 flows with a fault every 1-5 s from the whole list, for ten minutes. The same seed, the same schedule."""

from __future__ import annotations

import contextlib
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.driver import patiently
from tests.faults.fleet import Fleet
from tests.faults.kills import Traffic
from tests.faults.proxy import Cut
from tests.faults.report import Suite
from tests.faults.stage import SELLER_WRITES, Say, Stage
from tests.faults.suite_end import close

FLOWS = 200
IN_FLIGHT = 12
PATIENCE = 300.0
HIT_LEAST = 0.7  # a victim may be dead already, or nothing may be there to be cut
CUTS: tuple[float | None, ...] = (None, 0, 1, 0.5, -1)


@dataclass(frozen=True)
class Planned:
    after: float  # seconds since the fault before
    kind: str
    chance: float  # 0-1: which of several victims


def schedule(seed: int, minutes: float) -> list[Planned]:
    chance = random.Random(seed)
    kinds = sorted(FAULTS)
    planned, spent = [], 0.0
    while spent < minutes * 60:
        planned.append(Planned(chance.uniform(1.0, 5.0), chance.choice(kinds), chance.random()))
        spent += planned[-1].after
    return planned


def run(fleet: Fleet, seed: int, say: Say, minutes: float) -> Suite:
    suite = Suite("soak", seed, f"A fault every 1-5 s for {minutes:g} minutes, drawn from the whole list.")
    stage = Stage.set(fleet, suite, say)
    flows = suite.row("flows under fire")
    flows.injected = flows.hit = 1
    least = round(FLOWS * minutes / 10)
    traffic = Traffic(stage, flows, in_flight=IN_FLIGHT, patience=PATIENCE)
    traffic.start()
    threads = []
    began = time.monotonic()
    for number, fault in enumerate(schedule(seed, minutes), 1):
        time.sleep(fault.after)
        row = suite.row(fault.kind)
        row.injected += 1
        thread = threading.Thread(target=_inflict, args=(stage, fault), daemon=True)
        thread.start()
        threads.append(thread)
        if number % 20 == 0:
            stage.say(f"{number} faults, {traffic.done} flows done, {len(suite.failures())} failures")
    for thread in threads:
        thread.join(60)
    stage.say("the faults are over")
    ended = time.monotonic()
    traffic.finish()
    suite.demand(traffic.done >= least, f"only {traffic.done} flows were flown, {least} were to be")
    suite.facts["Flows"] = f"{traffic.done}, over {time.monotonic() - ended:.0f} s after the last fault"
    suite.facts["Fire"] = f"{ended - began:.0f} s"
    close(stage, HIT_LEAST)
    suite.demand_work()
    return suite


def _inflict(stage: Stage, fault: Planned) -> None:
    row = stage.suite.row(fault.kind)
    try:
        hit = bool(FAULTS[fault.kind](stage, fault.chance))  # before the row is read: it takes its time
        row.hit += hit
    except Exception as failed:
        stage.suite.problems.append(f"{fault.kind} could not be inflicted: {type(failed).__name__}: {failed}")


def _pick(names: list[str], chance: float) -> str:
    return names[int(chance * len(names))]


def _kill(stage: Stage, name: str) -> bool:
    with stage.fleet.restarting:
        return stage.fleet.kill(name) > 0


def _kill_worker(stage: Stage, chance: float) -> bool:
    return _kill(stage, _pick(stage.fleet.workers(), chance))


def _kill_all(stage: Stage, chance: float) -> bool:
    with stage.fleet.restarting:
        stage.fleet.kill_all()
    return True


def _postgres(how: str) -> Callable[[Stage, float], bool]:
    def restart(stage: Stage, chance: float) -> bool:
        with stage.fleet.restarting:
            stage.fleet.postgres.restart(how)
        return True

    return restart


def _backend(stage: Stage, chance: float) -> bool:
    statement = (
        "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity WHERE datname = 'flightdeck' "
        "AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1) AS chosen"
    )
    with stage.fleet.restarting:
        return int(stage.fleet.postgres.sql(statement, "flightdeck")) == 1


def _redis_restart(stage: Stage, chance: float) -> bool:
    with stage.fleet.restarting:
        stage.fleet.redis.stop("immediate")
        time.sleep(3 * chance)
        stage.fleet.redis.start()
    return True


def _redis_flush(stage: Stage, chance: float) -> bool:
    with stage.fleet.restarting:
        stage.fleet.redis.flush()
    return True


def _sleep(stage: Stage, chance: float) -> bool:
    """SIGSTOP beyond the lease, then SIGCONT; it may be killed in its sleep."""
    pid = stage.fleet.pid(_pick(stage.fleet.workers(), chance))
    with contextlib.suppress(ProcessLookupError):
        stage.fleet.signal(pid, signal.SIGSTOP)
        time.sleep(stage.fleet.sizes.lease + 5 * chance)
        with contextlib.suppress(ProcessLookupError):
            stage.fleet.signal(pid, signal.SIGCONT)
        return True
    return False


def _seller_killed(stage: Stage, chance: float) -> bool:
    with stage.fleet.restarting:
        seller = stage.fleet.sellers[_pick(sorted(stage.fleet.sellers), chance)]
        seller.kill()
        time.sleep(chance)
        seller.start()
    return True


def _cut(stage: Stage, chance: float) -> bool:
    """The next write at a seller is cut after its commit, at a byte that the seed chooses. Waits until it came."""
    slug = _pick(sorted(SELLER_WRITES), chance)
    method, contains = SELLER_WRITES[slug][int(chance * 997) % len(SELLER_WRITES[slug])]
    cut = Cut(method, contains, CUTS[int(chance * 9973) % len(CUTS)])
    cuts = stage.fleet.proxies[slug].cuts
    cuts.append(cut)
    with contextlib.suppress(TimeoutError):
        stage.fleet.wait(lambda: cut.fired, "a write to be cut", 45)
    cuts.remove(cut)
    return bool(cut.fired)


def _mode(mode: str) -> Callable[[Stage, float], bool]:
    def turn(stage: Stage, chance: float) -> bool:
        """Until it has met a connection, and two seconds more."""
        proxy = stage.fleet.proxies[_pick(sorted(stage.fleet.proxies), chance)]
        before = proxy.refused + proxy.swallowed + proxy.dripped
        proxy.mode = mode
        with contextlib.suppress(TimeoutError):
            stage.fleet.wait(
                lambda: proxy.refused + proxy.swallowed + proxy.dripped > before, "a connection", 30
            )
        time.sleep(2 * chance)
        proxy.mode = "pass"
        return proxy.refused + proxy.swallowed + proxy.dripped > before

    return turn


def _reset(stage: Stage, chance: float) -> bool:
    """Every connection to the sellers that is open, as soon as there is one."""
    with contextlib.suppress(TimeoutError):
        stage.fleet.wait(
            lambda: sum(proxy.reset_all() for proxy in stage.fleet.proxies.values()), "a connection", 30
        )
        return True
    return False


def _doorbells(stage: Stage, chance: float) -> bool:
    from flows.models import Step
    from flows.tasks import run_step

    with stage.fleet.restarting:
        ids = patiently(lambda: list(Step.objects.order_by("-created_at").values_list("pk", flat=True)[:30]))
        for step_id in ids:
            run_step.apply_async(args=[str(step_id)])
    return bool(ids)


FAULTS: dict[str, Callable[[Stage, float], bool]] = {
    "kill a worker": _kill_worker,
    "kill the web": lambda stage, chance: _kill(stage, "web"),
    "kill beat": lambda stage, chance: _kill(stage, "beat"),
    "kill everything": _kill_all,
    "PostgreSQL restart, as if crashed": _postgres("immediate"),
    "PostgreSQL restart, fast": _postgres("fast"),
    "database connection ended": _backend,
    "Redis killed, back within 3 s": _redis_restart,
    "Redis flushed": _redis_flush,
    "worker asleep beyond its lease": _sleep,
    "seller killed, back within 1 s": _seller_killed,
    "answer cut after the seller's commit": _cut,
    "seller resets new connections": _mode("refuse"),
    "seller silent": _mode("blackhole"),
    "open connections reset": _reset,
    "duplicate doorbells": _doorbells,
}
