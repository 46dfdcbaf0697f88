"""P6: the list of campaigns, as a page and as REST, over a million of them."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench import million
from tests.bench.openloop import Lines, Shot, at_rate, latency, lateness_note
from tests.bench.rows import Findings, Row, Scenario, milliseconds
from tests.bench.stage import Stage, stage

RATE = 20.0
SIZE = 50
DEEP_PAGE = 10_000
BAR, BAR_DEPTH, BAR_QUERIES = 0.080, 1.2, 8


@dataclass(frozen=True)
class View:
    """One list as one person sees it."""

    who: str
    words: str
    status: str = ""
    deep: bool = True  # whether it has a 10,000th page; else the last page is the deep one


VIEWS = (
    View("everything", "operations, all 1,000,000"),
    View("big", "manager of 3 large clients, 600,000"),
    View("small", "manager of 8 small clients, about 3,100", deep=False),
    View("old", "manager of 3 clients whose campaigns are the oldest 30,000", deep=False),
    View(
        "everything", "operations, only those waiting for a decision, 50,000", "awaiting_approval", deep=False
    ),
    View(
        "small", "manager of 8 small clients, only those waiting, about 160", "awaiting_approval", deep=False
    ),
)


def measure(quick: bool) -> Findings:
    """PostgreSQL holds 1,000,000 campaigns with their channels, decisions and lines (tests/bench/million.py). Two
    gunicorn processes of four threads serve; requests leave 20 times a second, open loop, first and deep page taking
    turns. The deep page is the 10,000th, reached by its cursor, or the last where a list has fewer. The floor is the
    bare keyset query for that page's ids and columns by psycopg, plus writing 50 rows as JSON, in the same minute.
    """
    million.FOLDER.parent.mkdir(parents=True, exist_ok=True)
    with stage(kept=million.FOLDER, settings={"shared_buffers": "1GB", "max_wal_size": "8GB"}) as built:
        built.adopt()
        million.prepare()
        port = built.web(workers=2, threads=4, application="config.wsgi:application")
        built.wait_for_http(port)
        seconds = 5.0 if quick else 20.0
        rows, notes = [], []
        for view in VIEWS:
            for kind in ("page", "REST"):
                row, note = _view(port, view, kind, seconds)
                rows += row
                notes.append(note)
        rows.append(_queries())
        worst = max(notes, key=lambda one: one[1])
        return Findings(rows, (f"Driver: {worst[0]}",))


def _view(port: int, view: View, kind: str, seconds: float) -> tuple[list[Row], tuple[str, float]]:
    headers = headers_of(view.who, kind)
    first, deep = _addresses(view, kind)
    shots = asyncio.run(_load(port, (first, deep), headers, seconds))
    front, back = shots[0::2], shots[1::2]
    wrong = [shot.status for shot in shots if shot.status != 200]
    if wrong:
        raise RuntimeError(f"{view.words}, {kind}: answers {sorted(set(wrong))}")
    floor_first, floor_deep = _floor(view, "first"), _floor(view, "deep")
    p95_front, p95_back = latency(front, 0.95), latency(back, 0.95)
    depth = latency(back, 0.5) / latency(front, 0.5)
    name = f"{kind}, {view.words}"
    which = f"page {DEEP_PAGE:,}" if view.deep else "last page"
    taken = "bare keyset query + 50 rows as JSON, median of 15"
    rows = [
        Row(
            f"{name}: first page, p95 (median {milliseconds(latency(front, 0.5))})",
            milliseconds(p95_front),
            milliseconds(floor_first),
            taken,
            p95_front / floor_first,
            "p95 <= 80 ms",
            p95_front <= BAR,
        ),
        Row(
            f"{name}: {which}, p95 (median {milliseconds(latency(back, 0.5))})",
            milliseconds(p95_back),
            milliseconds(floor_deep),
            taken,
            p95_back / floor_deep,
            "p95 <= 80 ms",
            p95_back <= BAR,
        ),
        Row(f"{name}: {which} / first, medians", f"{depth:.2f}", bar="<= 1.2", met=depth <= BAR_DEPTH),
    ]
    return rows, (lateness_note(name, shots), max(shot.lateness for shot in shots))


async def _load(
    port: int, paths: Sequence[str], headers: list[tuple[str, str]], seconds: float
) -> list[Shot]:
    lines = Lines(port)
    try:
        for number in range(12):  # connections, sessions and plans are warm before the clock runs
            await lines.ask("GET", paths[number % 2], headers)
        return await at_rate(RATE, seconds, lambda number: lines.ask("GET", paths[number % 2], headers))
    finally:
        lines.close()


def headers_of(username: str, kind: str) -> list[tuple[str, str]]:
    """A session for pages, a key for REST: of the same person."""
    from django.conf import settings

    from accounts.models import User
    from accounts.permissions import scopes_of
    from accounts.services import issue_key
    from flows.actors import SYSTEM_ACTOR

    user = User.objects.get(username=username)
    if kind == "REST":
        scopes = scopes_of(user.role)
        token = issue_key(user=user, name="bench", scopes=scopes, actor=SYSTEM_ACTOR)[1]
        return [("Authorization", f"Bearer {token}")]
    from django.test import Client

    browser = Client()
    browser.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    return [("Cookie", f"{name}={browser.cookies[name].value}")]


def _rows_of(view: View) -> Any:
    from accounts.models import User
    from bookings.models import Campaign
    from crm.selectors import visible_organizations

    rows = Campaign.objects.order_by("-created_at", "-id")
    user = User.objects.get(username=view.who)
    if not user.sees_every_client:
        rows = rows.filter(organization__in=list(visible_organizations(user).values_list("pk", flat=True)))
    return rows.filter(status=view.status) if view.status else rows


def _place(view: View) -> Any:
    """The row before the deep page."""
    rows = _rows_of(view).values_list("created_at", "pk")
    before = (DEEP_PAGE - 1) * SIZE if view.deep else max(SIZE, rows.count() // SIZE * SIZE - SIZE)
    return rows[before - 1]


def _addresses(view: View, kind: str) -> tuple[str, str]:
    from config.pagination import Position

    moment, pk = _place(view)
    path = "/campaigns/" if kind == "page" else "/api/bookings"
    filters = f"status={view.status}&" if view.status else ""
    return f"{path}?{filters}", f"{path}?{filters}cursor={Position(moment, str(pk)).encode()}"


def _floor(view: View, which: str) -> float:
    """Seconds for one page by hand: the ids in index order, the columns, the JSON."""
    import psycopg

    from accounts.models import User
    from crm.selectors import visible_organizations

    user = User.objects.get(username=view.who)
    clients = (
        list(visible_organizations(user).values_list("pk", flat=True)) if not user.sees_every_client else []
    )
    moment, pk = _place(view)
    conditions, values = ["true"], {}
    if which == "deep":
        conditions.append("(created_at, id) < (%(moment)s, %(pk)s)")
        values |= {"moment": moment, "pk": pk}
    if view.status:
        conditions.append("status = %(status)s")
        values["status"] = view.status
    columns = "id, name, status, budget, currency, start_date, end_date, created_at, organization_id"
    one = f"SELECT {columns} FROM bookings_campaign WHERE {' AND '.join(conditions)}"
    order = "ORDER BY created_at DESC, id DESC LIMIT 51"
    if clients:
        parts = [f"({one} AND organization_id = '{client}' {order})" for client in clients]
        statement = f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS page {order}"
    else:
        statement = f"{one} {order}"
    times = []
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        for _ in range(15):
            started = time.perf_counter()
            found = connection.execute(statement, values).fetchall()
            json.dumps([[str(cell) for cell in row] for row in found])
            times.append(time.perf_counter() - started)
    return sorted(times)[len(times) // 2]


def _queries() -> Row:
    """The most queries that any of these lists needs, counted in this process."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    most, where = 0, ""
    for view in VIEWS:
        for kind in ("page", "REST"):
            name, value = headers_of(view.who, kind)[0]
            asked = {"headers": {name: value}}
            address = _addresses(view, kind)[1]
            Client().get(address, **asked)  # the key's last use is noted once a minute
            with CaptureQueriesContext(
                connection,
            ) as seen:
                Client().get(address, **asked)
            if len(seen) > most:
                most, where = len(seen), f"{kind}, {view.words}"
    return Row(f"queries per list, most ({where})", str(most), bar="<= 8", met=most <= BAR_QUERIES)


def explain(built: Stage) -> None:
    """For whoever looks into a plan: `python -m tests.bench.bench_lists`."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    for view in VIEWS:
        name, value = headers_of(view.who, "page")[0]
        with CaptureQueriesContext(connection) as seen:
            Client().get(_addresses(view, "page")[1], headers={name: value})
        print(f"=== {view.words} {view.status}")
        for query in seen.captured_queries:
            print(f"--- {float(query['time']) * 1000:.1f} ms {query['sql'][:3000]}")
            if query["sql"].startswith("SELECT"):
                with connection.cursor() as cursor:
                    cursor.execute("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) " + query["sql"])
                    print("\n".join(row[0] for row in cursor.fetchall()))


SCENARIOS = {"P6": Scenario("Lists over a million campaigns", measure)}


if __name__ == "__main__":
    with stage(kept=million.FOLDER, settings={"shared_buffers": "1GB"}) as started:
        started.adopt()
        million.prepare()
        explain(started)
