"""Rows about the machinery: workers, sellers that do not answer, steps that stopped or are late, comparisons."""

from __future__ import annotations

from collections.abc import Sequence

from bookings.discrepancies import Comparison, ComparisonStatus
from bookings.models import Campaign
from bookings.operations_rows import Row, campaigns_by_id, counted
from flows.models import Heartbeat, Step
from flows.states import StepState
from sellers.models import SellerOutage


def of_system(beats: Sequence[Heartbeat | None]) -> list[Row]:
    return [_of_beat(beat) for beat in beats]


def _of_beat(beat: Heartbeat | None) -> Row:
    last = f"for the last time at {beat.at:%Y-%m-%d %H:%M:%S} UTC" if beat else "never yet"
    return Row(
        kind="system",
        key="system-sweep",
        title="No worker has been heard of",
        badge="Heartbeat missing",
        tone="bad",
        happened=f"The sweep that starts waiting work wrote its heartbeat {last}.",
        does="Nothing is lost: all work waits in the database and goes on when a worker is back.",
        can="See that workers and beat run (docs/operations.md), and that they reach database and broker.",
        since=beat.at if beat else None,
    )


def of_outages(outages: Sequence[SellerOutage]) -> list[Row]:
    return [
        Row(
            kind="outage",
            key=f"outage-{outage.pk}",
            title=f"{outage.seller.name} does not answer",
            badge="Outage",
            tone="warn",
            happened=f"{counted(outage.calls_failed, 'call')} failed; last reason: {outage.reason}.",
            does="The seller is left alone but for one try now and then; work for it waits, other sellers go on.",
            can="Test it on the page of sellers; if it lasts, ask the seller, or disable it there.",
            since=outage.began_at,
            seller=outage.seller.name,
            seller_slug=outage.seller.slug,
        )
        for outage in outages
    ]


def of_dead_steps(steps: Sequence[Step]) -> list[Row]:
    campaigns = campaigns_by_id([step.flow_id for step in steps if step.flow_name == Campaign.flow_name])
    return [_of_dead_step(step, campaigns.get(step.flow_id)) for step in steps]


def _of_dead_step(step: Step, campaign: Campaign | None) -> Row:
    failed = f"it failed {counted(step.attempt + 1, 'time')}"
    after = "its worker was killed again and again" if step.deaths else failed
    return Row(
        kind="dead",
        key=f"step-{step.pk}",
        title=f"{step.flow_name.capitalize()} stopped at {step.name.replace('_', ' ')}",
        badge="Stopped",
        tone="bad",
        happened=f"The step was given up, because {after}.",
        does="Nothing: the flow waits here. What was done before it is kept.",
        can="Mend the cause, then run it again. It goes on where it stopped and repeats no booking.",
        since=step.finished_at,
        url=campaign.get_absolute_url() if campaign else "",
        client=f"{campaign.name}, {campaign.organization.name}" if campaign else "",
        details=(step.error[:500],) if step.error else (),
        acts=frozenset({"run-again"}),
        step_id=str(step.pk),
    )


def of_overdue(steps: Sequence[Step]) -> list[Row]:
    campaigns = campaigns_by_id([step.flow_id for step in steps if step.flow_name == Campaign.flow_name])
    return [_of_overdue_step(step, campaigns.get(step.flow_id)) for step in steps]


def _of_overdue_step(step: Step, campaign: Campaign | None) -> Row:
    held = step.state == StepState.RUNNING
    what = (
        f"A worker ({step.lease_owner}) held it and is gone"
        if held
        else "It is due, and no worker has taken it"
    )
    return Row(
        kind="overdue",
        key=f"overdue-{step.pk}",
        title=f"{step.flow_name.capitalize()} is late at {step.name.replace('_', ' ')}",
        badge="Overdue",
        tone="warn",
        happened=f"{what}, for longer than any step may take.",
        does="It is rung for again every few seconds.",
        can="See that enough workers run. If all of them are busy, more are needed.",
        since=step.lease_until if held else step.not_before,
        url=campaign.get_absolute_url() if campaign else "",
        client=f"{campaign.name}, {campaign.organization.name}" if campaign else "",
    )


def of_comparisons(found: Sequence[Comparison]) -> list[Row]:
    return [_of_comparison(row) for row in found]


def _of_comparison(row: Comparison) -> Row:
    why = "; ".join(str(error.get("message", "")) for error in row.errors)
    unread = row.counts.get("unread", 0)
    happened = (
        why or f"{unread} of the seller's records could not be read; the others agree or are told here."
    )
    return Row(
        kind="comparison",
        key=f"comparison-{row.pk}",
        title=f"The records of {row.seller.name} could not be compared"
        + (" in full" if row.status == ComparisonStatus.PARTIAL else ""),
        badge=row.get_status_display(),
        tone=row.tone,
        happened=happened,
        does="It is tried again next night. Nothing is called missing on the strength of what could not be read.",
        can="Compare again now, or ask the seller why its lists cannot be read.",
        since=row.finished_at,
        seller=row.seller.name,
        acts=frozenset({"compare"}),
        seller_slug=row.seller.slug,
    )
