"""Floods, piece by piece: the loop is given back, the text is gathered, and there is an end."""

from __future__ import annotations

import asyncio
import time

import pytest

from timestep.engine import pacing
from timestep.engine.pacing import AnswerTooLong, Gathered, Pace


async def test_other_tasks_go_on_while_a_flood_is_read() -> None:
    beats: list[float] = []

    async def beat() -> None:
        while True:
            beats.append(time.monotonic())
            await asyncio.sleep(0)

    task = asyncio.create_task(beat())
    pace, end = Pace(), time.monotonic() + 0.3
    while time.monotonic() < end:
        await pace.step()
    task.cancel()
    assert len(beats) > 10


async def test_a_model_that_does_not_stop_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "MAX_ANSWER_CHARACTERS", 10)
    pace = Pace()
    await pace.step(8)
    await pace.step()
    await pace.step()
    with pytest.raises(AnswerTooLong, match="longer than 10 characters"):
        await pace.step()


async def test_text_is_told_at_once_then_gathered_and_never_lost() -> None:
    told, later = list[str](), asyncio.Event()

    def tell(text: str) -> None:
        told.append(text)
        if len(told) > 1:
            later.set()

    gathered = Gathered(tell)
    gathered.add("a")
    assert told == ["a"]
    for text in "bcd":
        gathered.add(text)
    await asyncio.wait_for(later.wait(), 5)
    assert told == ["a", "bcd"]
    gathered.add("e")
    gathered.flush()
    gathered.flush()
    assert "".join(told) == "abcde"
