"""How a campaign's delivery is spread, in words."""

from __future__ import annotations

from django import template

from bookings.forms import PACING_WORDS

register = template.Library()


@register.filter
def pacing_words(pacing: str) -> str:
    return PACING_WORDS.get(pacing, pacing)
