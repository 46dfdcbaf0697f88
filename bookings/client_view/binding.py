"""What a client's answer is bound to: the version of the plan and its exact terms, as an approval binds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.crypto import constant_time_compare, salted_hmac

from approvals import selectors as approvals_selectors
from approvals.models import ApprovalItem
from approvals.states import ItemState
from approvals.writing import Selection, selection_fingerprint
from bookings.models import Campaign, Recommendation
from bookings.proposals import fingerprint_of
from bookings.states import CampaignStatus

SALT = "bookings.client_view.binding"
STANDS = (ItemState.OPEN, ItemState.APPROVED)


@dataclass(frozen=True)
class Binding:
    """`fingerprint` is that of a decision to approve every line that is shown. `seal` stands for it on pages and in
    REST: terms hold prices, and from a bare digest of them a price can be found by trying."""

    version: int
    fingerprint: str
    seal: str

    def is_shown_by(self, seal: str) -> bool:
        return constant_time_compare(self.seal, seal)


def binding_of(campaign: Campaign, rows: Sequence[Recommendation]) -> Binding | None:
    """None while no plan waits. `rows` are the lines of the plan as they are now."""
    if campaign.status != CampaignStatus.AWAITING_APPROVAL:
        return None
    request = approvals_selectors.open_request("campaign", campaign.pk)
    if request is None:
        return None
    items = list(request.items.filter(state__in=STANDS))
    selection = Selection(items, sum((item.amount for item in items), Decimal(0)))
    fingerprint = selection_fingerprint(request, selection)
    return Binding(campaign.plan_version, fingerprint, _seal(campaign, fingerprint, items, rows))


def _seal(
    campaign: Campaign, fingerprint: str, items: Sequence[ApprovalItem], rows: Sequence[Recommendation]
) -> str:
    """Covers the terms as asked for and as they are now, should these ever differ."""
    chosen = {item.pk for item in items}
    current = sorted(f"{row.pk}:{fingerprint_of(row)}" for row in rows if row.pk in chosen)
    text = "\n".join([str(campaign.pk), str(campaign.plan_version), fingerprint, *current])
    return salted_hmac(SALT, text, algorithm="sha256").hexdigest()
