"""What the pages tell readers to type works, and prints what they say."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from tests.docs.examples import alike, fits
from tests.docs.pages import README, Page, all_pages
from tests.stack import Stack

pytestmark = pytest.mark.timeout(180)

OTHERS = [page for page in all_pages() if page != README and page.blocks()]


def test_the_readme(quick_start: Stack) -> None:
    assert quick_start.readiness()["status"] == "ok"


@pytest.mark.parametrize("shown", OTHERS, ids=lambda page: page.name)
def test_the_other_pages(shown: Page, followed: dict[str, Future[None]]) -> None:
    followed[shown.name].result()


def test_every_tested_comment_has_a_block() -> None:
    for page in all_pages():
        assert page.text.count("<!-- tested") == len(page.blocks()), page.name


@pytest.mark.parametrize(
    ("shown", "real", "same"),
    [("a … c", "a b\n c", True), ("a", "b", False), ("a.c", "abc", False), ("…", "", True)],
)
def test_texts_are_compared(shown: str, real: str, same: bool) -> None:
    assert fits(shown, real) is same


def test_values_are_compared() -> None:
    assert alike({"a": [1, "x…"], "b": None}, {"a": [7, "xyz"], "b": None})
    assert not alike({"a": 1}, {"a": 1, "b": 2})
    assert not alike({"a": None}, {"a": 1})
    assert not alike({"a": True}, {"a": 1})
