"""The inbox as people use it: live, by keyboard, with a thumb, and without a script."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.test_main_job import launch, wait_for
from tests.stack import Stack

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.sqlite_only]
ASK = ("launch", "support-desk", "--input", "My order 4711 is broken, please refund 25.00 EUR")
CARD = "article[data-approval]"


def test_requests_come_and_go_and_keys_decide_them(page: Page, stack: Stack) -> None:
    page.goto("/approvals/")
    stack.manage(*ASK)
    card = page.locator(CARD)
    expect(card).to_contain_text("Refund", timeout=30_000)
    expect(page).to_have_title(re.compile(r"^\(1\) Approvals"))
    approval_id = str(card.get_attribute("data-approval"))
    page.keyboard.press("j")
    page.keyboard.press("d")
    page.keyboard.type("typing when somebody else decides")
    stack.manage("decide", approval_id, "--reject", "--reason", "no", "--as", "admin")
    note = page.locator(".changed-note")
    expect(note).to_contain_text("Rejected by admin")
    note.click()
    expect(card).to_have_count(0, timeout=10_000)
    expect(page.locator("#waiting-count")).to_be_hidden()
    expect(page.locator("#approvals-nothing")).to_be_visible()
    for _ in range(2):
        stack.manage(*ASK)
    _decide_together(page)


def _decide_together(page: Page) -> None:
    picks = page.locator("[data-pick]")
    expect(picks).to_have_count(2, timeout=30_000)
    page.keyboard.press("j")
    page.keyboard.press("x")
    picks.nth(1).check()
    page.get_by_role("button", name="Approve 2").click()
    page.wait_for_timeout(400)
    page.locator("#batch button[data-armed]").click()
    expect(page.locator("#batch-results")).to_contain_text("2 of 2 decided")
    expect(page.locator(CARD)).to_have_count(0, timeout=10_000)


def test_a_phone_shows_one_card_and_then_what_happened(page: Page) -> None:
    launch(page)
    wait_for(page, "awaiting_approval")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/approvals/")
    approve, reject = page.locator("[data-key-approve]"), page.locator("[data-key-reject]")
    expect(approve).to_be_in_viewport()
    left, right = approve.bounding_box(), reject.bounding_box()
    assert left is not None
    assert right is not None
    assert right["x"] - left["x"] - left["width"] >= 60
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("[data-key-edit]").click()
    page.get_by_label("Amount").fill("12.50")
    page.get_by_role("button", name="Approve as edited").click()
    page.wait_for_timeout(400)
    page.locator("button[data-armed]").click()
    expect(page.locator(CARD)).to_contain_text("Approved by admin, as edited")
