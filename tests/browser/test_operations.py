"""The emergency stop and a paused queue, as somebody sees them who looks at another page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.test_main_job import launch, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.sqlite_only]


def _armed(page: Page, word: str) -> None:
    """Press a button that is armed by the first press."""
    page.get_by_role("button", name=word, exact=True).click()
    page.wait_for_timeout(400)
    page.locator("button[data-armed]").click()


def _stopping(operator: Page) -> Page:
    """Hold an agent."""
    operator.goto("/stop/")
    operator.locator("input[name=agent]").fill("support-desk")
    operator.locator("input[name=why]").fill("wrong refunds")
    _armed(operator, "Stop")
    return operator


def test_what_is_stopped_is_said_everywhere_and_goes_on_by_itself(page: Page) -> None:
    operator = _stopping(page.context.new_page())
    expect(page.locator(".hold-banner")).to_contain_text("support-desk is held", timeout=10_000)
    launch(page)
    why = page.locator("#run-why")
    expect(why).to_contain_text("held by admin: wrong refunds", timeout=10_000)
    operator.goto("/queues/default/")
    operator.locator("input[name=why]").fill("moving")
    operator.get_by_role("button", name="Pause").click()
    expect(why).to_contain_text("Queue default is paused by admin: moving", timeout=10_000)
    operator.goto("/stop/")
    operator.locator(".held input[name=why]").fill("mended")
    _armed(operator, "Release")
    expect(page.locator(".hold-banner")).to_have_count(0, timeout=10_000)
    why.get_by_role("button", name="Resume default").click()
    wait_for(page, "awaiting_approval")
    expect(why).to_contain_text("Waits for the approval of refund_order", timeout=10_000)
