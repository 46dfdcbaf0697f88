"""Signed-in browsers without a browser: Django's own client, one per person of the agency."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from tests.agency import Agency

Browse = Callable[[str], Client]


@pytest.fixture
def browse(agency: Agency) -> Browse:
    """`browse("manager")` is that person's signed-in client; CSRF is checked as for everybody else."""

    def signed_in(name: str) -> Client:
        client = Client()
        client.force_login(agency.person(name))
        return client

    return signed_in


def text_of(response: object) -> str:
    """The page as read: no tags, one space between words."""
    body = response.content.decode()  # type: ignore[attr-defined]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body))
