"""Organizations, advertiser brands and accounts, all derived from the identity behind the token."""

from __future__ import annotations

import secrets
from typing import Any

from simulator.identity import Buyer
from simulator.opendirect.errors import Fault, SpecError
from simulator.seller import Seller

PUBLISHER_ID = "org-northlight"
_MAY_TRADE = ("Approved", "Limited")


def _status(seller: Seller, id: str) -> str:
    """Approved, unless the seller's people decided otherwise."""
    decided = seller.store.get("status", id)
    return str(decided["status"]) if decided else "Approved"


def buyer_id(buyer: Buyer) -> str:
    return buyer.agency or buyer.seat or f"buyer-{buyer.account_id}"


def advertiser_id(buyer: Buyer) -> str:
    """A buyer without an advertiser buys for itself."""
    return buyer.advertiser or buyer_id(buyer)


def organizations_of(seller: Seller, buyer: Buyer) -> list[dict[str, Any]]:
    rows = [
        (PUBLISHER_ID, seller.options.name, "publisher"),
        (buyer_id(buyer), f"Agency {buyer_id(buyer)}", "agency"),
    ]
    if advertiser_id(buyer) != buyer_id(buyer):
        rows.append((advertiser_id(buyer), f"Advertiser {advertiser_id(buyer)}", "advertiser"))
    return [
        {
            "id": id,
            "name": name,
            "status": _status(seller, id),
            "organizationtype": kind,
            "contacts": [
                {"type": "Billing", "firstname": "Robin", "lastname": "Vale", "email": "billing@example.com"}
            ],
        }
        for id, name, kind in rows
    ]


def brands_of(buyer: Buyer) -> list[dict[str, Any]]:
    owner = advertiser_id(buyer)
    return [{"id": f"brand-{owner}"[:36], "name": f"Brand of {owner}", "organizationid": owner, "eids": []}]


def accounts_of(seller: Seller, buyer: Buyer) -> list[dict[str, Any]]:
    first = {
        "id": buyer.account_id,
        "advertiserid": advertiser_id(buyer),
        "buyerid": buyer_id(buyer),
        "name": f"{advertiser_id(buyer)} through {buyer_id(buyer)}",
    }
    rows = [first, *seller.store.all("account", parent=buyer.name)]
    return [{**row, "status": _status(seller, row["id"])} for row in rows]


def create_account(seller: Seller, buyer: Buyer, body: dict[str, Any]) -> dict[str, Any]:
    """Opens a further account of the same two organizations. Raises SpecError 400 for anyone else's."""
    if (body["buyerid"], body["advertiserid"]) != (buyer_id(buyer), advertiser_id(buyer)):
        raise SpecError(400, Fault("NotPermitted", "The advertiser has not granted this buyer an account."))
    account = {"id": "acc-" + secrets.token_hex(5), **body}
    with seller.store.transaction():
        seller.store.put("account", account["id"], account, parent=buyer.name)
        seller.journal.effect("account.created", {"account_id": account["id"], "name": body["name"]})
    return {**account, "status": _status(seller, account["id"])}


def require_trading(seller: Seller, buyer: Buyer, account: dict[str, Any]) -> None:
    """Avails, reserve and book need every organization Approved or Limited, and the account Approved."""
    blocked = [org for org in organizations_of(seller, buyer) if org["status"] not in _MAY_TRADE]
    faults = [
        Fault("OrganizationNotApproved", f"Organization {org['id']} is {org['status']}.") for org in blocked
    ]
    if account["status"] != "Approved":
        faults.append(Fault("AccountNotApproved", f"Account {account['id']} is {account['status']}."))
    if faults:
        raise SpecError(400, *faults)
