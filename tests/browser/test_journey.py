"""From a brief to booked lines, as people do it: by mouse, by keyboard, without a script, two at once."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from playwright.sync_api import Page, expect

from flows.clock import today
from tests.browser.conftest import Desk

pytestmark = pytest.mark.browser


def on_one_page(page: Page) -> None:
    """Where every field is in sight; the choice is kept with the user."""
    expect(page.get_by_label("Campaign name")).to_be_visible()
    whole = page.get_by_role("button", name="All on one page")
    if whole.is_visible():
        whole.click()
        expect(page.get_by_role("button", name="Step by step")).to_be_visible()


def fill_brief(page: Page, name: str) -> None:
    start = today() + dt.timedelta(days=60)
    page.get_by_label("Campaign name").fill(name)
    page.get_by_label("Objectives").fill("brand awareness\nonline sales")
    page.get_by_label("First day").fill(start.isoformat())
    page.get_by_label("Last day").fill((start + dt.timedelta(days=30)).isoformat())
    page.get_by_role("textbox", name="Budget").fill("40000")
    page.get_by_role("textbox", name="Places").fill("US")


def references_at_sellers(desk: Desk) -> set[str]:
    """Every id that the sellers' own journals hold for something that stands with them."""
    effects = desk.server.effects(101, "deal.booked") + desk.server.effects(102, "line.booked")
    return {str(value) for effect in effects for value in effect.values() if isinstance(value, str)}


def settle(page: Page) -> None:
    expect(page.locator("#state")).to_have_text("Completed")


def test_by_mouse_from_brief_to_ids_that_the_sellers_hold(desk: Desk) -> None:
    with desk.screen("manager") as manager, desk.screen("approver") as approver:
        manager.get_by_role("link", name="Campaigns").first.click()
        manager.get_by_role("link", name="New campaign").click()
        on_one_page(manager)
        manager.get_by_role("button", name="Hand in the brief").click()
        expect(manager.get_by_role("alert")).to_be_focused()
        expect(manager.get_by_role("alert")).to_contain_text("need your attention")
        fill_brief(manager, "By mouse")
        manager.get_by_role("button", name="Hand in the brief").click()

        expect(manager.locator("#state")).to_have_text("Waiting for a decision")
        expect(manager.locator("[data-live-state]")).to_have_attribute("data-state", "live")
        url = manager.url

        approver.goto(f"{desk.server.url}/work/")
        approver.get_by_role("row", name=re.compile("By mouse")).get_by_role(
            "link", name="Look and decide"
        ).click()
        expect(approver.locator("#ask-approve > summary")).to_have_attribute("aria-disabled", "true")
        lines = approver.locator("[data-decide-tick]")
        count = lines.count()
        assert count >= 2
        approver.get_by_label("Select all").check()
        expect(approver.locator(".budget__verdict")).to_contain_text(f"{count} selected")
        lines.first.uncheck()
        shown = approver.locator(".budget [data-decide-out=selected]").inner_text()
        approver.locator("#ask-approve > summary").click()
        expect(approver.locator("#ask-approve dd").first).to_have_text(str(count - 1))
        approver.get_by_role("button", name=f"Approve {count - 1} line").click()

        settle(manager)
        settle(approver)
        expect(manager.locator("#history")).to_contain_text("Ana Ruiz")
        booked = [line for line in desk.job(url)["booked_lines"] if line["booked"]]
        assert len(booked) == count - 1
        references = approver.locator("#lines [data-copy]").evaluate_all(
            "all => all.map(one => one.dataset.copy)"
        )
        assert set(references) == {line["seller_reference"] for line in booked}
        assert set(references) <= references_at_sellers(desk)
        total = sum(float(line["approved_cost"]) for line in booked)
        assert shown == f"USD {total:,.2f}"


def test_by_keyboard_alone(desk: Desk) -> None:
    url = desk.waiting_campaign("By keyboard")
    with desk.screen("approver") as page:
        page.goto(url)
        page.locator("[data-decide-tick]").first.focus()
        page.keyboard.press("j")
        page.keyboard.press("x")
        page.keyboard.press("j")
        page.keyboard.press("Space")
        expect(page.locator(".budget__verdict")).to_contain_text("2 selected")
        page.keyboard.press("x")
        expect(page.locator(".budget__verdict")).to_contain_text("1 selected")

        press_until(page, "Tab", lambda: focus(page, "#ask-reject > summary"))
        page.keyboard.press("Enter")
        expect(page.locator("#reject-kind")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.locator("#reject-reason")).to_be_focused()
        page.keyboard.type("j k x are letters here")
        expect(page.locator(".budget__verdict")).to_contain_text("1 selected")
        page.keyboard.press("Escape")
        assert focus(page, "#ask-reject > summary")
        assert not page.locator("#ask-reject .ask__panel").is_visible()

        press_until(page, "Tab", lambda: focus(page, "#ask-approve > summary"))
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Approve 1 line")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#notices")).to_contain_text("approved for")
        settle(page)
    assert len([line for line in desk.job(url)["booked_lines"] if line["booked"]]) == 1


def press_until(page: Page, key: str, reached, most: int = 60) -> None:  # type: ignore[no-untyped-def]
    for _ in range(most):
        page.keyboard.press(key)
        if reached():
            return
    raise AssertionError(f"{key} did not lead there in {most} presses")


def focus(page: Page, selector: str) -> bool:
    return bool(page.evaluate("selector => document.activeElement.matches(selector)", selector))


