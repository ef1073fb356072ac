"""Every page of ours: axe finds nothing in it, light or dark, and no name pushes anything away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import axe_playwright_python
import pytest
from django.contrib.auth.models import User

from tests.browser.scenes import addresses, admin_addresses, fill
from tests.browser.site import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Committed rows: the browser's requests are answered on a connection of their own.
pytestmark = [
    pytest.mark.browser,
    pytest.mark.sqlite_only,
    pytest.mark.django_db(transaction=True),
]
_AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
# What Django's admin brings itself, in its own templates.
_DJANGOS = [".breadcrumbs", "#searchbar", ".select2-search__field", "th.original"]
# What is beyond the edges of the window: the page itself, or anything that can be pressed.
_OUTSIDE = """() => {
  const width = document.documentElement.clientWidth;
  const page = document.documentElement.scrollWidth > width ? ["the page"] : [];
  const seen = (one) => one.checkVisibility() && !one.closest(".skip, .visually-hidden");
  const out = (box) => box.right > width + 1 || box.left < -1;
  const shown = (one) => one.closest(".clip") ?? one;  // Cut with an ellipsis where that ends.
  const controls = [...document.querySelectorAll("a, button, input, select, textarea, summary")]
    .filter((one) => seen(one) && out(shown(one).getBoundingClientRect()));
  // A list that is narrower breaks its words.
  const lists = [...document.querySelectorAll(".menu-list")]
    .filter((one) => seen(one) && one.offsetWidth < 150);
  return [...page, ...[...controls, ...lists].map((one) => one.outerHTML.slice(0, 160))];
}"""
# Menus, filters and forms that are folded away.
_UNFOLD = "() => document.querySelectorAll('details').forEach((one) => { one.open = true; })"


@pytest.fixture(scope="module", autouse=True)
def _in_one_thread() -> Iterator[None]:
    """Playwright's loop runs in the thread of the tests, where Django would mind."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield


@pytest.fixture
def somebody(transactional_db: None) -> User:
    """Who sees everything."""
    return User.objects.create_superuser("somebody", password="-")


def violations(page: Page, **options: Any) -> list[str]:
    """What axe finds on a page: the rule and the element."""
    asked = {"resultTypes": ["violations"], **options}
    run = "([without, asked]) => axe.run({ exclude: without.map((one) => [one]) }, asked)"
    found = page.evaluate(run, [_DJANGOS, asked])["violations"]
    return [f"{one['id']}: {node['html'][:160]}" for one in found for node in one["nodes"]]


def looked_at(page: Page, address: str, dark: str) -> list[str]:
    """What axe finds at an address in the light and, of its colours, in the dark."""
    page.goto(address)
    page.add_style_tag(content="* { transition: none !important }")  # Colours at once.
    page.evaluate(_AXE)
    found = violations(page)
    page.evaluate(f"document.documentElement.dataset.{dark} = 'dark'")
    return found + violations(page, runOnly=["color-contrast"])


def outside(page: Page) -> list[str]:
    """What the open page shows beyond its edges, unfolded, by the width of the window."""
    found = []
    page.evaluate(_UNFOLD)
    for width in (360, 768, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"at {width} px: {one}" for one in page.evaluate(_OUTSIDE)]
    return found


def pages(chromium: Browser, user: User) -> Page:
    """Where each page opens once, in the light."""
    options = {"color_scheme": "light", "reduced_motion": "reduce", "bypass_csp": True}
    return Site(chromium, user).page(**options)


def test_axe_finds_nothing_and_no_long_name_pushes_anything_out_of_the_window(
    chromium: Browser, somebody: User
) -> None:
    objects, page, found = fill(somebody, "w" * 200), pages(chromium, somebody), {}
    for address in [*addresses(objects), f"/agents/{'w' * 100}/", f"/queues/{'w' * 100}/"]:
        found[address] = looked_at(page, address, "bsTheme") + outside(page)
    assert [f"{address}: {one}" for address, wrong in found.items() for one in wrong] == []


def test_axe_finds_nothing_in_the_admin_of_our_models(chromium: Browser, somebody: User) -> None:
    objects, page = fill(somebody), pages(chromium, somebody)
    found = {address: looked_at(page, address, "theme") for address in admin_addresses(objects)}
    assert [f"{address}: {one}" for address, wrong in found.items() for one in wrong] == []
