"""The approval desk: undo in time, many plans at once, the table's tools, what-if, two people on one queue."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.browser.conftest import Desk

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server_environment() -> dict[str, str]:
    return {"FLIGHTDECK_UNDO_SECONDS": "60"}


def test_an_approval_is_undone_from_the_page_and_nothing_was_sent(desk: Desk) -> None:
    url = desk.waiting_campaign("Second thoughts")
    before = len(desk.server.effects(101, "deal.booked"))
    with desk.screen("approver") as ana:
        ana.goto(url)
        ana.get_by_label("Select all").check()
        ana.locator("#ask-approve > summary").click()
        ana.locator("[data-decide-approve]").click()
        expect(ana.get_by_text("sending at")).to_be_visible()
        expect(ana.locator("#state")).to_have_text("Booking")
        ana.reload()  # the window is not the page's
        ana.get_by_role("button", name="Undo").click()
        expect(ana.locator("#notices")).to_contain_text("Nothing was sent")
        expect(ana.locator("#state")).to_have_text("Waiting for a decision")
        expect(ana.locator("[data-decide-tick]").first).to_be_enabled()
    assert len(desk.server.effects(101, "deal.booked")) == before


def test_several_plans_are_decided_at_once_and_leave_everybody_s_queue(desk: Desk) -> None:
    for name in ("Many one", "Many two", "Many three"):
        desk.waiting_campaign(name)
    with desk.screen("approver") as ana, desk.screen("manager") as maya:
        maya.goto(f"{desk.server.url}/work/?tab=team")
        expect(maya.get_by_role("row", name=re.compile("Many one"))).to_be_visible()
        ana.goto(f"{desk.server.url}/work/")
        for name in ("Many one", "Many two"):
            ana.get_by_label(f"Select {name}").check()
        expect(ana.locator(".bulk-bar__sum")).to_contain_text("2 plans")
        desk.waiting_campaign("Just arrived")
        expect(ana.get_by_role("row", name=re.compile("Just arrived"))).to_be_visible(timeout=5_000)
        expect(ana.get_by_label("Select Many one")).to_be_checked()
        ana.locator("#ask-bulk-approve > summary").click()
        ana.get_by_role("button", name="Approve the ticked plans").click()
        expect(ana.locator("#notices")).to_contain_text("Many one")
        expect(ana.locator("#notices")).to_contain_text("Many two")
        expect(ana.get_by_label("Select Many one")).to_have_count(0)
        expect(ana.get_by_label("Select Many three")).to_be_visible()
        expect(maya.get_by_label("Select Many one")).to_have_count(0, timeout=5_000)


def test_the_table_sorts_filters_and_keeps_it_over_a_reload(desk: Desk) -> None:
    url = desk.waiting_campaign("Sorted", channels=["branding", "ctv", "mobile"])
    with desk.screen("approver") as ana:
        ana.goto(url)
        costs = """[...document.querySelectorAll('[data-plan-line]')]
            .filter(line => !line.hidden).map(line => Number(line.dataset.cost))"""
        head = ana.locator("th[data-sort=cost]")
        head.get_by_role("button").click()
        expect(head).to_have_attribute("aria-sort", "ascending")
        assert ana.evaluate(costs) == sorted(ana.evaluate(costs))
        head.get_by_role("button").click()
        expect(head).to_have_attribute("aria-sort", "descending")
        ana.locator("[data-decide-tick]").first.check()
        ana.locator("[data-plan-filter=channel]").select_option("Mobile")
        shown = ana.evaluate(costs)
        assert shown == sorted(shown, reverse=True)
        expect(ana.locator("[data-plan-count]")).to_contain_text("shown")
        ana.reload()
        assert ana.evaluate(costs) == shown
        ana.locator("[data-plan-filter=channel]").select_option("")
        assert len(ana.evaluate(costs)) > len(shown)
        ana.locator("[data-plan-by]").select_option("channel")
        heads = ana.locator("[data-plan-group]:visible")
        expect(heads).to_have_count(3)
        expect(heads.first).to_contain_text("Branding:")
        expect(heads.first).to_contain_text("line")
        ana.locator("[data-plan-filter=channel]").select_option("Mobile")
        expect(heads).to_have_count(1)
        ana.locator("[data-plan-by]").select_option("")
        expect(heads).to_have_count(0)


def test_lines_stand_side_by_side_and_escape_goes_back(desk: Desk) -> None:
    url = desk.waiting_campaign("Side by side")
    with desk.screen("approver") as ana:
        ana.goto(url)
        ana.get_by_role("button", name="Side by side").click()
        expect(ana.locator("[data-plan-count]")).to_contain_text("Tick two to four lines")
        for number in (0, 1):
            ana.locator("[data-decide-tick]").nth(number).check()
        ana.get_by_role("button", name="Side by side").click()
        expect(ana.locator("#compare thead th")).to_have_count(3)
        ana.keyboard.press("Escape")
        expect(ana.locator("#compare")).not_to_be_visible()
        expect(ana.get_by_role("button", name="Side by side")).to_be_focused()


def test_what_if_answers_while_typing_and_makes_the_plan_anew(desk: Desk) -> None:
    url = desk.waiting_campaign("What if")
    with desk.screen("manager") as maya:
        maya.goto(url)
        maya.locator("#what-if > summary").click()
        maya.locator("#wi-budget").fill("20000")
        expect(maya.locator("#what-if-answer")).to_contain_text("USD 20,000.00")
        maya.locator("#wi-budget").fill("abc")
        expect(maya.locator("#what-if-answer")).to_contain_text("Give a budget as a number")
        maya.locator("#wi-budget").fill("30000")
        maya.get_by_role("button", name="Make the plan anew with this").click()
        expect(maya.locator("#notices")).to_contain_text("being made anew")
        expect(maya.locator("#state")).to_have_text("Waiting for a decision")
        expect(maya.locator(".kpi").first).to_contain_text("30,000.00")


def test_what_if_and_the_queue_work_without_a_script(desk: Desk) -> None:
    url = desk.waiting_campaign("Plain")
    with desk.screen("approver", java_script_enabled=False) as ana:
        ana.goto(f"{url}what-if/?budget=25000")
        expect(ana.locator("#what-if-answer")).to_contain_text("USD 25,000.00")
        ana.goto(f"{desk.server.url}/work/")
        ana.get_by_label("Select Plain").check()
        ana.locator("#ask-bulk-reject > summary").click()
        ana.locator("#bulk-reason").fill("The client has stopped.")
        ana.get_by_role("button", name="Reject the ticked plans").click()
        expect(ana.locator("#notices")).to_contain_text("Plain")
        ana.goto(url)
        expect(ana.locator("#state")).to_have_text("Cancelled")


def test_keys_move_tick_explain_change_and_ask(desk: Desk) -> None:
    url = desk.waiting_campaign("By keys")
    with desk.screen("approver") as ana:
        ana.goto(url)
        ticks = ana.locator("[data-decide-tick]")
        ticks.first.focus()
        for key in ("j", "Shift+J"):
            ana.keyboard.press(key)
        expect(ana.locator("[data-decide-tick]:checked")).to_have_count(2)
        ana.keyboard.press("w")
        expect(ana.locator("tr[data-active] + tr details.fold")).to_have_attribute("open", "")
        ana.keyboard.press("r")
        expect(ana.get_by_label("Reason", exact=True)).to_be_focused()
        ana.keyboard.press("Escape")
        ticks.first.focus()
        ana.keyboard.press("a")
        expect(ana.locator("#ask-approve")).to_have_attribute("open", "")
        ana.keyboard.press("Escape")
        ticks.first.focus()
        ana.keyboard.press("?")
        expect(ana.get_by_role("heading", name="Keys in the table")).to_be_visible()
        ana.keyboard.press("Escape")
        ticks.first.focus()
        ana.keyboard.press("/")
        expect(ana.locator('[data-plan-filter="name"]')).to_be_focused()
        ana.keyboard.type("xa")  # while typing no key does anything
        expect(ana.locator("#ask-approve")).not_to_have_attribute("open", "")
        ana.locator('[data-plan-filter="name"]').fill("")
        ana.get_by_role("checkbox", name="Keys in the table").uncheck()
        ticks.first.focus()
        ana.keyboard.press("x")
        ana.keyboard.press("a")
        expect(ana.locator("[data-decide-tick]:checked")).to_have_count(2)
        expect(ana.locator("#ask-approve")).not_to_have_attribute("open", "")


def test_a_line_is_changed_from_the_table_and_the_view_is_kept(desk: Desk) -> None:
    url = desk.waiting_campaign("By hand")
    with desk.screen("manager") as maya:
        maya.goto(url)
        maya.get_by_text("Columns", exact=True).click()
        maya.get_by_role("checkbox", name="Score").uncheck()
        maya.get_by_role("button", name="Open every plan like this").click()
        expect(maya.locator("[data-plan-count]")).to_have_text("Kept: every plan opens like this.")
        maya.goto(url)
        expect(maya.locator('th[data-sort="score"]')).to_be_hidden()
        line = maya.locator("[data-plan-line]").first
        volume = int(line.get_attribute("data-impressions") or 0)
        name = line.get_attribute("data-name")
        maya.get_by_role("link", name=f"Change {name}").first.click()
        maya.locator("#edit-impressions").fill(f"{volume * 3 // 4}")
        expect(maya.locator("#line-edit-answer")).to_contain_text(f"{volume:,} to {volume * 3 // 4:,}")
        maya.get_by_role("button", name="Make the plan anew with this").click()
        row = maya.locator(f'[data-plan-line][data-impressions="{volume * 3 // 4}"]')
        expect(row).to_contain_text("set by hand")


def test_a_page_whose_line_was_cut_catches_up_and_shows_who_else_looks(desk: Desk) -> None:
    url = desk.waiting_campaign("Cut off")
    cut = {"now": False}
    with desk.screen("manager") as maya, desk.screen("approver") as ana:
        desk.expected = ("WebSocket", "ERR_FAILED", "Failed to load", "htmx:afterRequest", "htmx:sendError")
        maya.route_web_socket(re.compile("/ws/"), lambda socket: _line(socket, cut, lines))
        maya.route(re.compile("/live/"), lambda route: route.abort() if cut["now"] else route.continue_())
        lines: list[WebSocketRoute] = []
        maya.goto(url)
        expect(maya.locator("[data-live-state]")).to_have_attribute("data-state", "live")
        cut["now"] = True
        for line in lines:
            line.close()
        expect(maya.locator("[data-live-state]")).not_to_have_attribute("data-state", "live")
        ana.goto(url)
        expect(ana.locator("#people .avatar")).to_have_count(1)  # Maya's page has said that she looks at it
        ana.get_by_label("Select all").check()
        ana.locator("#ask-approve > summary").click()
        ana.locator("[data-decide-approve]").click()
        expect(ana.locator("#state")).to_have_text("Booking")
        maya.wait_for_timeout(3_000)
        expect(maya.locator("#state")).to_have_text("Waiting for a decision")
        cut["now"] = False
        expect(maya.locator("[data-live-state]")).to_have_attribute("data-state", "live", timeout=40_000)
        expect(maya.locator("#state")).to_have_text("Booking", timeout=2_000)
        approved = desk.job(url)["booked_lines"]
        expect(maya.locator("#lines tbody tr")).to_have_count(len(approved))


def _line(socket: WebSocketRoute, cut: dict[str, bool], lines: list[WebSocketRoute]) -> None:
    if cut["now"]:
        socket.close()
        return
    lines.append(socket)
    socket.connect_to_server()
