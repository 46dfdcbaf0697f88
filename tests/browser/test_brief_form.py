"""Writing a brief in a real browser that is killed, signed out, cut off, opened twice, or has no script."""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import re
import time
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, expect

from flows.clock import today
from tests.briefs import brief
from tests.browser.conftest import Desk
from tests.serving import PASSWORD

pytestmark = pytest.mark.browser

TYPED = [
    ("objectives", 1),
    ("advertiser", 1),
    ("budget", 2),
    ("max_cpm", 2),
    ("geo", 3),
    ("interests", 3),
    ("notes", 5),
]
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
    """The first two steps, and back in the first."""
    page.get_by_label("Campaign name").fill(name)
    page.get_by_label("Objectives").fill("brand awareness\nonline sales")
    page.get_by_label("First day").fill(START)
    page.get_by_label("Last day").fill(END)
    to_step(page, 2)
    page.locator("#id_budget").fill(budget)
    to_step(page, 1)


def to_step(page: Page, number: int) -> None:
    page.locator(f".brief-step[value=step-{number}]").click()
    expect(page.locator(f"#part-{number}")).to_be_visible()


def state(page: Page) -> Any:
    return page.locator("[data-brief-state]")


def saved(page: Page) -> None:
    expect(state(page)).to_have_text(re.compile(r"Saved \d\d:\d\d:\d\d"))


def forget_session(page: Page) -> None:
    page.context.clear_cookies(name="flightdeck")


def hand_in(page: Page) -> None:
    if not page.get_by_role("button", name="Hand in the brief").is_visible():
        to_step(page, 6)
    page.get_by_role("button", name="Hand in the brief").click()


def handed_in(page: Page) -> None:
    page.wait_for_url(lambda url: "/campaigns/new/" not in url)
    expect(page.locator("h1")).to_be_visible()


def fresh_browser(desk: Desk, screens: ExitStack) -> Page:
    """Of its own, so that it dies alone; signed in by its cookie."""
    context = desk.browser.new_context()
    screens.callback(context.close)
    context.add_cookies(desk.cookies["manager"])
    page = context.new_page()
    new_brief(desk, page)
    return page


def type_at_random(page: Page, chance: random.Random, trial: int) -> None:
    """Into fields of any step; the last act is a key, a tick or a choice."""
    page.get_by_label("Campaign name").fill(f'Killed {trial} <b>&amp; "quoted"</b>')
    for name, step in chance.sample(TYPED, chance.randint(1, 2)):
        to_step(page, step)
        text = "".join(chance.choices("abc xyz 0,5%&<>\"'äß東", k=chance.randint(1, 6)))
        page.locator(f"#id_{name}").press_sequentially(text)
    last = chance.choice(("key", "key", "tick", "choice"))
    if last == "tick":
        to_step(page, 4)
        page.get_by_label("CTV", exact=True).uncheck()
    elif last == "choice":
        to_step(page, 2)
        page.get_by_label("Brand safety").select_option(chance.choice(("standard", "high", "strict")))


BATCHES = int(os.environ.get("FLIGHTDECK_KILLED_BRIEFS", "4")) // 4
"""Four trials each; a hundred of them with FLIGHTDECK_KILLED_BRIEFS=100."""


@pytest.mark.parametrize("batch", range(BATCHES))
def test_pages_killed_after_the_last_key_are_reopened_as_they_were_typed(desk: Desk, batch: int) -> None:
    """Four trials at a time, each in a browser of its own that dies 1.5 s after its own last key."""
    chance = random.Random(2027 + batch)
    killed: list[tuple[str, dict[str, Any]]] = []
    with desk.screen("manager") as elsewhere:  # another browser: what it shows, the server has
        with ExitStack() as screens:
            trials = []
            for trial in range(4):
                page = fresh_browser(desk, screens)
                type_at_random(page, chance, trial)
                trials.append((page, time.monotonic()))
            for page, last_key in trials:
                page.wait_for_timeout(max(0, 1500 - (time.monotonic() - last_key) * 1000))
                killed.append((page.url, typed(page)))
                with pytest.raises(PlaywrightError):
                    page.goto("chrome://crash", timeout=2000)
        for address, before in killed:
            elsewhere.goto(address)
            assert typed(elsewhere) == before


def test_a_page_left_at_once_has_lost_nothing(desk: Desk) -> None:
    with desk.screen("manager") as page:
        new_brief(desk, page)
        page.get_by_label("Campaign name").fill("Left at once")
        saved(page)
        address = page.url
        page.get_by_label("Objectives").fill("typed in the last instant")
        page.goto(f"{desk.server.url}/campaigns/")
        page.goto(address)
        expect(page.get_by_label("Objectives")).to_have_value("typed in the last instant")
        page.get_by_label("Objectives").fill("and once more")
        page.reload()
        expect(page.get_by_label("Objectives")).to_have_value("and once more")
        saved(page)
        expect(page.locator("[data-brief-newer]")).to_be_hidden()


