"""The line booking state machine: 13 states, 6 actions, the seller's clock and the seller's people."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from simulator.opendirect.states import STATES
from simulator.testing import RunningSeller
from tests.simulator.flights import FLIGHT

DAY = 86_400
LEGAL = {
    ("Draft", "edit"): "Draft",
    ("Draft", "delete"): None,
    ("Draft", "reserve"): "Reserved",
    ("Draft", "book"): "Booked",
    ("Reserved", "book"): "Booked",
    ("Reserved", "cancel"): "Canceled",
    ("Reserved", "reset"): "Draft",
    ("Booked", "cancel"): "Canceled",
    ("InFlight", "cancel"): "Canceled",
    ("Declined", "reset"): "Draft",
    ("Expired", "reset"): "Draft",
}
"""opendirect.md 1.7, written out: what each action makes of each state. Everything not here is a 400."""

ACTIONS = ("edit", "delete", "reserve", "book", "cancel", "reset")


class Line:
    def __init__(self, client: httpx.Client, order_id: str, **changes: Any) -> None:
        self.client = client
        self.lines = f"/accounts/acc-demo/orders/{order_id}/lines"
        answer = client.post(self.lines, json=FLIGHT.line(**changes))
        assert answer.status_code == 200, answer.text
        self.id: str = answer.json()["id"]
        self.url = f"{self.lines}/{self.id}"

    def act(self, action: str) -> httpx.Response:
        if action == "delete":
            return self.client.delete(self.url)
        if action == "edit":
            return self.client.patch(self.url, json={"qty": 1_200_000})
        return self.client.patch(f"{self.url}?{action}")

    def read(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(self.url).json()
        return found

    @property
    def status(self) -> str:
        return str(self.read()["bookingstatus"])


@pytest.fixture
def line(od_client: httpx.Client, order_id: str) -> Line:
    return Line(od_client, order_id)


def bring_to(publisher: RunningSeller, line: Line, state: str) -> None:
    """By the seller's people; Reserved by the buyer, because it needs its expiry date."""
    if state == "Reserved":
        line.act("reserve")
    elif state != "Draft":
        publisher.decide(line.id, state)
    assert line.status == state


def test_the_enumeration_is_complete() -> None:
    assert len(STATES) == len(set(STATES)) == 13


@pytest.mark.parametrize("state", STATES)
def test_every_action_in_every_state(
    publisher: RunningSeller, od_client: httpx.Client, order_id: str, state: str
) -> None:
    for number, action in enumerate(ACTIONS):
        line = Line(od_client, order_id, name=f"line {number}", qty=100_000 * (number + 2))
        bring_to(publisher, line, state)
        effects = len(publisher.journal.effects())
        answer = line.act(action)
        if (state, action) not in LEGAL:
            assert answer.status_code == 400, f"{action} in {state}"
            assert answer.json()["errors"][0]["errorCode"] == "IllegalAction"
            assert line.status == state
            assert len(publisher.journal.effects()) == effects
            continue
        assert answer.status_code == 200, f"{action} in {state}: {answer.text}"
        target = LEGAL[state, action]
        if target is None:
            assert od_client.get(line.url).status_code == 404
        else:
            assert answer.json()["bookingstatus"] == line.status == target


def test_reset_clears_the_reason(publisher: RunningSeller, line: Line) -> None:
    publisher.decide(line.id, "decline", "brand conflict")
    assert line.read()["statechangereason"] == "brand conflict"
    line.act("reset")
    assert line.read()["statechangereason"] is None


def test_a_reservation_expires(publisher: RunningSeller, line: Line) -> None:
    line.act("reserve")
    assert line.read()["reservedexpirydate"] > FLIGHT.dates["startdate"][:4]
    publisher.set_clock(8 * DAY)
    assert line.status == "Expired"
    assert [e.type for e in publisher.journal.effects() if e.type.startswith("line")] == [
        "line.created",
        "line.reserved",
        "line.expired",
    ]


def test_a_booked_line_runs_and_finishes(
    publisher: RunningSeller, line: Line, od_client: httpx.Client
) -> None:
    line.act("book")
    publisher.set_clock(45 * DAY)
    assert line.status == "InFlight"
    (row,) = od_client.get(line.url + "/stats").json()["stats"]
    assert 0 < row["impressions"] < 1_000_000
    assert row["spend"] == pytest.approx(row["impressions"] / 1000 * line.read()["rate"], abs=0.01)
    publisher.set_clock(61 * DAY)
    assert line.status == "Finished"
    assert od_client.get(line.url + "/stats").json()["stats"][0]["impressions"] == 970_000


