"""What an open campaign page holds, as one digest per part: it gets back only the parts whose digest differs."""

from __future__ import annotations

from typing import Any

from bookings.models import Line
from bookings.selectors import CampaignView
from flows.fingerprint import digest


def _undoing(line: Line) -> str:
    return line.undoing.state if line.undoing else ""


def versions_of(view: CampaignView, context: dict[str, Any]) -> dict[str, str]:
    """One digest per part of the page, of everything in it that can change while the page is open."""
    status = str(view.campaign.status)
    shown = {
        "state": [status],
        "actions": [context["may_cancel"]],
        "plan": [
            context["may_decide"],
            str(context["self_limit"]),
            [[choice.fingerprint, choice.row.state, choice.expired] for choice in context["choices"]],
        ],
        "lines": [
            context["may_plan_rest"],
            [
                [
                    line.pk,
                    line.status,
                    line.note,
                    line.attention,
                    line.refs,
                    str(line.confirmed_cost),
                    _undoing(line),
                ]
                for line in view.lines
            ],
        ],
        "channels": [
            context["may_edit"],
            [[row.channel, row.state, row.note, str(row.amount)] for row in view.channels],
            [[report.pk, report.state] for report in view.reports],
            len(view.recommendations),
        ],
        "history": [[decision.pk, decision.is_undone] for decision in context["decisions"]],
    }
    return {part: digest(content)[:12] for part, content in shown.items()}
