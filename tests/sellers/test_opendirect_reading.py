"""OpenDirect answers in the spellings of the 2.1 text and of its defects (D1-D31)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from sellers.dialects.base import LineIntent, Outcome
from sellers.dialects.opendirect import catalogue, lines, orders
from sellers.dialects.opendirect.avails import Avail, _read
from sellers.dialects.opendirect.reading import (
    entity,
    errors_of,
    line_status,
    listed,
    lowered,
    state_reason,
)
from sellers.dialects.values import BadValue
from sellers.http import Reply

ROW: dict[str, Any] = {
    "id": "p-1",
    "publisherid": "org-1",
    "name": "Family evenings",
    "currency": "USD",
    "baseprice": Decimal("25.5"),
    "ratetype": "CPM",
    "deliverytype": "guaranteed",
    "minspend": 4000,
    "minflight": 3,
    "maxflight": 90,
    "leadtime": 5,
    "activedate": "2026-01-01T00:00:00Z",
    "retirementdate": "2027-12-31T23:59:59Z",
    "producttags": ["ctv", "family", "age:25-54", "viewability:0.97", "completion_rate:0.95"],
    "adunit": [{"name": "30 s", "spec": {"video": {}}}],
}


def product(**changes: Any) -> Any:
    return catalogue.product(lowered(ROW | changes), seller="s")


def test_a_product_is_read() -> None:
    read = product()
    assert (read.list_cpm, read.min_spend, read.currency) == (Decimal("25.50"), Decimal("4000.00"), "USD")
    assert (read.min_flight_days, read.max_flight_days, read.lead_days) == (3, 90, 5)
    assert (read.active_from, read.retired_on) == (date(2026, 1, 1), date(2027, 12, 31))
    assert (read.inventory_type, read.guaranteed) == ("ctv", True)
    assert (read.viewability, read.completion_rate) == (Decimal("0.97"), Decimal("0.95"))
    assert (read.targeting, read.content, read.formats) == (("age:25-54",), ("family",), ("30 s",))


@pytest.mark.parametrize(
    "row",
    [
        {name.upper(): value for name, value in ROW.items()},
        {name.title(): value for name, value in ROW.items()},
        ROW | {"producttags": ",".join(ROW["producttags"])},
        {("adunits" if name == "adunit" else name): value for name, value in ROW.items()},
        ROW | {"adunit": ROW["adunit"][0]},
        ROW | {"deliverytype": "Guaranteed"},
        {("deliveryyype" if name == "deliverytype" else name): value for name, value in ROW.items()},
        ROW | {"extra": {"deep": [1, 2]}, "icon": None},
        {name: value for name, value in ROW.items() if name != "publisherid"},
    ],
    ids=["upper", "title", "tags text", "adunits", "one adunit", "case", "typo", "extra", "no publisher"],
)
def test_every_spelling_reads_the_same(row: dict[str, Any]) -> None:
    assert catalogue.product(lowered(row), seller="s") == product()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": None}, "id is missing"),
        ({"baseprice": None}, "unpriced"),
        ({"baseprice": -7}, "baseprice is zero or negative"),
        ({"baseprice": "call us"}, "baseprice is not a number"),
        ({"ratetype": "CPC"}, "priced per CPC"),
        ({"ratetype": "FlatRate"}, "priced per FlatRate"),
        ({"currency": None}, "currency is not"),
        ({"currency": "dollars"}, "currency is not"),
        ({"minspend": -1}, "minspend is negative"),
        ({"leadtime": "soon"}, "leadtime is not a number"),
        ({"retirementdate": "never"}, "retirementdate is not a date"),
    ],
)
def test_a_malformed_row_says_why(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadValue, match=reason):
        product(**change)


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"producttags": ["news", "CTV"]}, "ctv"),
        ({"producttags": ["video", "ctv"]}, "ctv"),
        ({"producttags": "inventory:native"}, "native"),
        ({"producttags": ["mobile_app", "video"]}, "mobile_app"),
        ({"context": {"device": {"type": 3}}, "adunit": [{"spec": {"video": {}}}]}, "ctv"),
        ({"context": {"dooh": {}}}, "dooh"),
        ({"context": {"app": {}}, "adunit": [{"spec": {"display": {}}}]}, "mobile_app"),
        ({"adunit": [{"spec": {"audio": {}}}]}, "audio"),
        ({"adunit": [{"spec": {"video": {}}}]}, "video"),
        ({"adunit": [{"spec": {"display": {"nativefmt": {}}}}]}, "native"),
        ({"adunits": [{"spec": {"display": {}}}]}, "display"),
        ({"adunit": "x", "context": 7, "producttags": 5}, "other"),
        ({}, "other"),
    ],
)
def test_the_inventory_type(row: dict[str, Any], kind: str) -> None:
    assert catalogue.inventory_type(row) == kind


@pytest.mark.parametrize(
    ("row", "open_to_us"),
    [
        ({}, True),
        ({"advertiseridaccess": None, "buyeridaccess": []}, True),
        ({"advertiseridaccess": ["adv"], "buyeridaccess": ["agency"]}, True),
        ({"advertiseridaccess": ["other"]}, False),
        ({"buyeridaccess": ["other"]}, False),
    ],
)
def test_access_lists(row: dict[str, Any], open_to_us: bool) -> None:
    assert catalogue.may_buy(row, advertiser="adv", buyer="agency") is open_to_us


def reply(data: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(status, headers, data)


@pytest.mark.parametrize(
    ("answer", "rows", "total"),
    [
        (reply({"products": [1, 2]}), [1, 2], None),
        (reply({"Products": [1], "Paging": {"TotalRecords": 9}}), [1], 9),
        (reply({"products": []}, **{"x-total-count": "613"}), [], 613),
        (reply([1]), [1], None),
    ],
)
def test_lists_in_every_envelope(answer: Reply, rows: list[Any], total: int | None) -> None:
    assert listed(answer, "products") == (rows, total)


@pytest.mark.parametrize(
    "answer", [reply({"products": 5}), reply({}), reply(None), reply({"products": []}, 500)]
)
def test_what_is_no_list(answer: Reply) -> None:
    assert listed(answer, "products") is None


@pytest.mark.parametrize("data", [{"id": "L"}, {"ID": "L"}, {"line": {"id": "L"}}, {"Line": {"Id": "L"}}])
def test_a_resource_bare_or_wrapped(data: Any) -> None:
    found = entity(reply(data), "line")
    assert found is not None
    assert found["id"] == "L"


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (
            {"errors": [{"errorCode": "A", "message": "one"}, {"errorCode": "B", "message": "two"}]},
            "A",
            "one; two",
        ),
        ({"errors": [{"ErrorCode": "A", "ErrorMessage": "one"}]}, "A", "one"),
        ({"Errors": {"errorcode": "A"}}, "A", "A"),
        ({"errors": []}, "http_400", ""),
        ({"errors": "x"}, "http_400", ""),
        ({"detail": "plain"}, "http_400", "plain"),
        (None, "http_400", ""),
    ],
    ids=range(7),
)
def test_errors_in_both_spellings(data: Any, code: str, words: str) -> None:
    assert errors_of(reply(data, 400)) == (code, words)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("Draft", "draft"),
        ("PendingReservation", "pending_reservation"),
        ("Reserved", "reserved"),
        ("PendingBooking", "pending_booking"),
        ("Pending Booking", "pending_booking"),
        ("Booked", "booked"),
        ("BOOKED", "booked"),
        ("InFlight", "in_flight"),
        ("Finished", "finished"),
        ("Stopped", "stopped"),
        ("Canceled", "canceled"),
        ("Cancelled", "canceled"),
        ("Pause", "paused"),
        ("Paused", "paused"),
        ("Expired", "expired"),
        ("Declined", "declined"),
        ("ChangePending", "change_pending"),
        ("Change Pending", "change_pending"),
        ("Foo", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_booking_statuses(word: Any, status: str) -> None:
    assert line_status(word) == status


@pytest.mark.parametrize("name", ["statechangereason", "StateChangedReason", "StateChangeReason"])
def test_the_reason_in_every_spelling(name: str) -> None:
    assert state_reason(lowered({name: "No room"})) == "No room"


@pytest.mark.parametrize(
    ("row", "available", "price"),
    [
        ({"availability": 500, "price": 25}, 500, "25.00"),
        ({"availability": 3_000_000, "price": Decimal("24.225")}, 3_000_000, "24.225"),
        ({"availability": 500, "price": 25, "availsstatus": [{"status": "Available"}]}, 500, "25.00"),
        ({"availability": 500, "price": 25, "availsstatus": {"status": "available"}}, 500, "25.00"),
        ({"availability": 500, "price": 25, "availsstatus": {"status": "Unavailable"}}, 0, None),
        ({"availability": 500}, 0, None),
        ({"availability": -1, "price": 25}, 0, None),
        ({"availability": 500, "price": -25}, 0, None),
        ({"availability": 500, "price": 25, "currency": "EUR"}, 500, None),
    ],
    ids=range(9),
)
def test_avails_rows(row: dict[str, Any], available: int, price: str | None) -> None:
    read = _read(row, 1000, "USD")
    assert (read.available, read.cpm) == (available, Decimal(price) if price else None)
    assert read.problem if price is None else not read.problem


@pytest.mark.parametrize(("available", "fits"), [(999, False), (1000, True), (5000, True)])
def test_the_three_readings_of_availability(available: int, fits: bool) -> None:
    assert Avail(1000, available, Decimal(5), "USD").fits is fits


def test_terms_of_a_line(intent: Callable[..., LineIntent]) -> None:
    row = {
        "id": "L",
        "bookingstatus": "Booked",
        "productid": "p",
        "qty": 3_000_000,
        "rate": Decimal("25.00"),
        "cost": 75_000,
        "startdate": "2027-03-01T00:00:00Z",
        "enddate": "2027-03-31T23:59:59Z",
    }
    terms = lines.answer_of(row, intent()).terms
    assert (terms.impressions, terms.cpm, terms.cost) == (3_000_000, Decimal("25.00"), Decimal("75000.00"))
    assert (terms.flight_start, terms.flight_end, terms.currency) == (
        date(2027, 3, 1),
        date(2027, 3, 31),
        "USD",
    )


def test_a_line_may_leave_its_terms_out(intent: Callable[..., LineIntent]) -> None:
    answer = lines.answer_of({"id": "L", "bookingstatus": "Booked"}, intent())
    assert (answer.outcome, answer.terms.cpm, answer.terms.impressions) == (Outcome.DONE, None, None)


def test_an_unknown_status_is_no_status(intent: Callable[..., LineIntent]) -> None:
    answer = lines.answer_of({"id": "L", "bookingstatus": "Foo"}, intent())
    assert (answer.outcome, answer.code, answer.seller_status) == (Outcome.UNKNOWN, "unknown_status", "Foo")


@pytest.mark.parametrize(
    ("row", "ours"),
    [
        ({"name": "Spring launch (fd-0001)"}, True),
        ({"name": "renamed", "providerdata": {"campaignid": "Spring launch (fd-0001)"}}, True),
        ({"name": "Spring launch (fd-0001)", "providerdata": {"campaignid": "somebody else"}}, False),
        ({"name": "Spring launch (fd-0001) 2"}, False),
        ({}, False),
    ],
)
def test_which_order_is_ours(row: dict[str, Any], ours: bool, intent: Callable[..., LineIntent]) -> None:
    assert orders.is_ours(row, intent()) is ours


@pytest.mark.parametrize(
    ("row", "ours"),
    [
        ({"comment": "fd-line-0001"}, True),
        ({"providerdata": {"campaignid": "fd-line-0001"}}, True),
        ({"comment": "fd-line-0002", "name": "Spring launch, streaming", "productid": "nlm-c-fam"}, False),
        ({"name": "Spring launch, streaming", "productid": "nlm-c-fam"}, True),
        ({"name": "Spring launch, streaming", "productid": "other"}, False),
    ],
)
def test_which_line_is_ours(row: dict[str, Any], ours: bool, intent: Callable[..., LineIntent]) -> None:
    assert lines.is_ours(row, intent()) is ours


@pytest.mark.parametrize(
    "answer",
    [
        reply({"id": "o-1"}),
        reply({"Order": {"Id": "o-1"}}, 201),
        Reply(202, {"location": "https://s.example/v2/accounts/a/orders/o-1"}, None),
    ],
)
def test_a_created_order_is_found_in_body_or_location(answer: Reply) -> None:
    said = orders.classify_create(answer)
    assert (said.outcome, dict(said.refs)) == (Outcome.DONE, {"order_id": "o-1"})


def test_a_created_order_without_any_id_is_unknown() -> None:
    assert orders.classify_create(reply({})).outcome is Outcome.UNKNOWN
