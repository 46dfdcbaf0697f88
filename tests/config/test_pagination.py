from __future__ import annotations

import base64
import datetime as dt
import json
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from config.pagination import Position
from crm.models import Organization

pytestmark = pytest.mark.urls("tests.config.sample_urls")
START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


@pytest.fixture
def signed_in(make_user) -> Client:
    client = Client()
    client.force_login(make_user())
    return client


def add(number: int, minutes: int) -> None:
    row = Organization.objects.create(name=f"{number:03}", slug=f"{number:03}")
    Organization.objects.filter(pk=row.pk).update(created_at=START + dt.timedelta(minutes=minutes))


def walk(client: Client, url: str, link: str = "next") -> list[list[str]]:
    pages = []
    while url:
        page = client.get(url).json()
        pages.append(page["results"])
        url = page[link]
    return pages


def test_newest_first_with_links_both_ways(signed_in):
    for number in range(5):
        add(number, number)
    first = signed_in.get("/api/parties?page_size=2").json()
    assert first["results"] == ["004", "003"]
    assert first["previous"] is None
    second = signed_in.get(first["next"]).json()
    assert second["results"] == ["002", "001"]
    third = signed_in.get(second["next"]).json()
    assert third["results"] == ["000"]
    assert third["next"] is None
    back = signed_in.get(third["previous"]).json()
    assert back["results"] == second["results"]
    home = signed_in.get(back["previous"]).json()
    assert home["results"] == first["results"]
    assert home["previous"] is None
    assert signed_in.get(home["next"]).json()["results"] == second["results"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_rows_of_the_same_instant_come_once_each(signed_in, size):
    for number in range(12):
        add(number, number // 5)
    rows = [name for page in walk(signed_in, f"/api/parties?page_size={size}") for name in page]
    assert len(rows) == 12
    assert len(set(rows)) == 12


def test_rows_added_meanwhile_move_nothing(signed_in):
    for number in range(4):
        add(number, number)
    first = signed_in.get("/api/parties?page_size=2").json()
    add(9, 9)
    assert signed_in.get(first["next"]).json()["results"] == ["001", "000"]


def test_other_parameters_stay_in_the_links(signed_in):
    for number in range(3):
        add(number, number)
    link = signed_in.get("/api/parties?page_size=1&status=a%26b").json()["next"]
    query = parse_qs(urlsplit(link).query)
    assert query["status"] == ["a&b"]
    assert query["page_size"] == ["1"]


def test_fifty_by_default_and_two_hundred_at_most(signed_in):
    for number in range(205):
        add(number, number)
    assert len(signed_in.get("/api/parties").json()["results"]) == 50
    assert len(signed_in.get("/api/parties?page_size=5000").json()["results"]) == 200


def test_no_rows(signed_in):
    assert signed_in.get("/api/parties").json() == {"results": [], "next": None, "previous": None}


@pytest.mark.parametrize("size", ["0", "-1", "x", "1.5", "", "٣", "1e3", "9" * 30])
def test_a_bad_page_size_is_named(signed_in, size):
    answer = signed_in.get("/api/parties", {"page_size": size})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "page_size"


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "ümlaut",
        "!!!!",
        encoded({}),
        encoded([]),
        encoded(["2026-03-01T00:00:00+00:00"]),
        encoded(["2026-03-01T00:00:00", "6f2c2f0e-5c0e-4a7c-9a52-0d6a4b3f7e11", 0]),
        encoded(["yesterday", "6f2c2f0e-5c0e-4a7c-9a52-0d6a4b3f7e11", 0]),
        encoded(["2026-03-01T00:00:00+00:00", "not-a-uuid", 0]),
        encoded([1, 2, 3]),
        encoded(["0001-01-01T00:00:00+14:00", "6f2c2f0e-5c0e-4a7c-9a52-0d6a4b3f7e11", 0]),
        base64.urlsafe_b64encode(b"[" * 90000).decode(),
    ],
    ids=range(13),
)
def test_a_bad_cursor_is_named(signed_in, cursor):
    answer = signed_in.get("/api/parties", {"cursor": cursor})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "cursor"


@given(st.datetimes(timezones=st.just(dt.UTC)), st.uuids().map(str), st.booleans())
def test_a_cursor_comes_back_as_it_went(moment, pk, newer):
    position = Position(moment, pk, newer)
    assert Position.decode(position.encode()) == position


@given(st.text(max_size=60))
def test_any_other_text_is_refused_and_never_fails(text):
    try:
        Position.decode(text)
    except ValueError:
        return
    assert isinstance(Position.decode(text).moment, dt.datetime)
