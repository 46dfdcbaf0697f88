"""A real Chromium against a real server: one of each for a module, and no longer.

Playwright keeps an event loop running in this thread; a test after it that talks to the database, or starts a loop of
its own, would fail.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.serving import PASSWORD, Server

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)  # sellers confirm when they do; a busy machine adds its own


@dataclass
class Desk:
    """People at their screens. Whatever a page complains about in its console is kept and fails the test."""

    server: Server
    browser: Browser
    cookies: dict[str, Any]  # of who has signed in before: a login hashes on purpose for half a second
    complaints: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    @contextmanager
    def screen(self, person: str, **options: Any) -> Iterator[Page]:
        context = self.browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
        context.set_default_timeout(PATIENCE_MS)
        try:
            yield self._signed_in(context, person)
        finally:
            context.close()

    def _signed_in(self, context: BrowserContext, person: str) -> Page:
        page = context.new_page()
        if person in self.cookies:
            context.add_cookies(self.cookies[person])
            page.goto(self.server.url)
            self._listen(page, person)
            return page
        self._listen(page, person)
        page.goto(f"{self.server.url}/login/")
        page.get_by_label("User name").fill(person)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "/login/" not in url)
        self.cookies[person] = context.cookies()
        return page

    def _listen(self, page: Page, person: str) -> None:
        page.on("console", lambda message: self._hear(person, message.type, message.text))
        page.on("pageerror", lambda error: self._hear(person, "error", str(error)))

    def _hear(self, person: str, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not any(part in text for part in self.expected):
            self.complaints.append(f"{person}: {text}")

    def waiting_campaign(self, name: str, **changes: Any) -> str:
        """A campaign handed in over REST; returns its path once it waits for a decision."""
        from tests.briefs import brief

        with self.server.api("manager") as client:
            job = client.post("/api/bookings", json=brief(name=name, **changes)).raise_for_status().json()
            url = f"/api/bookings/{job['job_id']}"
            self.server.wait(
                lambda: client.get(url).json()["status"] == "awaiting_approval", f"{name} to wait", 30
            )
        return f"{self.server.url}/campaigns/{job['job_id']}/"

    def job(self, campaign_url: str) -> dict[str, Any]:
        with self.server.api("manager") as client:
            return dict(client.get(f"/api/bookings/{campaign_url.rstrip('/').split('/')[-1]}").json())


@pytest.fixture(scope="module")
def server_environment() -> dict[str, str]:
    """What a module's server is started with besides the usual; modules say it by a fixture of this name."""
    return {}


@pytest.fixture(scope="module")
def _server(tmp_path_factory: pytest.TempPathFactory, server_environment: dict[str, str]) -> Iterator[Server]:
    server = Server(Path(tmp_path_factory.mktemp("browser")), **server_environment)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def _browser() -> Iterator[Browser]:
    binary = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if binary is None:
        pytest.fail(
            "These tests drive a real browser: install chromium, or leave them out with -m 'not browser'."
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def _cookies() -> dict[str, Any]:
    return {}


@pytest.fixture
def desk(_server: Server, _browser: Browser, _cookies: dict[str, Any]) -> Iterator[Desk]:
    desk = Desk(_server, _browser, _cookies)
    yield desk
    assert desk.complaints == []
