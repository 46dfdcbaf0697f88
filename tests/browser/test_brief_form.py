"""Writing a brief in a real browser that is killed, signed out, cut off, opened twice, or has no script."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, expect

from flows.clock import today
from tests.briefs import brief
from tests.browser.conftest import Desk
from tests.serving import PASSWORD

pytestmark = pytest.mark.browser

START = (today() + dt.timedelta(days=60)).isoformat()
END = (today() + dt.timedelta(days=90)).isoformat()


def new_brief(desk: Desk, page: Page) -> None:
    page.goto(f"{desk.server.url}/campaigns/new/")


def typed(page: Page) -> dict[str, Any]:
    """Every field as it stands in the page."""
    return page.evaluate(
        """() => {
            const left = new Set(["csrfmiddlewaretoken", "version", "newer_version", "ticket"]);
            const found = {};
            for (const [name, value] of new FormData(document.getElementById("brief"))) {
                if (!left.has(name)) (found[name] ??= []).push(value);
            }
            return found;
        }"""
    )


def fill(page: Page, name: str, budget: str = "40000") -> None:
    page.get_by_label("Campaign name").fill(name)
    page.get_by_label("Objectives").fill("brand awareness\nonline sales")
    page.get_by_label("First day").fill(START)
    page.get_by_label("Last day").fill(END)
    page.get_by_role("textbox", name="Budget").fill(budget)


def state(page: Page) -> Any:
    return page.locator("[data-brief-state]")


def saved(page: Page) -> None:
    expect(state(page)).to_have_text(re.compile(r"Saved \d\d:\d\d:\d\d"))


def forget_session(page: Page) -> None:
    page.context.clear_cookies(name="flightdeck")


def hand_in(page: Page) -> None:
    page.get_by_role("button", name="Hand in the brief").click()


def handed_in(page: Page) -> None:
    page.wait_for_url(lambda url: "/campaigns/new/" not in url)
    expect(page.locator("h1")).to_be_visible()


@pytest.mark.parametrize("trial", range(3))
def test_a_page_killed_after_the_last_key_is_reopened_as_it_was_typed(desk: Desk, trial: int) -> None:
    with desk.screen("manager") as page:
        new_brief(desk, page)
        page.get_by_label("Campaign name").press_sequentially(
            f'Killed {trial} <b>&amp; "quoted"</b>', delay=5
        )
        page.get_by_label("Objectives").fill("one\n\n  two")
        page.get_by_label("CTV", exact=True).uncheck()
        page.get_by_label("Brand safety").select_option("high")
        page.get_by_role("textbox", name="Budget").press_sequentially("12345.6", delay=5)
        page.wait_for_timeout(1500)
        before, address = typed(page), page.url
        with pytest.raises(PlaywrightError):
            page.goto("chrome://crash", timeout=2000)
    with desk.screen("manager") as elsewhere:  # another browser: what it shows, the server has
        elsewhere.goto(address)
        assert typed(elsewhere) == before
        new_brief(desk, elsewhere)
        expect(elsewhere.get_by_role("link", name=re.compile(f"Killed {trial}")).first).to_be_visible()


def test_a_page_left_at_once_has_lost_nothing(desk: Desk) -> None:
    with desk.screen("manager") as page:
        new_brief(desk, page)
        page.get_by_label("Campaign name").fill("Left at once")
        saved(page)
        address = page.url
        page.get_by_label("Notes").fill("typed in the last instant")
        page.goto(f"{desk.server.url}/campaigns/")
        page.goto(address)
        expect(page.get_by_label("Notes")).to_have_value("typed in the last instant")
        page.get_by_label("Notes").fill("and once more")
        page.reload()
        expect(page.get_by_label("Notes")).to_have_value("and once more")
        saved(page)
        expect(page.locator("[data-brief-newer]")).to_be_hidden()


def test_a_session_that_ends_while_typing_loses_nothing(desk: Desk) -> None:
    desk.expected = ("status of 401",)
    with desk.screen("manager") as page:
        new_brief(desk, page)
        fill(page, "Signed out while typing")
        saved(page)
        forget_session(page)
        page.get_by_label("Notes").fill("typed without a session")
        dialog = page.get_by_role("dialog", name="Sign in again")
        expect(dialog).to_be_visible()
        before = typed(page)
        expect(dialog.get_by_label("Password")).to_be_focused()
        dialog.get_by_label("Password").fill("wrong")
        dialog.get_by_role("button", name="Sign in and go on").click()
        expect(dialog.get_by_role("alert")).to_contain_text("do not belong together")
        dialog.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(dialog).to_be_hidden()
        saved(page)
        assert typed(page) == before

        forget_session(page)
        hand_in(page)
        expect(page.locator("h1")).to_be_visible()
        if dialog.is_visible():
            dialog.get_by_label("Password").fill(PASSWORD)
            page.keyboard.press("Enter")
        else:
            page.get_by_label("User name").fill("manager")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_text("What you had typed is here")).to_be_visible()
            hand_in(page)
        handed_in(page)
        assert desk.job(page.url)["name"] == "Signed out while typing"
        desk.cookies.clear()


def test_a_dialog_put_off_keeps_the_text_and_asks_again_at_the_end(desk: Desk) -> None:
    desk.expected = ("status of 401",)
    with desk.screen("manager") as page:
        new_brief(desk, page)
        forget_session(page)
        fill(page, "Put off")
        dialog = page.get_by_role("dialog", name="Sign in again")
        expect(dialog).to_be_visible()
        dialog.get_by_role("button", name="Not now").click()
        expect(state(page)).to_contain_text("Not saved: your session has ended")
        page.get_by_label("Notes").fill("still typing")
        page.wait_for_timeout(1500)
        expect(dialog).to_be_hidden()
        hand_in(page)
        dialog.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        handed_in(page)
        assert desk.job(page.url)["name"] == "Put off"
        desk.cookies.clear()


def test_a_pasted_brief_outlives_its_session(desk: Desk) -> None:
    desk.expected = ("status of 401",)
    with desk.screen("manager") as page:
        page.goto(f"{desk.server.url}/campaigns/new/json/")
        page.get_by_label("Brief as JSON").fill(json.dumps(brief(name="Pasted", target_audience={})))
        forget_session(page)
        hand_in(page)
        page.get_by_role("dialog", name="Sign in again").get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        handed_in(page)
        assert desk.job(page.url)["name"] == "Pasted"
        desk.cookies.clear()


def test_while_the_server_is_away_the_text_stays_and_is_sent_later(desk: Desk) -> None:
    desk.expected = ("ERR_INTERNET_DISCONNECTED", "Failed to load", "WebSocket")
    with desk.screen("manager") as page:
        new_brief(desk, page)
        page.context.set_offline(True)
        page.get_by_label("Campaign name").fill("Cut off")
        expect(state(page)).to_have_text("Not saved, trying again")
        hand_in(page)
        page.wait_for_timeout(300)
        expect(page.get_by_label("Campaign name")).to_have_value("Cut off")
        page.context.set_offline(False)
        saved(page)
        page.reload()
        expect(page.get_by_label("Campaign name")).to_have_value("Cut off")


def test_text_that_never_reached_the_server_is_offered_again(desk: Desk) -> None:
    desk.expected = ("ERR_INTERNET_DISCONNECTED", "Failed to load", "WebSocket")
    with desk.screen("manager") as page:
        new_brief(desk, page)
        page.context.set_offline(True)
        page.get_by_label("Campaign name").fill("Never arrived")
        page.wait_for_timeout(200)
        page.close()
        again = page.context.new_page()
        again.context.set_offline(False)
        again.goto(f"{desk.server.url}/campaigns/new/")
        box = again.locator("[data-brief-unsaved]")
        expect(box).to_contain_text("Never arrived")
        again.get_by_role("button", name="Go on with it").click()
        expect(again.get_by_label("Campaign name")).to_have_value("Never arrived")
        saved(again)
        again.goto(f"{desk.server.url}/campaigns/new/")
        expect(again.locator("[data-brief-unsaved]")).to_be_hidden()


def test_of_two_tabs_the_second_is_told_and_chooses(desk: Desk) -> None:
    desk.expected = ("status of 409",)
    with desk.screen("manager") as first:
        new_brief(desk, first)
        first.get_by_label("Campaign name").fill("In two tabs")
        saved(first)
        second = first.context.new_page()
        second.goto(first.url)
        first.get_by_label("Campaign name").fill("From the first tab")
        saved(first)
        first.wait_for_timeout(1300)
        second.get_by_label("Campaign name").fill("From the second tab")
        notice = second.locator("[data-brief-newer]")
        expect(notice).to_contain_text("A newer version of this brief exists")
        second.get_by_role("button", name="What to do").click()
        expect(notice).to_be_focused()
        hand_in(second)
        second.wait_for_timeout(300)
        expect(second.get_by_label("Campaign name")).to_have_value("From the second tab")

        third = first.context.new_page()
        third.goto(first.url)
        expect(third.get_by_label("Campaign name")).to_have_value("From the first tab")
        third.close()

        second.get_by_role("button", name="Take over with this one").click()
        saved(second)
        expect(notice).to_be_hidden()
        first.reload()
        expect(first.get_by_label("Campaign name")).to_have_value("From the second tab")


def test_a_newer_version_can_be_looked_at(desk: Desk) -> None:
    desk.expected = ("status of 409",)
    with desk.screen("manager") as first:
        new_brief(desk, first)
        first.get_by_label("Campaign name").fill("Look at me")
        saved(first)
        second = first.context.new_page()
        second.goto(first.url)
        first.get_by_label("Campaign name").fill("The newer one")
        first.wait_for_timeout(1500)
        second.get_by_label("Campaign name").fill("The older one")
        second.get_by_role("link", name="View the newer one").click()
        expect(second.get_by_label("Campaign name")).to_have_value("The newer one")
        expect(second.locator("[data-brief-unsaved]")).to_contain_text("The older one")
        second.get_by_role("button", name="Throw it away").click()
        second.reload()
        expect(second.get_by_label("Campaign name")).to_have_value("The newer one")
        expect(second.locator("[data-brief-unsaved]")).to_be_hidden()


def press_until(page: Page, key: str, selector: str) -> None:
    for _ in range(90):
        if page.evaluate("selector => document.activeElement?.matches(selector)", selector):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{selector} was not reached with {key}")


def test_by_keyboard_alone_step_by_step(desk: Desk) -> None:
    with desk.screen("manager") as page:
        new_brief(desk, page)
        press_until(page, "Tab", "button[value=steps]")
        page.keyboard.press("Enter")
        expect(page.locator("[aria-current=step]")).to_contain_text("Campaign")
        press_until(page, "Tab", "#id_name")
        page.keyboard.type("By keyboard, in steps")
        press_until(page, "Tab", "#id_objectives")
        page.keyboard.type("reach")
        press_until(page, "Tab", "#id_start_date")
        month, day, year = START[5:7], START[8:], START[:4]
        page.keyboard.type(f"{month}{day}{year}")
        press_until(page, "Tab", "#id_end_date")
        month, day, year = END[5:7], END[8:], END[:4]
        page.keyboard.type(f"{month}{day}{year}")
        press_until(page, "Tab", "[data-brief-next]")
        page.keyboard.press("Enter")
        expect(page.locator("#part-2")).to_be_focused()
        press_until(page, "Tab", "#id_budget")
        page.keyboard.type("-4")
        page.keyboard.press("Tab")
        expect(page.locator("#id_budget_error")).to_have_text("Give a budget above 0.")
        expect(page.locator("#id_budget")).to_have_attribute("aria-invalid", "true")
        expect(page.locator("#id_budget")).to_have_attribute(
            "aria-describedby", re.compile("id_budget_error")
        )
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Control+A")
        page.keyboard.type("4000")
        page.keyboard.press("Enter")
        expect(page.locator("#part-3")).to_be_focused()
        for step in (4, 5, 6):
            press_until(page, "Tab", "[data-brief-next]")
            page.keyboard.press("Enter")
            expect(page.locator(f"#part-{step}")).to_be_focused()
        expect(page.locator("[data-brief-part=review]")).to_contain_text("4000")
        expect(page.locator("[data-brief-part=review]")).not_to_contain_text("Not ready")
        press_until(page, "Tab", "[data-brief-hand-in]")
        page.keyboard.press("Enter")
        handed_in(page)
        assert desk.job(page.url)["name"] == "By keyboard, in steps"


def test_an_error_is_linked_to_its_field_in_another_step(desk: Desk) -> None:
    with desk.screen("manager") as page:
        new_brief(desk, page)
        page.get_by_role("button", name="Step by step").click()
        page.get_by_label("Campaign name").fill("Misses a budget")
        page.get_by_role("button", name="Review").click()
        page.locator("[data-brief-part=review]").get_by_role("link", name="Budget").click()
        expect(page.locator("#id_budget")).to_be_focused()
        hand_in_hidden = page.get_by_role("button", name="Hand in the brief")
        expect(hand_in_hidden).to_be_hidden()


def test_the_preview_of_the_approval_follows_the_budget(desk: Desk) -> None:
    with desk.screen("manager") as page:
        new_brief(desk, page)
        box = page.locator(".brief-preview")
        page.get_by_role("textbox", name="Budget").fill("500")
        page.keyboard.press("Tab")
        expect(box).to_have_attribute("data-who", "self")
        page.get_by_role("textbox", name="Budget").fill("500000")
        page.keyboard.press("Tab")
        expect(box).not_to_have_attribute("data-who", "self")
        expect(box).to_contain_text("Ana Ruiz")


def test_a_double_click_hands_in_one_campaign(desk: Desk) -> None:
    with desk.screen("manager") as page:
        new_brief(desk, page)
        fill(page, "Clicked twice")
        page.get_by_role("button", name="Hand in the brief").dblclick()
        handed_in(page)
        page.goto(f"{desk.server.url}/campaigns/?q=Clicked+twice")
        expect(page.get_by_role("link", name="Clicked twice")).to_have_count(1)


def test_without_a_script_in_steps(desk: Desk) -> None:
    with desk.screen("manager", java_script_enabled=False) as page:
        new_brief(desk, page)
        page.get_by_role("button", name="Step by step").click()
        page.get_by_label("Campaign name").fill("Steps without script")
        page.get_by_label("Objectives").fill("reach")
        page.get_by_label("First day").fill(START)
        page.get_by_label("Last day").fill(END)
        page.get_by_role("button", name="Next").click()
        page.get_by_role("textbox", name="Budget").fill("4000")
        page.get_by_role("button", name="Review").click()
        expect(page.locator("[data-brief-part=review]")).to_contain_text("Steps without script")

        forget_session(page)
        hand_in(page)
        page.get_by_label("User name").fill("manager")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_text("What you had typed is here")).to_be_visible()
        expect(page.get_by_label("Campaign name")).to_have_value("Steps without script")
        page.get_by_role("button", name="Review").click()
        hand_in(page)
        handed_in(page)
        assert desk.job(page.url)["name"] == "Steps without script"
        desk.cookies.clear()
