"""While the database is away, people and machines are asked to come again; nobody sees a 500 for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import AbstractBaseUser
from django.db import InterfaceError, OperationalError, ProgrammingError, connection
from django.template.loader import render_to_string
from django.test import Client


@contextmanager
def database_answers_with(error: Exception) -> Iterator[None]:
    def refuse(*_: Any) -> None:
        raise error

    with connection.execute_wrapper(refuse):
        yield


AWAY = [
    OperationalError("server closed the connection unexpectedly"),
    OperationalError("couldn't get a connection after 5.00 sec"),
    InterfaceError("connection already closed"),
]


@pytest.fixture
def visitor(make_user: Callable[..., AbstractBaseUser]) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(make_user())
    return client


@pytest.mark.parametrize("error", AWAY, ids=str)
def test_a_page_says_that_it_will_be_back(visitor: Client, error: Exception) -> None:
    with database_answers_with(error):
        answer = visitor.get("/campaigns/")
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert "Back in a moment" in answer.content.decode()
    assert str(error) not in answer.content.decode()
    assert answer["X-Request-ID"]


@pytest.mark.parametrize("error", AWAY, ids=str)
def test_the_api_answers_with_a_problem(token_for: Any, make_user: Any, error: Exception) -> None:
    key = {"Authorization": f"Bearer {token_for(make_user())}"}
    client = Client(raise_request_exception=False, headers=key)
    with database_answers_with(error):
        answer = client.get("/api/bookings")
    assert answer.status_code == 503
    assert answer["Content-Type"] == "application/problem+json"
    assert int(answer["Retry-After"]) > 0
    body = answer.json()
    assert (body["code"], body["status"]) == ("unavailable", 503)
    assert body["request_id"] == answer["X-Request-ID"]
    assert str(error) not in answer.content.decode()


def test_the_api_with_a_session_too(visitor: Client) -> None:
    """The session is read before any view of the API runs."""
    with database_answers_with(AWAY[0]):
        answer = visitor.get("/api/bookings")
    assert answer.status_code == 503
    assert answer["Retry-After"]
    assert answer.json()["code"] == "unavailable"


def test_a_fault_of_ours_is_still_a_500(visitor: Client) -> None:
    with database_answers_with(ProgrammingError("column does not exist")):
        answer = visitor.get("/campaigns/")
    assert answer.status_code == 500
    assert "Something broke on our side" in answer.content.decode()
    assert "column" not in answer.content.decode()


@pytest.mark.parametrize("page", ["500.html", "503.html"])
def test_a_server_in_trouble_can_still_draw_its_pages(page: str, monkeypatch: Any, settings: Any) -> None:
    """No database (this test has none), no context processor, no list of collected files, no reference."""
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": "nowhere.ToBeFound"}}
    monkeypatch.setattr("config.navigation.navigation", None)
    shown = render_to_string(page, {})
    assert shown.startswith("<!doctype html>")
    assert "<h1" in shown
    assert "Reference" not in shown


def test_a_process_that_only_lives_needs_no_database(client: Client, db: None) -> None:
    with database_answers_with(AWAY[0]):
        assert client.get("/health/live").status_code == 200
        assert client.get("/health/ready").status_code == 503
