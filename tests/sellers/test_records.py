"""Records of calls: none is lost with an exception, and none is kept for ever."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest

from flows.actors import Actor
from flows.clock import now
from flows.models import Claim
from flows.states import ClaimState
from sellers import retention, services
from sellers.dialects.base import SellerDialect
from sellers.models import Exchange, Seller
from sellers.sessions import converse
from simulator.testing import RunningSeller
from tests.sellers.conftest import KEY

pytestmark = pytest.mark.django_db(transaction=True)

OLD = dt.timedelta(days=91)


@pytest.fixture
def seller(operator: Actor) -> Seller:
    return services.add_seller(
        actor=operator, url="http://127.0.0.1:9", dialect="seller-agent", name="Harbor", slug="harbor"
    )


def exchange(seller: Seller, age: dt.timedelta, flow_id: uuid.UUID | None = None) -> Exchange:
    return Exchange.objects.create(
        seller=seller,
        flow_id=flow_id,
        method="GET",
        path="/x",
        request_digest="0" * 64,
        elapsed_ms=1,
        at=now() - age,
    )


def claim(flow_id: uuid.UUID, state: ClaimState) -> Claim:
    return Claim.objects.create(
        flow_name="campaign",
        flow_id=flow_id,
        subject_id=uuid.uuid4(),
        kind="deal",
        target="harbor",
        key=str(uuid.uuid4()),
        payload_hash="0" * 64,
        state=state,
        stop_checks_at=now(),
    )


def test_a_dialect_that_breaks_loses_no_record(agent: RunningSeller, operator: Actor) -> None:
    seller = services.add_seller(
        actor=operator, url=agent.url, dialect="seller-agent", name="Harbor", key=KEY, slug="harbor"
    )

    async def breaks(dialect: SellerDialect) -> None:
        await dialect.http.read("GET", "/products?limit=1")
        raise KeyError("what no dialect should raise")

    with pytest.raises(KeyError):
        converse(seller.connection(), breaks)
    kept = Exchange.objects.get()
    assert (kept.seller, kept.path, kept.status) == (seller, "/products?limit=1", 200)


def test_old_records_go_and_younger_ones_stay(seller: Seller) -> None:
    exchange(seller, OLD)
    young = exchange(seller, dt.timedelta(days=89))
    assert retention.prune_exchanges() == 1
    assert Exchange.objects.get() == young


@pytest.mark.parametrize("state", [ClaimState.SENDING, ClaimState.UNKNOWN, ClaimState.ESCALATED])
def test_what_was_said_about_an_open_claim_stays(seller: Seller, state: ClaimState) -> None:
    flow_id = uuid.uuid4()
    claim(flow_id, ClaimState.DONE)
    claim(flow_id, state)
    needed = exchange(seller, OLD, flow_id)
    exchange(seller, OLD, uuid.uuid4())
    assert retention.prune_exchanges() == 1
    assert Exchange.objects.get() == needed
    Claim.objects.update(state=ClaimState.DONE)
    assert retention.prune_exchanges() == 1


def test_it_goes_in_batches_and_says_how_many(
    seller: Seller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    for _ in range(8):
        exchange(seller, OLD)
    caplog.set_level("INFO", logger="sellers")
    assert retention.prune_exchanges() == 8
    assert "deleted 8 records" in caplog.text
