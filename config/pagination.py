"""Keyset paging, newest first: pages stay right while rows are added; the last is as fast as the first."""

from __future__ import annotations

import base64
import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
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


class NewestFirst(BasePagination):
    """`?cursor=` and `?page_size=` (default 50, at most 200); answers `{results, next, previous}`.

    Order is (`moment`, pk), both descending; give the model an index on exactly that.
    """

    moment = "created_at"

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.url = request.build_absolute_uri()
        size = _size_of(request)
        position = _position_of(request)
        newer = position is not None and position.newer
        order = [self.moment, "pk"] if newer else [f"-{self.moment}", "-pk"]
        rows = queryset.order_by(*order)
        if position is not None:
            rows = rows.filter(self._beyond(position, queryset))
        found = list(rows[: size + 1])
        more, self.page = len(found) > size, found[:size]
        if newer:
            self.page.reverse()
        self.has_older = bool(self.page) if newer else more
        self.has_newer = more if newer else position is not None and bool(self.page)
        return self.page

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "next": self._next(), "previous": self._previous()})

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

    def _beyond(self, position: Position, queryset: QuerySet[Any]) -> Q:
        try:
            pk = queryset.model._meta.pk.to_python(position.pk)
        except ValidationError as error:
            raise _bad("cursor", "This cursor is not one of ours.") from error
        side = "gt" if position.newer else "lt"
        return Q(**{f"{self.moment}__{side}": position.moment}) | Q(
            **{self.moment: position.moment, f"pk__{side}": pk}
        )

    def _next(self) -> str | None:
        return self._link(self.page[-1], newer=False) if self.has_older else None

    def _previous(self) -> str | None:
        return self._link(self.page[0], newer=True) if self.has_newer else None

    def _link(self, row: Any, newer: bool) -> str:
        position = Position(getattr(row, self.moment), str(row.pk), newer)
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
