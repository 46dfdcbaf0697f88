"""Keeps pages and API away from the processes that are there for sockets: WSGI serves twice as many of those."""

from __future__ import annotations

from typing import Any


class OnlyHealth:
    """Lets requests for health and metrics through; anything else is a 404 without a look at the database."""

    def __init__(self, http_application: Any) -> None:
        self._http = http_application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        if path in ("/health", "/metrics") or path.startswith("/health/"):
            await self._http(scope, receive, send)
            return
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
        await send({"type": "http.response.start", "status": 404, "headers": headers})
        await send({"type": "http.response.body", "body": b"Only live connections are served here.\n"})
