"""Going somewhere by name."""

from __future__ import annotations

import pytest

from tests.agency import Agency
from tests.pages.conftest import Browse, text_of
from tests.plans import make_seller, waiting_campaign


def test_campaigns_and_sellers_are_found_by_their_names(agency: Agency, browse: Browse) -> None:
    waiting_campaign(agency, name="Winter boots")
    waiting_campaign(agency, name="Tents")
    make_seller("bootleg")
    words = text_of(browse("manager").get("/search/", {"q": "boot"}))
    assert "Winter boots" in words
    assert "Bootleg" in words
    assert "Tents" not in words
    assert "Tents" in text_of(browse("manager").get("/search/"))


def test_the_palette_gets_the_results_alone(agency: Agency, browse: Browse) -> None:
    part = browse("manager").get("/search/", {"q": "zzz"}, headers={"HX-Request": "true"}).content.decode()
    assert "Nothing is called that." in part
    assert "<html" not in part


@pytest.mark.parametrize("person", ["outsider", "viewer"])
def test_nobody_finds_what_they_may_not_open(agency: Agency, browse: Browse, person: str) -> None:
    waiting_campaign(agency, name="Winter boots")
    make_seller("bootleg")
    words = text_of(browse(person).get("/search/", {"q": "boot"}))
    assert ("Winter boots" in words) == (person == "viewer")
    assert ("Bootleg" in words) == (person == "outsider")


def test_words_are_text(agency: Agency, browse: Browse) -> None:
    waiting_campaign(agency, name="<img src=x onerror=alert(1)>")
    page = browse("manager").get("/search/", {"q": "<img"}).content.decode()
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page
