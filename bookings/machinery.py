"""How the machinery stands, for operations: figures that say at a glance whether anything piles up, and every seller's
circuit. Reads only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from flows import gauges
from flows.states import StepState
from sellers import gate
from sellers.models import Seller

LATE = 10.0  # seconds that a due step may wait for a worker before it is worth a look
SILENT = 60.0  # seconds without a heartbeat


@dataclass(frozen=True)
class Figure:
    """As `components/definitions.html` shows it."""

    term: str
    value: str
    note: str = ""
    tone: str = "good"
    badge: bool = True


@dataclass(frozen=True)
class CircuitShown:
    seller: Seller
    state: str
    tone: str
    text: str


def figures() -> list[Figure]:
    open_by_flow: Counter[str] = Counter()
    running = 0
    for row in gauges.open_steps():
        open_by_flow[row.flow] += row.count
        running += row.count if row.state == StepState.RUNNING else 0
    return [
        _beat(),
        _lag(),
        _queues(open_by_flow, running),
        _stopped(),
        _claims(),
        _messages(open_by_flow["delivery"]),
    ]


def _beat() -> Figure:
    age = gauges.heartbeat_age()
    if age is None:
        return Figure("Workers", "never heard of", "No worker has finished a heartbeat yet.", "bad")
    return Figure("Workers", f"heartbeat {_seconds(age)} ago", tone="good" if age < SILENT else "bad")


def _lag() -> Figure:
    lag = gauges.due_lag()
    tone = "good" if lag < LATE else "warn"
    return Figure(
        "Longest wait of due work", _seconds(lag), "From when a step is due until a worker takes it.", tone
    )


def _queues(open_by_flow: Counter[str], running: int) -> Figure:
    parts = ", ".join(f"{count:,} {name}" for name, count in sorted(open_by_flow.items()) if count)
    return Figure("Open steps", parts or "none", f"{running:,} of them run now.", badge=False)


def _stopped() -> Figure:
    dead, abandoned = gauges.dead_steps(), gauges.abandoned_steps()
    value = f"{dead:,} stopped, {abandoned:,} whose worker is gone"
    return Figure("Stuck", value, tone="good" if dead + abandoned == 0 else "bad")


def _claims() -> Figure:
    found = {row.state: row for row in gauges.unsettled_claims()}
    if not found:
        return Figure("Promises under way", "none")
    parts = ", ".join(f"{row.count:,} {state}" for state, row in sorted(found.items()))
    oldest = max(row.oldest for row in found.values())
    note = f"The oldest for {_seconds(oldest)}."
    return Figure("Promises under way", parts, note, "bad" if "unknown" in found else "progress")


def _messages(waiting: int) -> Figure:
    return Figure(
        "Messages to send",
        f"{waiting:,}",
        "Mails and webhooks that wait, or wait to be tried again.",
        badge=False,
    )


def circuits() -> list[CircuitShown]:
    """Of every seller in use, as all processes see it."""
    return [_circuit(seller) for seller in Seller.objects.filter(enabled=True).order_by("name")]


def _circuit(seller: Seller) -> CircuitShown:
    found = gate.circuit_of(gate.key_of(seller.slug, seller.base_url))
    if found.is_open and found.spell is not None:
        spell = found.spell
        text = f"{spell.failed} calls failed, the last reason is {spell.reason}; one call tries now and then"
        return CircuitShown(seller, "open", "bad", text)
    if found.failures:
        return CircuitShown(seller, "closed", "warn", f"{len(found.failures)} failures in the last minute")
    return CircuitShown(seller, "closed", "good", "calls go out")


def _seconds(age: float) -> str:
    if age < 120:
        return f"{age:.0f} s"
    return f"{age / 60:.0f} min" if age < 7200 else f"{age / 3600:.0f} h"
