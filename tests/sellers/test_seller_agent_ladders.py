"""Price ladders of the seller agent: few questions, and the same answers as many would give."""

from __future__ import annotations

from collections.abc import Callable

from planning.types import PriceStep, Product
from sellers.dialects.base import Connection, OfferAsk, SellerDialect
from sellers.services import dialect_for
from simulator.testing import RunningSeller
from tests.sellers.conftest import END, START

Connect = Callable[..., Connection]
VOLUMES = (10_000, 400_000, 5_000_000, 10_000_000, 20_000_000)


async def ladders(seller: SellerDialect, products: list[Product]) -> dict[str, tuple[PriceStep, ...]]:
    book = await seller.offers(
        [OfferAsk(product, "any", VOLUMES) for product in products],
        flight_start=START,
        flight_end=END,
        currency="USD",
    )
    return {offer.product.product_id: offer.prices for offer in book.offers}


async def products_of(seller: SellerDialect) -> list[Product]:
    return list((await seller.catalogue(channel="", inventory_types=())).products)


def prices_asked(seller: SellerDialect) -> int:
    return sum(record.path == "/pricing" for record in seller.http.exchanges)


async def test_ladders_worked_out_together_are_those_asked_for_alone(
    agent: RunningSeller, connect: Connect
) -> None:
    async with dialect_for(connect(agent)) as seller:
        products = await products_of(seller)
        together = await ladders(seller, products)
        asked = prices_asked(seller)
    assert asked == len(products) + len(VOLUMES) - 1
    assert len(together) > 20
    assert all(len(prices) == 4 for prices in together.values())
    for product in products:
        async with dialect_for(connect(agent)) as seller:
            (alone,) = (await ladders(seller, [product])).values()
            assert prices_asked(seller) == len(VOLUMES)
        assert [step.from_impressions for step in alone] == [
            step.from_impressions for step in together[product.product_id]
        ]
        for one, other in zip(together[product.product_id], alone, strict=True):
            assert 0 <= one.cpm * 100 - other.cpm * 100 <= 1  # half a cent, always to the careful side


async def test_a_seller_whose_parts_do_not_add_up_is_asked_at_every_volume(
    agent: RunningSeller, connect: Connect
) -> None:
    agent.faults(kind="mutate", path="/pricing", set={"volume_discount": 0.5})
    async with dialect_for(connect(agent)) as seller:
        products = (await products_of(seller))[:3]
        found = await ladders(seller, products)
        assert prices_asked(seller) == len(products) * len(VOLUMES)
    assert all(len(prices) == 4 for prices in found.values())


async def test_a_price_without_volume_discount_needs_no_second_question(
    agent: RunningSeller, connect: Connect
) -> None:
    async with dialect_for(
        connect(agent, agency_id="", advertiser_id="", seat_id="seat-1", api_key="")
    ) as seller:
        products = (await products_of(seller))[:4]
        found = await ladders(seller, products)
        assert prices_asked(seller) == len(products) + len(VOLUMES) - 1
    for product in products:
        assert found[product.product_id] == (PriceStep(VOLUMES[0], product.list_cpm),)
