"""Every screen, in both themes and at three widths, against axe-core and what axe cannot see (screens.md 3.14)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import Desk

pytestmark = pytest.mark.browser

THEMES = ("light", "dark")
WIDTHS = (360, 768, 1440)
FOR_DIALOGS = [("light", 360), ("dark", 1440)]
AA = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
BEST = (*AA, "best-practice")
SMALLEST_TARGET = 24  # CSS pixels, WCAG 2.5.8

axe = Axe()


def shared(desk: Desk, job: str) -> str:
    """The path of a fresh link to the client's view."""
    with desk.server.api("manager") as client:
        answer = client.post(
            f"/api/bookings/{job.split('/')[2]}/client-view/links", json={"note": "The board"}
        )
    return str(answer.raise_for_status().json()["url"]).removeprefix(desk.server.url)


def screens(desk: Desk, job: str) -> dict[str, list[str]]:
    return {
        "approver": [
            "/work/",
            "/work/?tab=team&client=nobody",
            "/work/?tab=history",
            job,
            f"{job}charts/",
            f"{job}what-if/?budget=50000",
            f"{job}what-if/?budget=abc",
            f"{job}compare/",
            f"{job}what-if/?wish=%5B%22ctv%22%2C%22nobody%22%2C%22p%22%2Cnull%5D",
            f"{job}events/",
            f"{job}client/",
            "/campaigns/",
            "/campaigns/?q=zzz",
            "/sellers/",
            "/audit/?verify=yes",
            "/search/?q=a",
            "/notifications/",
            "/settings/notifications/",
        ],
        "manager": [
            "/campaigns/new/",
            "/campaigns/new/json/",
            "/campaigns/new/drafts/",
            "/settings/times/",
            "/operations/",
            "/styleguide/",
            "/help/",
            "/no-such-page/",
            f"{job}client/",
            "/shared/nothing/",
        ],
        "viewer": [job, "/campaigns/", shared(desk, job)],
    }


@pytest.fixture
def job(desk: Desk) -> str:
    """The demo's own campaign, whose plan waits."""
    found = desk.server.wait_for(lambda row: row["status"] == "awaiting_approval", "the plan")
    return f"/campaigns/{found['job_id']}/"


@contextmanager
def window(desk: Desk, person: str, theme: str, width: int, height: int = 900) -> Iterator[Page]:
    with desk.screen(person, color_scheme=theme, viewport={"width": width, "height": height}) as page:
        yield page


def violations(page: Page, *, colours_only: bool = False) -> list[str]:
    """`colours_only`: of a page whose other theme was looked at whole; only contrast depends on the theme."""
    # The style guide shows a component many times on one page, so its landmarks cannot be unique.
    tags = AA if "/styleguide/" in page.url else BEST
    chosen = (
        {"type": "rule", "values": ["color-contrast"]}
        if colours_only
        else {"type": "tag", "values": list(tags)}
    )
    options = {"runOnly": chosen, "resultTypes": ["violations"]}
    found = axe.run(page, options=options).response["violations"]
    return [
        f"{page.url}: {one['id']} ({one['impact']}): {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for one in found
        for node in one["nodes"][:3]
    ]


@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_on_any_screen_in_both_themes(desk: Desk, job: str, width: int) -> None:
    desk.expected = ("404",)
    found: list[str] = []
    for person, paths in screens(desk, job).items():
        with window(desk, person, "light", width) as page:
            for path in paths:
                # Without motion, so that no colour is looked at on its way from one theme to the other.
                page.emulate_media(color_scheme="light", reduced_motion="reduce")
                page.goto(desk.server.url + path)
                found += violations(page)
                page.emulate_media(color_scheme="dark", reduced_motion="reduce")
                found += violations(page, colours_only=True)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("theme", "width"), FOR_DIALOGS)
def test_axe_finds_nothing_with_questions_and_dialogs_open(
    desk: Desk, job: str, theme: str, width: int
) -> None:
    found: list[str] = []
    with window(desk, "approver", theme, width) as page:
        page.goto(desk.server.url + job)
        page.get_by_label("Select all").check()
        for opener in ("#ask-reject", "#ask-approve"):
            page.locator(f"{opener} > summary").click()
            found += violations(page)
            page.keyboard.press("Escape")
        page.get_by_label("Select all").uncheck()
        for number in (0, 1):
            page.locator("[data-decide-tick]").nth(number).check()
        page.get_by_role("button", name="Side by side").click()
        expect(page.locator("#compare table")).to_be_visible()
        found += violations(page)
        page.keyboard.press("Escape")
        page.locator("#what-if > summary").click()
        page.locator("#wi-budget").fill("40000")
        expect(page.locator("#what-if-answer table").first).to_be_visible()
        found += violations(page)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("theme", "width"), FOR_DIALOGS)
