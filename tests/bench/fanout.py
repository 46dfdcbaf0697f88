"""The least that telling many sockets costs: one ASGI application that sends to all of them in a loop."""

from __future__ import annotations

import json
from typing import Any

_senders: set[Any] = set()
_position = 0


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    global _position
    if scope["type"] != "websocket":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
        if scope["path"] == "/move":
            _position += 1
            text = json.dumps({"seq": _position})
            for sender in list(_senders):
                await sender({"type": "websocket.send", "text": text})
        return
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": json.dumps({"seq": 0})})
    _senders.add(send)
    while (await receive())["type"] != "websocket.disconnect":
        pass
    _senders.discard(send)
