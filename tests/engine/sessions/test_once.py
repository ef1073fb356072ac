"""A process that dies anywhere around a session's change changes the session once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.databases import TestDatabase
from tests.engine.sessions.places import Died, Lost, Place, RunFailed, executing, place, text_of
from tests.engine.unit.rows import executing as running_row
from timestep.engine.threads import in_thread
from timestep.models import Run, SessionWrite

KINDS = ("own", "sqlite", "sqlalchemy", "openai")

pytestmark = pytest.mark.usefixtures("transactional_db", "fresh_threads")


def _items(*texts: str) -> list[Any]:
    return [{"role": "user", "content": text} for text in texts]


@pytest_asyncio.fixture(params=KINDS)
async def chat(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    test_database: TestDatabase,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Place]:
    """A session of each kind, and the row of a run that executes."""
    await in_thread(running_row, "r")
    async with place(request.param, tmp_path, test_database.uri, monkeypatch) as made:
        yield made


async def _add(chat: Place, items: list[Any], **how: Any) -> None:
    async with executing("r", **how), chat.opened() as session:
        await session.add_items(items)


async def test_a_write_that_was_made_and_not_recorded_is_not_made_again(chat: Place) -> None:
    await _before(chat, "a", "b")
    with pytest.raises(Died):
        await _add(chat, _items("b", "c"), die_after=True)
    await _add(chat, _items("b", "c"))
    assert await chat.texts() == ["a", "b", "b", "c"]


async def test_a_write_that_was_noted_and_not_made_is_made(
    chat: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _before(chat, "a", "a")
    if chat.description is None:
        pytest.skip("our own rows and their note are one commit")
    await _die_before(chat, monkeypatch, "add_items", _items("a", "a"))
    await _add(chat, _items("a", "a"))
    assert await chat.texts() == ["a"] * 4


async def test_the_first_write_of_a_session_dies_before_and_after(
    chat: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    if chat.description is not None:
        await _die_before(chat, monkeypatch, "add_items", _items("a"))
    for _ in range(3):
        with pytest.raises(Died):
            await _add(chat, _items("a"), die_after=True)
    await _add(chat, _items("a"))
    assert await chat.texts() == ["a"]


async def test_equal_items_of_different_steps_are_all_kept(chat: Place) -> None:
    for _ in range(2):
        async with executing("r"), chat.opened() as session:
            for _ in range(3):
                await session.add_items(_items("same", "same"))
    assert await chat.texts() == ["same"] * 6


async def test_a_pop_that_was_made_and_not_recorded_is_not_made_again(chat: Place) -> None:
    await _before(chat, "a", "b", "c")
    for die in (True, True, False):
        try:
            async with executing("r", die_after=die), chat.opened() as session:
                popped = await session.pop_item()
        except Died:
            continue
    assert text_of(popped) == "c"
    assert await chat.texts() == ["a", "b"]


async def test_a_pop_that_was_noted_and_not_made_is_made(
    chat: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    if chat.description is None:
        pytest.skip("our own rows and their note are one commit")
    await _before(chat, "a", "a")
    await _die_before(chat, monkeypatch, "pop_item")
    async with executing("r"), chat.opened() as session:
        assert text_of(await session.pop_item()) == "a"
    assert await chat.texts() == ["a"]


async def test_popping_an_empty_session_gives_nothing_however_often(chat: Place) -> None:
    for _ in range(2):
        async with executing("r"), chat.opened() as session:
            assert await session.pop_item() is None


async def test_outside_a_run_a_session_is_used_plainly(chat: Place) -> None:
    for _ in range(2):
        async with chat.opened() as session:
            await session.add_items(_items("a"))
    async with chat.opened() as session:
        assert [text_of(item) for item in await session.get_items(1)] == ["a"]
        assert text_of(await session.pop_item()) == "a"
    assert await chat.texts() == ["a"]
    assert not await in_thread(SessionWrite.objects.exists)


async def test_a_worker_that_lost_the_run_changes_nothing(chat: Place) -> None:
    if chat.description is None:
        pytest.skip("what two workers write to our own rows is one write, by its step")
    await in_thread(Run.objects.filter(pk="r").update, epoch=2)
    with pytest.raises(Lost):
        await _add(chat, _items("a"))
    assert await chat.texts() == []


async def test_an_error_that_no_try_can_mend_fails_the_run(
    chat: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    if chat.description is None:
        pytest.skip("our own rows are the database of the run itself")

    async def refuse(*_: Any) -> None:
        raise ValueError("password=hunter2hunter2 is wrong")

    async with executing("r"), chat.opened() as session:
        monkeypatch.setattr(session.session, "add_items", refuse)
        with pytest.raises(RunFailed, match=r"session .*ValueError") as failed:
            await session.add_items(_items("a"))
    assert "hunter2" not in str(failed.value)


async def _before(chat: Place, *texts: str) -> None:
    async with chat.opened() as session:
        await session.add_items(_items(*texts))


async def _die_before(chat: Place, patch: pytest.MonkeyPatch, act: str, *given: Any) -> None:
    """Die after the note was committed, and before the session is changed."""

    async def die(*_: Any) -> None:
        raise Died

    async with executing("r"), chat.opened() as session:
        with patch.context() as context:
            context.setattr(session.session, act, die)
            with pytest.raises(Died):
                await getattr(session, act)(*given)
