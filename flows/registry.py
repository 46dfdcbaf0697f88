"""Which function does which step. Rooms register theirs when Django starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.apps import apps

if TYPE_CHECKING:
    from flows.models import Flow, Step
    from flows.work import Done, Later, Work

Act = Callable[["Work"], "Done | Later"]
GivenUp = Callable[[Any, "Step", str], None]


@dataclass(frozen=True)
class StepKind:
    flow_name: str
    name: str
    act: Act
    given_up: GivenUp | None  # (locked flow, step, error): what the flow records when the step is dead
    after_the_end: bool = False  # goes on when its flow is over


@dataclass
class FlowKind:
    """One kind of flow: its name in rows and events, its model, its steps."""

    name: str
    model_label: str
    steps: dict[str, StepKind] = field(default_factory=dict)

    @property
    def model(self) -> type[Flow]:
        return apps.get_model(self.model_label)

    def step(self, *, given_up: GivenUp | None = None, after_the_end: bool = False) -> Callable[[Act], Act]:
        """Register a function as the step of its own name. It does I/O outside any transaction and returns
        `Done` or `Later`; an exception means: try again, five times at most."""

        def register(act: Act) -> Act:
            name = act.__name__
            if name in self.steps:
                raise ValueError(f"step {self.name}.{name} is registered twice")
            self.steps[name] = StepKind(self.name, name, act, given_up, after_the_end)
            return act

        return register


_kinds: dict[str, FlowKind] = {}


def flow_kind(name: str, model_label: str) -> FlowKind:
    if name in _kinds:
        raise ValueError(f"flow {name} is registered twice")
    _kinds[name] = FlowKind(name, model_label)
    return _kinds[name]


def kind_of(flow_name: str) -> FlowKind:
    return _kinds[flow_name]


def find_step(flow_name: str, name: str) -> StepKind | None:
    kind = _kinds.get(flow_name)
    return kind.steps.get(name) if kind else None


def steps_after_the_end(flow_name: str) -> list[str]:
    """The names of the steps that go on when their flow is over."""
    return [kind.name for kind in kind_of(flow_name).steps.values() if kind.after_the_end]


def is_known(flow_name: str) -> bool:
    return flow_name in _kinds
