"""A signed-in browser on a running installation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.stack import Stack

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture
def page(stack: Stack, chromium: Browser) -> Iterator[Page]:
    """The home page, signed in. What the browser complains about fails the test."""
    # Slow enough that tokens arrive one by one on a busy machine too.
    stack.extra["TIMESTEP_DEMO_TOKENS_PER_SECOND"] = "15"
    stack.start_all()
    context = chromium.new_context(base_url=stack.url, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto("/")
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill("correct-horse")
    page.get_by_role("button", name="Sign in").click()
    yield page
    context.close()
    assert complaints == []
