"""Live hints: 'subject so-and-so is now at position n'. A hint may be lost; pages catch up from the database."""

from __future__ import annotations

import logging

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

logger = logging.getLogger(__name__)


def group_of(subject_type: str, subject_id: str) -> str:
    return f"subject.{subject_type}.{subject_id}"


def hint(subject_type: str, subject_id: str, position: int) -> None:
    """Tell whoever watches. Never raises: the truth is already committed."""
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        async_to_sync(layer.group_send)(
            group_of(subject_type, subject_id), {"type": "subject.moved", "seq": position}
        )
    except Exception:
        logger.warning("live hint for %s %s was not sent", subject_type, subject_id, exc_info=True)
