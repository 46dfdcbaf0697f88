"""How many impressions of a product are free in a flight, and what keeps a flight from being sold at all."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from simulator.opendirect.catalogue import daily_impressions
from simulator.opendirect.errors import Fault
from simulator.opendirect.moments import flight_days, must_read
from simulator.opendirect.states import HOLDING
from simulator.seller import Seller


def available(
    seller: Seller, product_id: str, start: datetime, end: datetime, *, except_line: str = ""
) -> int:
    """Daily capacity times days, less what other lines hold, each spread evenly over its own flight."""
    held = Fraction(0)
    for line in seller.store.all("line"):
        if line["productid"] == product_id and line["bookingstatus"] in HOLDING and line["id"] != except_line:
            held += _share(line, start, end)
    return max(int(daily_impressions(product_id) * flight_days(start, end) - held), 0)


def _share(line: dict[str, Any], start: datetime, end: datetime) -> Fraction:
    line_start, line_end = must_read(line["startdate"]), must_read(line["enddate"])
    first, last = max(start, line_start), min(end, line_end)
    if first > last or not line.get("qty"):
        return Fraction(0)
    return Fraction(line["qty"] * flight_days(first, last), flight_days(line_start, line_end))


def flight_faults(product: dict[str, Any], start: datetime, end: datetime, now: datetime) -> list[Fault]:
    """Why this flight cannot be sold: order of dates, lead time, length, life of the product."""
    faults = []
    days = flight_days(start, end)
    if end <= start:
        faults.append(Fault("InvalidDates", "enddate must be after startdate."))
    if start.date() < (now + timedelta(days=product["leadtime"])).date():
        faults.append(Fault("LeadTimeTooShort", f"The product needs {product['leadtime']} days of lead."))
    if not product["minflight"] <= days <= product["maxflight"]:
        text = f"{days} days, but the flight must last {product['minflight']} to {product['maxflight']} days."
        faults.append(Fault("InvalidPeriodLength", text))
    if start < must_read(product["activedate"]):
        faults.append(Fault("ProductNotActive", f"The product starts on {product['activedate']}."))
    if product["retirementdate"] and end > must_read(product["retirementdate"]):
        faults.append(Fault("ProductRetired", f"The product ended on {product['retirementdate']}."))
    return faults
