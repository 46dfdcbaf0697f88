"""How a person likes the table of a plan: sorting, density, columns. One view for every plan, kept with the user."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from accounts import saved_views

PAGE = "plan-table"
PARTS = ("sort", "way", "group", "rows", "without")
COLUMNS = (
    ("channel", "Channel"),
    ("impressions", "Impressions"),
    ("cpm", "CPM"),
    ("cost", "Cost"),
    ("score", "Score"),
)
"""Those that can be hidden."""


def query_of(user: Any) -> str:
    return next((view.query for view in saved_views.views_of(user, PAGE)), "")


def keep(user: Any, query: str) -> None:
    """Whatever is no part of a view is left out."""
    given = QueryDict(query[:500])
    wanted = {name: given[name] for name in PARTS if given.get(name)}
    saved_views.keep_view(user, PAGE, PAGE, urlencode(wanted))
