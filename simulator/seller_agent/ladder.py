"""The seller's side of a negotiation as a pure function (seller-agent.md section 7). USD CPM as floats."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Strategy:
    """Caps are fractions of the start price, `share` is the part of the gap conceded per round."""

    name: str
    rounds: int
    round_cap: float
    total_cap: float
    share: float


STRATEGIES = {
    "public": Strategy("aggressive", 3, 0.03, 0.08, 0.30),
    "seat": Strategy("standard", 4, 0.04, 0.12, 0.40),
    "agency": Strategy("collaborative", 5, 0.05, 0.15, 0.50),
    "advertiser": Strategy("premium", 6, 0.06, 0.20, 0.65),
}

_NEARLY_ALL = 0.8
"""A concession of this part of what is left of the total cap turns the counter into the final offer."""


@dataclass(frozen=True)
class Position:
    """Where the seller stands: start price, floor, last price named, rounds played."""

    start: float
    floor: float
    last: float
    played: int


@dataclass(frozen=True)
class Reply:
    action: str  # accept, reject, counter, final_offer
    price: float
    concession: float  # fraction of the start price, this round
    rationale: str


def respond(strategy: Strategy, position: Position, offer: float) -> Reply:
    """The seller's reply to a buyer's price. An offer at or above the last price is taken as it is."""
    number = position.played + 1
    if offer >= position.start or offer >= position.last:
        return Reply("accept", offer, 0.0, "Buyer price meets or exceeds seller target. Deal accepted.")
    if offer <= 0:
        text = f"Buyer price ${offer:.2f} is not a valid offer. Cannot negotiate."
        return Reply("reject", position.start, 0.0, text)
    if number > strategy.rounds:
        text = f"Maximum {strategy.rounds} rounds reached. Negotiation concluded without agreement."
        return Reply("reject", position.start, 0.0, text)
    if offer < position.floor:
        return _at_the_floor(strategy, position, offer, number)
    return _concede(strategy, position, offer, number)


def _at_the_floor(strategy: Strategy, position: Position, offer: float, number: int) -> Reply:
    floor = position.floor
    conceded = (position.last - floor) / position.start
    if number == strategy.rounds:
        text = f"Final offer at our floor price ${floor:.2f} CPM. We cannot go lower."
        return Reply("final_offer", floor, conceded, text)
    text = (
        f"Buyer offer ${offer:.2f} is below our floor. Countering at the floor price ${floor:.2f} CPM "
        f"\u2014 the minimum viable price for this inventory (round {number}/{strategy.rounds})."
    )
    return Reply("counter", floor, conceded, text)


def _concede(strategy: Strategy, position: Position, offer: float, number: int) -> Reply:
    start, last = position.start, position.last
    left = max(strategy.total_cap * start - (start - last), 0.0)
    step = min(strategy.share * (last - offer), strategy.round_cap * start, left)
    if number == strategy.rounds or step >= _NEARLY_ALL * left:
        return _final(strategy, position, offer)
    price = round(max(last - step, position.floor), 2)
    text = f"Counter at ${price:.2f} CPM ({strategy.name} strategy, round {number}/{strategy.rounds})."
    return Reply("counter", price, (last - price) / start, text)


def _final(strategy: Strategy, position: Position, offer: float) -> Reply:
    cap = strategy.total_cap
    price = round(max(position.floor, position.start * (1 - cap)), 2)
    if offer >= price:
        return Reply("accept", offer, 0.0, "Buyer price meets or exceeds seller target. Deal accepted.")
    text = f"Final offer at ${price:.2f} CPM. This represents our maximum concession of {cap:.0%}."
    return Reply("final_offer", price, (position.last - price) / position.start, text)
