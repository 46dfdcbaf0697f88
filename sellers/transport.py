"""The connections under a conversation: nothing followed, nothing taken from the environment, roots read once."""

from __future__ import annotations

import functools
import ssl

import httpx

CONNECT_SECONDS = 4.0  # per address, so that one dead address of a host leaves time for the next


def make_client(*, keepalive: int) -> httpx.AsyncClient:
    """Half a millisecond of CPU: made when the first call needs it. Bound to the event loop that uses it."""
    return httpx.AsyncClient(
        http1=True,
        http2=False,
        verify=_trusted_roots(),
        trust_env=False,
        follow_redirects=False,
        # Everything but the connecting is bounded by the deadline of the call.
        timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=100, max_keepalive_connections=keepalive, keepalive_expiry=15),
        headers={"user-agent": "Flightdeck"},
    )


@functools.cache
def _trusted_roots() -> ssl.SSLContext:
    """One for the process: reading the roots takes 47 ms, more than a whole call on loopback."""
    return httpx.create_ssl_context(trust_env=False)


def named(broken: httpx.TransportError) -> tuple[str, str]:
    """A stable code and a sentence; the library's own text may quote the seller's bytes."""
    if isinstance(broken, httpx.RemoteProtocolError):
        return "protocol", "The seller broke off, or did not speak HTTP."
    if isinstance(broken, httpx.ReadError | httpx.WriteError | httpx.CloseError):
        return "reset", "The seller closed the connection in the middle of the call."
    return "transport", "The call to the seller failed."
