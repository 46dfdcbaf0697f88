"""Traces and error reports, as a collector on loopback receives them from the product in a process of its own."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from config.watching.reports import scrubbed
from tests.config.watched_words import SELLERS_WORDS
from tests.lanes.distributed import servers

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Collector:
    """Takes whatever is posted to it."""

    url: str = ""
    received: list[tuple[str, bytes]] = field(default_factory=list)

    def spans(self) -> list[dict[str, Any]]:
        found = []
        for path, body in self.received:
            assert path == "/v1/traces"
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                found += [_span(span) for scope in resource.scope_spans for span in scope.spans]
        return found

    def events(self) -> list[dict[str, Any]]:
        """Of Sentry: an envelope is lines of JSON, a header, then each item behind its own header."""
        envelopes = [body.split(b"\n") for _, body in self.received]
        return [
            json.loads(lines[n + 1])
            for lines in envelopes
            for n, line in enumerate(lines)
            if b'"type":"event"' in line.replace(b" ", b"") and n + 1 < len(lines)
        ]


def _span(span: Any) -> dict[str, Any]:
    attributes = {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in span.attributes}
    return {
        "name": span.name,
        "trace": span.trace_id.hex(),
        "id": span.span_id.hex(),
        "parent": span.parent_span_id.hex(),
        "attributes": attributes,
    }


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()

    class Take(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            packed = self.headers.get("Content-Encoding") == "gzip"
            collector.received.append((self.path, gzip.decompress(body) if packed else body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
    collector.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()


def product(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs it to its end; embedded, whatever lane this test runs in."""
    given = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "FLIGHTDECK_VAR": str(folder),
        "DATABASE_URL": "",
        "REDIS_URL": "",
        **environment,
    }
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=given, capture_output=True, text=True, timeout=110
    )


def told(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], list[dict[str, Any]], bytes]:
    """One brief, planned on PostgreSQL: what happened, its spans, and all bytes that left."""
    folder = tmp_path_factory.mktemp("traced")
    with servers() as (postgres, _), collecting() as collector:
        done = product(
            folder,
            *("-m", "tests.config.watched_product", "trace", str(folder)),
            DATABASE_URL=postgres.url(),
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_BSP_MAX_QUEUE_SIZE="100000",
        )
        happened = told(done)
    return happened, collector.spans(), b"".join(body for _, body in collector.received)


def named(spans: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [span for span in spans if span["name"] == name]


class TestTraces:
    def test_a_step_is_a_span_that_names_its_flow(self, traced):
        happened, spans, _ = traced
        assert happened["status"] == "awaiting_approval"
        (span,) = named(spans, "step campaign.receive")
        assert span["attributes"]["flightdeck.flow_id"] == happened["campaign"]
        assert span["attributes"]["flightdeck.correlation_id"] == happened["correlation"]
        assert span["attributes"]["flightdeck.outcome"] == "done"

    def test_the_step_hangs_below_the_request_that_rang_for_it(self, traced):
        happened, spans, _ = traced
        (request,) = [s for s in spans if s["attributes"].get("flightdeck.request_id") == happened["request"]]
        (step,) = named(spans, "step campaign.receive")
        assert step["trace"] == request["trace"]
        parents = {span["id"]: span["parent"] for span in spans}
        above = step["parent"]
        while above and above != request["id"]:
            above = parents[above]
        assert above == request["id"]

    def test_statements_are_spans_without_their_values(self, traced):
        _, spans, _ = traced
        statements = [str(s["attributes"].get("db.statement", "")) for s in spans]
        assert any("UPDATE" in statement and "flows_step" in statement for statement in statements)
        assert any("%s" in statement for statement in statements)

    def test_calls_to_sellers_are_spans_by_seller_and_class(self, traced):
        _, spans, _ = traced
        calls = [span["attributes"] for span in spans if span["name"].startswith("seller call")]
        assert {call["flightdeck.seller"] for call in calls} == {"agent", "direct"}
        assert "ok" in {call["flightdeck.outcome"] for call in calls}

    def test_they_hang_below_the_step_that_made_them(self, traced):
        _, spans, _ = traced
        steps = {span["id"] for span in spans if span["name"] == "step campaign.research"}
        assert any(s["parent"] in steps for s in spans if s["name"].startswith("seller call"))

    def test_neither_keys_nor_queries_leave(self, traced):
        happened, _, everything = traced
        assert happened["secret"].encode() not in everything
        assert b"in-the-query" not in everything


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], list[dict[str, Any]], bytes]:
    """A step that fails with a seller's words in its message."""
    folder = tmp_path_factory.mktemp("reported")
    with collecting() as collector:
        dsn = collector.url.replace("http://", "http://publickey12345@") + "/42"
        happened = told(
            product(
                folder,
                "-m",
                "tests.config.watched_product",
                "fail",
                str(folder),
                SENTRY_DSN=dsn,
                SENTRY_DEBUG="",
            )
        )
    return happened, collector.events(), b"".join(body for _, body in collector.received)


