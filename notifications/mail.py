"""A notice or a digest as a mail: plain text and simple HTML, links that only show, nothing secret."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from notifications.models import Delivery, DeliveryChannel, Notice

FOOT = (
    "Links in this mail only show pages; decisions are taken there, signed in.\n"
    "What is sent to you: Settings, Notifications."
)


def send(delivery: Delivery, notices: Sequence[Notice]) -> None:
    """Raises OSError (smtplib's errors are such) when the mail server does not take it."""
    assert delivery.recipient is not None  # an agency has a webhook, not a mailbox
    message_of(delivery, notices, delivery.recipient.email).send()


def message_of(delivery: Delivery, notices: Sequence[Notice], address: str) -> EmailMultiAlternatives:
    digest = delivery.channel == DeliveryChannel.DIGEST
    rows = [{"title": row.title, "text": row.text, "url": absolute(row.url)} for row in notices]
    subject = f"{len(rows)} notifications of the last day" if digest and len(rows) > 1 else rows[0]["title"]
    message = EmailMultiAlternatives(
        subject=f"[Flightdeck] {subject}",
        body=_as_text(rows),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[address],
        headers=_headers(delivery),
    )
    message.attach_alternative(
        render_to_string("notifications/mail/notices.html", {"rows": rows}), "text/html"
    )
    return message


def absolute(path: str) -> str:
    return settings.FLIGHTDECK_URL.rstrip("/") + path


def _as_text(rows: Sequence[dict[str, Any]]) -> str:
    parts = [f"{row['title']}\n\n{row['text']}\n\n{row['url']}" for row in rows]
    return "\n\n--\n\n".join([*parts, FOOT]) + "\n"


def _headers(delivery: Delivery) -> dict[str, str]:
    """The same id at each try, so that mail systems show a mail that was sent twice once."""
    host = urlsplit(settings.FLIGHTDECK_URL).hostname or "flightdeck.invalid"
    return {
        "Message-ID": f"<{delivery.pk}@{host}>",
        "List-Unsubscribe": f"<{absolute(reverse('notification-settings'))}>",
        "Auto-Submitted": "auto-generated",
    }
