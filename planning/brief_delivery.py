"""When a campaign runs and how its delivery is spread: the time zone of its days, and its pacing."""

from __future__ import annotations

from planning.fields import Fields, fold
from planning.shape import describe
from planning.zones import zone_named

EVEN = "even"
PACINGS: tuple[str, ...] = (EVEN, "ahead", "asap")
"""The words of DV360's line items (PACING_TYPE_EVEN, _AHEAD, _ASAP); AdCP's front_loaded is `ahead`."""
_PACING_NAMES = {fold(name): name for name in PACINGS} | {
    fold("as_soon_as_possible"): "asap",
    fold("front_loaded"): "ahead",
}


def read_timezone(fields: Fields, default: str) -> str:
    """An IANA name, in any case. A wrong one is reported, and the rest is then judged in `default`."""
    given = fields.take("timezone")
    if given is None or given.value == "":
        return default
    found = zone_named(given.value) if isinstance(given.value, str) else None
    if found is None:
        shown = describe(given.value)
        fields.error(
            given.path, "unknown_timezone", f"Give an IANA time zone such as Europe/Berlin, not {shown}."
        )
    return found or default


def read_pacing(fields: Fields) -> str:
    given = fields.take("pacing")
    if given is None or given.value == "":
        return EVEN
    found = _PACING_NAMES.get(fold(given.value.strip())) if isinstance(given.value, str) else None
    if found is None:
        known = ", ".join(PACINGS)
        fields.error(
            given.path, "unknown_pacing", f"Choose from {known}; {describe(given.value)} is none of them."
        )
    return found or EVEN
