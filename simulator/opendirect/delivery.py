"""What a line delivered so far, and its placements."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from simulator.opendirect.catalogue import find_product
from simulator.opendirect.line_store import line_of
from simulator.opendirect.moments import must_read, write_utc
from simulator.opendirect.rates import cost_of
from simulator.opendirect.reading import no_query, page
from simulator.seller import Seller, seller_of
from simulator.wire_json import JsonReply

_DELIVERED = ("InFlight", "Finished", "Stopped", "Pause")
_PACE = Fraction(97, 100)
_CLICK_SHARE = Fraction(9, 1000)


def _impressions(seller: Seller, line: dict[str, Any]) -> int:
    """Even delivery at 97 % of what was ordered, to date."""
    if line["bookingstatus"] not in _DELIVERED or not line.get("qty"):
        return 0
    start, end = must_read(line["startdate"]), must_read(line["enddate"])
    elapsed = min(max((seller.clock.now() - start) / (end - start), 0.0), 1.0)
    return int(line["qty"] * _PACE * Fraction(elapsed))


async def get_stats(request: Request) -> Response:
    """Cumulative to date; ctr in percent, spend = impressions / 1000 x rate."""
    line = line_of(request)
    no_query(request)
    seller = seller_of(request)
    impressions = _impressions(seller, line)
    clicks = int(impressions * _CLICK_SHARE)
    row = {
        "reportdate": write_utc(seller.clock.now()),
        "impressions": impressions,
        "clicks": clicks,
        "ctr": round(clicks / impressions * 100, 4) if impressions else 0,
        "spend": cost_of(Decimal(str(line["rate"])), impressions),
    }
    return JsonReply({"stats": [row]})


async def list_placements(request: Request) -> Response:
    line = line_of(request)
    product = find_product(seller_of(request), line["productid"])
    rows = [
        {"id": f"{line['id']}-{i}", "lineid": line["id"], "adunitid": unit["gpid"], "spec": unit["spec"]}
        for i, unit in enumerate(product["adunit"] if product else [])
    ]
    return JsonReply(page(request, "placements", rows))
