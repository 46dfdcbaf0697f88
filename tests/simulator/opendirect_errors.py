"""Reading the error list of an OpenDirect answer."""

from __future__ import annotations

import httpx

ORDERS = "/accounts/acc-demo/orders"


def codes(answer: httpx.Response) -> list[str]:
    return [error["errorCode"] for error in answer.json()["errors"]]
