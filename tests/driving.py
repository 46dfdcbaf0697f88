"""Driving flows by hand: the test itself is the worker, so that each step can be looked at."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from accounts.actors import actor_of_user
from approvals.models import Decision
from bookings import services
from bookings.models import Campaign, Line
from bookings.states import TERMINAL
from flows import runner, sweeping
from flows.actors import SYSTEM_ACTOR
from flows.models import Step
from flows.states import OPEN_STEPS
from sellers.models import Seller
from sellers.services import add_seller
from simulator.testing import RunningSeller, running_seller
from tests.agency import Agency
from tests.briefs import brief


class Desk:
    """An agency with two sellers: `agent` speaks the seller agent's wire, `direct` OpenDirect 2.1."""

    def __init__(self, agency: Agency, agent: RunningSeller, direct: RunningSeller) -> None:
        self.agency, self.agent, self.direct = agency, agent, direct

    @classmethod
    @contextmanager
    def open(cls, agency: Agency, tmp_path: Path, settings: Any) -> Iterator[Desk]:
        with (
            running_seller("seller-agent", tmp_path, confirm_after=0.0) as agent,
            running_seller("opendirect", tmp_path) as direct,
        ):
            settings.FLIGHTDECK_ALLOWED_PRIVATE_SELLERS = [
                agent.origin.removeprefix("http://"),
                direct.origin.removeprefix("http://"),
            ]
            register(agent, "agent", "seller-agent")
            register(direct, "direct", "opendirect")
            yield cls(agency, agent, direct)

    def submit(self, by: str = "manager", **changes: Any) -> Campaign:
        user = self.agency.person(by)
        return services.submit_brief(
            data=brief(**changes),
            organization=self.agency.client,
            prepared_by=user,
            actor=actor_of_user(user),
            door="page",
        )

    def planned(self, **changes: Any) -> Campaign:
        """A campaign whose plan waits for a decision."""
        campaign = drive(self.submit(**changes))
        assert campaign.status == "awaiting_approval", (campaign.status, campaign.errors)
        return campaign

    def approve(self, campaign: Campaign, by: str = "approver", **chosen: Any) -> tuple[Decision, list[Line]]:
        chosen = chosen or {"everything": True}
        return services.approve_lines(campaign_id=campaign.pk, decider=self.agency.decider(by), **chosen)

    def seller(self, slug: str) -> Seller:
        return Seller.objects.get(slug=slug)


def register(seller: RunningSeller, slug: str, dialect: str) -> Seller:
    return add_seller(
        actor=SYSTEM_ACTOR,
        url=seller.url,
        dialect=dialect,
        name=slug.title(),
        slug=slug,
        key=seller.client_key,
        agency_id="agency-demo",
        advertiser_id="advertiser-demo",
        account_id="acc-demo" if dialect == "opendirect" else "",
    )


def drive(
    campaign: Campaign, *, until: Callable[[Campaign], bool] | None = None, seconds: float = 30.0
) -> Campaign:
    """Run due steps until the campaign needs a person, is over, or `until` says so. Waits for timers."""
    stop = until or (lambda row: False)
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        campaign.refresh_from_db()
        if stop(campaign) or campaign.status in TERMINAL:
            return campaign
        if not run_due(campaign):
            if not open_steps(campaign):
                return campaign
            time.sleep(0.02)
    raise AssertionError(
        f"still {campaign.status} after {seconds} s: {[str(s) for s in open_steps(campaign)]}"
    )


def run_due(campaign: Campaign) -> int:
    """One round: every due step of this campaign, in this thread."""
    mine = {step.pk for step in open_steps(campaign)}
    found = [step_id for step_id in sweeping.due() if step_id in mine]
    for step_id in found:
        runner.run(step_id)
    return len(found)


def open_steps(campaign: Campaign) -> list[Step]:
    return list(Step.objects.filter(flow_id=campaign.pk, state__in=OPEN_STEPS))
