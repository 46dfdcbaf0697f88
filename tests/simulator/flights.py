"""Bodies of OpenDirect requests for a flight that is always ahead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class Flight:
    """Whole UTC days, both included."""

    start: datetime
    days: int

    @property
    def dates(self) -> dict[str, str]:
        end = self.start + timedelta(days=self.days, seconds=-1)
        return {
            "startdate": self.start.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "enddate": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def order(self, name: str, **more: Any) -> dict[str, Any]:
        return {
            "accountid": "acc-demo",
            "publisherid": "org-northlight",
            "advertiserbrandid": "brand-advertiser-demo",
            "name": name,
            "currency": "USD",
            **more,
        }

    def line(self, product_id: str = "nlm-c-news", qty: int = 1_000_000, **more: Any) -> dict[str, Any]:
        return {"name": "CTV news", "productid": product_id, "qty": qty, **self.dates, **more}

    def avails(self, *product_ids: str, **more: Any) -> dict[str, Any]:
        return {
            "productids": list(product_ids),
            "accountid": "acc-demo",
            "advertiserbrandid": "brand-advertiser-demo",
            **self.dates,
            **more,
        }


_TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
FLIGHT = Flight(_TODAY + timedelta(days=30), days=30)
