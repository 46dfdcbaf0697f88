"""One line per record; whose work it was can be told from each; no secret in any, and no line that a stranger made."""

from __future__ import annotations

import io
import json
import logging
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import AsyncClient, Client
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

from bookings.models import Campaign
from config.celery import app
from config.watching.logs import formatter
from config.watching.secrets import hidden
from flows import runner
from flows.fanout import as_they_finish
from flows.models import Event, Step
from flows.registry import StepKind
from tests.agency import PASSWORD
from tests.briefs import brief
from tests.driving import Desk

FORGED = "2026-01-01T00:00:00Z error flightdeck.request user=1 forged"


@pytest.fixture(autouse=True)
def _no_context() -> Iterator[None]:
    clear_contextvars()
    yield
    clear_contextvars()


@contextmanager
def lines_of(name: str, shape: str = "json") -> Iterator[Any]:
    """What a logger of the product writes, in the form in which it is written."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter(shape))
    logger = logging.getLogger(name)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)

    def lines() -> list[Any]:
        found = stream.getvalue().splitlines()
        return [json.loads(line) for line in found] if shape == "json" else found

    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def written(message: str, *args: Any, shape: str = "line", **extra: Any) -> str:
    with lines_of("flightdeck.sample", shape) as lines:
        logging.getLogger("flightdeck.sample").warning(message, *args, extra=extra)
        (line,) = lines()
    return line if isinstance(line, str) else json.dumps(line)


class TestOneRecordIsOneLine:
    @pytest.mark.parametrize("shape", ["line", "json"])
    @pytest.mark.parametrize("end", ["\n", "\r\n", "\u2028", "\x85", "\x0b"])
    def test_nobody_can_make_a_line_of_his_own(self, shape, end):
        line = written("the seller said %s", f"no{end}{FORGED}", shape=shape)
        assert "forged" in line
        assert len(line.splitlines()) == 1

    def test_a_terminal_is_not_steered(self):
        assert "\x1b" not in written("name %s", "\x1b[2J\x1b]0;gone\x07")

    def test_a_field_cannot_be_made_by_a_path(self):
        line = written("answered", path='/x" user=1 status="200')
        assert " user=1" not in line.replace(r"\" user=1", "")

    @pytest.mark.parametrize("shape", ["line", "json"])
    def test_a_traceback_stays_in_the_line(self, shape):
        with lines_of("flightdeck.sample", shape) as lines:
            try:
                raise ValueError("broken\nline")
            except ValueError:
                logging.getLogger("flightdeck.sample").exception("it failed")
            (line,) = lines()
        text = line if shape == "line" else line["exception"]
        assert "ValueError: broken" in text
        assert "test_logs.py" in text

    def test_an_endless_value_is_cut(self):
        assert len(written("x" * 1_000_000)) < 10_000

    def test_the_line_says_when_how_bad_and_who(self):
        moment, level, logger, *_, last = written("hello").split(" ")
        assert moment.endswith("Z")
        assert (level, logger, last) == ("warning", "flightdeck.sample", "hello")


class TestSecrets:
    @pytest.mark.parametrize(
        "text",
        [
            "Authorization: Bearer {s}",
            "authorization={s}",
            "{{'Authorization': 'Bearer {s}'}}",
            '{{"api_key": "{s}"}}',
            '"{{\\"password\\": \\"{s}\\"}}"',
            "X-API-Key: {s}",
            "Cookie: flightdeck={s}; csrftoken={s}",
            "password={s}&user=maya",
            "postgres://flightdeck:{s}@db/flightdeck",
            "the key fd_ab12cd34.{s} was refused",
            "Bearer {s}",
        ],
    )
    def test_what_looks_like_a_secret_is_hidden(self, text):
        secret = "s3cr3t-Value_0123456789"
        assert secret not in hidden(text.format(s=secret))

    def test_what_does_not_stays(self):
        text = "step campaign.book[line 7] of flow 12 failed: the seller asks for a secretary, token 3"
        assert hidden(text) == text

    def test_our_own_secrets_are_known_by_value(self, settings):
        for secret in (settings.SECRET_KEY, *settings.FLIGHTDECK_ENCRYPTION_KEYS):
            assert secret not in written("it is %s, I think", secret)

    def test_a_key_of_a_seller_is_known_once_it_is_used(self, desk: Desk):
        desk.planned()
        line = written("the seller echoed %s to us", desk.agent.client_key)
        assert desk.agent.client_key not in line
        assert "echoed ***" in line

    def test_a_login_leaves_nothing_in_the_logs(self, client, make_user, settings):
        user = make_user()
        with lines_of("") as lines:
            client.post("/login/?next=/x%3Ftoken=abcdefgh", {"username": user.username, "password": PASSWORD})
            client.get("/", {"api_key": "hidden-in-the-query"})
        text = json.dumps(lines())
        cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
        assert "/login/" in text
        assert not [
            secret for secret in (PASSWORD, cookie, "abcdefgh", "hidden-in-the-query") if secret in text
        ]

    def test_an_api_key_leaves_nothing_in_the_logs(self, agency, api):
        with lines_of("") as lines:
            assert api("manager").get("/api/bookings").status_code == 200
            assert Client(headers={"Authorization": "Bearer fd_wrong123.secretsecret"}).get("/api/bookings")
        text = json.dumps(lines())
        assert "/api/bookings" in text
        assert agency.keys["manager"].partition(".")[2] not in text
        assert "secretsecret" not in text


class TestRequests:
    def test_a_request_is_one_line_with_method_path_status_time_and_user(self, agency, api):
        with lines_of("flightdeck.request") as lines:
            api("manager").get("/api/bookings", {"page_size": 1})
            (line,) = lines()
        assert (line["method"], line["path"], line["status"]) == ("GET", "/api/bookings", 200)
        assert line["user"] == str(agency.person("manager").pk)
        assert line["ms"] > 0
        assert line["level"] == "info"

    def test_a_page_tells_its_user_too_and_a_stranger_has_none(self, client, agency):
        with lines_of("flightdeck.request") as lines:
            client.get("/login/")
            client.force_login(agency.person("manager"))
            client.get("/")
            stranger, manager = lines()
        assert "user" not in stranger
        assert manager["user"] == str(agency.person("manager").pk)

    def test_health_and_metrics_and_static_files_are_no_news(self, client, db):
        with lines_of("flightdeck.request") as lines:
            for path in ("/health", "/health/live", "/metrics", "/static/none.css"):
                client.get(path)
            assert {line["level"] for line in lines()} == {"debug"}

    @pytest.mark.urls("tests.config.sample_urls")
    def test_a_request_that_fails_is_a_warning(self, client, db):
        client.raise_request_exception = False
        with lines_of("flightdeck.request") as lines:
            client.get("/api/plain/bug")
            (line,) = lines()
        assert (line["status"], line["level"]) == (500, "warning")

    def test_a_name_that_the_caller_gives_is_kept_and_sent_back(self, client, db):
        with lines_of("flightdeck.request") as lines:
            answer = client.get("/login/", headers={"X-Request-ID": "desk-7:2026.11"})
            (line,) = lines()
        assert answer["X-Request-ID"] == line["request_id"] == "desk-7:2026.11"

    @pytest.mark.parametrize(
        "given", [f"x\n{FORGED}", "short", "a" * 129, "id with spaces", "ümlaut-ids", "a;b=c;d=e"]
    )
    def test_a_name_that_could_forge_is_not(self, client, db, given):
        answer = client.get("/login/", headers={"X-Request-ID": given})
        assert uuid.UUID(answer["X-Request-ID"])

    def test_one_request_leaves_nothing_to_the_next(self, client, db):
        with lines_of("flightdeck.request") as lines:
            client.get("/login/", headers={"X-Request-ID": "the-first-one"})
            client.get("/login/")
            first, second = lines()
        assert first["request_id"] != second["request_id"]
        assert get_contextvars() == {}

    async def test_the_same_holds_under_asgi(self, transactional_db):
        with lines_of("flightdeck.request") as lines:
            answer = await AsyncClient().get("/login/", headers={"X-Request-ID": "asgi-request-1"})
            (line,) = lines()
        assert answer["X-Request-ID"] == line["request_id"] == "asgi-request-1"


class TestFromTheRequestToItsSteps:
    def submit(self, desk: Desk, api: Any, request_id: str) -> Campaign:
        answer = api("manager").post(
            "/api/bookings",
            brief(),
            format="json",
            headers={"X-Request-ID": request_id, "Idempotency-Key": f"key-of-{request_id}"},
        )
        assert answer.status_code == 202, answer.content
        return Campaign.objects.get(pk=answer.json()["job_id"])

    def test_the_line_of_the_request_names_the_flow_that_it_started(self, desk: Desk, api):
        with lines_of("flightdeck.request") as lines:
            campaign = self.submit(desk, api, str(uuid.uuid4()))
            (line,) = lines()
        assert line["flow_id"] == str(campaign.pk)
        assert line["correlation_id"] == str(campaign.correlation_id)

    def test_the_flow_and_its_events_carry_the_id_of_the_request(self, desk: Desk, api):
        asked = uuid.uuid4()
        campaign = self.submit(desk, api, str(asked))
        assert campaign.correlation_id == asked
        assert set(Event.objects.values_list("correlation_id", flat=True)) >= {asked}

    def test_flows_that_no_request_starts_have_ids_of_their_own(self, desk: Desk):
        assert desk.submit().correlation_id != desk.submit().correlation_id

    def test_a_step_logs_under_the_id_of_the_request_that_caused_it(self, desk: Desk, api, monkeypatch):
        asked = uuid.uuid4()
        campaign = self.submit(desk, api, str(asked))
        step = Step.objects.get(flow_id=campaign.pk)

        def fails(work: Any) -> None:
            work.flow()
            raise RuntimeError("no luck")

        broken = StepKind("campaign", "receive", fails, None)  # type: ignore[arg-type]
        monkeypatch.setattr(runner, "find_step", lambda *_: broken)
        with lines_of("flows.runner") as lines:
            runner.run(step.pk)
            (line,) = lines()
        assert (line["flow"], line["flow_id"], line["step"]) == ("campaign", str(campaign.pk), "receive")
        assert (line["correlation_id"], line["token"], line["attempt"]) == (str(asked), 1, 0)
        assert get_contextvars() == {}

    def test_what_a_step_asks_side_by_side_is_logged_as_its_own(self):
        bind_contextvars(flow_id="the-flow")
        seen: list[dict[str, Any]] = []

        async def ask() -> None:
            seen.append(get_contextvars())

        assert all(finished.error is None for finished in as_they_finish([ask, ask], deadline=60))
        assert seen == [{"flow_id": "the-flow"}] * 2

    def test_the_doorbell_carries_the_request_to_the_worker(self):
        """Through Celery's own message: a real worker thread takes it up."""
        from celery.contrib.testing.worker import start_worker

        seen: list[dict[str, Any]] = []
        came = threading.Event()

        @app.task(name="tests.look_around")
        def look_around() -> None:
            seen.append(get_contextvars())
            came.set()

        try:
            with start_worker(
                app, pool="solo", perform_ping_check=False, queues=["tests-logs"], shutdown_timeout=60
            ):
                bind_contextvars(request_id="the-request-1")
                look_around.apply_async(queue="tests-logs")
                assert came.wait(60)
        finally:
            del app.tasks["tests.look_around"]
        assert seen == [{"request_id": "the-request-1"}]


def test_a_threads_context_ends_with_its_step(desk: Desk) -> None:
    """Worker threads live on: the next step must not be logged as this one's."""
    step = Step.objects.get(flow_id=desk.submit().pk)
    runner.run(step.pk)
    assert get_contextvars() == {}
