"""The default conversation memory, where no run is under way."""

from __future__ import annotations

from typing import Any

import pytest

from timestep.engine.sessions import TimestepSession, rows
from timestep.models import SessionItem

pytestmark = pytest.mark.usefixtures("transactional_db", "fresh_threads")


def _items(*texts: str) -> list[Any]:
    return [{"role": "user", "content": text} for text in texts]


async def test_items_come_back_in_their_order_and_the_latest_on_request() -> None:
    session, other = TimestepSession("s"), TimestepSession("t")
    await session.add_items(_items("a", "b"))
    await other.add_items(_items("x"))
    await session.add_items(_items("c"))
    assert await session.get_items() == _items("a", "b", "c")
    assert await session.get_items(2) == _items("b", "c")
    assert await other.get_items() == _items("x")


async def test_equal_items_of_two_writes_are_both_kept() -> None:
    session = TimestepSession("s")
    for _ in range(2):
        await session.add_items(_items("a", "a"))
    assert await session.get_items() == _items("a", "a", "a", "a")


async def test_the_latest_item_is_taken_away_until_there_is_none() -> None:
    session = TimestepSession("s")
    await session.add_items(_items("a", "b"))
    assert [await session.pop_item() for _ in range(3)] == [*_items("b", "a"), None]


async def test_clearing_one_session_leaves_the_others() -> None:
    for name in ("s", "t"):
        await TimestepSession(name).add_items(_items(name))
    await TimestepSession("s").clear_session()
    assert await TimestepSession("s").get_items() == []
    assert await TimestepSession("t").get_items() == _items("t")


def test_a_step_that_writes_again_adds_nothing() -> None:
    for _ in range(2):
        rows.append("s", _items("a", "a"), "r/0.3")
    rows.append("s", _items("a"), "r/0.4")
    rows.append("t", _items("a"), "r/0.3")
    written = list(SessionItem.objects.values_list("session_id", "written_by"))
    assert written == [("s", "r/0.3/0"), ("s", "r/0.3/1"), ("s", "r/0.4/0"), ("t", "r/0.3/0")]
