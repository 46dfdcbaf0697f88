"""The line booking state machine of OpenDirect 2.1 (opendirect.md 1.7)."""

from __future__ import annotations

STATES: tuple[str, ...] = (
    "Draft",
    "PendingReservation",
    "Reserved",
    "PendingBooking",
    "Booked",
    "InFlight",
    "Finished",
    "Stopped",
    "Canceled",
    "Pause",
    "Expired",
    "Declined",
    "ChangePending",
)

ALLOWED: dict[str, frozenset[str]] = {
    "edit": frozenset({"Draft"}),
    "delete": frozenset({"Draft"}),
    "reserve": frozenset({"Draft"}),
    "book": frozenset({"Draft", "Reserved"}),
    "cancel": frozenset({"Reserved", "Booked", "InFlight"}),
    "reset": frozenset({"Reserved", "Declined", "Expired"}),
}
"""What the buyer may do, by action. Everything else is a 400."""

HOLDING: frozenset[str] = frozenset(
    {"PendingReservation", "Reserved", "PendingBooking", "Booked", "InFlight", "Pause", "ChangePending"}
)
"""States whose volume is taken off availability."""


def is_legal(action: str, state: str) -> bool:
    return state in ALLOWED[action]
