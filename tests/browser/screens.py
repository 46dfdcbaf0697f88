"""`make screens`: every page of the demo in both themes at 360 and 1440 wide, written to docs/screens."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.serving import PASSWORD, ROOT, Server

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
    "--no-first-run",
]
WIDTHS = (360, 1440)
THEMES = ("light", "dark")


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as var, sync_playwright() as playwright:
        server = Server(Path(var)).start()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            job = server.wait_for(lambda row: row["status"] == "awaiting_approval", "the plan")
            _shoot_all(browser, server, folder, _pages(job["job_id"]))
            with server.api("approver") as client:
                client.post(f"/api/bookings/{job['job_id']}/approve-all", json={}, headers={"Prefer": "wait"})
            server.wait_for(lambda row: row["status"] == "completed", "the bookings")
            booked = {
                "booked": f"/campaigns/{job['job_id']}/",
                "confirmation": f"/campaigns/{job['job_id']}/confirmation/",
                "client-confirmation": f"/campaigns/{job['job_id']}/client/confirmation/",
                "trail": f"/campaigns/{job['job_id']}/events/",
                "audit": "/audit/",
            }
            _shoot_all(browser, server, folder, booked)
        finally:
            browser.close()
            server.stop()


def _pages(job_id: str) -> dict[str, str]:
    return {
        "campaign": f"/campaigns/{job_id}/",
        "client": f"/campaigns/{job_id}/client/",
        "work": "/work/",
        "help": "/help/",
        "charts": f"/campaigns/{job_id}/charts/",
        "what-if": f"/campaigns/{job_id}/what-if/?budget=60000",
        "notifications": "/notifications/",
        "notification-settings": "/settings/notifications/",
        "work-history": "/work/?tab=history",
        "campaigns": "/campaigns/",
        "brief": "/campaigns/new/",
        "sellers": "/sellers/",
    }


def _shoot_all(browser: Browser, server: Server, folder: Path, pages: dict[str, str]) -> None:
    for page, theme, width in _windows(browser):
        _sign_in(page, server)
        if "campaign" in pages:
            _shoot_decision(page, server.url + pages["campaign"], folder / f"decision-{theme}-{width}.png")
        for name, path in pages.items():
            page.goto(server.url + path)
            page.wait_for_load_state("load")
            page.wait_for_timeout(300)  # the live dot settles
            height = page.evaluate("document.documentElement.scrollHeight")
            page.set_viewport_size({"width": page.viewport_size["width"], "height": max(900, height)})
            page.screenshot(path=folder / f"{name}-{theme}-{width}.png")
            page.set_viewport_size({"width": page.viewport_size["width"], "height": 900})
        page.context.close()


def _shoot_decision(page: Page, url: str, path: Path) -> None:
    """One window full, every line ticked: what an approver has before their eyes."""
    page.goto(url)
    for tick in page.locator("[data-decide-tick]").all():
        tick.check()
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(300)
    page.screenshot(path=path)


def _windows(browser: Browser) -> Iterator[tuple[Page, str, int]]:
    for theme in THEMES:
        for width in WIDTHS:
            context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
            yield context.new_page(), theme, width


def _sign_in(page: Page, server: Server) -> None:
    page.goto(server.url + "/login/")
    page.fill("input[name=username]", "manager")
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_load_state("load")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "screens")
