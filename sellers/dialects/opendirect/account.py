"""Which account we buy on, for which brand, and whether we may buy at all (C12)."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import Any

from sellers.dialects.base import Connection, SellerError
from sellers.dialects.opendirect.paging import collect
from sellers.dialects.opendirect.reading import entity, error_of
from sellers.dialects.values import BadValue, identifier, prose, segment
from sellers.http import SellerHttp

STANDING_SECONDS = 30.0
MAY_BUY = frozenset({"approved", "limited", ""})  # Pending may draft, nothing more


@dataclass(frozen=True)
class Account:
    """`brand_id` goes into avails and orders; an advertiser without brands of its own is its brand."""

    id: str
    advertiser_id: str = ""
    buyer_id: str = ""
    status: str = ""  # the seller's word, may be empty
    brand_id: str = ""

    @property
    def path(self) -> str:
        return f"/accounts/{segment(self.id)}"


# One entry per connection of the registry.
_standing: dict[tuple[str, ...], tuple[Account, float]] = {}


async def known_account(http: SellerHttp, connection: Connection) -> Account:
    """Enough to read what is there: costs no call when the account is configured. Raises `SellerError`."""
    configured = _configured(connection)
    return Account(configured) if configured else await _discover(http, connection)


async def standing_account(http: SellerHttp, connection: Connection) -> Account:
    """`buying_account` as it was at most half a minute ago: for asking prices, and for the writes that follow within
    an order. The write that opens an order looks again."""
    seen = _standing.get(_cache_key(connection))
    if seen is not None and time.monotonic() < seen[1]:
        return seen[0]
    return await buying_account(http, connection)


def _cache_key(connection: Connection) -> tuple[str, ...]:
    return connection.base_url, connection.api_key, _configured(connection), *_parties(connection)


def _parties(connection: Connection) -> tuple[str, str]:
    return connection.advertiser_id, connection.agency_id


async def buying_account(http: SellerHttp, connection: Connection) -> Account:
    """The account with its brand, once the seller shows it and its organizations as approved. Raises `SellerError`.

    The parties that we believe the account has are looked at while it is read, so that the whole takes one round trip.
    """
    _standing.pop(_cache_key(connection), None)
    believed = _parties(connection)
    ahead = asyncio.ensure_future(_brand_if_open(http, connection, *believed)) if all(believed) else None
    try:
        account = await _discover(http, connection)
        if account.status.lower() not in ("approved", ""):
            said = f"Our account {account.id} at the seller is {account.status}."
            raise SellerError("account_not_approved", said)
        shown = account.advertiser_id, account.buyer_id
        as_believed = ahead is not None and shown == believed
        brand = await (ahead if as_believed and ahead else _brand_if_open(http, connection, *shown))
    finally:
        if ahead is not None:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)
    account = replace(account, brand_id=brand)
    _standing[_cache_key(connection)] = (account, time.monotonic() + STANDING_SECONDS)
    return account


async def _brand_if_open(http: SellerHttp, connection: Connection, advertiser_id: str, buyer_id: str) -> str:
    brand, _ = await asyncio.gather(
        _brand_of(http, connection, advertiser_id), _check_parties(http, advertiser_id, buyer_id)
    )
    return brand


async def _discover(http: SellerHttp, connection: Connection) -> Account:
    configured = _configured(connection)
    row = await _by_id(http, configured) if configured else await _by_parties(http, connection)
    try:
        return Account(
            id=identifier(row.get("id"), "account id"),
            advertiser_id=prose(row.get("advertiserid"), 36),
            buyer_id=prose(row.get("buyerid"), 36),
            status=prose(row.get("status"), 20),
        )
    except BadValue as wrong:
        raise SellerError("bad_answer", f"The seller's account is unusable: {wrong}.") from wrong


def _configured(connection: Connection) -> str:
    return connection.account_id or str(connection.options.get("account_id") or "")


async def _by_id(http: SellerHttp, account_id: str) -> dict[str, Any]:
    reply = await http.read("GET", f"/accounts/{segment(account_id)}")
    found = entity(reply, "account")
    if found is None:
        raise error_of(reply, f"Reading account {account_id}")
    return found


async def _by_parties(http: SellerHttp, connection: Connection) -> dict[str, Any]:
    ours = {"advertiserid": connection.advertiser_id, "buyerid": connection.agency_id}
    filters = {name: value for name, value in ours.items() if value}
    listing = await collect(http, "/accounts", "accounts", filters=filters, doing="Looking for our account")
    fitting = [row for row in listing.items if all(row.get(name) == value for name, value in filters.items())]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise SellerError("no_account", "The seller has no account for our advertiser and agency.")
    raise SellerError("many_accounts", f"{len(fitting)} accounts fit; name the account id for this seller.")


async def _brand_of(http: SellerHttp, connection: Connection, advertiser_id: str) -> str:
    configured = connection.options.get("advertiserbrandid")
    if configured:
        return str(configured)
    advertiser = advertiser_id or connection.advertiser_id
    try:
        listing = await collect(
            http, "/advertiserbrands", "advertiserbrands", filters={"organizationid": advertiser}
        )
    except SellerError as failed:
        if failed.retryable:
            raise
        return advertiser  # the route is optional in 2.1
    brands = [row for row in listing.items if row.get("organizationid", advertiser) == advertiser]
    return prose(brands[0].get("id"), 36) if brands else advertiser


async def _check_parties(http: SellerHttp, advertiser_id: str, buyer_id: str) -> None:
    parties = dict.fromkeys(filter(None, (advertiser_id, buyer_id)))
    await asyncio.gather(*(_check_organization(http, party) for party in parties))


async def _check_organization(http: SellerHttp, organization_id: str) -> None:
    # Sellers may keep organizations to themselves: only a stated status can refuse us.
    found = entity(await http.read("GET", f"/organizations/{segment(organization_id)}"), "organization")
    status = prose(found.get("status"), 20) if found else ""
    if status.lower() not in MAY_BUY:
        said = f"Organization {organization_id} is {status} at the seller."
        raise SellerError("organization_not_approved", said)