def test_a_session_that_ends_while_typing_loses_nothing(desk: Desk) -> None:
    desk.expected = ("status of 401",)
    with desk.screen("manager") as page:
        new_brief(desk, page)
        fill(page, "Signed out while typing")
        saved(page)
        forget_session(page)
        page.get_by_label("Objectives").fill("typed without a session")
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
        fill(page, "Put off")
        saved(page)
        forget_session(page)
        page.get_by_label("Objectives").fill("typed without a session")
        dialog = page.get_by_role("dialog", name="Sign in again")
        expect(dialog).to_be_visible()
        dialog.get_by_role("button", name="Not now").click()
        expect(state(page)).to_contain_text("Not saved: your session has ended")
        page.get_by_label("Objectives").fill("still typing")
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
        page.get_by_label("Brief as JSON or as a sheet").fill(
            json.dumps(brief(name="Pasted", target_audience={}))
        )
        forget_session(page)
        page.get_by_role("button", name="Hand in the brief").click()
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
        expect(page.locator("[aria-current=step]")).to_contain_text("Campaign")
        press_until(page, "Tab", "#id_name")
        page.keyboard.press("Enter")  # the step, which does not hold yet
        expect(page.locator("#id_name_error")).to_contain_text("Give the campaign a name")
        expect(page.locator("#id_name")).to_be_focused()
        expect(page.locator("#id_budget_error")).to_have_count(0)
        page.keyboard.type("By keyboard, in steps")
        press_until(page, "Tab", "#id_objectives")
        page.keyboard.type("reach")
        press_until(page, "Tab", "#id_start_date")
        page.keyboard.type(f"{START[5:7]}{START[8:]}{START[:4]}")
        press_until(page, "Tab", "#id_end_date")
        page.keyboard.type(f"{END[5:7]}{END[8:]}{END[:4]}")
        press_until(page, "Tab", "[data-brief-next]")
        page.keyboard.press("Enter")
        expect(page.locator("#part-2")).to_be_focused()
        press_until(page, "Tab", "#id_budget")
        page.keyboard.type("-4")
        page.keyboard.press("Enter")
        expect(page.locator("#id_budget_error")).to_have_text("Give a budget above 0.")
        expect(page.locator("#id_budget")).to_be_focused()
        expect(page.locator("#id_budget")).to_have_attribute("aria-invalid", "true")
        expect(page.locator("#id_budget")).to_have_attribute(
            "aria-describedby", re.compile("id_budget_error")
        )
        page.keyboard.press("Control+A")
        page.keyboard.type("4000")
        page.keyboard.press("Enter")
        expect(page.locator("#part-3")).to_be_focused()
        page.go_back()
        expect(page.locator("#part-2")).to_be_focused()
        expect(page.locator("#id_budget")).to_have_value("4000")
        page.go_forward()
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


def test_an_error_is_linked_to_its_field_in_another_step_and_the_preview_follows(desk: Desk) -> None:
    with desk.screen("manager") as page:
        new_brief(desk, page)
        page.get_by_label("Campaign name").fill("Misses a budget")
        to_step(page, 6)
        page.locator("[data-brief-part=review]").get_by_role("link", name="Budget").click()
        expect(page.locator("#id_budget")).to_be_focused()
        expect(page.get_by_role("button", name="Hand in the brief")).to_be_hidden()
        page.locator("#id_budget").fill("500")
        to_step(page, 5)
        box = page.locator(".brief-preview")
        expect(box).to_have_attribute("data-who", "self")
        to_step(page, 2)
        page.locator("#id_budget").fill("500000")
        to_step(page, 5)
        expect(box).not_to_have_attribute("data-who", "self")
        expect(box).to_contain_text("Ana Ruiz")


def test_the_whole_form_is_the_experts_choice_and_enter_does_not_hand_it_in(desk: Desk) -> None:
    with desk.screen("manager") as page:
        new_brief(desk, page)
        fill(page, "On one page")
        page.get_by_role("button", name="All on one page").click()
        expect(page.locator("#id_budget")).to_be_visible()
        page.locator("#id_budget").press("Enter")
        saved(page)
        expect(page.locator("#id_budget")).to_be_visible()
        new_brief(desk, page)
        expect(page.locator("#id_budget")).to_be_visible()
        page.get_by_role("button", name="Step by step").click()
        expect(page.locator("#id_budget")).to_be_hidden()


def test_a_double_click_hands_in_one_campaign(desk: Desk) -> None:
    with desk.screen("manager") as page:
        new_brief(desk, page)
        fill(page, "Clicked twice")
        to_step(page, 6)
        page.get_by_role("button", name="Hand in the brief").dblclick()
        handed_in(page)
        page.goto(f"{desk.server.url}/campaigns/?q=Clicked+twice")
        expect(page.get_by_role("link", name="Clicked twice")).to_have_count(1)


def test_without_a_script_in_steps(desk: Desk) -> None:
    with desk.screen("manager", java_script_enabled=False) as page:
        new_brief(desk, page)
        page.wait_for_url("**/campaigns/new/?draft=*")
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("alert")).to_contain_text("Campaign name")
        page.get_by_label("Campaign name").fill("Steps without script")
        page.get_by_label("Objectives").fill("reach")
        page.get_by_label("First day").fill(START)
        page.get_by_label("Last day").fill(END)
        page.get_by_label("Last day").press("Enter")
        expect(page.get_by_role("heading", name="Budget and goals")).to_be_visible()
        page.go_back()
        page.goto(page.url)
        expect(page.get_by_label("Campaign name")).to_have_value("Steps without script")
        page.get_by_role("button", name="Continue").click()
        page.locator("#id_budget").fill("4000")
        page.get_by_role("button", name="Review").click()
        expect(page.locator("[data-brief-part=review]")).to_contain_text("Steps without script")

        forget_session(page)
        page.get_by_role("button", name="Hand in the brief").click()
        page.get_by_label("User name").fill("manager")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_text("What you had typed is here")).to_be_visible()
        expect(page.get_by_label("Campaign name")).to_have_value("Steps without script")
        page.get_by_role("button", name="Review").click()
        page.get_by_role("button", name="Hand in the brief").click()
        handed_in(page)
        assert desk.job(page.url)["name"] == "Steps without script"
        desk.cookies.clear()
