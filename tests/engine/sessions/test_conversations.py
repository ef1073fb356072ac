"""Conversations at OpenAI: requests of 20 items, answers that get lost, and other writers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.engine.sessions.places import KEY, Died, Place, RunFailed, conversation, executing
from tests.engine.unit.rows import executing as running_row
from tests.fake_openai import FakeOpenAI
from timestep.engine import durable_session
from timestep.engine.threads import in_thread

pytestmark = pytest.mark.usefixtures("transactional_db", "fresh_threads")


def _items(count: int, text: str = "same") -> list[Any]:
    return [{"role": "user", "content": text} for _ in range(count)]


@pytest_asyncio.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeOpenAI]:
    """The double, and the row of a run that executes."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr(durable_session, "backoff_seconds", lambda *_: 0.0)
    await in_thread(running_row, "r")
    async with FakeOpenAI() as server:
        yield server


@pytest_asyncio.fixture
async def chat(fake: FakeOpenAI) -> AsyncIterator[Place]:
    """An empty conversation."""
    async with conversation(fake) as made:
        yield made


async def _add(chat: Place, items: list[Any], **how: Any) -> None:
    async with executing("r", **how), chat.opened() as session:
        await session.add_items(items)


@pytest.mark.parametrize("requests_before", [0, 1, 2])
async def test_a_write_of_several_requests_goes_on_where_it_died(
    chat: Place, monkeypatch: pytest.MonkeyPatch, requests_before: int
) -> None:
    await _add_plainly(chat, 3)
    async with executing("r"), chat.opened() as session:
        inner: Any = session.session
        whole = inner.add_items

        async def partly(items: list[Any]) -> None:
            await whole(items[: 20 * requests_before])
            raise Died

        monkeypatch.setattr(inner, "add_items", partly)
        with pytest.raises(Died):
            await session.add_items(_items(45))
    await _add(chat, _items(45))
    assert len(await chat.texts()) == 48


@pytest.mark.parametrize("count", [1, 20, 21, 45])
async def test_an_answer_that_is_lost_is_looked_for_and_not_repeated(
    fake: FakeOpenAI, chat: Place, count: int
) -> None:
    await _add_plainly(chat, 2)
    fake.conversations.lose = 2
    await _add(chat, _items(count))
    assert len(await chat.texts()) == count + 2
    assert fake.conversations.lose == (1 if count <= 20 else 0)


async def test_what_somebody_else_wrote_meanwhile_is_told_apart(chat: Place) -> None:
    with pytest.raises(Died):
        await _add(chat, _items(2, "ours"), die_after=True)
    await _add_plainly(chat, 30, "theirs")
    await _add(chat, _items(2, "ours"))
    assert await chat.texts() == ["ours"] * 2 + ["theirs"] * 30


async def test_a_mark_that_somebody_took_away_fails_the_run_and_says_so(chat: Place) -> None:
    await _add_plainly(chat, 1)
    with pytest.raises(Died):
        await _add(chat, _items(1, "ours"), die_after=True)
    async with chat.opened() as session:
        await session.pop_item()
        await session.pop_item()
    with pytest.raises(RunFailed, match="was taken out of conversation conv_"):
        await _add(chat, _items(1, "ours"))


async def test_a_run_cannot_delete_its_conversation(fake: FakeOpenAI, chat: Place) -> None:
    async with executing("r"), chat.opened() as session:
        with pytest.raises(durable_session.SessionFailed, match="would delete it"):
            await session.clear_session()
    assert len(fake.conversations.items) == 1


async def test_a_server_that_is_gone_fails_the_run_after_some_tries(
    fake: FakeOpenAI, chat: Place
) -> None:
    fake.conversations.items.clear()
    with pytest.raises(RunFailed, match="no conversation conv_"):
        await _add(chat, _items(1))


async def _add_plainly(chat: Place, count: int, text: str = "before") -> None:
    async with chat.opened() as session:
        await session.add_items(_items(count, text))
