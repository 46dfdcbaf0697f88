"""OpenTelemetry, where OTEL_EXPORTER_OTLP_ENDPOINT is set and requirements-observe.txt is installed.

Requests, doorbells, statements and steps become spans; a step hangs below the request whose doorbell it answered. Calls
to sellers are spans of our own: httpx's instrumentation would tell every seller our trace ids.
"""

from __future__ import annotations

import logging
import os
import time
from typing import Any

from config.watching.secrets import hidden
from flows import watch
from flows.watch import Visit
from sellers.exchange import ExchangeRecord
from sellers.watch import call_ended

logger = logging.getLogger(__name__)
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_SAYS_THE_ADDRESS = ("http.url", "http.target", "url.full", "url.path", "url.query")

_spans: dict[int, tuple[Any, Any]] = {}  # of the visits that run now: span and context token
_tracer: Any = None


def start() -> None:
    """Nothing without an endpoint. Without the packages a warning, and the product goes on."""
    if not any(os.environ.get(name) for name in ENDPOINTS):
        return
    try:
        _instrument()
    except ImportError as missing:
        logger.warning(
            "tracing is off: OTEL_EXPORTER_OTLP_ENDPOINT is set, but %s is missing; "
            "install requirements-observe.txt",
            missing.name,
        )
        return
    watch.step_claimed.connect(_open_span, weak=False, dispatch_uid="tracing")
    watch.step_finished.connect(_close_span, weak=False, dispatch_uid="tracing")
    watch.flow_seen.connect(_name_flow, weak=False, dispatch_uid="tracing")
    call_ended.connect(_tell_call, weak=False, dispatch_uid="tracing")


def _instrument() -> None:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.celery import CeleryInstrumentor
    from opentelemetry.instrumentation.django import DjangoInstrumentor
    from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    global _tracer
    service = os.environ.get("OTEL_SERVICE_NAME", "flightdeck")
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    _tracer = trace.get_tracer("flightdeck")
    os.environ.setdefault("OTEL_PYTHON_DJANGO_EXCLUDED_URLS", "/health,/metrics,/static/")
    DjangoInstrumentor().instrument(request_hook=_without_query)
    CeleryInstrumentor().instrument()
    PsycopgInstrumentor().instrument()  # statements with their placeholders, never the values


def _without_query(span: Any, request: Any) -> None:
    if not span.is_recording():
        return
    for name in _SAYS_THE_ADDRESS:
        if name in (span.attributes or {}):
            span.set_attribute(name, "" if name == "url.query" else hidden(request.path))


def name_request(request_id: str) -> None:
    """The span of the request that runs here, if there is one, gets the request's name."""
    if _tracer is not None:
        from opentelemetry import trace

        trace.get_current_span().set_attribute("flightdeck.request_id", request_id)


def _open_span(visit: Visit, **_: Any) -> None:
    from opentelemetry import context, trace

    step = visit.step
    span = _tracer.start_span(
        f"step {step.flow_name}.{step.name}",
        attributes={
            "flightdeck.flow": step.flow_name,
            "flightdeck.flow_id": str(step.flow_id),
            "flightdeck.step_id": str(step.pk),
            "flightdeck.key": step.key,
            "flightdeck.attempt": step.attempt,
            "flightdeck.token": step.token,
            "flightdeck.waited_seconds": visit.waited,
        },
    )
    _spans[id(visit)] = span, context.attach(trace.set_span_in_context(span))


def _close_span(visit: Visit, **_: Any) -> None:
    from opentelemetry import context, trace

    span, token = _spans.pop(id(visit))
    context.detach(token)
    span.set_attribute("flightdeck.outcome", visit.outcome)
    if visit.outcome in ("failed", "dead", "crashed"):
        span.set_status(trace.StatusCode.ERROR)
    span.end()


def _name_flow(flow: Any, **_: Any) -> None:
    from opentelemetry import trace

    trace.get_current_span().set_attribute("flightdeck.correlation_id", str(flow.correlation_id))
    trace.get_current_span().set_attribute("flightdeck.flow_id", str(flow.pk))


def _tell_call(seller: str, record: ExchangeRecord, **_: Any) -> None:
    """The span of a call that is over. Its path may hold a seller's ids, so only class and time are told."""
    from opentelemetry import trace

    from config.watching.metrics import outcome_of

    ended = time.time_ns()
    span = _tracer.start_span(
        f"seller call {record.method}",
        kind=trace.SpanKind.CLIENT,
        start_time=ended - int(record.elapsed_ms * 1_000_000),
        attributes={
            "flightdeck.seller": seller,
            "flightdeck.outcome": outcome_of(record),
            "http.request.method": record.method,
            "http.response.status_code": record.status or 0,
        },
    )
    span.end(end_time=ended)
