"""Reads the event stream and the clock, and writes the notices that follow. Safe to run anywhere, any time, twice.

Events get their numbers when they are written and are seen when their transaction commits, so a smaller number may
appear after a larger one. The cursor therefore passes only events that are older than `SETTLED_AFTER`, far longer than
any transaction takes; younger ones are handled at once and remembered by number.
"""

from __future__ import annotations

import datetime as dt
import logging

from django.db import OperationalError, transaction
from django.db.models import QuerySet

from flows.clock import now
from flows.models import Event
from notifications import on_deadlines, registry
from notifications.models import Cursor, Told
from notifications.writing import write

logger = logging.getLogger(__name__)

THE_ONE = 1
BATCH = 10  # events of one transaction: on SQLite nobody else writes meanwhile
ROUNDS = 20  # of one look
SETTLED_AFTER = dt.timedelta(seconds=60)
FIRST_LOOK_BACK = dt.timedelta(
    hours=1
)  # an installation that gets notices tells of its last hour, not of years
TRY_FOR = dt.timedelta(
    minutes=10
)  # a rule that fails is tried again for so long, then its event is passed over


def look() -> int:
    """Handle what is new; returns how many notices were written."""
    written, failed = 0, list[int]()
    for _ in range(ROUNDS):
        if not _anything_new():
            break
        count, full = _round(failed)
        written += count
        if not full:
            break
    return written


def _round(failed: list[int]) -> tuple[int, bool]:
    """A few events in one transaction, those that `failed` in this look apart; whether there may be more."""
    written = 0
    with transaction.atomic():
        cursor = _locked_cursor()
        rows = list(_unread(cursor).exclude(pk__in=failed)[:BATCH])
        for event in rows:
            count = _handle(event)
            if count is None:
                failed.append(event.pk)
                continue
            written += count
            cursor.seen[str(event.pk)] = event.at.isoformat()
        full = len(rows) == BATCH
        _move_on(cursor, failed, reached=rows[-1].pk if full else None)
    return written, full


def keep_up() -> None:
    """Move the cursor past events that lead to nothing, or each look would read through all of them again."""
    with transaction.atomic():
        cursor = _locked_cursor()
        settled = Event.objects.filter(at__lt=now() - SETTLED_AFTER).order_by("-pk")
        last = settled.values_list("pk", flat=True).first()
        if last is not None and last > cursor.position and not _unread(cursor).filter(pk__lte=last).exists():
            cursor.position = last
            cursor.seen = {pk: at for pk, at in cursor.seen.items() if int(pk) > last}
            cursor.save(update_fields=["position", "seen"])


def look_at_the_clock() -> int:
    """The same for deadlines, each in a transaction of its own."""
    return sum(_try_to_tell(stage) for stage in on_deadlines.due_stages())


def _try_to_tell(stage: on_deadlines.Stage) -> int:
    try:
        with transaction.atomic():
            _locked_cursor()
            return _tell(stage)
    except OperationalError:
        raise
    except Exception:
        logger.exception("no notice for the deadline of request %s; it is tried again", stage.request_id)
        return 0


def _tell(stage: on_deadlines.Stage) -> int:
    if Told.objects.filter(key=stage.key(stage.share)).exists():
        return 0  # another look was faster
    Told.objects.bulk_create([Told(key=key) for key in stage.keys], ignore_conflicts=True)
    return len(write(on_deadlines.drafts_of_stage(stage)))


def _anything_new() -> bool:
    """Without a lock: mostly there is nothing."""
    cursor = Cursor.objects.filter(pk=THE_ONE).first()
    if cursor is None:
        return True
    return _unread(cursor).exists() or any(_settled(at) for at in cursor.seen.values())


def _unread(cursor: Cursor) -> QuerySet[Event]:
    rows = Event.objects.filter(pk__gt=cursor.position, type__in=registry.event_types())
    return rows.exclude(pk__in=[int(pk) for pk in cursor.seen]).order_by("pk")


def _locked_cursor() -> Cursor:
    """One look at a time; the others wait here and then find nothing."""
    if not Cursor.objects.filter(pk=THE_ONE).exists():
        Cursor.objects.bulk_create([Cursor(pk=THE_ONE, position=_where_to_begin())], ignore_conflicts=True)
    return Cursor.objects.select_for_update().get(pk=THE_ONE)


def _where_to_begin() -> int:
    old = Event.objects.filter(at__lt=now() - FIRST_LOOK_BACK).order_by("-pk")
    return old.values_list("pk", flat=True).first() or 0


def _handle(event: Event) -> int | None:
    """How many notices came of it; None when its rule failed and is to be tried again."""
    try:
        with transaction.atomic():
            return len(write(registry.drafts_of(event)))
    except OperationalError:
        raise  # of the database, not of the event
    except Exception:
        again = now() - event.at < TRY_FOR
        logger.exception(
            "no notice for event %s (%s)%s", event.pk, event.type, "" if again else ": passed over"
        )
        return None if again else 0


def _move_on(cursor: Cursor, failed: list[int], reached: int | None) -> None:
    """Pass what is settled; stay before what failed, and before what a full batch has not `reached`."""
    limits = [pk - 1 for pk in failed] + ([reached] if reached is not None else [])
    settled = [int(pk) for pk, at in cursor.seen.items() if _settled(at)]
    passed = max((pk for pk in settled if all(pk <= limit for limit in limits)), default=0)
    cursor.position = max(cursor.position, passed)
    cursor.seen = {pk: at for pk, at in cursor.seen.items() if int(pk) > cursor.position}
    cursor.save(update_fields=["position", "seen"])


def _settled(at: str) -> bool:
    return dt.datetime.fromisoformat(at) < now() - SETTLED_AFTER
