"""The one step of a delivery: wait for its time, see that it is still wanted, send it, and say what came of it.

What was sent and not recorded, because the process died in between, is sent again under the same id: a mail with the
same Message-ID, a webhook with the same Flightdeck-Id. Late and twice is better than never for what needs a decision.
"""

from __future__ import annotations

from typing import Any

from approvals.selectors import open_requests
from flows import lifecycle
from flows.actors import SYSTEM_ACTOR
from flows.clock import now
from flows.models import Step
from flows.registry import flow_kind
from flows.work import Done, Later, Work
from notifications import mail, people, wishes
from notifications.hook import HookFailed, call, where_to
from notifications.kinds import KINDS
from notifications.models import Delivery, DeliveryChannel, Notice

delivery_flow = flow_kind("delivery", "notifications.Delivery")

MAILED = (DeliveryChannel.MAIL, DeliveryChannel.DIGEST)
# Whoever receives may be away for half a day; then the kernel's own tries follow, and then operations look.
PAUSES = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0, 14400.0)


def deliver_given_up(delivery: Delivery, step: Step, error: str) -> None:
    _apply(delivery, "give_up", reason=error)


@delivery_flow.step(given_up=deliver_given_up)
def deliver(work: Work) -> Done | Later:
    delivery: Delivery = work.flow()
    if delivery.is_over():
        return Done()
    quiet = _quiet(delivery)
    if quiet:
        return Later(quiet, "quiet hours")
    notices = work.commit(_close) if delivery.channel == DeliveryChannel.DIGEST else [delivery.notice]
    wanted = [notice for notice in notices if notice is not None and _still_wanted(delivery, notice)]
    why_not = _why_not(delivery) if wanted else "No longer to be told."
    if why_not:
        return Done(record=lambda row: _apply(row, "drop", reason=why_not))
    try:
        _send(delivery, wanted)
    except (HookFailed, OSError) as failed:  # mail servers fail with OSError and its children
        return _again(delivery, failed)
    return Done(record=lambda row: _apply(row, "finish"))


def _quiet(delivery: Delivery) -> float:
    """Seconds until this person may be disturbed. An agency's own system never sleeps."""
    if delivery.recipient_id is None:
        return 0.0
    until = wishes.quiet_until(wishes.preference_of(delivery.recipient_id))
    return (until - now()).total_seconds() if until else 0.0


def _close(digest: Delivery) -> list[Notice]:
    """From here on nothing is added. Under the lock of the digest."""
    if digest.closed_at is None:
        digest.closed_at = now()
        digest.save(update_fields=["closed_at"])
    return list(digest.notices.order_by("created_at"))


def _still_wanted(delivery: Delivery, notice: Notice) -> bool:
    """The recipient may still know, and what waited for a decision still does."""
    kind = KINDS[notice.kind]
    if kind.while_open and not _is_open(notice):
        return False
    if delivery.recipient is None:
        return True
    return people.may_know(delivery.recipient, kind.action, notice.organization_id)


def _is_open(notice: Notice) -> bool:
    about = notice.request_id
    return about is not None and open_requests(None).filter(pk=about).exists()


def _why_not(delivery: Delivery) -> str:
    """Why there is nowhere to send it to; empty when there is somewhere."""
    if delivery.channel in MAILED:
        has_address = delivery.recipient is not None and bool(delivery.recipient.email)
        return "" if has_address else "The recipient has no e-mail address."
    return "" if all(where_to(delivery)) else "There is no webhook any more, or it has no secret."


def _send(delivery: Delivery, notices: list[Notice]) -> None:
    if delivery.channel in MAILED:
        mail.send(delivery, notices)
    else:
        call(delivery, notices[0])


def _again(delivery: Delivery, failed: Exception) -> Later:
    """Later, without counting as a failure of ours; when patience is over it does count."""
    if delivery.tries >= len(PAUSES):
        raise failed
    reason = f"{type(failed).__name__}: {failed}"[:200]

    def record(row: Delivery) -> None:
        row.tries, row.note = row.tries + 1, reason
        row.save(update_fields=["tries", "note"])

    return Later(PAUSES[delivery.tries], reason, record)


def _apply(delivery: Delivery, transition: str, **arguments: Any) -> None:
    lifecycle.apply(
        delivery,
        transition,
        actor=SYSTEM_ACTOR,
        subject_type="delivery",
        correlation_id=delivery.correlation_id,
        payload={"channel": delivery.channel} | arguments,
        **arguments,
    )
