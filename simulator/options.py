"""How one simulated seller behaves. Everything is off or zero unless asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from simulator.identity import Buyer

DIALECTS: tuple[str, ...] = ("seller-agent", "opendirect")

DEFAULT_NAMES = {"seller-agent": "Premium Publisher Seller", "opendirect": "Northlight Media"}


@dataclass
class SellerOptions:
    """Settings of one seller. The fields below `control` may be changed while it runs (`/_sim/options`)."""

    dialect: str
    state: Path
    name: str = ""
    keys: dict[str, Buyer] = field(default_factory=dict)
    catalogue: str = "full"  # full, or (seller-agent only) reference: the 13 captured products
    malformed: int = 0  # unreadable catalogue rows, at most 3
    stale: int = 0  # products that are listed but gone or retired, at most 2
    agent_trust: dict[str, str] = field(
        default_factory=dict
    )  # agent_url -> registered|approved|preferred|blocked
    control: bool = True  # serve /_sim
    rtt: float = 0.0  # seconds added to every request
    confirm_after: float | None = None  # seconds until a proposed deal reads as active; None = never
    async_after: float | None = None  # seconds in PendingReservation/PendingBooking; None = answered at once
    quote_ttl: float = 86_400.0  # seconds
    key_life: float = 86_400.0  # seconds for which idempotency keys are known; 0 = forgotten at once
    race_window: float = (
        0.0  # seconds between the check of a quote and its booking, where the seller can race
    )
    avails_reading: str = (
        "available"  # available, capped, omitted: the three readings of OpenDirect availability
    )
    cancel_in_flight: str = "Canceled"  # or Stopped: 2.1 text and 2.1 diagram disagree

    def __post_init__(self) -> None:
        if self.dialect not in DIALECTS:
            raise ValueError(f"unknown dialect {self.dialect!r}, expected one of {', '.join(DIALECTS)}")
        self.name = self.name or DEFAULT_NAMES[self.dialect]
        self.state = Path(self.state)


CHANGEABLE: tuple[str, ...] = (
    "rtt",
    "confirm_after",
    "async_after",
    "quote_ttl",
    "key_life",
    "race_window",
    "avails_reading",
    "cancel_in_flight",
)
