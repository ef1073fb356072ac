"""A schedule from the form to its ticks, as somebody sees it who makes one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.sqlite_only]


def test_what_is_typed_is_explained_and_ticks_appear_by_themselves(page: Page) -> None:
    page.goto("/schedules/new/")
    page.get_by_label("Name, for good").fill("weather")
    page.locator("select[name=agent]").select_option("concierge")
    page.get_by_label("Input", exact=True).fill("What is the weather in Lisbon?")
    page.get_by_label("Cron line").fill("0 25 * * *")
    expect(page.locator("#preview")).to_contain_text("field 2 (hour)", timeout=10_000)
    page.get_by_label("Cron line").fill("*/5 * * * * *")
    expect(page.locator("#preview")).to_contain_text("Every 5 seconds", timeout=10_000)
    expect(page.locator("#preview tbody tr")).to_have_count(10)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#ticks tbody tr").nth(1)).to_contain_text("Launched", timeout=20_000)
    page.get_by_text("Pause it").click()
    page.get_by_label("Why").fill("seen enough")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.locator("#schedule-live")).to_contain_text("Paused by admin")
    expect(page.locator("#schedule-live")).to_contain_text("seen enough")
