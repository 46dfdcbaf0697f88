"""The inbox: what waits for a person."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from django.db.models import QuerySet

from approvals.models import ApprovalRequest
from approvals.states import RequestState


def inbox(organization_ids: Collection[uuid.UUID] | None) -> QuerySet[ApprovalRequest]:
    """Open requests of these clients (None = of all), the one whose price expires first on top, then the dearest."""
    return open_requests(organization_ids).order_by("deadline", "-open_amount", "id")


def open_requests(organization_ids: Collection[uuid.UUID] | None) -> QuerySet[ApprovalRequest]:
    """The same without order: for counting."""
    requests = ApprovalRequest.objects.filter(status=RequestState.OPEN)
    return requests if organization_ids is None else requests.filter(organization_id__in=organization_ids)


def open_request(subject_type: str, subject_id: Any) -> ApprovalRequest | None:
    return ApprovalRequest.objects.filter(
        subject_type=subject_type, subject_id=subject_id, status=RequestState.OPEN
    ).first()


def last_request(subject_type: str, subject_id: Any) -> ApprovalRequest | None:
    return (
        ApprovalRequest.objects.filter(subject_type=subject_type, subject_id=subject_id)
        .order_by("-created_at")
        .first()
    )
