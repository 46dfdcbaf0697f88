"""Keyset paging, newest first: pages stay right while rows are added; the last is as fast as the first."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connections
from django.db.models import Q, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from config.problems import Problem

DEFAULT_SIZE = 50
LARGEST_SIZE = 200


@dataclass(frozen=True)
class Position:
    """A row's place, and whether the page lies before it (`newer`) or after it."""

    moment: dt.datetime
    pk: str
    newer: bool = False

    def encode(self) -> str:
        text = json.dumps([self.moment.isoformat(), self.pk, int(self.newer)])
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, cursor: str) -> Position:
        """ValueError when `cursor` is not one of ours."""
        try:
            padded = cursor + "=" * (-len(cursor) % 4)
            moment, pk, newer = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            instant = dt.datetime.fromisoformat(moment)
            if instant.tzinfo is None:
                raise ValueError("without a time zone")
            return cls(instant.astimezone(dt.UTC), str(pk), newer == 1)
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            raise ValueError("not a cursor") from error


@dataclass(frozen=True)
class KeysetPage:
    """`rows` in order, and where the neighbouring pages start; None where there are none."""

    rows: list[Any]
    newer: Position | None
    older: Position | None


def keyset_page(
    queryset: QuerySet[Any],
    position: Position | None,
    size: int,
    *,
    moment: str = "created_at",
    parts: Sequence[QuerySet[Any]] = (),
) -> KeysetPage:
    """The page of `queryset` at `position`, newest first by (`moment`, pk). ValueError for a position that cannot be.

    `parts`: the same rows split by owner, each part with an index of its own in this order. The page is then put
    together from the head of each part, which costs the same wherever the owners' rows lie among all the others.
    """
    newer = position is not None and position.newer
    order = [moment, "pk"] if newer else [f"-{moment}", "-pk"]
    rows = _beyond(queryset, position, moment).order_by(*order)
    if parts and connections[queryset.db].features.supports_slicing_ordering_in_compound:
        heads = [_beyond(part, position, moment).order_by(*order).values("pk")[: size + 1] for part in parts]
        rows = rows.filter(pk__in=heads[0].union(*heads[1:], all=True) if len(heads) > 1 else heads[0])
    found = list(rows[: size + 1])
    more, page = len(found) > size, found[:size]
    if newer:
        page.reverse()
    has_older = bool(page) if newer else more
    has_newer = more if newer else position is not None and bool(page)
    return KeysetPage(
        rows=page,
        newer=Position(getattr(page[0], moment), str(page[0].pk), newer=True) if has_newer else None,
        older=Position(getattr(page[-1], moment), str(page[-1].pk)) if has_older else None,
    )


def _beyond(queryset: QuerySet[Any], position: Position | None, moment: str) -> QuerySet[Any]:
    if position is None:
        return queryset
    try:
        pk = queryset.model._meta.pk.to_python(position.pk)
    except ValidationError as error:
        raise ValueError("not a key of these rows") from error
    side = "gt" if position.newer else "lt"
    # The first condition alone bounds the index scan: from an OR of the two a database walks there from the top.
    return queryset.filter(
        Q(**{f"{moment}__{side}e": position.moment}),
        Q(**{f"{moment}__{side}": position.moment}) | Q(**{f"pk__{side}": pk}),
    )


class NewestFirst(BasePagination):
    """`?cursor=` and `?page_size=` (default 50, at most 200); answers `{results, next, previous}`.

    Order is (`moment`, pk), both descending; give the model an index on exactly that.
    """

    moment = "created_at"

    def paginate_queryset(
        self, queryset: Any, request: Request, view: Any = None, parts: Sequence[QuerySet[Any]] = ()
    ) -> list[Any]:
        self.url = request.build_absolute_uri()
        size, position = _size_of(request), _position_of(request)
        try:
            self.page = keyset_page(queryset, position, size, moment=self.moment, parts=parts)
        except ValueError as error:
            raise _bad("cursor", "This cursor is not one of ours.") from error
        return self.page.rows

    def get_paginated_response(self, data: Any) -> Response:
        links = {"next": self._link(self.page.older), "previous": self._link(self.page.newer)}
        return Response({"results": data} | links)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["results", "next", "previous"],
            "properties": {"results": schema, "next": link, "previous": link},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            _parameter(
                "cursor", "Where the page starts: taken from `next` or `previous`.", {"type": "string"}
            ),
            _parameter(
                "page_size",
                f"Rows per page. More than {LARGEST_SIZE} is read as {LARGEST_SIZE}.",
                {"type": "integer", "minimum": 1, "default": DEFAULT_SIZE},
            ),
        ]

    def _link(self, position: Position | None) -> str | None:
        if position is None:
            return None
        return replace_query_param(remove_query_param(self.url, "cursor"), "cursor", position.encode())


def _size_of(request: Request) -> int:
    text = request.query_params.get("page_size")
    if text is None:
        return DEFAULT_SIZE
    if not (text.isascii() and text.isdigit() and len(text) < 10) or int(text) < 1:
        raise _bad("page_size", "Give a whole number from 1.")
    return min(int(text), LARGEST_SIZE)


def _position_of(request: Request) -> Position | None:
    cursor = request.query_params.get("cursor")
    if cursor is None:
        return None
    try:
        return Position.decode(cursor)
    except ValueError as error:
        raise _bad("cursor", "This cursor is not one of ours.") from error


def _bad(field: str, message: str) -> Problem:
    return Problem(400, "invalid", message, [{"field": field, "code": "invalid", "message": message}])


def _parameter(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
