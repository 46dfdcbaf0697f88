from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from simulator.testing import RunningSeller, running_seller
from tests.simulator.flights import FLIGHT
from tests.simulator.replay import KEYS


@pytest.fixture
def reference(tmp_path: Path) -> Iterator[RunningSeller]:
    """A seller agent with only the captured catalogue, and a key for every tier."""
    with running_seller("seller-agent", tmp_path, catalogue="reference", keys=KEYS) as seller:
        yield seller


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[RunningSeller]:
    with running_seller("seller-agent", tmp_path) as seller:
        yield seller


@pytest.fixture
def publisher(tmp_path: Path) -> Iterator[RunningSeller]:
    with running_seller("opendirect", tmp_path) as seller:
        yield seller


@pytest.fixture
def anonymous(reference: RunningSeller) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=reference.url, verify=False) as client:
        yield client


@pytest.fixture
def agent_client(agent: RunningSeller) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=agent.url, headers={"X-Api-Key": agent.client_key}, verify=False) as client:
        yield client


@pytest.fixture
def od_client(publisher: RunningSeller) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=publisher.url, headers={"AccessToken": publisher.client_key}, verify=False
    ) as client:
        yield client


@pytest.fixture
def order_id(od_client: httpx.Client) -> str:
    """An order without lines."""
    answer = od_client.post("/accounts/acc-demo/orders", json=FLIGHT.order("Spring launch"))
    assert answer.status_code == 200, answer.text
    id: str = answer.json()["id"]
    return id
