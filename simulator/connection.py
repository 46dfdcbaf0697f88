"""The TCP side: cutting a connection so that the client really sees it."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, zero seconds: close() sends RST instead of FIN


class CuttableProtocol(H11Protocol):
    """HTTP/1.1 that tells each request which connection it came on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.app_state = {**self.app_state, "connection": self}


def _transport(scope: Scope) -> asyncio.Transport:
    protocol: CuttableProtocol = scope["state"]["connection"]
    return protocol.transport


async def reset(scope: Scope) -> None:
    """Throws away what was not sent yet and resets the connection."""
    transport = _transport(scope)
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
    await asyncio.sleep(0)


async def close(scope: Scope) -> None:
    """Sends what is buffered, then closes without ceremony, whatever the headers had promised."""
    _transport(scope).close()
    await asyncio.sleep(0)
