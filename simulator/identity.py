"""Who is calling, by API key, and the tier this is worth (seller-agent.md section 2, observed)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

TIERS: tuple[str, ...] = ("public", "seat", "agency", "advertiser")

_FIELDS_BY_TIER = {
    "public": (),
    "seat": ("seat",),
    "agency": ("agency",),
    "advertiser": ("agency", "advertiser"),
}


@dataclass(frozen=True)
class Buyer:
    """The identity behind a key. `account` is the OpenDirect account; empty = derived from the identity."""

    seat: str = ""
    agency: str = ""
    advertiser: str = ""
    account: str = ""

    @property
    def tier(self) -> str:
        """An advertiser id without an agency id is worth nothing."""
        if self.agency:
            return "advertiser" if self.advertiser else "agency"
        return "seat" if self.seat else "public"

    @property
    def name(self) -> str:
        return "|".join((self.seat, self.agency, self.advertiser)) if self != ANONYMOUS else "anonymous"

    @property
    def account_id(self) -> str:
        return self.account or "acc-" + hashlib.sha256(self.name.encode()).hexdigest()[:10]


ANONYMOUS = Buyer()


def parse_key(text: str) -> tuple[str, Buyer]:
    """Reads `KEY=tier[:field=value,...]` with the fields seat, agency, advertiser, account.

    The tier fills the ids that it needs; the fields overwrite them. Raises ValueError.
    """
    key, separator, rest = text.partition("=")
    if not key or not separator:
        raise ValueError(f"expected KEY=tier[:field=value,...], got {text!r}")
    tier, _, pairs = rest.partition(":")
    if tier not in _FIELDS_BY_TIER:
        raise ValueError(f"unknown tier {tier!r}, expected one of {', '.join(TIERS)}")
    ids = {name: f"{name}-demo" for name in _FIELDS_BY_TIER[tier]}
    for pair in filter(None, pairs.split(",")):
        name, _, value = pair.partition("=")
        if name not in Buyer.__dataclass_fields__:
            raise ValueError(f"unknown identity field {name!r}")
        ids[name] = value
    return key, Buyer(**ids)
