"""What a step function sees: the claimed step, and the only way to write while holding it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import transaction

from flows import lifecycle, steps, watch
from flows.models import Flow, Step
from flows.registry import kind_of

T = TypeVar("T")
Record = Callable[[Any], Any]  # receives the locked flow, inside the step's transaction


class LostLease(Exception):
    """Another worker holds the step now, or the flow dropped it. Nothing was written."""


@dataclass(frozen=True)
class Done:
    """The step is finished. `record` commits its effects together with its result."""

    result: dict[str, Any] | None = None
    record: Record | None = None


@dataclass(frozen=True)
class Later:
    """Not finished and nothing wrong: come back after `seconds`. Holds no worker; does not count as a failure."""

    seconds: float
    reason: str = ""
    record: Record | None = None


@dataclass(frozen=True)
class Work:
    step: Step
    token: int

    @property
    def key(self) -> str:
        return self.step.key

    @property
    def payload(self) -> dict[str, Any]:
        return dict(self.step.payload)

    def flow(self) -> Any:
        """The flow as it stands, unlocked: for reading what to do."""
        flow = kind_of(self.step.flow_name).model._default_manager.get(pk=self.step.flow_id)
        watch.flow_seen.send_robust(sender=type(flow), flow=flow)
        return flow

    def commit(self, record: Callable[[Any], T]) -> T:
        """Run `record(flow)` in one transaction: flow locked, lease and token checked. Raises `LostLease`."""
        with transaction.atomic():
            flow = self.lock_flow()
            self._check_token()
            return record(flow)

    def lock_flow(self) -> Flow:
        flow: Flow = lifecycle.lock(kind_of(self.step.flow_name).model, self.step.flow_id)
        return flow

    def _check_token(self) -> None:
        if not steps.make_progress(self.step.pk, self.token):
            raise LostLease(str(self.step))