def test_axe_finds_nothing_while_a_line_is_changed_and_menus_are_open(
    desk: Desk, job: str, theme: str, width: int
) -> None:
    found: list[str] = []
    with window(desk, "manager", theme, width) as page:
        page.goto(desk.server.url + job)
        page.locator("[data-line-edit]").first.click()
        page.get_by_label("Leave it out and spend its money on others").check()
        expect(page.locator("#line-edit-answer table").first).to_be_visible()
        found += violations(page)
        page.keyboard.press("Escape")
        for menu in ("Send to somebody", "Columns"):
            page.locator("summary", has_text=menu).click()
            found += violations(page)
            page.keyboard.press("Escape")
        page.locator("summary[aria-label^='Signed in']").click()
        found += violations(page)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_in_the_palette_and_it_goes_where_it_says(desk: Desk, theme: str) -> None:
    with window(desk, "approver", theme, 1280) as page:
        page.goto(desk.server.url + "/sellers/")
        page.keyboard.press("Control+k")
        page.keyboard.type("spring")
        expect(page.locator(".palette__item").first).to_contain_text("Spring Launch")
        found = violations(page)
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Spring Launch")
    assert not found, "\n".join(found)


def test_the_first_stop_skips_to_the_content_and_every_page_says_where_it_is(desk: Desk, job: str) -> None:
    desk.expected = ("404",)
    for person, paths in screens(desk, job).items():
        with window(desk, person, "light", 1280) as page:
            for path in paths:
                page.goto(desk.server.url + path)
                assert page.locator("html").get_attribute("lang") == "en", path
                assert page.title().endswith("Flightdeck"), path
                assert page.locator("h1").count() == 1, path
                if path == "/no-such-page/":
                    continue  # nothing to skip
                page.keyboard.press("Tab")
                assert page.evaluate("document.activeElement.getAttribute('href')") == "#main", path


def test_nothing_is_cut_at_320_pixels_with_wide_text(desk: Desk, job: str) -> None:
    """WCAG 1.4.10 and 1.4.12: no scrolling sideways but inside tables and charts, also with spaced letters."""
    desk.expected = ("404",)
    wide = "* { letter-spacing: 0.12em !important; word-spacing: 0.16em !important; line-height: 1.5 !important; }"
    overflowing = []
    for person, paths in screens(desk, job).items():
        with window(desk, person, "light", 320) as page:
            for path in paths:
                page.goto(desk.server.url + path)
                if page.evaluate("document.documentElement.scrollWidth") > 320:
                    overflowing.append(path)
                page.evaluate(
                    "css => { const s = new CSSStyleSheet(); s.replaceSync(css); document.adoptedStyleSheets.push(s) }",
                    wide,
                )
                if page.evaluate("document.documentElement.scrollWidth") > 320:
                    overflowing.append(f"{path} with spaced text")
    assert overflowing == []


SMALL = """size => [...document.querySelectorAll('a, button, input, select, summary, textarea')]
  .filter(e => e.checkVisibility() && e.type !== 'hidden')
  .filter(e => !e.closest('p, li, td, th, dd, .crumbs, [aria-hidden=true]'))
  .map(e => [e, (e.closest('label') ?? e).getBoundingClientRect()])
  .filter(([e, box]) => box.width > 1 && (box.width < size || box.height < size))
  .map(([e]) => e.outerHTML.slice(0, 120))"""


def test_targets_are_large_enough_on_a_phone(desk: Desk, job: str) -> None:
    small: dict[str, Any] = {}
    for person, paths in screens(desk, job).items():
        with window(desk, person, "light", 360) as page:
            for path in paths[:4]:
                page.goto(desk.server.url + path)
                if found := page.evaluate(SMALL, SMALLEST_TARGET):
                    small[path] = found[:3]
    assert small == {}


COVERED = """() => {
  const e = document.activeElement, box = e.getBoundingClientRect();
  if (e === document.body || box.width < 2) return null;
  const at = (low, size, part, end) => Math.min(Math.max(low + size * part, 1), end - 1);
  for (const i of [0.1, 0.5, 0.9]) for (const j of [0.1, 0.5, 0.9]) {
    const top = document.elementFromPoint(at(box.x, box.width, i, innerWidth), at(box.y, box.height, j, innerHeight));
    if (top && (e === top || e.contains(top) || top.contains(e))) return null;
  }
  return e.outerHTML.slice(0, 120);
}"""


def test_what_has_the_focus_is_never_hidden_by_the_bar(desk: Desk, job: str) -> None:
    """WCAG 2.4.11, with the budget bar sticking to the bottom of a low window."""
    hidden = []
    for width, height in ((1280, 600), (360, 640)):
        with window(desk, "approver", "light", width, height) as page:
            page.goto(desk.server.url + job)
            for _ in range(60):
                page.keyboard.press("Tab")
                if covered := page.evaluate(COVERED):
                    hidden.append((width, covered))
    assert hidden == []


def test_nothing_moves_for_who_wants_no_motion(desk: Desk, job: str) -> None:
    with desk.screen("approver", reduced_motion="reduce") as page:
        page.goto(desk.server.url + job)
        moving = page.evaluate("document.getAnimations().filter(a => a.playState === 'running').length")
        assert moving == 0
