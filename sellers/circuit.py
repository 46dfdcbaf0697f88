"""Is this seller well? A circuit breaker as plain data: every function returns the new state and changes nothing.

A run of failures that mean "the seller is ill" opens it; after a pause that grows from round to round one call may
try; the first complete answer closes it. A seller's own request to be left alone for a while is kept beside it.
All times are seconds since the epoch by the caller's clock.
"""

from __future__ import annotations

import enum
import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from flows.ids import jitter

FAILURES_TO_OPEN = 5  # calls in a row, each with its retries
RUN_SECONDS = 60.0  # a failure a minute is one bad resource, not an ill seller
FIRST_PAUSE = 2.0
LONGEST_PAUSE = 60.0
LONGEST_WISH = 120.0  # a seller's Retry-After beyond that is cut: it must not shut itself off for a day


class Gate(enum.StrEnum):
    GO = "go"
    PROBE = "probe"  # this one call may try
    WAIT = "wait"  # somebody tries at this moment
    OPEN = "open"


@dataclass(frozen=True)
class Spell:
    """A time during which the seller was ill: from its first failure to the first answer after it."""

    began: float
    reason: str  # code of the failure that opened it, such as `deadline` or `http_503`
    failed: int  # calls that ended in a failure
    ended: float | None = None


@dataclass(frozen=True)
class Circuit:
    """What is known of one seller. The default is a seller of whom nothing bad is known."""

    failures: tuple[float, ...] = ()  # of the present run, while closed
    spell: Spell | None = None  # the present one, else the last one
    rounds: int = 0
    retry_at: float = 0.0
    prober: str = ""  # the call that tries
    probe_until: float = 0.0  # by then its verdict is overdue and another may try
    silent_until: float = 0.0  # the seller asked us to wait

    @property
    def is_open(self) -> bool:
        return self.spell is not None and self.spell.ended is None

    @property
    def is_clean(self) -> bool:
        """Nothing stands in the way of any call, and a success would change nothing."""
        return not (self.failures or self.is_open or self.silent_until)


CLEAN = Circuit()


def ask(circuit: Circuit, at: float, call: str, probe_seconds: float) -> tuple[Circuit, Gate]:
    """May `call` go out? A probe is counted as lost when no verdict comes within `probe_seconds`."""
    if not circuit.is_open:
        return circuit, Gate.GO
    if circuit.prober == call:
        return circuit, Gate.PROBE
    # Further ahead than any pause: the clock was set back meanwhile.
    if at < circuit.retry_at <= at + LONGEST_PAUSE * 2:
        return circuit, Gate.OPEN
    if circuit.prober and at < circuit.probe_until <= at + probe_seconds * 2:
        return circuit, Gate.WAIT
    return replace(circuit, prober=call, probe_until=at + probe_seconds), Gate.PROBE


def failed(circuit: Circuit, at: float, call: str, reason: str) -> Circuit:
    """The call ended in a way that means that the seller is ill."""
    if circuit.is_open:
        return _failed_again(circuit, at, call, reason)
    run = (*(moment for moment in circuit.failures if moment > at - RUN_SECONDS), at)
    if len(run) < FAILURES_TO_OPEN:
        return replace(circuit, failures=run)
    spell = Spell(began=run[0], reason=reason, failed=len(run))
    return replace(circuit, failures=(), spell=spell, rounds=1, retry_at=at + jitter(FIRST_PAUSE), prober="")


def _failed_again(circuit: Circuit, at: float, call: str, reason: str) -> Circuit:
    assert circuit.spell is not None
    spell = replace(circuit.spell, reason=reason, failed=circuit.spell.failed + 1)
    if call != circuit.prober:  # it went out before the circuit opened
        return replace(circuit, spell=spell)
    pause = min(FIRST_PAUSE * 2.0 ** min(circuit.rounds, 10), LONGEST_PAUSE)
    return replace(
        circuit,
        spell=spell,
        rounds=circuit.rounds + 1,
        retry_at=at + jitter(pause),
        prober="",
        probe_until=0.0,
    )


def succeeded(circuit: Circuit, at: float) -> Circuit:
    """A complete answer came, whatever it said: the seller is there."""
    spell = circuit.spell
    if spell is not None and spell.ended is None:
        spell = replace(spell, ended=max(at, spell.began))
    silent = circuit.silent_until if at < circuit.silent_until else 0.0
    if spell is circuit.spell and not circuit.failures and silent == circuit.silent_until:
        return circuit
    return Circuit(spell=spell, silent_until=silent)


def abandoned(circuit: Circuit, call: str) -> Circuit:
    """The call ended without a verdict: if it was the probe, the next one may try at once."""
    return replace(circuit, prober="", probe_until=0.0) if circuit.prober == call else circuit


def asked_to_wait(circuit: Circuit, at: float, seconds: float) -> Circuit:
    """The seller said Retry-After. Never shortens an earlier wish."""
    until = at + min(max(seconds, 0.0), LONGEST_WISH)
    return replace(circuit, silent_until=until) if until > circuit.silent_until else circuit


def silence(circuit: Circuit, at: float) -> float:
    """Seconds for which the seller still wants to be left alone; 0 when the clock was set back since."""
    left = circuit.silent_until - at
    return left if 0 < left <= LONGEST_WISH else 0.0


def dumps(circuit: Circuit) -> str:
    return json.dumps(asdict(circuit), separators=(",", ":"), sort_keys=True)


def loads(text: str) -> Circuit:
    """Raises `ValueError` for anything that `dumps` did not write."""
    try:
        given: dict[str, Any] = json.loads(text)
        spell = given.pop("spell")
        failures = tuple(float(moment) for moment in given.pop("failures"))
        return Circuit(failures=failures, spell=Spell(**spell) if spell else None, **given)
    except (TypeError, KeyError, AttributeError) as wrong:
        raise ValueError("not a circuit") from wrong
