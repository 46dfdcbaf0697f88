"""Where whoever watches the kernel hooks in. The kernel knows no metrics, no spans and no log formats.

Listeners are called in the thread of the work and must not touch the database. One that raises is logged by Django
and hurts nobody: every signal is sent with `send_robust`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from django.dispatch import Signal

from flows.clock import now

if TYPE_CHECKING:
    from flows.models import Step

Outcome = Literal["done", "later", "failed", "dead", "lost_lease", "crashed"]

step_claimed = Signal()  # visit
step_finished = Signal()  # visit
flow_seen = Signal()  # flow: a request or a step has to do with this flow from here on
swept = Signal()  # rung: how many steps the sweep rang for

# Of the request that is being answered: a flow that starts now carries it, and so do its steps and events.
correlation: ContextVar[uuid.UUID | None] = ContextVar("correlation", default=None)
_current: ContextVar[Visit | None] = ContextVar("visit", default=None)


@dataclass
class Visit:
    """One claim of one step by one worker. Times are seconds."""

    step: Step
    waited: float  # from when the step was due to the claim
    taken_over: bool  # another worker held it and was never heard of again
    outcome: Outcome = "crashed"
    took: float = 0.0


@contextmanager
def visiting(step: Step) -> Iterator[Visit]:
    """Tell the listeners that this step runs now, and at the end how it went."""
    waited = max(0.0, (now() - step.not_before).total_seconds())
    visit = Visit(step, waited, taken_over=step.deaths > 0)
    before = _current.set(visit)
    started = time.perf_counter()
    step_claimed.send_robust(sender=Visit, visit=visit)
    try:
        yield visit
    finally:
        visit.took = time.perf_counter() - started
        step_finished.send_robust(sender=Visit, visit=visit)
        _current.reset(before)


def current() -> Visit | None:
    """The visit of this thread or coroutine, None outside a step."""
    return _current.get()


def ended(outcome: Outcome) -> None:
    """What came of the step that runs here; the last word counts."""
    visit = _current.get()
    if visit is not None:
        visit.outcome = outcome
