"""What a log line is about: the request, or the step that runs, of which flow, for whom."""

from __future__ import annotations

import contextvars
from collections.abc import MutableMapping
from typing import Any

from celery.signals import before_task_publish, setup_logging, task_postrun, task_prerun
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject, empty
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars, unbind_contextvars

from flows import watch
from flows.watch import Visit

REQUEST_HEADER = "flightdeck_request_id"  # on the doorbell: which request rang
_OF_A_STEP = ("flow", "flow_id", "correlation_id", "step", "key", "attempt", "token")
_request: contextvars.ContextVar[HttpRequest | None] = contextvars.ContextVar("request", default=None)


def listen() -> None:
    """Once per process. Strong references: these functions are nobody's to collect."""
    watch.step_claimed.connect(_enter_step, weak=False, dispatch_uid="context")
    watch.step_finished.connect(_leave_step, weak=False, dispatch_uid="context")
    watch.flow_seen.connect(_see_flow, weak=False, dispatch_uid="context")
    before_task_publish.connect(_send_along, weak=False, dispatch_uid="context")
    task_prerun.connect(_take_up, weak=False, dispatch_uid="context")
    task_postrun.connect(_put_down, weak=False, dispatch_uid="context")
    setup_logging.connect(_keep_ours, weak=False, dispatch_uid="context")


def enter_request(request: HttpRequest) -> None:
    clear_contextvars()
    _request.set(request)
    bind_contextvars(
        request_id=request.request_id,  # type: ignore[attr-defined]
        correlation_id=request.correlation_id,  # type: ignore[attr-defined]
    )


def leave_request() -> None:
    clear_contextvars()
    _request.set(None)


def user_of(request: HttpRequest) -> str | None:
    """The id of who asks, if that was found out already: a log line never causes a query."""
    user = request.__dict__.get("user")
    if isinstance(user, SimpleLazyObject) and user._wrapped is empty:
        return None
    return None if user is None or user.pk is None else str(user.pk)


def add_user(_logger: Any, _method: str, record: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    request = _request.get()
    if request is not None and "user" not in record:
        user = user_of(request)
        if user is not None:
            record["user"] = user
    return record


def _enter_step(visit: Visit, **_: Any) -> None:
    step = visit.step
    bind_contextvars(
        flow=step.flow_name,
        flow_id=str(step.flow_id),
        step=step.name,
        key=step.key,
        attempt=step.attempt,
        token=step.token,
    )


def _leave_step(**_: Any) -> None:
    unbind_contextvars(*_OF_A_STEP)


def _see_flow(flow: Any, **_: Any) -> None:
    """The flow's own correlation id: that of the request that started it, whoever rings or asks now."""
    if watch.current() is not None or _request.get() is not None:
        bind_contextvars(flow=flow.flow_name, flow_id=str(flow.pk), correlation_id=str(flow.correlation_id))


def _send_along(headers: dict[str, Any] | None = None, **_: Any) -> None:
    asked = get_contextvars().get("request_id")
    if asked and headers is not None:
        headers[REQUEST_HEADER] = asked


def _take_up(task: Any, **_: Any) -> None:
    clear_contextvars()
    asked = task.request.get(REQUEST_HEADER)
    if asked:
        bind_contextvars(request_id=asked)


def _keep_ours(**_: Any) -> None:
    """Whoever listens here sets logging up; Django has, and Celery's own handlers and levels stay out."""


def _put_down(**_: Any) -> None:
    clear_contextvars()
