"""One cancellation at a seller: its claim, sending it, looking what became of it. `compensating` concludes from it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace

from bookings import terms
from bookings.line_record import call
from bookings.models import Campaign, Line
from bookings.states import LINE_LOST, LineStatus
from bookings.telling import tell
from flows import claims
from flows.clock import now
from flows.fingerprint import digest
from flows.models import Claim
from flows.work import Work
from sellers.dialects.base import Answer, Outcome
from sellers.exchange import ExchangeRecord

KIND = "cancel"
LIMIT = dt.timedelta(minutes=30)  # then people should know: money is committed that nobody wants to spend
UNDECIDED = (
    "pending_booking",
    "pending_reservation",
)  # some sellers take no cancellation before they have decided
TIMED_OUT = "deadline"


@dataclass(frozen=True)
class Heard:
    """What the seller said to the cancellation, what it shows now, and every call that this took."""

    said: Answer | None
    shown: Answer | None
    calls: list[ExchangeRecord]

    @property
    def over(self) -> Answer | None:
        """The answer that proves that nothing stands any more."""
        answers = (self.shown, self.said)
        return next((one for one in answers if one is not None and one.line_status in LINE_LOST), None)

    @property
    def undecided(self) -> bool:
        """Refused, because the seller has not decided on the booking itself yet: nothing happened."""
        if self.said is None or self.said.outcome != Outcome.REFUSED or self.shown is None:
            return False
        return self.shown.line_status in UNDECIDED


def claim_key(line: Line) -> str:
    """A line is cancelled once in its life, however often that is asked for."""
    return f"fd-cancel-{line.pk.hex}"


def belongs_to_another(line: Line) -> bool:
    """A seller that answers with the id of another booking of ours must not make us cancel that one."""
    others = Line.objects.filter(seller_id=line.seller_id).exclude(pk=line.pk)
    stated = {f"refs__{name}": line.refs[name] for name in terms.OWN_REFERENCES if line.refs.get(name)}
    return bool(stated) and others.filter(**stated).exists()


def claiming(line: Line) -> Callable[[Campaign], claims.Opened]:
    def record(campaign: Campaign) -> claims.Opened:
        opened = claims.open_claim(
            flow=campaign,
            subject_id=line.pk,
            kind=KIND,
            target=line.seller.slug,
            key=claim_key(line),
            payload_hash=digest({"kind": KIND, "refs": {n: line.refs.get(n) for n in terms.OWN_REFERENCES}}),
            stop_checks_at=now() + LIMIT,
        )
        if opened.fresh:
            tell(campaign, line, "compensation.sent", {"key": opened.claim.key, "refs": line.refs})
        return opened

    return record


def send(work: Work, line: Line, claim: Claim, *, fresh: bool) -> Heard:
    """Send it, and look at once where the answer alone proves nothing."""
    if not fresh and not work.commit(lambda campaign: claims.note_resend(claim)):
        return look(line)
    intent = terms.intent_for(line, KIND)
    said, calls = call(line.seller.connection(), lambda dialect: dialect.cancel(intent))
    claims.call_ended(claim, timed_out=said.code == TIMED_OUT)
    if said.line_status in LINE_LOST or said.outcome == Outcome.NOT_SENT:
        return Heard(said, None, calls)
    looked = look(line)
    return Heard(said, looked.shown, [*calls, *looked.calls])


def look(line: Line) -> Heard:
    """An earlier cancellation may have worked although its answer was lost, or a second one is refused."""
    intent, connection = terms.intent_for(line, KIND), line.seller.connection()
    shown, calls = call(connection, lambda dialect: dialect.read(intent))
    if shown.outcome == Outcome.UNKNOWN:
        shown, more = call(connection, lambda dialect: dialect.find(terms.line_kind(line), intent))
        calls = [*calls, *more]
    if shown.outcome == Outcome.NOTHING:
        shown = replace(shown, line_status=str(LineStatus.CANCELED))
    return Heard(None, shown, calls)


def reconcile(work: Work, line: Line, claim: Claim) -> Heard:
    """It may have been sent. Only when the seller shows that the booking stands does it go out again."""
    looked = look(line)
    if looked.over or looked.shown is None or looked.shown.outcome != Outcome.DONE:
        return looked
    if claims.still_at_work(claim):
        return looked
    sent = send(work, line, claim, fresh=False)
    return replace(sent, calls=[*looked.calls, *sent.calls])
