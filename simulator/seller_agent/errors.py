"""The reference agent's error bodies: `detail` as a string, an object or a list."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from simulator.wire_json import JsonReply


class ApiError(Exception):
    """Ends the request with this status and `detail`."""

    def __init__(self, status: int, detail: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(str(detail))
        self.status = status
        self.detail = detail
        self.headers = headers


def business_error(status: int, code: str, message: str, **more: Any) -> ApiError:
    return ApiError(status, {"error": code, "message": message, **more})


def unpriced(product_id: str) -> ApiError:
    return ApiError(422, f"Product '{product_id}' has no base_cpm or floor_cpm; avails cannot be priced.")


async def on_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return JsonReply({"detail": error.detail}, status_code=error.status, headers=error.headers)


async def on_http_error(request: Request, error: Exception) -> Response:
    """404 and 405 of the router."""
    assert isinstance(error, HTTPException)
    if request.method == "HEAD":
        return JsonReply(None, status_code=error.status_code, headers=error.headers)
    return JsonReply({"detail": error.detail}, status_code=error.status_code, headers=error.headers)
