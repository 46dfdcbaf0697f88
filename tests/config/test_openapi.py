"""The OpenAPI document: complete, current in the repository, and true of what the API answers."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
import yaml
from django.conf import settings as django_settings
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient
from rest_framework.throttling import UserRateThrottle
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from config.api_root import endpoints
from config.wsgi import application
from sellers.models import Seller
from sellers.search_api import SearchThrottle
from tests.agency import Agency
from tests.plans import waiting_campaign

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# What is refused does not depend on the database: with the distributed servers fewer are made up.
EXAMPLES = 4 if os.environ.get("DATABASE_URL") else 12


def generated() -> str:
    text = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=text)
    return text.getvalue()


def test_the_committed_document_is_current() -> None:
    committed = (django_settings.BASE_DIR / "docs/openapi.yaml").read_text()
    assert generated() == committed, "run: make schema"


def test_every_route_is_described(client: Client, agency: Agency) -> None:
    described = set(yaml.safe_load(generated())["paths"])
    client.force_login(agency.person("manager"))
    listed = {url.removeprefix("http://testserver") for url in client.get("/api/").json().values()}
    assert listed - {"/api/schema/", "/api/docs/"} <= described
    assert {"/health", "/health/live", "/health/ready"} <= described
    assert endpoints


def test_every_operation_names_its_problems() -> None:
    document = yaml.safe_load(generated())
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if path.startswith("/api/"):
                statuses = set(operation["responses"])
                assert statuses >= {"400", "401", "403", "406", "429"}, (method, path)
                assert ("404" in statuses) == ("{" in path)
                assert operation["security"], "a key or a session is needed"
    schema = document["components"]["responses"]["Problem409"]["content"]["application/problem+json"][
        "schema"
    ]
    assert schema == {"$ref": "#/components/schemas/Problem"}


def test_operation_ids_are_unique() -> None:
    document = yaml.safe_load(generated())
    ids = [one["operationId"] for operations in document["paths"].values() for one in operations.values()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("query", "accept", "content_type"),
    [
        ("", "*/*", "application/vnd.oai.openapi"),
        ("?format=json", "*/*", "application/vnd.oai.openapi+json"),
        ("", "application/json", "application/json"),
    ],
)
def test_the_schema_is_served(
    client: Client, agency: Agency, query: str, accept: str, content_type: str
) -> None:
    client.force_login(agency.person("approver"))
    answer = client.get(f"/api/schema/{query}", headers={"accept": accept})
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith(content_type)
    assert yaml.safe_load(answer.content)["openapi"] == "3.1.0"


def test_the_docs_page_needs_a_login_and_loads_nothing_from_elsewhere(client: Client, agency: Agency) -> None:
    assert client.get("/api/docs/").status_code == 401
    client.force_login(agency.person("manager"))
    answer = client.get("/api/docs/", headers={"accept": "text/html"})
    assert answer.status_code == 200
    page = answer.content.decode()
    loaded = re.findall(r"""<(?:script|link|img)[^>]+(?:src|href)=["']([^"']+)""", page)
    assert len(loaded) >= 3
    assert all(url.startswith("/static/") for url in loaded), loaded
    assert all(finders.find(url.removeprefix("/static/")) for url in loaded)
    assert not re.findall(r"https?://(?!testserver)[\w.-]+", page)
    assert "default-src 'self'" in answer["Content-Security-Policy"]


# --- the API keeps to the document: requests made up from it --------------------------------------------------


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UserRateThrottle, "THROTTLE_RATES", {"user": "1000000/min"})
    monkeypatch.setattr(SearchThrottle, "rate", "1000000/min")


def operations(agency: Agency, part: str) -> Iterator[Any]:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {agency.keys['manager']}")
    document = client.get("/api/schema/", HTTP_ACCEPT="application/json").json()
    document["paths"] = {path: item for path, item in document["paths"].items() if path.startswith(part)}
    schema = schemathesis.openapi.from_dict(document)
    schema.app = application
    for found in schema.get_all_operations():
        yield found.ok()


@pytest.mark.parametrize("mode", [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE])
@pytest.mark.parametrize(("role", "part"), [("manager", "/api/"), ("ops", "/api/sellers")])
def test_made_up_requests_get_documented_answers(
    agency: Agency, patience: None, role: str, part: str, mode: Any
) -> None:
    headers = {"Authorization": f"Bearer {agency.keys[role]}"}
    negative = mode == schemathesis.GenerationMode.NEGATIVE
    checks = [*CHECKS, negative_data_rejection] if negative else CHECKS
    statuses: list[int] = []
    for operation in operations(agency, part):
        campaign = waiting_campaign(agency)
        Seller.objects.update(enabled=False)  # nobody out there is to be called
        answered = ask(operation, mode, headers, checks, str(campaign.pk))
        assert answered, f"nothing was made up for {operation.label}"
        statuses += answered
    assert set(statuses) & {400, 404}
    assert negative or set(statuses) & {200, 202}


def ask(operation: Any, mode: Any, headers: dict[str, str], checks: list[Any], job_id: str) -> list[int]:
    """Requests made up for one operation, about half of them for a campaign that exists. Returns the statuses."""
    statuses = []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), real=st.booleans())
    def run(case: Any, real: bool) -> None:
        if real and "job_id" in (case.path_parameters or {}) and mode == schemathesis.GenerationMode.POSITIVE:
            case.path_parameters["job_id"] = job_id
        answer = case.call(headers=headers)
        statuses.append(answer.status_code)
        case.validate_response(answer, checks=checks)

    run()
    return statuses
