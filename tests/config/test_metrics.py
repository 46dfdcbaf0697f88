"""What Prometheus is told, and whom. Counts are read as differences: a process counts from its start."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.db import DatabaseError
from django.test import Client
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from bookings.discrepancies import Discrepancy, DiscrepancyKind
from config.watching import database, worker_port
from config.watching.exposition import database_gauges
from config.watching.metrics import outcome_of
from flows import runner, steps, sweeping, watch
from flows.clock import now
from flows.models import Claim, Step
from flows.states import ClaimState, StepState
from sellers.exchange import ExchangeRecord
from sellers.models import SellerOutage
from tests.driving import Desk
from tests.websocket import WebsocketCommunicator

TOKEN = "a-token-of-sixteen"
ROOT = Path(__file__).resolve().parent.parent.parent

Numbers = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(autouse=True)
def _ask_anew() -> Iterator[None]:
    database_gauges.forget()
    yield
    database_gauges.forget()


def scrape(client: Client, **headers: str) -> Numbers:
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    return numbers(answer.content.decode())


def numbers(text: str) -> Numbers:
    families = text_string_to_metric_families(text)
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(found: Numbers, name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.fixture
def more() -> Callable[..., float]:
    """By how much a count has grown since the first question about it."""
    seen: dict[Any, float] = {}

    def grown(name: str, **labels: str) -> float:
        key = (name, frozenset(labels.items()))
        start = seen.setdefault(key, counted(name, **labels))
        return counted(name, **labels) - start

    return grown


class TestWhoMayRead:
    def test_this_machine_where_no_token_is_set(self, client, db):
        assert client.get("/metrics").status_code == 200

    @pytest.mark.parametrize("address", ["10.1.2.3", "2001:db8::1", "", "unix:"])
    def test_nobody_else_where_no_token_is_set(self, client, db, address):
        assert client.get("/metrics", REMOTE_ADDR=address).status_code == 403

    def test_nobody_behind_a_proxy_where_no_token_is_set(self, client, db, settings):
        settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
        assert client.get("/metrics").status_code == 403

    @pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
    def test_a_request_that_went_through_a_proxy_is_not_of_this_machine(self, client, db, header):
        assert client.get("/metrics", headers={header: "127.0.0.1"}).status_code == 403

    @pytest.mark.parametrize(
        "given", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer \u00e9"]
    )
    def test_with_a_token_set_only_its_bearer_even_on_this_machine(self, client, db, settings, given):
        settings.FLIGHTDECK_METRICS_TOKEN = TOKEN
        answer = client.get("/metrics", headers={"Authorization": given})
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Bearer")

    def test_the_token_opens_from_anywhere(self, client, db, settings):
        settings.FLIGHTDECK_METRICS_TOKEN = TOKEN
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, REMOTE_ADDR="10.1.2.3")
        assert answer.status_code == 200

    def test_it_is_only_read(self, client, db):
        assert client.post("/metrics").status_code == 405


class TestTheDatabase:
    def test_an_empty_product_is_all_zeros_and_never_beaten(self, client, db):
        found = scrape(client)
        assert value(found, "flightdeck_database_up") == 1
        assert value(found, "flightdeck_due_lag_seconds") == 0
        assert value(found, "flightdeck_unsettled_claims", state="unknown") == 0
        assert value(found, "flightdeck_campaigns", status="researching") == 0
        assert value(found, "flightdeck_heartbeat_age_seconds") == float("inf")

    def test_steps_campaigns_and_approvals_are_counted(self, client, desk: Desk):
        desk.planned()
        desk.submit()
        found = scrape(client)
        waiting = value(found, "flightdeck_steps", flow="campaign", step="receive", state="pending")
        assert waiting == 1
        assert value(found, "flightdeck_campaigns", status="awaiting_approval") == 1
        assert value(found, "flightdeck_campaigns", status="initialized") == 1
        assert value(found, "flightdeck_campaigns_over", status="completed") == 0
        assert value(found, "flightdeck_open_approvals") == 1

    def test_a_step_that_is_due_and_not_claimed_is_a_lag(self, client, transactional_db):
        made = make_step(not_before=now() - dt.timedelta(seconds=40))
        lag = value(scrape(client), "flightdeck_due_lag_seconds")
        assert 40 <= lag < 400
        Step.objects.filter(pk=made.pk).update(not_before=now() + dt.timedelta(hours=1))
        database_gauges.forget()
        assert value(scrape(client), "flightdeck_due_lag_seconds") == 0

    def test_dead_and_abandoned_steps_are_counted(self, client, transactional_db):
        make_step(state=StepState.DEAD)
        make_step(state=StepState.RUNNING, lease_until=now() - dt.timedelta(seconds=1))
        make_step(state=StepState.RUNNING, lease_until=now() + dt.timedelta(hours=1))
        found = scrape(client)
        assert value(found, "flightdeck_dead_steps") == 1
        assert value(found, "flightdeck_abandoned_steps") == 1

    def test_unknown_outcomes_are_counted_with_the_age_of_the_oldest(self, client, transactional_db):
        make_claim(ClaimState.UNKNOWN, minutes_ago=10)
        make_claim(ClaimState.UNKNOWN, minutes_ago=3)
        make_claim(ClaimState.DONE, minutes_ago=60)
        found = scrape(client)
        assert value(found, "flightdeck_unsettled_claims", state="unknown") == 2
        assert 600 <= value(found, "flightdeck_oldest_claim_seconds", state="unknown") < 1000
        assert not [labels for name, labels in found if ("state", "done") in labels]

    def test_a_seller_that_is_out_is_told_with_how_long(self, client, desk: Desk):
        SellerOutage.objects.create(
            seller=desk.seller("agent"),
            began_at=now() - dt.timedelta(minutes=5),
            reason="connect",
            calls_failed=5,
        )
        found = scrape(client)
        assert value(found, "flightdeck_seller_outage_seconds", seller="agent") >= 300
        assert ("flightdeck_seller_outage_seconds", frozenset({("seller", "direct")})) not in found

    def test_open_differences_are_counted_by_kind(self, client, desk: Desk):
        for reference, closed_at in (("deal-1", None), ("deal-2", now())):
            Discrepancy.objects.create(
                seller=desk.seller("agent"),
                kind=DiscrepancyKind.MISSING,
                reference=reference,
                summary="gone",
                opened_at=now(),
                seen_at=now(),
                closed_at=closed_at,
            )
        assert value(scrape(client), "flightdeck_discrepancies", kind="missing") == 1

    def test_two_scrapes_at_once_cost_one_look(self, client, db, django_assert_num_queries):
        scrape(client)
        with django_assert_num_queries(0):
            scrape(client)

    def test_a_database_that_is_down_is_said_and_not_guessed(self, client, db, monkeypatch):
        def down() -> None:
            raise DatabaseError

        monkeypatch.setattr(database.gauges, "open_steps", down)
        found = scrape(client)
        assert value(found, "flightdeck_database_up") == 0
        assert not [name for name, _ in found if name.startswith("flightdeck_campaigns")]


class TestSteps:
    def test_a_flow_counts_each_step_with_its_times(self, desk: Desk, more):
        more("flightdeck_step_outcomes_total", step="campaign.allocate", outcome="done")
        more("flightdeck_step_wait_seconds_count", step="campaign.allocate")
        more("flightdeck_step_run_seconds_count", step="campaign.allocate")
        desk.planned()
        assert more("flightdeck_step_outcomes_total", step="campaign.allocate", outcome="done") == 1
        assert more("flightdeck_step_wait_seconds_count", step="campaign.allocate") == 1
        assert more("flightdeck_step_run_seconds_count", step="campaign.allocate") == 1

    def test_the_wait_is_the_time_from_due_to_claimed(self, desk: Desk, more):
        campaign = desk.submit()
        Step.objects.filter(flow_id=campaign.pk).update(not_before=now() - dt.timedelta(seconds=30))
        more("flightdeck_step_wait_seconds_sum", step="campaign.receive")
        runner.run(Step.objects.get(flow_id=campaign.pk).pk)
        assert more("flightdeck_step_wait_seconds_sum", step="campaign.receive") >= 30

    def test_failures_and_deaths_are_told_apart(self, desk: Desk, settings, more):
        settings.FLIGHTDECK_STEP_ATTEMPTS = 2
        campaign = desk.submit()
        campaign.brief = {"broken": True}
        campaign.save()
        step = Step.objects.get(flow_id=campaign.pk)
        more("flightdeck_step_outcomes_total", step="campaign.receive", outcome="failed")
        more("flightdeck_step_outcomes_total", step="campaign.receive", outcome="dead")
        for _ in range(2):
            Step.objects.filter(pk=step.pk).update(not_before=now())
            runner.run(step.pk)
        assert more("flightdeck_step_outcomes_total", step="campaign.receive", outcome="failed") == 1
        assert more("flightdeck_step_outcomes_total", step="campaign.receive", outcome="dead") == 1

    def test_a_step_taken_from_a_dead_worker_is_a_takeover(self, desk: Desk, more):
        step = Step.objects.get(flow_id=desk.submit().pk)
        assert steps.claim(step.pk) is not None
        Step.objects.filter(pk=step.pk).update(lease_until=now() - dt.timedelta(seconds=1))
        more("flightdeck_step_takeovers_total", step="campaign.receive")
        runner.run(step.pk)
        assert more("flightdeck_step_takeovers_total", step="campaign.receive") == 1

    def test_a_step_that_no_code_knows_makes_no_label_of_its_own(self, transactional_db, desk: Desk):
        made = make_step(name=f"invented-{uuid.uuid4().hex}", flow_id=desk.submit().pk)
        runner.run(made.pk)
        assert made.name not in exposed()

    def test_a_listener_that_raises_hurts_no_step(self, desk: Desk):
        def hostile(**_: Any) -> None:
            raise RuntimeError("the listener fell over")

        for signal in (watch.step_claimed, watch.step_finished, watch.flow_seen, watch.swept):
            signal.connect(hostile)
        try:
            sweeping.sweep()
            assert desk.planned().status == "awaiting_approval"
        finally:
            for signal in (watch.step_claimed, watch.step_finished, watch.flow_seen, watch.swept):
                signal.disconnect(hostile)

    def test_a_sweep_says_how_many_it_rang_for(self, desk: Desk, more):
        sweeping.sweep()  # the heartbeat has been rung for
        more("flightdeck_sweeps_total")
        more("flightdeck_sweep_rung_steps_total")
        desk.submit()
        sweeping.sweep()
        assert more("flightdeck_sweeps_total") == 1
        assert more("flightdeck_sweep_rung_steps_total") == 1


class TestSellers:
    def test_calls_are_counted_by_seller_and_class(self, desk: Desk, more):
        for seller in ("agent", "direct"):
            more("flightdeck_seller_calls_total", seller=seller, outcome="ok")
            more("flightdeck_seller_call_seconds_count", seller=seller)
        desk.planned()
        for seller in ("agent", "direct"):
            assert more("flightdeck_seller_calls_total", seller=seller, outcome="ok") >= 1
            assert more("flightdeck_seller_call_seconds_count", seller=seller) >= 1

    @pytest.mark.parametrize(
        ("said", "outcome"),
        [
            ({"status": 200}, "ok"),
            ({"status": 200, "error": "not JSON"}, "unreadable"),
            ({"status": 404}, "refused"),
            ({"status": 429}, "throttled"),
            ({"status": 503}, "error"),
            ({"error": "deadline", "sent": True}, "timeout"),
            ({"error": "deadline", "sent": False}, "not_sent"),
            ({"error": "connect", "sent": False}, "not_sent"),
            ({"error": "circuit_open", "sent": False}, "held_back"),
            ({"error": "busy_here", "sent": False}, "held_back"),
            ({"error": "reset", "sent": True}, "broken"),
            ({"error": "cancelled", "sent": True}, "cancelled"),
        ],
    )
    def test_a_call_belongs_to_one_class(self, said, outcome):
        record = ExchangeRecord("GET", "/x", {}, "", "", now(), 1.0, **said)
        assert outcome_of(record) == outcome


class TestRequests:
    def test_a_route_is_counted_by_name_and_never_by_path(self, api, agency, more):
        secret = uuid.uuid4()
        labels = {"route": "api-booking", "method": "GET", "status": "404"}
        more("flightdeck_http_requests_total", **labels)
        assert api("manager").get(f"/api/bookings/{secret}").status_code == 404
        assert more("flightdeck_http_requests_total", **labels) == 1
        assert str(secret) not in exposed()

    def test_what_strangers_make_up_shares_one_label(self, client, db, more):
        more("flightdeck_http_requests_total", route="none", method="other", status="404")
        for n in range(3):
            client.generic(f"BREW{n}", f"/coffee/{n}")
        assert more("flightdeck_http_requests_total", route="none", method="other", status="404") == 3
        assert "BREW" not in exposed()
        assert "coffee" not in exposed()

    def test_an_answer_given_again_is_counted(self, desk: Desk, api, more):
        campaign = desk.planned()
        found = {"route": "api-approve-all"}
        more("flightdeck_idempotency_replays_total", **found)
        path = f"/api/bookings/{campaign.pk}/approve-all"
        client = api("approver")
        for _ in range(2):
            answer = client.post(path, {}, format="json", headers={"Idempotency-Key": "the-same-key-twice"})
            assert answer.status_code == 202, answer.content
        assert more("flightdeck_idempotency_replays_total", **found) == 1


async def test_sockets_are_counted_while_they_are_open(agency: Any, more: Any) -> None:
    from asgiref.sync import sync_to_async

    from config.asgi import application
    from tests.plans import waiting_campaign

    def prepare() -> tuple[Any, str]:
        client = Client()
        client.force_login(agency.person("manager"))
        return waiting_campaign(agency), client.cookies[project_settings.SESSION_COOKIE_NAME].value

    campaign, session = await sync_to_async(prepare)()
    cookie = f"{project_settings.SESSION_COOKIE_NAME}={session}".encode()
    headers = [(b"host", b"testserver"), (b"origin", b"http://testserver"), (b"cookie", cookie)]
    more("flightdeck_sockets_open")
    more("flightdeck_socket_messages_total")
    socket = WebsocketCommunicator(application, f"/ws/subjects/campaign/{campaign.pk}/", headers=headers)
    assert (await socket.connect())[0]
    await socket.receive_json_from(timeout=20)
    assert more("flightdeck_sockets_open") == 1
    await socket.disconnect()
    assert more("flightdeck_sockets_open") == 0
    assert more("flightdeck_socket_messages_total") >= 1


class TestManyProcesses:
    """Each in a process of its own: whether prometheus_client shares is settled when it is imported."""

    COUNT = (
        "import django; django.setup(); from config.watching.metrics import SWEEPS, SOCKETS_OPEN, STEP_RUN;"
        "SWEEPS.inc(3); SOCKETS_OPEN.inc(2); STEP_RUN.labels('campaign.receive').observe(0.2)"
    )
    READ = (
        "import django; django.setup(); from config.watching import processes;"
        "print(processes.exposition().decode())"
    )

    def process(self, code: str, folder: Path) -> str:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics"),
            "FLIGHTDECK_VAR": str(folder),
        }
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def test_what_gone_processes_counted_stays_and_what_they_had_open_goes(self, tmp_path):
        for _ in range(2):
            self.process(self.COUNT, tmp_path)
        for _ in range(2):  # the second reads what the first has folded
            found = numbers(self.process(self.READ, tmp_path))
            assert value(found, "flightdeck_sweeps_total") == 6
            assert value(found, "flightdeck_step_run_seconds_count", step="campaign.receive") == 2
            assert value(found, "flightdeck_step_run_seconds_bucket", step="campaign.receive", le="0.25") == 2
            assert value(found, "flightdeck_step_run_seconds_bucket", step="campaign.receive", le="0.1") == 0
            assert ("flightdeck_sockets_open", frozenset()) not in found or (
                value(found, "flightdeck_sockets_open") == 0
            )
        left = sorted(path.name for path in (tmp_path / "metrics").glob("*_gone.db"))
        assert left == ["counter_gone.db", "histogram_gone.db"]


class TestThePortOfAWorker:
    @pytest.fixture
    def port(self, settings) -> Iterator[int]:
        settings.FLIGHTDECK_METRICS_ADDRESS = "127.0.0.1:0"
        server = worker_port.start()
        assert server is not None
        yield server.server_address[1]
        server.shutdown()
        server.server_close()

    def get(self, port: int, path: str = "/metrics", **headers: str) -> tuple[int, str]:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, ""

    def test_it_tells_what_the_process_counted_and_leaves_the_database_to_the_pages(self, port):
        status, text = self.get(port)
        assert status == 200
        assert "flightdeck_sweeps_total" in text
        assert "flightdeck_database_up" not in text

    def test_it_is_guarded_like_the_pages(self, port, settings):
        settings.FLIGHTDECK_METRICS_TOKEN = TOKEN
        assert self.get(port)[0] == 401
        assert self.get(port, Authorization=f"Bearer {TOKEN}")[0] == 200

    def test_it_has_nothing_else(self, port):
        assert self.get(port, "/health")[0] == 404

    def test_a_taken_port_hurts_no_worker(self, port, settings, caplog):
        settings.FLIGHTDECK_METRICS_ADDRESS = f"127.0.0.1:{port}"
        assert worker_port.start() is None
        assert "no metrics at" in caplog.text


def exposed() -> str:
    from config.watching import processes

    return processes.exposition().decode()


def make_step(**fields: Any) -> Step:
    given = {"flow_name": "campaign", "flow_id": uuid.uuid4(), "name": "receive", "not_before": now()}
    return Step.objects.create(**{**given, **fields})


def make_claim(state: ClaimState, *, minutes_ago: float) -> Claim:
    claim = Claim.objects.create(
        flow_name="campaign",
        flow_id=uuid.uuid4(),
        subject_id=uuid.uuid4(),
        kind="book",
        target="agent",
        key=uuid.uuid4().hex,
        payload_hash="0" * 64,
        state=state,
        stop_checks_at=now(),
    )
    Claim.objects.filter(pk=claim.pk).update(created_at=now() - dt.timedelta(minutes=minutes_ago))
    return claim
