"""Where a page finds its live connection when another process serves it under another address."""

from __future__ import annotations

import re

from django.conf import settings
from django.http import HttpRequest

PORT_ONLY = re.compile(r"\A:\d{1,5}\Z")


def socket_origin(request: HttpRequest) -> str:
    """`ws://host:port` or `wss://...` of the sockets; empty when it is the page's own address."""
    address: str = settings.FLIGHTDECK_SOCKETS_URL
    if not PORT_ONLY.match(address):
        return address.rstrip("/")
    # The same host by the name that the reader used: cookies know no ports, but they do know host names.
    host = re.sub(r":\d+\Z", "", request.get_host())
    return f"{'wss' if request.is_secure() else 'ws'}://{host}{address}"


def socket_address(request: HttpRequest) -> dict[str, str]:
    """Context processor for the base page."""
    return {"socket_origin": socket_origin(request)}