class TestReports:
    def test_a_failing_step_is_reported_by_type_place_and_id(self, reported):
        happened, events, _ = reported
        mine = [e for e in events if e["tags"].get("flow_id") == happened["campaign"]]
        assert mine
        (failure,) = mine[0]["exception"]["values"]
        assert failure["type"] == "RuntimeError"
        assert failure["stacktrace"]["frames"][-1]["function"] == "receive"
        assert mine[0]["tags"]["correlation_id"] == happened["correlation"]
        assert mine[0]["tags"]["step"] == "receive"

    def test_no_word_of_a_seller_no_key_no_header_and_no_body_leaves(self, reported):
        happened, events, everything = reported
        assert events
        assert SELLERS_WORDS.encode() not in everything
        assert happened["secret"].encode() not in everything
        assert b"in-the-query" not in everything
        for event in events:
            assert not {"request", "breadcrumbs", "extra", "user", "contexts", "modules"} & set(event)


def test_a_report_keeps_only_what_is_known_to_be_harmless() -> None:
    """Whatever the library adds one day stays at home."""
    event = {
        "event_id": "1",
        "level": "error",
        "request": {"headers": {"Cookie": "x"}, "data": "body", "query_string": "key=1"},
        "user": {"email": "maya@agency.example"},
        "extra": {"offer": SELLERS_WORDS},
        "logentry": {"message": "step %s failed", "params": [SELLERS_WORDS], "formatted": SELLERS_WORDS},
        "exception": {
            "values": [
                {
                    "type": "ValueError",
                    "value": SELLERS_WORDS,
                    "stacktrace": {"frames": [{"function": "book", "lineno": 1, "vars": {"key": "k"}}]},
                }
            ]
        },
        "something_new": SELLERS_WORDS,
    }
    kept = scrubbed(event)
    assert kept["event_id"] == "1"
    assert kept["logentry"] == {"message": "step %s failed"}
    assert kept["exception"]["values"][0]["stacktrace"]["frames"] == [{"function": "book", "lineno": 1}]
    assert SELLERS_WORDS not in json.dumps(kept)
    assert "maya" not in json.dumps(kept)
    assert "body" not in json.dumps(kept)


ALIVE = (
    "import sys; sys.modules[{package!r}] = None\n"
    "import django; django.setup()\n"
    "from django.test import Client\n"
    "print(Client().get('/health/live').status_code)"
)


class TestNotInstalled:
    @pytest.mark.parametrize(
        ("package", "switch", "says"),
        [
            ("opentelemetry", "OTEL_EXPORTER_OTLP_ENDPOINT", "tracing is off"),
            ("opentelemetry.instrumentation.psycopg", "OTEL_EXPORTER_OTLP_ENDPOINT", "tracing is off"),
            ("sentry_sdk", "SENTRY_DSN", "error reports are off"),
        ],
    )
    def test_it_is_said_and_the_product_goes_on(self, tmp_path, package, switch, says):
        with collecting() as collector:
            dsn = collector.url.replace("http://", "http://publickey12345@") + "/42"
            done = product(tmp_path, "-c", ALIVE.format(package=package), **{switch: dsn})
            assert not collector.received
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == "200"
        assert says in done.stderr
        assert "requirements-observe.txt" in done.stderr

    def test_not_asked_for_they_are_not_even_imported(self, tmp_path):
        code = (
            "import sys, django; django.setup()\n"
            "ours = ('opentelemetry.exporter', 'opentelemetry.instrumentation', 'sentry_sdk')\n"
            "print([name for name in sys.modules if name.startswith(ours)])"
        )
        done = product(tmp_path, "-c", code, OTEL_EXPORTER_OTLP_ENDPOINT="", SENTRY_DSN="")
        assert done.stdout.strip() == "[]", done.stderr
