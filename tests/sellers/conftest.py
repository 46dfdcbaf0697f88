"""Real sellers on loopback, and the words that the tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flows.actors import Actor
from sellers.dialects.base import Connection, LineIntent, QuoteAsk
from simulator.testing import RunningSeller, running_seller

START, END = date(2027, 3, 1), date(2027, 3, 31)
KEY = "ask_live_demo_advertiser"


@pytest.fixture(autouse=True)
def loopback_allowed(settings: Any) -> None:
    settings.FLIGHTDECK_ALLOWED_PRIVATE_SELLERS = ["127.0.0.1:*"]
    settings.FLIGHTDECK_CALL_DEADLINE_SECONDS = 3.0


@pytest.fixture
def operator() -> Actor:
    return Actor("human", "1", "Olga Ops")


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[RunningSeller]:
    with running_seller("seller-agent", tmp_path) as seller:
        yield seller


@pytest.fixture
def northlight(tmp_path: Path) -> Iterator[RunningSeller]:
    with running_seller("opendirect", tmp_path) as seller:
        yield seller


@pytest.fixture
def connect() -> Callable[..., Connection]:
    """The connection of an advertiser with its agency to a running seller (or to any URL)."""

    def made(to: RunningSeller | str, **changes: Any) -> Connection:
        url = to if isinstance(to, str) else to.url
        dialect = "seller-agent" if isinstance(to, str) else to.options.dialect
        return replace(
            Connection(
                slug="seller",
                name="A seller",
                base_url=url,
                dialect=dialect,
                api_key=KEY,
                agency_id="agency-demo",
                advertiser_id="advertiser-demo",
            ),
            **changes,
        )

    return made


@pytest.fixture
def quote_ask() -> Callable[..., QuoteAsk]:
    def made(**changes: Any) -> QuoteAsk:
        ask = QuoteAsk(
            product_id="prod-53e78a97",
            deal_type="PG",
            impressions=1_000_000,
            flight_start=START,
            flight_end=END,
            currency="USD",
            idempotency_key="quote-key-0000001",
        )
        return replace(ask, **changes)

    return made


@pytest.fixture
def intent() -> Callable[..., LineIntent]:
    def made(**changes: Any) -> LineIntent:
        line = LineIntent(
            reference="fd-line-0001",
            campaign_name="Spring launch",
            order_name="Spring launch (fd-0001)",
            line_name="Spring launch, streaming",
            product_id="nlm-c-fam",
            product_name="Weekend family",
            deal_type="PG",
            impressions=500_000,
            cpm=Decimal("25.50"),
            cost=Decimal("12750.00"),
            currency="USD",
            flight_start=START,
            flight_end=END,
            quote_id="",
            idempotency_key="fd-key-00000001",
            order_budget=Decimal("50000.00"),
        )
        return replace(line, **changes)

    return made
