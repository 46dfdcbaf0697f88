"""Security check B1: nothing but health, login and static files answers a stranger.

The routes come from the resolver, so a room that is added later is covered without a change here.
"""

from __future__ import annotations

import re
import uuid

import pytest
from django.test import Client
from django.urls import get_resolver

from config.api_root import walk

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
# /metrics answers this machine, as which the test client comes; tests/config/test_metrics.py tries the others.
OPEN = re.compile(r"(health|health/live|health/ready|metrics|login/|static/.*)\Z")
SAMPLES = {"uuid": str(uuid.UUID(int=7)), "int": "7", "slug": "thing", "path": "a/b", "str": "thing"}


def sample_of(route: str) -> str:
    """A concrete path for a route; regular expressions lose their marks and groups become a word."""
    route = re.sub(r"<(?:(\w+):)?\w+>", lambda found: SAMPLES.get(found[1] or "str", "7"), route)
    route = re.sub(r"\(\?P<\w+>(?:[^()]|\([^()]*\))*\)", "thing", route)
    return re.sub(r"[\^$\\]|\.\*|\(\?:|\)", "", route)


def every_path() -> list[str]:
    routes = (prefix + str(pattern.pattern) for prefix, pattern in walk(get_resolver().url_patterns))
    return sorted({"/" + sample_of(route) for route in routes})


@pytest.fixture(scope="module")
def paths() -> list[str]:
    return every_path()


def test_the_walk_finds_the_rooms(paths):
    assert {"/login/", "/health", "/api/bookings", "/admin/accounts/user/"} <= set(paths)
    assert len(paths) > 40


@pytest.mark.django_db
@pytest.mark.parametrize("method", METHODS)
def test_a_stranger_gets_no_2xx(paths, method):
    client = Client(raise_request_exception=False)
    closed = [path for path in paths if not OPEN.match(path.lstrip("/"))]
    answers = {path: client.generic(method, path, b"{}", "application/json") for path in closed}
    assert {path: got.status_code for path, got in answers.items() if 200 <= got.status_code < 300} == {}
    assert {path: got.status_code for path, got in answers.items() if got.status_code >= 500} == {}
    elsewhere = {path: got["Location"] for path, got in answers.items() if got.has_header("Location")}
    assert all(where.startswith(("/login/", "/admin/", "/api/", "/")) for where in elsewhere.values())


@pytest.mark.django_db
@pytest.mark.parametrize("method", METHODS[:-1])
def test_a_stranger_is_told_in_json_under_api(paths, method):
    client = Client(raise_request_exception=False)
    for path in (path for path in paths if path.startswith("/api/")):
        answer = client.generic(method, path, b"{}", "application/json")
        assert answer.status_code in (401, 404, 405), path
        assert answer["Content-Type"] == "application/problem+json", path
        if answer.status_code == 401:
            assert answer["WWW-Authenticate"].startswith("Bearer"), path


@pytest.mark.django_db
def test_redirects_of_strangers_lead_to_the_login_page(paths):
    client = Client(raise_request_exception=False)
    for path in paths:
        if path.startswith(("/api/", "/static/")) or OPEN.match(path.lstrip("/")):
            continue
        answer = client.get(path, follow=True)
        landed = answer.redirect_chain[-1][0] if answer.redirect_chain else path
        assert answer.status_code in (401, 403, 404, 405) or landed.startswith("/login/"), (
            path,
            answer.status_code,
        )
