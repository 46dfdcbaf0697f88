"""The course of a campaign as a drawing: which step and which seller took how long."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bookings.charts import BOTTOM, NAMES, RIGHT, ROW, TOP, WIDTH
from bookings.models import Campaign, SellerReport


@dataclass(frozen=True)
class Bar:
    label: str
    detail: str
    y: float
    x: float
    width: float
    tone: str
    begin: dt.datetime
    end: dt.datetime

    @property
    def label_side(self) -> str:
        """Behind the bar, or before it where the drawing ends."""
        return "start" if self.x + self.width < WIDTH - RIGHT - 48 else "end"

    @property
    def label_x(self) -> float:
        return round(self.x + self.width + 6 if self.label_side == "start" else self.x - 6, 1)

    @property
    def seconds(self) -> float:
        return (self.end - self.begin).total_seconds()


@dataclass(frozen=True)
class Pause:
    """A wait for a person, drawn as a break: to scale it would leave no room for anything else."""

    x: float
    label: str


@dataclass(frozen=True)
class Timeline:
    width: int
    height: float
    left: int
    bottom: float
    bars: list[Bar]
    pauses: list[Pause]


BREAK = 56.0


def timeline(
    campaign: Campaign, reports: Sequence[SellerReport], moments: Mapping[str, dt.datetime]
) -> Timeline | None:
    """Who took how long. `moments` are the instants of the campaign's own transitions, by name."""
    spans = _spans(campaign, reports, moments)
    if not spans:
        return None
    planned = [span for span in spans if span[0] == "plan"]
    booked = [span for span in spans if span[0] == "book"]
    room = WIDTH - RIGHT - NAMES - (BREAK if planned and booked else 0)
    lengths = [_length(planned), _length(booked)]
    whole = sum(lengths) or 1.0
    widths = [max(room * length / whole, room * 0.2) if length else 0.0 for length in lengths]
    scale = room / sum(widths) if sum(widths) else 1.0
    bars: list[Bar] = []
    start = float(NAMES)
    pauses = []
    for group, length, width in zip((planned, booked), lengths, widths, strict=True):
        bars += _bars(group, start, width * scale, length, len(bars))
        start += width * scale
        if group is planned and planned and booked:
            waited = booked[0][3] - planned[-1][4]
            pauses.append(Pause(start + BREAK / 2, _spoken(waited.total_seconds())))
            start += BREAK
    bottom = TOP + ROW * len(bars)
    return Timeline(WIDTH, bottom + BOTTOM, NAMES, bottom, bars, pauses)


Span = tuple[str, str, str, dt.datetime, dt.datetime, str]  # part, label, detail, begin, end, tone


def _spans(
    campaign: Campaign, reports: Sequence[SellerReport], moments: Mapping[str, dt.datetime]
) -> list[Span]:
    found: list[Span] = []
    begun, planned = campaign.created_at, moments.get("consolidate_recommendations")
    allocated = moments.get("start_research")
    if allocated:
        found.append(("plan", "Brief and budget", "", begun, allocated, "progress"))
    for report in sorted(reports, key=lambda row: (row.at, row.pk)):
        asked = report.at - dt.timedelta(milliseconds=report.elapsed_ms)
        tone = "bad" if report.state == "failed" else "warn" if report.state == "partial" else "good"
        found.append(("plan", report.seller.name, report.channel, asked, report.at, tone))
    if planned and allocated:
        last = max([allocated, *(report.at for report in reports)])
        found.append(("plan", "Prices and plan", "", min(last, planned), planned, "progress"))
    approved = moments.get("approve")
    ended = moments.get("complete") or moments.get("fail")
    if approved and ended and ended > approved:
        found.append(("book", "Booking", "", approved, ended, "good" if "complete" in moments else "bad"))
    return found


def _length(spans: Sequence[Span]) -> float:
    if not spans:
        return 0.0
    return max(0.001, (max(span[4] for span in spans) - min(span[3] for span in spans)).total_seconds())


def _bars(spans: Sequence[Span], start: float, width: float, length: float, above: int) -> list[Bar]:
    if not spans:
        return []
    first = min(span[3] for span in spans)

    def x(moment: dt.datetime) -> float:
        return round(start + (moment - first).total_seconds() / length * width, 1)

    return [
        Bar(
            label=label,
            detail=detail,
            y=TOP + ROW * (above + number) + 5,
            x=x(begin),
            width=max(2.0, round(x(end) - x(begin), 1)),
            tone=tone,
            begin=begin,
            end=end,
        )
        for number, (_, label, detail, begin, end, tone) in enumerate(spans)
    ]


def _spoken(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
