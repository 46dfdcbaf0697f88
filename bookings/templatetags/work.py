"""Addresses within the work queue, and look-ups in mappings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import template

from bookings.views_work import as_query
from bookings.worklist import FIRST, Filters, Group

register = template.Library()


@dataclass(frozen=True)
class Pages:
    last: int
    before: str
    after: str


@register.simple_tag
def show_all(filters: Filters, name: str) -> str:
    return as_query(filters, show=name, page=1)


@register.simple_tag
def pages_of(group: Group, filters: Filters) -> Pages:
    last = max(1, -(-group.total // FIRST))
    return Pages(
        last=last,
        before=as_query(filters, page=filters.page - 1) if filters.page > 1 else "",
        after=as_query(filters, page=filters.page + 1) if filters.page < last else "",
    )


@register.filter
def of_key(found: dict[Any, Any], key: Any) -> Any:
    """The entry under this key; nothing where there is none."""
    return found.get(key, "")


@register.simple_tag
def product_name(names: dict[tuple[str, str], str], line: Any) -> str:
    """The product's name as its seller gave it."""
    return names.get((line.seller, line.product_id), line.product_id)
