"""A signed-in browser on a running installation."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.stack import Stack

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def _start(stack: Stack) -> None:
    """All of an installation, ready; on SQLite from what `up` had set up for another test."""
    if stack.postgres_uri is not None:
        stack.start_all()
        return
    shutil.copytree(_set_up(stack.extra["TIMESTEP_ADMIN_PASSWORD"]), stack.home, dirs_exist_ok=True)
    stack.start("worker")
    stack.start("web")
    stack.wait_ready()


@functools.cache
def _set_up(password: str) -> Path:
    """The home of an installation that `up` has set up, and that has ended."""
    held = ExitStack()
    atexit.register(held.close)
    home = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="timestep-set-up-")))
    stack = Stack(home, extra={"TIMESTEP_ADMIN_PASSWORD": password})
    stack.start_all()
    stack.stop()
    return home


@pytest.fixture
def page(stack: Stack, chromium: Browser) -> Iterator[Page]:
    """The home page, signed in. What the browser complains about fails the test."""
    # Slow enough that tokens arrive one by one on a busy machine too.
    stack.extra["TIMESTEP_DEMO_TOKENS_PER_SECOND"] = "15"
    _start(stack)
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
