"""The main job, as a person does it: launch, watch, approve, see it done."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.stack import Stack

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
# Counts how often the text of the output panel grew, which is how tokens arrive.
WATCH = """() => {
  window.grown = 0;
  let length = 0;
  new MutationObserver(() => {
    const now = document.getElementById("output-body").textContent.trim().length;
    if (now > length) window.grown += 1;
    length = now;
  }).observe(document.body, {childList: true, subtree: true, characterData: true});
}"""


def launch(page: Page) -> None:
    page.get_by_role("button", name="Launch support-desk").click()
    expect(page).to_have_url(re.compile(r"/runs/run_"))


def wait_for(page: Page, status: str) -> None:
    expect(page.locator("#run-head")).to_have_attribute("data-status", status, timeout=30_000)


def test_from_the_first_button_to_an_approved_refund(page: Page) -> None:
    launch(page)
    wait_for(page, "awaiting_approval")
    approve = page.get_by_role("button", name="Approve")
    approve.click()
    armed = page.locator("button[data-armed]")
    expect(armed).to_contain_text("Refund 25.00 EUR")
    page.evaluate(WATCH)
    page.wait_for_timeout(400)
    armed.click()
    wait_for(page, "succeeded")
    assert page.evaluate("window.grown") >= 5
    expect(page.locator("#output-body")).to_contain_text("refunded")
    live = page.locator("#timeline").inner_text()
    page.reload()
    assert page.locator("#timeline").inner_text() == live


@pytest.mark.sqlite_only
def test_a_rejection_tells_the_agent_why(page: Page) -> None:
    launch(page)
    wait_for(page, "awaiting_approval")
    expect(page.locator("[data-key-reject]")).to_be_visible()
    page.keyboard.press("d")
    page.keyboard.type("the photo is missing")
    page.get_by_role("button", name="Reject", exact=True).click()
    wait_for(page, "succeeded")
    expect(page.locator("#timeline")).to_contain_text("rejected by admin: the photo is missing")


@pytest.mark.sqlite_only
def test_a_double_click_does_not_approve(page: Page) -> None:
    launch(page)
    wait_for(page, "awaiting_approval")
    page.get_by_role("button", name="Approve").dblclick()
    page.wait_for_timeout(500)
    expect(page.locator("button[data-armed]")).to_be_visible()
    wait_for(page, "awaiting_approval")


@pytest.mark.sqlite_only
def test_a_list_changes_in_place_and_only_counts_what_is_new(page: Page, stack: Stack) -> None:
    launch(page)
    wait_for(page, "awaiting_approval")
    page.goto("/runs/")
    row = page.locator("tr[id^=run-row-]")
    expect(row).to_contain_text("Awaiting approval")
    run_id = str(row.get_attribute("id")).removeprefix("run-row-")
    stack.manage("launch", "concierge", "--input", "weather in Lisbon")
    expect(page.locator("#new-runs")).to_contain_text("1 new run")
    stack.manage("cancel", run_id)
    expect(row).to_contain_text("Cancelled")
    assert row.count() == 1
    page.locator("#new-runs").click()
    expect(row).to_have_count(2)


@pytest.mark.sqlite_only
def test_without_javascript_a_person_reads_and_decides(
    page: Page, stack: Stack, chromium: object
) -> None:
    launch(page)
    wait_for(page, "awaiting_approval")
    state = page.context.storage_state()
    plain = page.context.browser.new_context(  # type: ignore[union-attr]
        base_url=stack.url, java_script_enabled=False, storage_state=state
    )
    other = plain.new_page()
    other.goto(page.url)
    other.get_by_role("button", name="Approve").click()
    expect(other.get_by_role("heading", name="Nothing was done yet")).to_be_visible()
    other.get_by_role("button", name="Approve").click()
    expect(other).to_have_url(page.url)
    wait_for(page, "succeeded")
    plain.close()
