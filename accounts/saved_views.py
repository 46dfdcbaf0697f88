"""Filters of a page that a person keeps under a name. They hold a query string and nothing else: what it shows is
decided anew each time by the page."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models

from flows.ids import new_id

MOST = 20  # of one person on one page
LONGEST_NAME = 40


class SavedView(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    page = models.CharField(max_length=40)  # the name of its route
    name = models.CharField(max_length=LONGEST_NAME)
    query = models.CharField(max_length=500)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["user", "page", "name"], name="one_view_per_name")]

    def __str__(self) -> str:
        return self.name


def views_of(user: Any, page: str) -> list[SavedView]:
    return list(SavedView.objects.filter(user=user, page=page)[:MOST])


def keep_view(user: Any, page: str, name: str, query: str) -> str:
    """Keep it, in place of one of the same name. Returns what is wrong, or nothing."""
    name = " ".join(name.split())
    if not name:
        return "Give the view a name."
    if len(name) > LONGEST_NAME:
        return f"The name of a view has at most {LONGEST_NAME} characters."
    mine = SavedView.objects.filter(user=user, page=page)
    if not mine.filter(name=name).exists() and mine.count() >= MOST:
        return f"There are {MOST} views already. Remove one first."
    SavedView.objects.update_or_create(user=user, page=page, name=name, defaults={"query": query[:500]})
    return ""


def drop_view(user: Any, view_id: uuid.UUID) -> bool:
    """False where it is not there or somebody else's."""
    return bool(SavedView.objects.filter(user=user, pk=view_id).delete()[0])