def test_cancel_in_flight_can_mean_stopped(publisher: RunningSeller, line: Line) -> None:
    publisher.set_options(cancel_in_flight="Stopped")
    line.act("book")
    publisher.set_clock(45 * DAY)
    assert line.act("cancel").json()["bookingstatus"] == "Stopped"


def test_async_booking_is_pending_then_booked(publisher: RunningSeller, line: Line) -> None:
    publisher.set_options(async_after=3)
    assert line.act("book").json()["bookingstatus"] == "PendingBooking"
    assert line.act("book").status_code == 400
    assert line.status == "PendingBooking"
    publisher.set_clock(4)
    assert line.status == "Booked"
    assert len(publisher.journal.effects("line.booked")) == 1


def test_async_reservation_and_the_sellers_decision(
    publisher: RunningSeller, od_client: httpx.Client, order_id: str
) -> None:
    publisher.set_options(async_after=3_600)
    yes, no = (Line(od_client, order_id, name=name) for name in ("yes", "no"))
    for line in (yes, no):
        assert line.act("reserve").json()["bookingstatus"] == "PendingReservation"
    publisher.decide(yes.id, "approve")
    publisher.decide(no.id, "decline", "sold out")
    assert (yes.status, no.status) == ("Reserved", "Declined")
    with pytest.raises(RuntimeError, match="400"):
        publisher.decide(yes.id, "approve")


def test_special_instructions_wait_for_a_person(
    publisher: RunningSeller, od_client: httpx.Client, order_id: str
) -> None:
    line = Line(od_client, order_id, specialinstructions="Call before booking.")
    assert line.act("book").json()["bookingstatus"] == "PendingBooking"
    publisher.set_clock(10 * DAY)
    assert line.status == "PendingBooking"
    publisher.decide(line.id, "approve")
    assert line.status == "Booked"


def test_pending_books_as_declined_when_the_volume_went(
    publisher: RunningSeller, od_client: httpx.Client, order_id: str
) -> None:
    publisher.set_options(async_after=3)
    first, second = (Line(od_client, order_id, name=name, qty=7_000_000) for name in ("first", "second"))
    first.act("book")
    publisher.set_clock(4)
    assert first.status == "Booked"
    answer = second.act("book").json()
    assert answer["bookingstatus"] == "PendingBooking"
    publisher.set_clock(8)
    assert second.status == "Declined"
    assert "available" in second.read()["statechangereason"]


def test_the_order_is_approved_by_its_first_booking(
    line: Line, od_client: httpx.Client, order_id: str
) -> None:
    order = f"/accounts/acc-demo/orders/{order_id}"
    assert od_client.get(order).json()["orderstatus"] == "PENDING"
    line.act("book")
    assert od_client.get(order).json()["orderstatus"] == "APPROVED"


def test_an_order_with_a_booked_line_cannot_be_deleted(
    line: Line, od_client: httpx.Client, order_id: str
) -> None:
    line.act("book")
    order = f"/accounts/acc-demo/orders/{order_id}"
    assert od_client.delete(order).json()["errors"][0]["errorCode"] == "IllegalAction"
    line.act("cancel")
    assert od_client.delete(order).status_code == 400


def test_a_draft_order_is_deleted_with_its_lines(line: Line, od_client: httpx.Client, order_id: str) -> None:
    assert od_client.delete(f"/accounts/acc-demo/orders/{order_id}").status_code == 200
    assert od_client.get(line.url).status_code == 404


def test_crash_while_booking_stays_pending_until_it_heals(publisher: RunningSeller, line: Line) -> None:
    publisher.faults(kind="crash", contains="book", seconds=30, count=1)
    with pytest.raises(httpx.ReadError):
        line.act("book")
    assert line.status == "PendingBooking"
    publisher.set_clock(31)
    assert line.status == "Booked"


def test_cut_after_booking_hides_a_booked_line(publisher: RunningSeller, line: Line) -> None:
    publisher.faults(kind="cut", when="after", contains="?book", count=1)
    with pytest.raises(httpx.ReadError):
        line.act("book")
    assert len(publisher.journal.effects("line.booked")) == 1
    assert line.status == "Booked"
