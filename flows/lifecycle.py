"""The one function through which every status changes: transition, save, event, all in the caller's transaction."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django_fsm import TransitionNotAllowed, can_proceed

from flows import events
from flows.actors import Actor
from flows.fields import Lifecycle
from flows.locks import joined


class WrongState(Exception):
    """The transition is not allowed from where the object stands."""

    def __init__(self, obj: Lifecycle, transition: str) -> None:
        self.state: str = obj.status  # type: ignore[attr-defined]
        self.transition = transition
        super().__init__(f"cannot {transition.replace('_', ' ')} while {self.state.replace('_', ' ')}")


def lock(model: type[Lifecycle], pk: object) -> Any:
    """The row, locked until the transaction ends (on SQLite the IMMEDIATE transaction itself is the lock)."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("lock() needs a transaction")
    return model._default_manager.select_for_update().get(pk=pk)


def apply(
    obj: Lifecycle,
    transition_name: str,
    *,
    actor: Actor,
    subject_type: str,
    correlation_id: uuid.UUID | None = None,
    payload: dict[str, Any] | None = None,
    **arguments: Any,
) -> None:
    """Run the transition on a locked `obj`, save it and record `<subject_type>.<transition>`.

    Raises `WrongState` when the lifecycle does not allow it; then nothing has changed.
    """
    method = getattr(obj, transition_name)
    if not can_proceed(method):
        raise WrongState(obj, transition_name)
    before = obj.status  # type: ignore[attr-defined]
    with joined():
        try:
            method(**arguments)
        except TransitionNotAllowed as error:
            raise WrongState(obj, transition_name) from error
        obj.save()
        events.record(
            subject_type=subject_type,
            subject_id=obj.pk,
            type=f"{subject_type}.{transition_name}",
            actor=actor,
            correlation_id=correlation_id,
            payload={"from": before, "to": obj.status} | (payload or {}),  # type: ignore[attr-defined]
        )
