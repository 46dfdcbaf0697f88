"""P4: one event for a thousand open pages, then a burst."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from tests.bench.dashboards import Dashboards
from tests.bench.openloop import Lines
from tests.bench.rows import Findings, Row, Scenario, milliseconds, percentile
from tests.bench.stage import Stage, stage

PAGES, BURST, READERS = 1_000, 150, 20
BAR_LAST, BAR_CONVERGED = 0.250, 3.0


def measure(quick: bool) -> Findings:
    """A thousand websockets on one uvicorn process watch one campaign, as browsers do (compression included); another
    process holds their other ends. Events are recorded in PostgreSQL by a third process and hinted through Redis. For
    single events, the time from before the event is written until the last page has heard of it; for the burst, from
    its last event until every page knows the last position. A hint may be lost by design, a page may not stay behind:
    afterwards twenty pages read the events from the database as a page does after a hint, and none may be missing. The
    floor is an ASGI application of ten lines under the same uvicorn that sends to all sockets in a loop.
    """
    events = 10 if quick else 40
    with stage() as built:
        built.adopt()
        campaign, cookie, key = _campaign()
        floor = _floor(built, events)
        port, web = built.sockets(), built.web(workers=2, threads=4)
        built.wait_for_http(port)
        built.wait_for_http(web)
        url = f"ws://127.0.0.1:{port}/ws/subjects/campaign/{campaign.pk}/"
        headers = {"Cookie": cookie, "Origin": f"http://127.0.0.1:{port}"}
        pages = Dashboards(url, headers, PAGES)
        opening = pages.wait_until_open()
        lasts = [_one(pages, lambda: _record(campaign, 1), wait=0.5) for _ in range(events)]
        behind, converged = _burst(pages, campaign)
        missing = asyncio.run(_read_back(web, campaign, key))
        pages.close()
    last = percentile(lasts, 0.95)
    return Findings(
        [
            Row(
                f"one event to {PAGES:,} pages: the last page, p95 of {events} "
                f"(median {milliseconds(statistics.median(lasts))})",
                milliseconds(last),
                milliseconds(floor),
                "bare loop over as many sockets, same server, median",
                last / floor,
                "<= 250 ms",
                last <= BAR_LAST,
            ),
            Row(
                f"burst of {BURST} events: all pages know the last one, from the last commit on",
                milliseconds(converged),
                milliseconds(floor),
                "one round of that loop",
                converged / floor,
                "<= 3 s",
                converged <= BAR_CONVERGED and behind == 0,
            ),
            Row("pages that did not come to know it", str(behind), bar="0", met=behind == 0),
            Row(
                f"events missing in what {READERS} pages then read from the database",
                str(missing),
                bar="0",
                met=missing == 0,
            ),
            Row(f"opening {PAGES:,} sockets, signed in, 40 at once", f"{opening:.1f} s"),
        ]
    )


def _campaign() -> tuple[Any, str, str]:
    from django.conf import settings
    from django.test import Client

    from tests.agency import make_agency
    from tests.plans import waiting_campaign

    agency = make_agency()
    browser = Client()
    browser.force_login(agency.person("manager"))
    name = settings.SESSION_COOKIE_NAME
    return waiting_campaign(agency), f"{name}={browser.cookies[name].value}", agency.keys["manager"]


def _position(campaign: Any) -> int:
    from flows.models import EventChain

    return EventChain.objects.get(subject_id=str(campaign.pk)).length


def _record(campaign: Any, count: int) -> int:
    """That many events, each its own commit; returns the last position."""
    from flows import events
    from flows.actors import SYSTEM_ACTOR

    for number in range(count):
        last = events.record(
            subject_type="campaign",
            subject_id=campaign.pk,
            type="bench.moved",
            actor=SYSTEM_ACTOR,
            payload={"number": number},
        )
    return int(last.position)


def _one(pages: Dashboards, move: Callable[[], int], *, wait: float) -> float:
    """Seconds until the last page has heard of one event."""
    time.sleep(wait)
    started = time.monotonic()
    position = move()
    heard = pages.wait_for(position, 30)
    if heard.pages < pages.count:
        raise RuntimeError(f"{pages.count - heard.pages} pages did not hear of a single event in 30 s")
    return heard.last_at - started


def _burst(pages: Dashboards, campaign: Any) -> tuple[int, float]:
    """How many pages stayed behind for 30 s, and seconds from the last commit until the last page knew."""
    position = _record(campaign, BURST)
    committed = time.monotonic()
    heard = pages.wait_for(position, 30)
    return pages.count - heard.pages, max(0.0, heard.last_at - committed)


async def _read_back(port: int, campaign: Any, key: str) -> int:
    """Events that any of twenty pages does not find, or finds out of order, in the database."""
    length, lines = await asyncio.to_thread(_position, campaign), Lines(port)

    async def read() -> int:
        found, after, more = [], 0, True
        while more:
            answer = await lines.ask(
                "GET",
                f"/api/bookings/{campaign.pk}/events?after={after}",
                [("Authorization", f"Bearer {key}")],
            )
            page = json.loads(answer.body)
            found += [event["seq"] for event in page["events"]]
            after, more = page["last"], page["more"]
        return sum(one != two for one, two in zip(found, range(1, length + 1), strict=False)) + abs(
            length - len(found)
        )

    missing = await asyncio.gather(*(read() for _ in range(READERS)))
    lines.close()
    return sum(missing)


def _floor(built: Stage, events: int) -> float:
    port = built.sockets(application="tests.bench.fanout:application")
    built.wait_for_http(port)
    pages = Dashboards(f"ws://127.0.0.1:{port}/", {}, PAGES)
    pages.wait_until_open()
    position = 0

    def move() -> int:
        nonlocal position
        position += 1
        asyncio.run(_ask(port))
        return position

    times = [_one(pages, move, wait=0.2) for _ in range(events)]
    pages.close()
    built.stop_product()
    return statistics.median(times)


async def _ask(port: int) -> None:
    lines = Lines(port)
    await lines.ask("GET", "/move")
    lines.close()


SCENARIOS = {"P4": Scenario("Live pages", measure)}
