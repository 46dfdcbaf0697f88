"""Small valid briefs, products and offers, and seeded random and adversarial instances of the selection."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from planning.types import (
    CHANNELS,
    Allocation,
    Audience,
    Brief,
    Constraints,
    Kpis,
    Offer,
    PriceStep,
    Product,
    Share,
)

TODAY = date(2027, 1, 4)
NOW = datetime(2027, 1, 4, 12, tzinfo=UTC)
INVENTORY = {"branding": "display", "ctv": "ctv", "mobile": "mobile_app", "performance": "native"}
LADDER = ((5_000_000, "0.95"), (10_000_000, "0.90"), (20_000_000, "0.85"), (50_000_000, "0.80"))

Instance = tuple[Brief, tuple[Allocation, ...], list[Offer]]


def wire_brief(**changes: Any) -> dict[str, Any]:
    """A valid brief as a client sends it; a change to `...` removes the field."""
    data: dict[str, Any] = {
        "name": "Spring launch",
        "objectives": ["brand awareness"],
        "budget": 100_000,
        "start_date": "2027-03-01",
        "end_date": "2027-03-31",
        "target_audience": {"age": "25-54", "geo": ["US"]},
    }
    data.update(changes)
    return {key: value for key, value in data.items() if value is not ...}


def make_brief(**changes: Any) -> Brief:
    base = Brief(
        name="Spring launch",
        objectives=("brand awareness",),
        budget=Decimal("100000.00"),
        currency="USD",
        start_date=date(2027, 3, 1),
        end_date=date(2027, 3, 31),
        audience=Audience(),
        kpis=Kpis(),
        channels=CHANNELS,
        constraints=Constraints(),
    )
    return replace(base, **changes)


def make_product(product_id: str = "p1", **changes: Any) -> Product:
    base = Product(
        seller="northlight",
        product_id=product_id,
        name=f"Product {product_id}",
        currency="USD",
        list_cpm=Decimal("20.00"),
        inventory_type="display",
        viewability=Decimal("0.70"),
        guaranteed=True,
    )
    return replace(base, **changes)


def make_offer(
    product_id: str = "p1",
    *,
    channel: str = "branding",
    available: int | None = None,
    prices: Sequence[tuple[int, str]] = ((1, "20.00"),),
    **product: Any,
) -> Offer:
    """An offer whose impression counts 1.0 unless its viewability says less (goal 0.70)."""
    steps = tuple(PriceStep(volume, Decimal(cpm)) for volume, cpm in prices)
    return Offer(make_product(product_id, **product), channel, available, steps)


def worth(share: str) -> Decimal:
    """The viewability that makes one impression count `share`."""
    return Decimal(share) * Decimal("0.70")


def allocation(channel: str, amount: str, budget: str = "100000.00") -> Allocation:
    share = (Decimal(amount) / Decimal(budget)).quantize(Decimal("0.0001"))
    return Allocation(channel, share, Decimal(amount), ())


def random_instance(seed: int, products: int = 40) -> Instance:
    """A market without traps: list prices, some volume discounts, generous availability, small minimum buys."""
    rng = random.Random(seed)
    brief = make_brief(audience=Audience(age_min=25, age_max=54, geo=("US",)))
    offers = [_market_offer(rng, index) for index in range(products)]
    return brief, _even_split(brief), offers


def adversarial_instance(seed: int, products: int = 40) -> Instance:
    """A market made to part solvers: minimum buys that bind, caps and floors of sellers, steep price breaks."""
    rng = random.Random(10_000 + seed)
    sellers = [f"seller-{number}" for number in range(4)]
    shares = {
        sellers[0]: Share(Decimal("0.20"), Decimal("0.40")),
        sellers[1]: Share(Decimal(0), Decimal(rng.choice(["0.10", "0.25", "0.35"]))),
    }
    constraints = Constraints(seller_shares=shares, max_seller_share=Decimal("0.45"))
    brief = make_brief(constraints=constraints)
    offers = [_trap_offer(rng, index, sellers) for index in range(products)]
    return brief, _even_split(brief), offers


def _even_split(brief: Brief) -> tuple[Allocation, ...]:
    amounts = ("30000.00", "35000.00", "20000.00", "15000.00")
    return tuple(allocation(channel, amount) for channel, amount in zip(CHANNELS, amounts, strict=True))


def _market_offer(rng: random.Random, index: int) -> Offer:
    channel = rng.choice(CHANNELS)
    list_cpm = Decimal(rng.randint(300, 4500)) / 100
    ladder = [(1000, list_cpm), *((volume, list_cpm * Decimal(part)) for volume, part in LADDER)]
    steps = ladder if rng.random() < 0.5 else ladder[:1]
    return make_offer(
        f"p{index:05}",
        channel=channel,
        available=rng.choice([None, rng.randint(20_000, 8_000_000)]),
        prices=[(volume, str(cpm.quantize(Decimal("0.01")))) for volume, cpm in steps],
        seller=f"seller-{rng.randint(0, 9)}",
        list_cpm=list_cpm,
        inventory_type=INVENTORY[channel],
        viewability=Decimal(rng.randint(30, 95)) / 100,
        guaranteed=rng.random() < 0.5,
        targeting=rng.choice([(), ("geo:US", "demo:A25-54"), ("demo:A18-49",), ("contextual",)]),
    )


def _trap_offer(rng: random.Random, index: int, sellers: Sequence[str]) -> Offer:
    channel = rng.choice(CHANNELS)
    cpm = Decimal(rng.randint(800, 1600)) / 100
    minimum = rng.randint(300_000, 1_600_000)
    half = cpm * Decimal("0.55")
    steps = [(minimum, cpm), (minimum * 2, half)] if rng.random() < 0.5 else [(minimum, cpm)]
    return make_offer(
        f"t{index:05}",
        channel=channel,
        available=rng.randint(minimum, minimum * 3),
        prices=[(volume, str(price.quantize(Decimal("0.0001")))) for volume, price in steps],
        seller=rng.choice(list(sellers)),
        list_cpm=cpm,
        inventory_type=INVENTORY[channel],
        min_spend=Decimal(rng.randint(2_000, 9_000)) if rng.random() < 0.3 else None,
        viewability=Decimal(rng.randint(50, 70)) / 100,
    )
