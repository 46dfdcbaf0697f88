"""No campaign commits more than its budget, even where code forgets to look."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from bookings import services
from bookings.models import Campaign, Line
from bookings.states import LineStatus
from tests.agency import Agency
from tests.plans import waiting_campaign


def approved(agency: Agency, **changes: object) -> tuple[Campaign, list[Line]]:
    campaign = waiting_campaign(agency, costs=(20_000, 20_000))
    _, lines = services.approve_lines(
        campaign_id=campaign.pk, decider=agency.decider("approver"), everything=True
    )
    return campaign, lines


def test_a_line_dearer_than_what_is_left_is_not_written(agency: Agency) -> None:
    campaign, (first, _) = approved(agency)
    too_much = campaign.budget - Decimal(20_000) + Decimal("0.01")
    with pytest.raises(IntegrityError, match="would promise"):
        Line.objects.filter(pk=first.pk).update(cost=too_much)
    first.refresh_from_db()
    assert first.cost == 20_000
    Line.objects.filter(pk=first.pk).update(cost=too_much - Decimal("0.01"))


def test_a_lost_line_frees_its_money(agency: Agency) -> None:
    campaign, (first, second) = approved(agency)
    Line.objects.filter(pk=first.pk).update(status=LineStatus.DECLINED)
    Line.objects.filter(pk=second.pk).update(cost=campaign.budget)
    with pytest.raises(IntegrityError, match="would promise"):
        Line.objects.filter(pk=first.pk).update(status=LineStatus.BOOKED)


def test_of_two_that_fit_alone_and_not_together_one_is_refused(agency: Agency) -> None:
    campaign, lines = approved(agency)
    share = campaign.budget * Decimal("0.6")
    written = threading.Barrier(2)

    def raise_cost(line: Line) -> str:
        try:
            with transaction.atomic():
                Line.objects.filter(pk=line.pk).update(cost=share)
                written.wait(10)
            return "written"
        except IntegrityError:
            return "refused"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(raise_cost, lines)) == ["refused", "written"]
