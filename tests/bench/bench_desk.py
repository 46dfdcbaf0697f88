"""P13: the approval desk in a real browser: five hundred lines on one page, ten thousand plans in the queue."""

from __future__ import annotations

import shutil
from typing import Any

from tests.bench.rows import Findings, Row, Scenario, milliseconds, percentile
from tests.bench.stage import stage
from tests.bench.waiting import make_plans

LINES, PLANS = 500, 10_000
BAR_TICK, BAR_SORT, BAR_PAINT = 0.050, 0.200, 1.0

# From the click until the next frame has been drawn; the page's own clock.
AFTER_FRAME = """(then => requestAnimationFrame(() => {
  const channel = new MessageChannel();
  channel.port1.onmessage = then;
  channel.port2.postMessage(0);
}))"""
TICK = """number => new Promise(done => {
  const box = document.querySelectorAll('[data-decide-tick]')[number];
  const begin = performance.now();
  box.click();
  AFTER_FRAME(() => done(performance.now() - begin));
})""".replace("AFTER_FRAME", AFTER_FRAME)
SORT = """column => new Promise(done => {
  const button = document.querySelector(`th[data-sort=${column}] button`);
  const begin = performance.now();
  button.click();
  AFTER_FRAME(() => done(performance.now() - begin));
})""".replace("AFTER_FRAME", AFTER_FRAME)
FRAME = """() => new Promise(done => {
  const begin = performance.now();
  document.body.append(document.createElement('i'));
  AFTER_FRAME(() => done(performance.now() - begin));
})""".replace("AFTER_FRAME", AFTER_FRAME)
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"


def measure(quick: bool) -> Findings:
    """Headless Chromium against two gunicorn processes and PostgreSQL. One campaign with 500 recommended lines: from a
    click on a tick box until the frame with the new budget bar is drawn, and the same for a click on a column's head.
    The floor is an empty change of the same page until its next frame. The work queue of an approver to whom 10,000
    plans wait: first contentful paint after a navigation, as the browser reports it; its floor is the same of the
    empty style of the same server, the sign-in page.
    """
    rounds = 10 if quick else 40
    with stage() as built:
        built.adopt()
        make_plans(PLANS)
        path, cookie = _long_plan(), _session("approver")
        port = built.web(workers=2, threads=4)
        built.wait_for_http(port)
        ticks, sorts, frames, paints, floors = _in_a_browser(f"http://127.0.0.1:{port}", path, cookie, rounds)
        built.stop_product()
    return Findings(
        [
            _row(
                f"tick to budget bar among {LINES} lines",
                ticks,
                percentile(frames, 0.5),
                BAR_TICK,
                "<= 50 ms",
            ),
            _row(f"sorting {LINES} lines by a column", sorts, percentile(frames, 0.5), BAR_SORT, "<= 200 ms"),
            _row(
                f"work queue with {PLANS:,} waiting plans, first contentful paint",
                paints,
                percentile(floors, 0.5),
                BAR_PAINT,
                "<= 1 s",
            ),
        ]
    )


def _row(what: str, values: list[float], floor: float, bar: float, words: str) -> Row:
    p95 = percentile(values, 0.95)
    return Row(
        f"{what}: p95 of {len(values)} (median {milliseconds(percentile(values, 0.5))})",
        milliseconds(p95),
        milliseconds(floor),
        "an empty change, or the sign-in page, in the same browser",
        p95 / floor if floor else None,
        words,
        p95 <= bar,
    )


def _long_plan() -> str:
    from accounts.models import User
    from crm.models import Organization
    from tests.agency import Agency
    from tests.plans import waiting_campaign

    client = Organization.objects.get(slug="aurora-outdoor")
    agency = Agency(client, client, {"manager": User.objects.get(username="manager")})
    costs = tuple(100 + number for number in range(LINES))
    return str(waiting_campaign(agency, costs=costs, budget=400_000).get_absolute_url())


def _session(username: str) -> str:
    """A signed-in session, made as the login view makes one."""
    from importlib import import_module

    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    from accounts.models import User

    user = User.objects.get(username=username)
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


def _in_a_browser(
    base: str, path: str, cookie: str, rounds: int
) -> tuple[list[float], list[float], list[float], list[float], list[float]]:
    from django.conf import settings
    from playwright.sync_api import sync_playwright

    binary = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": base}])
        page = context.new_page()
        page.goto(base + path)
        page.wait_for_selector("th[data-sort=cost] button")
        columns = ("cost", "name", "score", "impressions")
        ticks = [_seconds(page, TICK, number) for number in range(rounds)]
        sorts = [_seconds(page, SORT, columns[number % len(columns)]) for number in range(rounds)]
        frames = [_seconds(page, FRAME) for _ in range(rounds)]
        paints = [_painted(page, f"{base}/work/") for _ in range(max(5, rounds // 4))]
        stranger = browser.new_context().new_page()
        floors = [_painted(stranger, f"{base}/login/") for _ in range(5)]
        browser.close()
    return ticks, sorts, frames, paints, floors


def _seconds(page: Any, script: str, *argument: Any) -> float:
    return float(page.evaluate(script, *argument)) / 1000


def _painted(page: Any, url: str) -> float:
    page.goto(url, wait_until="load")
    page.wait_for_timeout(100)
    found = page.evaluate(PAINT)
    if found is None:
        raise RuntimeError(f"{url} was never painted")
    return float(found) / 1000


SCENARIOS = {"P13": Scenario("The approval desk in a browser", measure)}