def test_without_a_script(desk: Desk) -> None:
    desk.expected = ("status of 400",)  # the browser itself writes refused posts into its console
    with desk.screen("manager", java_script_enabled=False) as manager:
        manager.goto(f"{desk.server.url}/campaigns/new/")
        on_one_page(manager)
        fill_brief(manager, "Without script")
        manager.get_by_role("button", name="Hand in the brief").click()
        url = manager.url
        desk.server.wait(lambda: desk.job(url)["status"] == "awaiting_approval", "the plan", 30)
    with desk.screen("approver", java_script_enabled=False) as page:
        page.goto(url)
        expect(page.locator("#state")).to_have_text("Waiting for a decision")
        boxes = page.locator("[data-decide-tick]")
        count = boxes.count()
        boxes.first.check()
        page.locator("#ask-reject > summary").click()
        page.get_by_role("button", name="Reject the ticked lines").click()
        expect(page.get_by_role("alert")).to_contain_text("Say why, in at least 5 characters.")
        expect(boxes.first).to_be_checked()
        page.locator("#reject-reason").fill("Not in this flight")
        page.get_by_role("button", name="Reject the ticked lines").click()
        expect(page.locator("#plan")).to_contain_text("Not in this flight")
        assert boxes.count() == count - 1
        for number in range(count - 1):
            boxes.nth(number).check()
        page.locator("#ask-approve > summary").click()
        page.get_by_role("button", name="Approve and book").click()
        desk.server.wait(lambda: desk.job(url)["status"] == "completed", "the booking", 30)
        page.reload()
        settle(page)
        expect(page.locator("#lines")).to_contain_text(f"{count - 1} of {count - 1} booked")


def test_two_at_once_the_second_reads_the_firsts_name(desk: Desk) -> None:
    desk.expected = ("status of 409",)  # the browser itself writes refused posts into its console
    url = desk.waiting_campaign("Two at once")
    with desk.screen("approver") as ana, desk.screen("manager") as maya:
        for page in (ana, maya):
            page.goto(url)
            page.get_by_label("Select all").check()
        maya.locator("#ask-reject > summary").click()
        maya.locator("#reject-reason").fill("I am still writing this")  # typing holds the table as it is

        ana.locator("[data-decide-tick]").last.uncheck()
        ana.locator("#ask-approve > summary").click()
        ana.locator("#ask-approve [data-decide-approve]").click()
        expect(ana.locator("#notices")).to_contain_text("approved for")

        expect(maya.locator("#news")).to_contain_text("Ana Ruiz approved")
        expect(maya.locator("#reject-reason")).to_have_value("I am still writing this")
        maya.locator("#ask-reject [data-decide-reject]").click()
        expect(maya.locator("#refused")).to_contain_text("Somebody else was faster")
        expect(maya.locator("#refused")).to_contain_text("Ana Ruiz")
        expect(maya.locator("#reject-reason")).to_have_value("I am still writing this")
    assert {line["approved_by"] for line in desk.job(url)["booked_lines"]} == {"Ana Ruiz"}


def test_ticks_and_folds_survive_what_others_decide(desk: Desk) -> None:
    url = desk.waiting_campaign("Ticks survive")
    with desk.screen("approver") as ana, desk.screen("manager") as maya:
        ana.goto(url)
        maya.goto(url)
        expect(maya.locator("[data-live-state]")).to_have_attribute("data-state", "live")
        maya.locator("[data-decide-tick]").first.check()
        maya.locator("[data-decide-tick]").last.check()
        mine = maya.locator("[data-decide-tick]").last.get_attribute("id")
        maya.locator(".plan-why summary").last.click()

        ana.locator("[data-decide-tick]").first.check()
        ana.locator("#ask-approve > summary").click()
        ana.locator("#ask-approve [data-decide-approve]").click()

        expect(maya.locator(".plan-line").first).to_contain_text("Approved")
        expect(maya.locator(f"#{mine}")).to_be_checked()
        expect(maya.locator(".budget__verdict")).to_contain_text("1 selected")
        expect(maya.locator(".plan-why__body").last).to_be_visible()


def test_no_page_is_wider_than_the_screen_or_complains(desk: Desk) -> None:
    with desk.server.api("manager") as client:
        job = client.get("/api/bookings").json()["results"][-1]["job_id"]
    paths = {
        "manager": [
            "/work/",
            "/work/?tab=history",
            "/campaigns/",
            "/campaigns/?q=zzz",
            "/campaigns/new/",
            "/campaigns/new/json/",
        ],
        "approver": [f"/campaigns/{job}/", f"/campaigns/{job}/events/"],
        "ops": ["/sellers/", f"/campaigns/{job}/"],
        "viewer": [f"/campaigns/{job}/"],
    }
    for person, visited in paths.items():
        with desk.screen(person, color_scheme="dark", viewport={"width": 320, "height": 800}) as page:
            for path in visited:
                for width in (320, 1440):
                    page.set_viewport_size({"width": width, "height": 800})
                    page.goto(desk.server.url + path)
                    assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
                small = page.evaluate(SMALL_TARGETS)
                assert small == [], path


SMALL_TARGETS = """() => [...document.querySelectorAll('button, summary, input:not([type=hidden]), select')]
  .filter(one => one.checkVisibility() && !one.closest('label, .visually-hidden'))
  .filter(one => { const box = one.getBoundingClientRect(); return box.width < 24 || box.height < 24; })
  .map(one => one.outerHTML.slice(0, 120))"""
