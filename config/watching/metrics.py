"""What each process counts by itself. Labels are names from our code, sellers of the registry and classes; no ids."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

from flows import watch
from flows.registry import find_step
from flows.watch import Visit
from sellers.exchange import ExchangeRecord
from sellers.watch import call_ended

_QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SLOW = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
REPLAYED = "Idempotent-Replayed"
HELD_BACK = frozenset(
    {"circuit_open", "busy_here"}
)  # not even tried: the seller is ill, or its share is taken

disable_created_metrics()  # a series per series that says when it began: twice the scrape, nobody asks

STEP_WAIT = Histogram(
    "flightdeck_step_wait_seconds",
    "From when a step was due to its claim by a worker",
    ["step"],
    buckets=_SLOW,
)
STEP_RUN = Histogram(
    "flightdeck_step_run_seconds", "From the claim of a step to its end", ["step"], buckets=_SLOW
)
STEP_OUTCOMES = Counter("flightdeck_step_outcomes", "Visits of steps by how they ended", ["step", "outcome"])
STEP_TAKEOVERS = Counter(
    "flightdeck_step_takeovers", "Claims of a step whose worker was never heard of again", ["step"]
)
SWEEPS = Counter("flightdeck_sweeps", "Sweeps for steps that are due")
SWEEP_RUNG = Counter("flightdeck_sweep_rung_steps", "Steps that a sweep had to ring for")
SELLER_CALLS = Counter(
    "flightdeck_seller_calls", "Calls to sellers by what came of them", ["seller", "outcome"]
)
SELLER_SECONDS = Histogram(
    "flightdeck_seller_call_seconds", "Time of one call to a seller", ["seller"], buckets=_SLOW
)
SOCKETS_OPEN = Gauge("flightdeck_sockets_open", "Pages that are connected", multiprocess_mode="livesum")
SOCKET_MESSAGES = Counter("flightdeck_socket_messages", "Messages sent to pages")
REQUESTS = Counter("flightdeck_http_requests", "Requests answered", ["route", "method", "status"])
REQUEST_SECONDS = Histogram(
    "flightdeck_http_request_seconds", "Time to the answer of a request", ["route", "method"], buckets=_QUICK
)
REPLAYS = Counter(
    "flightdeck_idempotency_replays", "Answers given again under the same idempotency key", ["route"]
)


def listen() -> None:
    """Once per process."""
    watch.step_claimed.connect(_count_claim, weak=False, dispatch_uid="metrics")
    watch.step_finished.connect(_count_visit, weak=False, dispatch_uid="metrics")
    watch.swept.connect(_count_sweep, weak=False, dispatch_uid="metrics")
    call_ended.connect(_count_call, weak=False, dispatch_uid="metrics")


def count_request(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    route = route_of(request)
    method = request.method if request.method in METHODS else "other"
    REQUESTS.labels(route, method, str(response.status_code)).inc()
    REQUEST_SECONDS.labels(route, method).observe(seconds)
    if response.has_header(REPLAYED):
        REPLAYS.labels(route).inc()


def route_of(request: HttpRequest) -> str:
    """The name of the route, never its path: paths hold ids, and strangers make them up."""
    match = request.resolver_match
    if match is None:
        return "static" if request.path.startswith(settings.STATIC_URL) else "none"
    return match.view_name or "unnamed"


def outcome_of(record: ExchangeRecord) -> str:
    """A class with few values: what the call says about the seller."""
    if record.error in HELD_BACK:
        return "held_back"
    if record.error == "cancelled":
        return "cancelled"
    if record.status is None:
        if not record.sent:
            return "not_sent"
        return "timeout" if record.error == "deadline" else "broken"
    if record.error:
        return "unreadable"
    if record.status == 429:
        return "throttled"
    return {2: "ok", 4: "refused", 5: "error"}.get(record.status // 100, "other")


def _count_claim(visit: Visit, **_: Any) -> None:
    name = _name_of(visit)
    STEP_WAIT.labels(name).observe(visit.waited)
    if visit.taken_over:
        STEP_TAKEOVERS.labels(name).inc()


def _count_visit(visit: Visit, **_: Any) -> None:
    name = _name_of(visit)
    STEP_RUN.labels(name).observe(visit.took)
    STEP_OUTCOMES.labels(name, visit.outcome).inc()


def _count_sweep(rung: int, **_: Any) -> None:
    SWEEPS.inc()
    SWEEP_RUNG.inc(rung)


def _count_call(seller: str, record: ExchangeRecord, **_: Any) -> None:
    SELLER_CALLS.labels(seller, outcome_of(record)).inc()
    SELLER_SECONDS.labels(seller).observe(record.elapsed_ms / 1000)


def _name_of(visit: Visit) -> str:
    step = visit.step
    return f"{step.flow_name}.{step.name}" if find_step(step.flow_name, step.name) else "unknown"
