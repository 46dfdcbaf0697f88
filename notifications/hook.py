"""Calling a webhook: through the same guard as a seller's URL, on the same kind of connection.

The address comes from a person, so it is checked and resolved anew for each call, the call goes to exactly the checked
addresses, no redirect is followed and what is answered is not read. Private addresses are refused unless the process
environment allows them, in a list of its own: nobody can reach a private seller by naming it here.
"""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from flows.fanout import as_they_finish
from notifications import signing, wishes
from notifications.mail import absolute
from notifications.models import Delivery, DeliveryChannel, Notice
from sellers.guard import Target, UnsafeUrl, check_url
from sellers.transport import make_client

SECONDS = 10.0  # for the whole call, resolving and connecting included


class HookFailed(Exception):
    """Not taken. The text names the kind of failure and nothing that the other side said."""


def call(delivery: Delivery, notice: Notice) -> None:
    """Raises `HookFailed` unless the other side answered 2xx in time."""
    url, secret = where_to(delivery)
    body = signing.body_of(content_of(delivery, notice))
    headers = signing.headers_of(secret, delivery.pk, str(int(time.time())), body)

    async def conversation() -> int:
        return await _post(url, headers, body)

    (outcome,) = list(as_they_finish([conversation], deadline=SECONDS))
    if outcome.error is not None:
        raise HookFailed(_named(outcome.error)) from outcome.error
    if outcome.value is None or not 200 <= outcome.value < 300:
        raise HookFailed(f"The webhook answered {outcome.value}.")


def content_of(delivery: Delivery, notice: Notice) -> dict[str, str | None]:
    personal = delivery.recipient is not None
    return {
        "id": str(delivery.pk),
        "kind": notice.kind,
        "title": notice.title,
        "text": notice.text,
        "url": absolute(notice.url),
        "client": str(notice.organization_id) if notice.organization_id else None,
        "recipient": delivery.recipient.get_username() if personal and delivery.recipient else None,
        "at": notice.created_at.isoformat(),
    }


def check(url: str) -> Target:
    """The destination of a webhook. Raises `UnsafeUrl`."""
    return check_url(url, allowed=settings.FLIGHTDECK_ALLOWED_PRIVATE_HOOKS)


def where_to(delivery: Delivery) -> tuple[str, str]:
    """Address and secret as they are now; each may be empty."""
    if delivery.channel == DeliveryChannel.AGENCY:
        return settings.FLIGHTDECK_WEBHOOK_URL, settings.FLIGHTDECK_WEBHOOK_SECRET
    preference = wishes.preference_of(delivery.recipient_id or 0)
    return preference.hook_url, preference.hook_secret


async def _post(url: str, headers: dict[str, str], body: bytes) -> int:
    target = await asyncio.to_thread(check, url)
    path = urlsplit(url).path or "/"
    client = make_client(keepalive=0)
    try:
        for address in target.addresses:
            host = f"[{address}]" if ":" in address else address
            request = client.build_request(
                "POST",
                f"{target.scheme}://{host}:{target.port}{path}",
                content=body,
                headers=headers | {"host": target.host_header},
                extensions={"sni_hostname": target.host},
            )
            try:
                response = await client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue  # before a byte left: the host's next address may answer
            status = response.status_code
            await response.aclose()
            return status
    finally:
        await client.aclose()
    raise ConnectionError


def _named(error: BaseException) -> str:
    if isinstance(error, UnsafeUrl):
        return "The address of the webhook is not allowed."
    if isinstance(error, TimeoutError):
        return f"The webhook did not answer within {SECONDS:g} seconds."
    if isinstance(error, ConnectionError):
        return "The webhook cannot be reached."
    return "The call to the webhook failed."
